//! The trait a Rust author implements; `export_backend!` turns it into the C table. Everything here is called behind
//! a panic guard; nothing here crosses the ABI itself.

use std::ffi::c_void;

use super::dlpack::{DlDevice, DlMemory, DlShare};
use super::status::Status;
use super::types::*;

/// A failure as a backend reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The number that crosses the ABI.
    pub status: Status,
    /// One line that names the argument, kernel or device.
    pub message: String,
    /// The vendor's own error number, 0 if there is none.
    pub code: i64,
    /// For [`Status::Data`]: the launch, counted from the queue's creation.
    pub launch: u64,
    /// For [`Status::Data`]: the lowest failing element.
    pub element: u64,
}

impl Fault {
    /// A failure without a vendor code or a place.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), code: 0, launch: 0, element: 0 }
    }

    /// A wrong argument.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Status::Invalid, message)
    }

    /// Something that this backend does not do.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(Status::Unsupported, message)
    }
}

/// The host as a plugin sees it. Cheap to copy; valid until the backend is dropped.
#[derive(Clone, Copy)]
pub struct HostHandle {
    api: *const ClampHostApi,
}

// SAFETY: the ABI promises that every function of the host may be called from any thread.
unsafe impl Send for HostHandle {}
// SAFETY: as above.
unsafe impl Sync for HostHandle {}

impl HostHandle {
    /// # Safety
    /// `api` is valid until `instance_destroy` returns.
    pub(crate) unsafe fn new(api: *const ClampHostApi) -> Self {
        Self { api }
    }

    fn api(&self) -> Option<&ClampHostApi> {
        // SAFETY: valid by the contract of `new`.
        unsafe { self.api.as_ref() }
    }

    /// Adds a line to the host's log; `level` is one of `CLAMP_LOG_*`.
    pub fn log(&self, level: u32, text: &str) {
        if let Some(api) = self.api()
            && let Some(log) = api.log
        {
            // SAFETY: the text lives through the call.
            unsafe { log(api.ctx, level, ClampStr { ptr: text.as_ptr(), len: text.len() }) }
        }
    }

    /// A setting of this plugin, if the operator gave it.
    pub fn config(&self, key: &str) -> Option<String> {
        let api = self.api()?;
        let config = api.config?;
        // SAFETY: key and buffer live through the call.
        read_text(|buf, cap, len| unsafe {
            config(api.ctx, ClampStr { ptr: key.as_ptr(), len: key.len() }, buf, cap, len)
        })
    }

    /// The folder in which the plugin's file was found.
    pub fn plugin_folder(&self) -> Option<String> {
        let api = self.api()?;
        let folder = api.plugin_folder?;
        // SAFETY: the buffer lives through the call.
        read_text(|buf, cap, len| unsafe { folder(api.ctx, buf, cap, len) })
    }

    /// Whether the host call should stop.
    pub fn cancelled(&self, host_call: u64) -> bool {
        self.api().is_some_and(|api| {
            // SAFETY: plain values.
            api.cancelled.is_some_and(|cancelled| unsafe { cancelled(api.ctx, host_call) } != 0)
        })
    }
}

fn read_text(read: impl Fn(*mut u8, usize, *mut usize) -> i32) -> Option<String> {
    let mut buf = vec![0_u8; 256];
    loop {
        let mut len = 0;
        if read(buf.as_mut_ptr(), buf.len(), &mut len) != Status::Ok.code() {
            return None;
        }
        if len <= buf.len() {
            buf.truncate(len);
            return String::from_utf8(buf).ok();
        }
        buf.resize(len, 0);
    }
}

/// A device's facts; see [`ClampDeviceInfo`] for the units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceDescription {
    /// One of `CLAMP_DEVICE_*`.
    pub kind: u32,
    /// Bytes.
    pub alignment: u32,
    /// Bytes; 0 = unknown.
    pub memory_bytes: u64,
    /// Bytes; 0 = unknown.
    pub max_alloc_bytes: u64,
    /// Cores or multiprocessors.
    pub compute_units: u32,
    /// Whether host and device share memory.
    pub unified_memory: bool,
    /// At most 127 bytes are kept.
    pub name: String,
    /// A stable id or empty.
    pub uuid: String,
    /// Driver and version.
    pub driver: String,
    /// What the kernels are specialised for.
    pub dispatch: String,
}

/// Memory of a device in bytes; `total` 0 = unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryFigures {
    /// In use.
    pub used: u64,
    /// In all.
    pub total: u64,
}

/// What a queue is for; see [`ClampQueueDesc`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// False = fast.
    pub strict: bool,
    /// 0 = the backend's choice.
    pub max_threads: u32,
    /// For [`HostHandle::cancelled`].
    pub host_call: u64,
}

/// Device times of the work before a point, ns.
pub type Timing = ClampTiming;

/// Where an array's elements lie in its buffer; the fields of [`ClampArray`] without the handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrayLayout {
    /// Bytes before the first element.
    pub byte_offset: u64,
    /// Element type, see [`ClampArray::dtype`].
    pub dtype: u32,
    ndim: u32,
    dims: [u64; CLAMP_MAX_DIMS],
}

impl ArrayLayout {
    /// Sizes, outermost first.
    pub fn dims(&self) -> &[u64] {
        &self.dims[..self.ndim as usize]
    }

    pub(crate) fn of(array: &ClampArray) -> Result<Self, Fault> {
        if array.ndim as usize > CLAMP_MAX_DIMS {
            return Err(Fault::invalid(format!("{} dimensions, {CLAMP_MAX_DIMS} are allowed", array.ndim)));
        }
        Ok(Self { byte_offset: array.byte_offset, dtype: array.dtype, ndim: array.ndim, dims: array.dims })
    }
}

