//! The driver's interface: libcuda.

use std::ffi::{c_char, c_void};

use super::{DeviceId, Raw, open, table};

/// The oldest driver interface that has every function below: CUDA 11.2 (driver 460).
const OLDEST: i32 = 11_020;

impl Driver {
    /// The driver's library: that at `path`, or the one the system finds.
    pub(crate) fn load(path: Option<String>) -> Result<Driver, String> {
        let names = path.map_or_else(|| vec!["libcuda.so.1".to_owned()], |path| vec![path]);
        let library = open(&names).map_err(|reason| {
            format!("no NVIDIA driver here: {reason}; install NVIDIA's driver, and give a container its GPUs")
        })?;
        let too_old =
            |missing: String| format!("{missing}: it is no driver library, or one older than CUDA 11.2 (460)");
        // Asked by itself first: a driver that is too old should be called so and not by what it lacks.
        // SAFETY: the type is the header's.
        if let Ok(version) = unsafe { library.get::<unsafe extern "C" fn(*mut i32) -> u32>("cuDriverGetVersion\0") } {
            let mut number = 0;
            // SAFETY: it writes one number.
            if unsafe { version(&raw mut number) } == super::SUCCESS && number < OLDEST {
                let (major, minor) = (number / 1000, number % 1000 / 10);
                return Err(format!(
                    "the NVIDIA driver is too old: it has CUDA {major}.{minor}, 11.2 is needed (driver 460 or later)"
                ));
            }
        }
        Driver::of(library).map_err(too_old)
    }
}

table! {
    /// libcuda's functions.
    Driver of "libcuda";
    init = "cuInit" (u32) -> u32;
    version = "cuDriverGetVersion" (*mut i32) -> u32;
    error_name = "cuGetErrorName" (u32, *mut *const c_char) -> u32;
    error_string = "cuGetErrorString" (u32, *mut *const c_char) -> u32;
    device_count = "cuDeviceGetCount" (*mut i32) -> u32;
    device_get = "cuDeviceGet" (*mut DeviceId, i32) -> u32;
    device_name = "cuDeviceGetName" (*mut c_char, i32, DeviceId) -> u32;
    device_uuid = "cuDeviceGetUuid" (*mut [u8; 16], DeviceId) -> u32;
    device_total = "cuDeviceTotalMem_v2" (*mut usize, DeviceId) -> u32;
    device_attribute = "cuDeviceGetAttribute" (*mut i32, i32, DeviceId) -> u32;
    device_pool = "cuDeviceGetMemPool" (*mut Raw, DeviceId) -> u32;
    pool_set = "cuMemPoolSetAttribute" (Raw, i32, *mut c_void) -> u32;
    context_retain = "cuDevicePrimaryCtxRetain" (*mut Raw, DeviceId) -> u32;
    context_release = "cuDevicePrimaryCtxRelease_v2" (DeviceId) -> u32;
    context_current = "cuCtxSetCurrent" (Raw) -> u32;
    context_push = "cuCtxPushCurrent_v2" (Raw) -> u32;
    context_pop = "cuCtxPopCurrent_v2" (*mut Raw) -> u32;
    context_synchronize = "cuCtxSynchronize" () -> u32;
    memory_info = "cuMemGetInfo_v2" (*mut usize, *mut usize) -> u32;
    alloc = "cuMemAlloc_v2" (*mut u64, usize) -> u32;
    free = "cuMemFree_v2" (u64) -> u32;
    alloc_queued = "cuMemAllocAsync" (*mut u64, usize, Raw) -> u32;
    free_queued = "cuMemFreeAsync" (u64, Raw) -> u32;
    alloc_host = "cuMemHostAlloc" (*mut *mut c_void, usize, u32) -> u32;
    free_host = "cuMemFreeHost" (*mut c_void) -> u32;
    stream_create = "cuStreamCreate" (*mut Raw, u32) -> u32;
    stream_destroy = "cuStreamDestroy_v2" (Raw) -> u32;
    stream_synchronize = "cuStreamSynchronize" (Raw) -> u32;
    event_create = "cuEventCreate" (*mut Raw, u32) -> u32;
    event_destroy = "cuEventDestroy_v2" (Raw) -> u32;
    event_record = "cuEventRecord" (Raw, Raw) -> u32;
    event_query = "cuEventQuery" (Raw) -> u32;
    event_synchronize = "cuEventSynchronize" (Raw) -> u32;
    event_elapsed = "cuEventElapsedTime" (*mut f32, Raw, Raw) -> u32;
    to_device = "cuMemcpyHtoDAsync_v2" (u64, *const c_void, usize, Raw) -> u32;
    to_host = "cuMemcpyDtoHAsync_v2" (*mut c_void, u64, usize, Raw) -> u32;
    on_device = "cuMemcpyDtoDAsync_v2" (u64, u64, usize, Raw) -> u32;
    set8 = "cuMemsetD8Async" (u64, u8, usize, Raw) -> u32;
    set16 = "cuMemsetD16Async" (u64, u16, usize, Raw) -> u32;
    set32 = "cuMemsetD32Async" (u64, u32, usize, Raw) -> u32;
    module_load = "cuModuleLoadDataEx" (*mut Raw, *const c_void, u32, *mut i32, *mut *mut c_void) -> u32;
    module_unload = "cuModuleUnload" (Raw) -> u32;
    module_function = "cuModuleGetFunction" (*mut Raw, Raw, *const c_char) -> u32;
    launch = "cuLaunchKernel" (
        Raw, u32, u32, u32, u32, u32, u32, u32, Raw, *mut *mut c_void, *mut *mut c_void,
    ) -> u32;
}
