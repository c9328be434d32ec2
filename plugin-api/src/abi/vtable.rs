//! The frozen table itself and the checks that decide whether a pointer to one may be used.

use std::ffi::c_void;

use super::types::*;

/// The first part of every table, readable before anything else is trusted.
#[repr(C)]
#[derive(Clone, Copy, Debug, abi_stable::StableAbi)]
pub struct ClampHeader {
    /// [`CLAMP_MAGIC`].
    pub magic: u64,
    /// Bytes of the whole table; exactly `sizeof(ClampBackendV1)`.
    pub struct_size: u32,
    /// [`CLAMP_ABI_MAJOR`].
    pub abi_major: u16,
    /// The minor version that the plugin was built with.
    pub abi_minor: u16,
    /// The oldest host minor version that it works with.
    pub min_host_minor: u16,
    /// One of `CLAMP_PANIC_*`.
    pub panic_strategy: u16,
    /// Zero.
    pub reserved: u32,
    /// Feature bits; none is defined yet.
    pub features: u64,
    /// The backend's id: `[a-z0-9][a-z0-9_-]{0,63}`.
    pub id: ClampStr,
    /// The plugin's own version (semver).
    pub version: ClampStr,
    /// Compiler and its version, for the record.
    pub compiler: ClampStr,
}

/// The table. Every entry must be set. Rules that hold throughout:
///
/// * Functions return a [`Status`](super::Status) number unless void. `err` may be null.
/// * Outputs are written only on `Ok`. Whoever allocates frees: handles go back to the function that the doc names.
/// * "any thread" means concurrently; "one at a time" means the host serialises calls on that handle.
/// * Nothing is called on a handle after its destroy, close or free, and no callback comes after `instance_destroy`.
#[repr(C)]
#[derive(Clone, Copy, Debug, abi_stable::StableAbi)]
pub struct ClampBackendV1 {
    /// See [`ClampHeader`].
    pub header: ClampHeader,

    /// Makes the backend ready; finds drivers. Calm without a device: `device_count` is then 0. Once per load; may
    /// block. `host` outlives the instance.
    pub instance_create:
        Option<unsafe extern "C" fn(host: *const ClampHostApi, out: *mut ClampInstance, err: *mut ClampError) -> i32>,
    /// Ends it; all devices are closed before.
    pub instance_destroy: Option<unsafe extern "C" fn(instance: ClampInstance)>,
    /// An extension struct by id and version, each starting with its struct_size. Any thread, does not block.
    pub get_extension: Option<
        unsafe extern "C" fn(instance: ClampInstance, id: ClampStr, version: u32, out: *mut *const c_void) -> i32,
    >,

    /// Devices present. Any thread.
    pub device_count: Option<unsafe extern "C" fn(instance: ClampInstance, out: *mut u32, err: *mut ClampError) -> i32>,
    /// Facts of device `index`. Any thread.
    pub device_info: Option<
        unsafe extern "C" fn(
            instance: ClampInstance,
            index: u32,
            out: *mut ClampDeviceInfo,
            err: *mut ClampError,
        ) -> i32,
    >,
    /// Opens device `index`; goes back to `device_close`. May block.
    pub device_open: Option<
        unsafe extern "C" fn(instance: ClampInstance, index: u32, out: *mut ClampDevice, err: *mut ClampError) -> i32,
    >,
    /// All of the device's queues, kernels and buffers are gone before.
    pub device_close: Option<unsafe extern "C" fn(device: ClampDevice)>,
    /// Bytes in use and in all; `total` 0 = unknown. Any thread.
    pub device_memory:
        Option<unsafe extern "C" fn(device: ClampDevice, used: *mut u64, total: *mut u64, err: *mut ClampError) -> i32>,
    /// `Ok`, or what keeps the device from working. Any thread.
    pub device_status: Option<unsafe extern "C" fn(device: ClampDevice, err: *mut ClampError) -> i32>,

    /// `bytes` of memory (0 is valid) aligned to the device's `alignment`, contents undefined. Any thread.
    pub buffer_alloc: Option<
        unsafe extern "C" fn(device: ClampDevice, bytes: u64, out: *mut ClampBuffer, err: *mut ClampError) -> i32,
    >,
    /// Frees; the host has waited for the last use. Any thread.
    pub buffer_free: Option<unsafe extern "C" fn(buffer: ClampBuffer)>,
    /// A DLPack tensor (`DLManagedTensorVersioned*`, version 1.x) over the array, without a copy. The host has waited
    /// for the work on the buffer. The tensor holds the memory, not the handle: it may outlive buffer, device and
    /// instance, until its consumer calls its deleter, once, from any thread. It is read-only where the buffer is.
    /// `Unsupported` if the backend cannot. Any thread.
    pub dlpack_export: Option<
        unsafe extern "C" fn(
            device: ClampDevice,
            array: *const ClampArray,
            out: *mut *mut c_void,
            err: *mut ClampError,
        ) -> i32,
    >,
    /// A buffer over the memory of a DLPack tensor (`DLManagedTensorVersioned*`, version 1.x), without a copy; writes
    /// the array with it. Taken is what is C-contiguous, on this very device, and of an element type of this ABI. On
    /// `Ok` the tensor is the buffer's, which calls its deleter once: at `buffer_free`, or when the last export of the
    /// buffer ends. On anything else it is still the caller's. A buffer over read-only memory answers `Invalid` where
    /// it would be written. The caller has waited for work that others queued on the memory. `Unsupported` if the
    /// backend cannot. Any thread.
    pub dlpack_import: Option<
        unsafe extern "C" fn(
            device: ClampDevice,
            managed: *mut c_void,
            out: *mut ClampArray,
            err: *mut ClampError,
        ) -> i32,
    >,