/// One launch as the shim hands it over: arrays with typed buffers instead of raw handles.
pub struct LaunchRef<'a, B: Backend> {
    /// The opened kernel.
    pub kernel: &'a B::Kernel,
    /// Inputs in catalogue order; `None` is an absent optional one.
    pub inputs: &'a [Option<(&'a B::Buffer, ArrayLayout)>],
    /// Outputs in catalogue order.
    pub outputs: &'a [(&'a B::Buffer, ArrayLayout)],
    /// Per-launch parameters in catalogue order.
    pub params: &'a [u64],
    /// Bit i: parameter i was given.
    pub present: u64,
}

/// A backend. Handles are dropped by the host in the order that the table's documentation gives.
pub trait Backend: Send + Sync + Sized + 'static {
    /// `[a-z0-9][a-z0-9_-]{0,63}`; what operators type after `--backend`.
    const ID: &'static str;
    /// The plugin's own version.
    const VERSION: &'static str;
    /// An opened device.
    type Device: Send + Sync + 'static;
    /// Memory on it; written through queues only, so it is shared by reference.
    type Buffer: Send + Sync + 'static;
    /// An in-order queue; used by one thread at a time.
    type Queue: Send + 'static;
    /// An opened kernel.
    type Kernel: Send + Sync + 'static;

    /// Finds drivers and devices; calm without any.
    fn create(host: HostHandle) -> Result<Self, Fault>;
    /// Devices present.
    fn device_count(&self) -> Result<u32, Fault>;
    /// Facts of device `index`.
    fn device_info(&self, index: u32) -> Result<DeviceDescription, Fault>;
    /// Opens device `index`.
    fn device_open(&self, index: u32) -> Result<Self::Device, Fault>;
    /// Memory in use.
    fn device_memory(device: &Self::Device) -> Result<MemoryFigures, Fault>;
    /// What keeps the device from working, if anything does.
    fn device_status(device: &Self::Device) -> Result<(), Fault>;
    /// `bytes` of memory, contents undefined.
    fn buffer_alloc(device: &Self::Device, bytes: u64) -> Result<Self::Buffer, Fault>;
    /// A new queue.
    fn queue_create(device: &Self::Device, settings: QueueSettings) -> Result<Self::Queue, Fault>;
    /// Host to device.
    ///
    /// # Safety
    /// `src` is readable for `len` bytes until a later point has passed.
    unsafe fn queue_upload(
        queue: &mut Self::Queue,
        dst: &Self::Buffer,
        dst_offset: u64,
        src: *const u8,
        len: u64,
    ) -> Result<(), Fault>;
    /// Device to host.
    ///
    /// # Safety
    /// `dst` is writable for `len` bytes until a later point has passed.
    unsafe fn queue_download(
        queue: &mut Self::Queue,
        src: &Self::Buffer,
        src_offset: u64,
        dst: *mut u8,
        len: u64,
    ) -> Result<(), Fault>;
    /// Device to device; ranges do not overlap.
    fn queue_copy(
        queue: &mut Self::Queue,
        dst: &Self::Buffer,
        dst_offset: u64,
        src: &Self::Buffer,
        src_offset: u64,
        len: u64,
    ) -> Result<(), Fault>;
    /// Sets `count` elements of `width` bytes to the low bytes of `bits`.
    fn queue_fill(
        queue: &mut Self::Queue,
        dst: &Self::Buffer,
        dst_offset: u64,
        bits: u64,
        width: u32,
        count: u64,
    ) -> Result<(), Fault>;
    /// Queues launches in order; gives the point after them.
    fn queue_submit(queue: &mut Self::Queue, launches: &[LaunchRef<'_, Self>]) -> Result<u64, Fault>;
    /// Waits for a point; gives the queue's data error, if any, every time.
    fn queue_wait(queue: &mut Self::Queue, point: u64, timeout_ns: u64) -> Result<Timing, Fault>;
    /// A point after everything queued so far.
    fn queue_signal(queue: &mut Self::Queue) -> Result<u64, Fault>;
    /// The last point that has passed.
    fn queue_poll(queue: &mut Self::Queue) -> Result<u64, Fault>;
    /// Opens a kernel; [`Status::NotFound`] if the backend lacks it.
    fn kernel_open(
        device: &Self::Device,
        id: &str,
        fixed: &[u64],
        present: u64,
        text: &str,
    ) -> Result<Self::Kernel, Fault>;

    /// An extension struct by id and version; none by default.
    fn extension(&self, _id: &str, _version: u32) -> Option<*const c_void> {
        None
    }

    /// How DLPack calls the device, if its memory may cross to other libraries; without it, as by default, both ways
    /// answer [`Status::Unsupported`]. Only for devices whose memory has addresses.
    fn dlpack_device(_device: &Self::Device) -> Option<DlDevice> {
        None
    }

    /// Shares a buffer's memory with a consumer, without a copy. The host has waited for the work on it.
    fn dlpack_export(_device: &Self::Device, _buffer: &Self::Buffer) -> Result<DlShare, Fault> {
        Err(Fault::unsupported(format!("backend {} gives no DLPack tensors", Self::ID)))
    }

    /// A buffer over memory of another library, without a copy. Its version, device, element type, strides and
    /// alignment were checked. The buffer holds `memory` for as long as it lives and refuses to be written where that
    /// is read-only.
    fn dlpack_import(_device: &Self::Device, _memory: DlMemory) -> Result<Self::Buffer, Fault> {
        Err(Fault::unsupported(format!("backend {} takes no DLPack tensors", Self::ID)))
    }
}
