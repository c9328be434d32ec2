//! The structs that cross the ABI. All are plain data: pointer and length for text, memory owned by the caller.
//! No methods that allocate, no policy.

use std::ffi::c_void;

#[cfg(doc)]
use super::ClampBackendV1;

/// First field of every table: the bytes `CLAMPBE1`, little endian.
pub const CLAMP_MAGIC: u64 = 0x3145_4250_4d41_4c43;
/// A plugin with another major version is refused.
pub const CLAMP_ABI_MAJOR: u16 = 1;
/// Raised when an extension is added to the contract; never changes the table.
pub const CLAMP_ABI_MINOR: u16 = 0;
/// The C door: `const ClampBackendV1 *clamp_backend_query(uint32_t host_max_major, const ClampHostApi *host)`.
pub const QUERY_SYMBOL: &str = "clamp_backend_query";
/// Most dimensions of an array.
pub const CLAMP_MAX_DIMS: usize = 8;

/// `ClampHeader::panic_strategy`: not applicable, a language without panics.
pub const CLAMP_PANIC_NONE: u16 = 0;
/// `ClampHeader::panic_strategy`: panics unwind and are caught at the border.
pub const CLAMP_PANIC_UNWIND: u16 = 1;
/// `ClampHeader::panic_strategy`: a panic ends the process; such a plugin is refused.
pub const CLAMP_PANIC_ABORT: u16 = 2;

/// `ClampDeviceInfo::kind`: the host's own processors.
pub const CLAMP_DEVICE_CPU: u32 = 1;
/// `ClampDeviceInfo::kind`: a GPU.
pub const CLAMP_DEVICE_GPU: u32 = 2;
/// `ClampDeviceInfo::kind`: anything else.
pub const CLAMP_DEVICE_OTHER: u32 = 3;

/// `ClampQueueDesc::mode`: only the bits of the specification.
pub const CLAMP_MODE_STRICT: u32 = 0;
/// `ClampQueueDesc::mode`: any order, vendor libraries allowed; the run is labelled so.
pub const CLAMP_MODE_FAST: u32 = 1;

/// Log levels of `ClampHostApi::log`.
pub const CLAMP_LOG_ERROR: u32 = 1;
/// See [`CLAMP_LOG_ERROR`].
pub const CLAMP_LOG_WARN: u32 = 2;
/// See [`CLAMP_LOG_ERROR`].
pub const CLAMP_LOG_INFO: u32 = 3;
/// See [`CLAMP_LOG_ERROR`].
pub const CLAMP_LOG_DEBUG: u32 = 4;

/// One live backend, made by `instance_create`.
pub type ClampInstance = *mut c_void;
/// One opened device.
pub type ClampDevice = *mut c_void;
/// Memory on a device.
pub type ClampBuffer = *mut c_void;
/// One in-order queue of a device.
pub type ClampQueue = *mut c_void;
/// One opened kernel with its fixed parameters.
pub type ClampKernel = *mut c_void;

/// UTF-8 text, not NUL-terminated; `ptr` may be null when `len` is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, abi_stable::StableAbi)]
pub struct ClampStr {
    /// First byte.
    pub ptr: *const u8,
    /// Bytes.
    pub len: usize,
}

/// The caller's room for an error. The callee sets `code`, `launch`, `element`, writes at most `cap` bytes of UTF-8
/// to `text` and the number written to `len`. Callers may pass null instead.
#[repr(C)]
#[derive(Clone, Copy, Debug, abi_stable::StableAbi)]
pub struct ClampError {
    /// A backend's own code (a CUDA or HIP error number), 0 if there is none.
    pub code: i64,
    /// For a data error: the lowest failing launch of the queue, counted from 0.
    pub launch: u64,
    /// For a data error: the lowest failing element of that launch.
    pub element: u64,
    /// Where the text goes.
    pub text: *mut u8,
    /// Bytes of room.
    pub cap: usize,
    /// Bytes written.
    pub len: usize,
}