    /// An in-order queue; goes back to `queue_destroy`. Any thread; the queue's own functions one at a time.
    pub queue_create: Option<
        unsafe extern "C" fn(
            device: ClampDevice,
            desc: *const ClampQueueDesc,
            out: *mut ClampQueue,
            err: *mut ClampError,
        ) -> i32,
    >,
    /// Waits for the queue's work, then ends it.
    pub queue_destroy: Option<unsafe extern "C" fn(queue: ClampQueue)>,
    /// Host to device. `src` stays alive and unchanged until a point after it has passed.
    pub queue_upload: Option<
        unsafe extern "C" fn(
            queue: ClampQueue,
            dst: ClampBuffer,
            dst_offset: u64,
            src: *const u8,
            len: u64,
            err: *mut ClampError,
        ) -> i32,
    >,
    /// Device to host. `dst` stays alive until a point after it has passed, and is defined only then.
    pub queue_download: Option<
        unsafe extern "C" fn(
            queue: ClampQueue,
            src: ClampBuffer,
            src_offset: u64,
            dst: *mut u8,
            len: u64,
            err: *mut ClampError,
        ) -> i32,
    >,
    /// Device to device; ranges do not overlap.
    pub queue_copy: Option<
        unsafe extern "C" fn(
            queue: ClampQueue,
            dst: ClampBuffer,
            dst_offset: u64,
            src: ClampBuffer,
            src_offset: u64,
            len: u64,
            err: *mut ClampError,
        ) -> i32,
    >,
    /// Sets `count` elements of `width` bytes (1, 2, 4 or 8) to the low bytes of `bits`.
    pub queue_fill: Option<
        unsafe extern "C" fn(
            queue: ClampQueue,
            dst: ClampBuffer,
            dst_offset: u64,
            bits: u64,
            width: u32,
            count: u64,
            err: *mut ClampError,
        ) -> i32,
    >,
    /// Queues `n` launches in order; copies everything it needs of the descriptors; may run them at once. `point` is
    /// passed when the last has ended. On an error none of them was queued.
    pub queue_submit: Option<
        unsafe extern "C" fn(
            queue: ClampQueue,
            launches: *const ClampLaunch,
            n: u64,
            point: *mut u64,
            err: *mut ClampError,
        ) -> i32,
    >,
    /// Waits until `point` has passed (`timeout_ns` u64::MAX = for ever). Gives the queue's data error, if any, from
    /// then on at every wait.
    pub queue_wait: Option<
        unsafe extern "C" fn(
            queue: ClampQueue,
            point: u64,
            timeout_ns: u64,
            timing: *mut ClampTiming,
            err: *mut ClampError,
        ) -> i32,
    >,
    /// A point after everything queued so far.
    pub queue_signal: Option<unsafe extern "C" fn(queue: ClampQueue, point: *mut u64, err: *mut ClampError) -> i32>,
    /// The last point that has passed. Does not block.
    pub queue_poll: Option<unsafe extern "C" fn(queue: ClampQueue, point: *mut u64, err: *mut ClampError) -> i32>,

    /// Opens a kernel by id. `fixed` are `n` values in the catalogue's order, `text` the map expression if the kernel
    /// takes one. `NotFound` if the backend lacks it. Any thread; may block to compile.
    pub kernel_open: Option<
        unsafe extern "C" fn(
            device: ClampDevice,
            id: ClampStr,
            fixed: *const u64,
            present: u64,
            n: u32,
            text: ClampStr,
            out: *mut ClampKernel,
            err: *mut ClampError,
        ) -> i32,
    >,
    /// No queued launch uses it any more. Any thread.
    pub kernel_close: Option<unsafe extern "C" fn(kernel: ClampKernel)>,
}

// SAFETY: the table is immutable; its pointers are to static text and functions.
unsafe impl Sync for ClampBackendV1 {}
// SAFETY: as above.
unsafe impl Send for ClampBackendV1 {}

