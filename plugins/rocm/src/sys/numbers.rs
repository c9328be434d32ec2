//! Numbers of `hip_runtime_api.h`; hipErrorNoDevice of there is HIP_ERROR_NO_DEVICE here. They are those of HIP 5.2 (the
//! header of Debian's package libamdhip64-dev) and of HIP 6.0 to 7.14 (the generated bindings of cubecl-hip-sys, eleven
//! versions): none of them changed in between. What did change is not used: `hipDeviceProp_t` has another layout since 6.0.

use std::ffi::c_void;

/// A stream, event, module or function.
pub(crate) type Raw = *mut c_void;

/// `hipDeviceAttribute_t`: the device shares the host's memory.
pub(crate) const HIP_DEVICE_ATTRIBUTE_INTEGRATED: i32 = 16;
/// `hipDeviceAttribute_t`: items of a work-group, at most.
pub(crate) const HIP_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: i32 = 56;
/// `hipDeviceAttribute_t`: compute units.
pub(crate) const HIP_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: i32 = 63;
/// `hipDeviceAttribute_t`: bytes of local memory of a work-group.
pub(crate) const HIP_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: i32 = 74;
/// `hipDeviceAttribute_t`: items of a wavefront.
pub(crate) const HIP_DEVICE_ATTRIBUTE_WARP_SIZE: i32 = 87;
/// `hipDeviceAttribute_t`: whether `hipMallocAsync` works.
pub(crate) const HIP_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED: i32 = 88;

/// `hipMemcpyKind`.
pub(crate) const HIP_MEMCPY_HOST_TO_DEVICE: i32 = 1;
/// `hipMemcpyKind`.
pub(crate) const HIP_MEMCPY_DEVICE_TO_HOST: i32 = 2;
/// `hipMemcpyKind`.
pub(crate) const HIP_MEMCPY_DEVICE_TO_DEVICE: i32 = 3;

/// A stream that does not wait for the default stream.
pub(crate) const HIP_STREAM_NON_BLOCKING: u32 = 1;
/// An event with times.
pub(crate) const HIP_EVENT_DEFAULT: u32 = 0;
/// Pinned memory that every device reaches.
pub(crate) const HIP_HOST_MALLOC_DEFAULT: u32 = 0;
/// `hipMemPoolAttr`: a u64, the bytes that a pool keeps when they are freed.
pub(crate) const HIP_MEM_POOL_ATTR_RELEASE_THRESHOLD: i32 = 4;

/// `hipError_t`.
pub(crate) const HIP_SUCCESS: i32 = 0;
/// `hipError_t`.
pub(crate) const HIP_ERROR_INSUFFICIENT_DRIVER: i32 = 35;
/// `hipError_t`.
pub(crate) const HIP_ERROR_NO_DEVICE: i32 = 100;
/// `hipError_t`: what every call gives where the runtime could not start.
pub(crate) const HIP_ERROR_INVALID_DEVICE: i32 = 101;
/// `hipError_t`.
pub(crate) const HIP_ERROR_NOT_READY: i32 = 600;

/// `hipError_t`.
pub(crate) const HIP_ERROR_NOT_SUPPORTED: i32 = 801;

/// Bytes of a `hipDeviceProp_t` at its place: 792 before HIP 6.0, 1472 since.
pub(crate) const PROPERTIES_ROOM: usize = 16 << 10;

/// Bytes of its first member, `name`, in both layouts.
pub(crate) const PROPERTIES_NAME: usize = 256;

/// `HIPRTC_SUCCESS`.
pub(crate) const HIPRTC_SUCCESS: i32 = 0;

/// A HIP version as the library tells it: major, minor, patch.
pub(crate) fn version(number: i32) -> (i32, i32, i32) {
    (number / 10_000_000, number / 100_000 % 100, number % 100_000)
}