/// What a plugin may ask of its host. Valid from `instance_create` until `instance_destroy` returns; every function
/// may be called from any thread and does not block for long.
#[repr(C)]
#[derive(Clone, Copy, Debug, abi_stable::StableAbi)]
pub struct ClampHostApi {
    /// Bytes of this struct as the host knows it; it may grow at its end.
    pub struct_size: u32,
    /// The host's ABI: major << 16 | minor.
    pub version: u32,
    /// Handed back as the first argument.
    pub ctx: *mut c_void,
    /// Adds a line to the host's log.
    pub log: Option<unsafe extern "C" fn(ctx: *mut c_void, level: u32, text: ClampStr)>,
    /// Reads a setting of this plugin: writes at most `cap` bytes, the full length to `len`. `NotFound` if unset.
    pub config:
        Option<unsafe extern "C" fn(ctx: *mut c_void, key: ClampStr, buf: *mut u8, cap: usize, len: *mut usize) -> i32>,
    /// The folder in which the plugin's file was found (not the private copy that was opened).
    pub plugin_folder: Option<unsafe extern "C" fn(ctx: *mut c_void, buf: *mut u8, cap: usize, len: *mut usize) -> i32>,
    /// 1 once the call that `ClampQueueDesc::host_call` names should stop.
    pub cancelled: Option<unsafe extern "C" fn(ctx: *mut c_void, host_call: u64) -> u32>,
}

/// A device as `device_info` tells it. Text arrays are UTF-8, padded with zero bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, abi_stable::StableAbi)]
pub struct ClampDeviceInfo {
    /// One of `CLAMP_DEVICE_*`.
    pub kind: u32,
    /// Bytes that a kernel launch wants buffers aligned to; at least 64.
    pub alignment: u32,
    /// Bytes of memory; 0 = unknown.
    pub memory_bytes: u64,
    /// Largest single allocation in bytes; 0 = unknown.
    pub max_alloc_bytes: u64,
    /// Compute units, cores or multiprocessors.
    pub compute_units: u32,
    /// 1 if host and device share memory.
    pub unified_memory: u32,
    /// The device's name.
    pub name: [u8; 128],
    /// A stable id (UUID, PCI address), empty if there is none.
    pub uuid: [u8; 64],
    /// Driver and its version.
    pub driver: [u8; 128],
    /// What the kernels were specialised for: `avx512`, `sm_90`, `gfx942`.
    pub dispatch: [u8; 64],
}

/// What a queue is for. Everything that belongs to one call is here, never in plugin globals.
#[repr(C)]
#[derive(Clone, Copy, Debug, abi_stable::StableAbi)]
pub struct ClampQueueDesc {
    /// One of `CLAMP_MODE_*`.
    pub mode: u32,
    /// Host threads that the queue may use; 0 = the backend's choice.
    pub max_threads: u32,
    /// For `ClampHostApi::cancelled`.
    pub host_call: u64,
}

/// An array argument: C-contiguous elements in a buffer. An absent optional input has a null buffer.
#[repr(C)]
#[derive(Clone, Copy, Debug, abi_stable::StableAbi)]
pub struct ClampArray {
    /// The memory.
    pub buffer: ClampBuffer,
    /// Where the first element lies; a multiple of the element's size.
    pub byte_offset: u64,
    /// Element type: 1 f32, 2 f64, 3 i8, 4 u8, 5 i32, 6 u32, 7 i64, 8 u64.
    pub dtype: u32,
    /// Dimensions in use; 0 is a scalar.
    pub ndim: u32,
    /// Sizes, outermost first.
    pub dims: [u64; CLAMP_MAX_DIMS],
}

/// One launch: arrays and 8-byte parameter values in the catalogue's order. The host has checked shapes, dtypes,
/// ranges and aliasing.
#[repr(C)]
#[derive(Clone, Copy, Debug, abi_stable::StableAbi)]
pub struct ClampLaunch {
    /// From `kernel_open` of the same device.
    pub kernel: ClampKernel,
    /// `n_in` arrays.
    pub inputs: *const ClampArray,
    /// `n_out` arrays.
    pub outputs: *const ClampArray,
    /// `n_params` values: flags 0 or 1, integers, float bits in the low bytes.
    pub params: *const u64,
    /// Bit i: parameter i was given.
    pub present: u64,
    /// Arrays in `inputs`.
    pub n_in: u32,
    /// Arrays in `outputs`.
    pub n_out: u32,
    /// Values in `params`.
    pub n_params: u32,
    /// Zero.
    pub reserved: u32,
}

/// When the work before a point ran, on the device's clock; both 0 if it has none.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, abi_stable::StableAbi)]
pub struct ClampTiming {
    /// Start of the first launch since the last wait, ns.
    pub begin_ns: u64,
    /// End of the last one, ns.
    pub end_ns: u64,
}