/// Why a table is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AbiProblem {
    /// No table was given.
    #[error("the plugin gave no table")]
    Null,
    /// Not a Clamp table at all.
    #[error("magic is {0:#018x}, not {CLAMP_MAGIC:#018x}: this is no Clamp backend table")]
    Magic(u64),
    /// Built for another ABI.
    #[error("built for ABI major version {found}, this host speaks {CLAMP_ABI_MAJOR}: rebuild the plugin")]
    Major {
        /// The plugin's.
        found: u16,
    },
    /// Needs a newer host.
    #[error("needs a host of ABI minor version {needed} or later, this is {CLAMP_ABI_MINOR}: update clamp-host")]
    Minor {
        /// The plugin's wish.
        needed: u16,
    },
    /// Shorter or longer than the frozen table.
    #[error("table of {found} bytes, version 1 has exactly {expected}: built against another header")]
    StructSize {
        /// The plugin's.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// A panic would end the host.
    #[error("built with panic = \"abort\", a panic would end the host: build it with panic = \"unwind\"")]
    PanicAborts,
    /// An entry is missing.
    #[error("entry `{0}` is NULL; every entry must be set")]
    NullEntry(&'static str),
    /// Id or version are unusable.
    #[error("header field `{field}` is {what}")]
    Text {
        /// `id`, `version` or `compiler`.
        field: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

macro_rules! entries {
    ($table:expr, $($name:ident),+ $(,)?) => {
        $( if $table.$name.is_none() { return Err(AbiProblem::NullEntry(stringify!($name))); } )+
    };
}

impl ClampBackendV1 {
    /// Decides whether the table behind `table` may be used, reading no further than what is known to be there.
    ///
    /// # Safety
    /// `table` is null or points to a header that stays valid for the life of the process, followed by as many bytes
    /// as its `struct_size` says; text pointers are valid for their lengths.
    pub unsafe fn check(table: *const Self) -> Result<&'static Self, AbiProblem> {
        if table.is_null() {
            return Err(AbiProblem::Null);
        }
        // SAFETY: the caller vouches for the header; the rest is read only once its size is known to fit.
        let header = unsafe { &*table.cast::<ClampHeader>() };
        if header.magic != CLAMP_MAGIC {
            return Err(AbiProblem::Magic(header.magic));
        }
        if header.abi_major != CLAMP_ABI_MAJOR {
            return Err(AbiProblem::Major { found: header.abi_major });
        }
        let expected = size_of::<Self>() as u32;
        if header.struct_size != expected {
            return Err(AbiProblem::StructSize { found: header.struct_size, expected });
        }
        if header.min_host_minor > CLAMP_ABI_MINOR {
            return Err(AbiProblem::Minor { needed: header.min_host_minor });
        }
        if header.panic_strategy == CLAMP_PANIC_ABORT {
            return Err(AbiProblem::PanicAborts);
        }
        // SAFETY: the size was checked above.
        let table: &'static Self = unsafe { &*table };
        entries!(
            table,
            instance_create,
            instance_destroy,
            get_extension,
            device_count,
            device_info,
            device_open,
            device_close,
            device_memory,
            device_status,
            buffer_alloc,
            buffer_free,
            dlpack_export,
            dlpack_import,
            queue_create,
            queue_destroy,
            queue_upload,
            queue_download,
            queue_copy,
            queue_fill,
            queue_submit,
            queue_wait,
            queue_signal,
            queue_poll,
            kernel_open,
            kernel_close,
        );
        // SAFETY: the caller vouches for the text pointers.
        let id = unsafe { text("id", header.id)? };
        let well_formed = id.bytes().enumerate().all(|(i, b)| match b {
            b'a'..=b'z' | b'0'..=b'9' => true,
            b'_' | b'-' => i > 0,
            _ => false,
        });
        if id.is_empty() || id.len() > 64 || !well_formed {
            return Err(AbiProblem::Text {
                field: "id",
                what: format!("{id:?}; allowed is [a-z0-9][a-z0-9_-]{{0,63}}"),
            });
        }
        // SAFETY: as above.
        unsafe {
            text("version", header.version)?;
            text("compiler", header.compiler)?;
        }
        Ok(table)
    }

    /// The backend's id.
    pub fn id(&self) -> &'static str {
        header_text(self.header.id)
    }

    /// The plugin's version.
    pub fn version(&self) -> &'static str {
        header_text(self.header.version)
    }

    /// What it was built with.
    pub fn compiler(&self) -> &'static str {
        header_text(self.header.compiler)
    }
}

/// # Safety
/// `s` points to `len` readable bytes that live as long as the process, or is empty.
unsafe fn text(field: &'static str, s: ClampStr) -> Result<&'static str, AbiProblem> {
    if s.len == 0 {
        return Ok("");
    }
    if s.ptr.is_null() || s.len > 4096 {
        return Err(AbiProblem::Text { field, what: format!("not a text (pointer {:?}, {} bytes)", s.ptr, s.len) });
    }
    // SAFETY: the caller vouches for the pointer.
    let bytes = unsafe { std::slice::from_raw_parts(s.ptr, s.len) };
    std::str::from_utf8(bytes).map_err(|_| AbiProblem::Text { field, what: "not UTF-8".into() })
}

fn header_text(s: ClampStr) -> &'static str {
    // SAFETY: a shared `&ClampBackendV1` comes either from `check`, which read the texts, or from the plugin's own
    // static, whose texts are string constants.
    unsafe { text("text", s) }.unwrap_or("")
}
