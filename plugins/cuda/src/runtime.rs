//! CUDA's calls behind the trait of all GPU runtimes.

use std::ffi::{CStr, c_void};
use std::sync::Arc;

use clamp_driver::Facts;
use clamp_driver::gpu::{Handle, Runtime};
use clamp_kernels::device::Target;
use clamp_plugin_api::abi::{DlDevice, Fault, HostHandle};

use crate::compile::Compiler;
use crate::device::{self, Found};
use crate::sys::*;

/// Bytes of a driver's log about an image.
const LOG_BYTES: usize = 4096;

/// CUDA.
pub(crate) struct Cuda;

/// An opened device: its primary context, and the stream in whose order its pool gives memory.
pub(crate) struct Device {
    driver: Arc<Driver>,
    compiler: Arc<Compiler>,
    id: DeviceId,
    /// Its number in this process, which other libraries know it by too.
    ordinal: i32,
    arch: i32,
    context: Raw,
    /// None where the device has no pool.
    pool_stream: Option<Handle>,
}

// SAFETY: contexts and streams may be used from any thread.
unsafe impl Send for Device {}
// SAFETY: as above.
unsafe impl Sync for Device {}

impl Device {
    fn check(&self, call: &str, number: u32) -> Result<(), Fault> {
        self.driver.check(call, number)
    }

    /// Makes memory that is freed stay with the process, and the stream of the pool.
    fn with_pool(mut self) -> Result<Device, Fault> {
        let mut pool = std::ptr::null_mut();
        // SAFETY: it writes one handle.
        self.check("cuDeviceGetMemPool", unsafe { (self.driver.device_pool)(&raw mut pool, self.id) })?;
        let mut most = u64::MAX;
        // SAFETY: the attribute is a u64.
        self.check("cuMemPoolSetAttribute", unsafe {
            (self.driver.pool_set)(pool, POOL_RELEASE_THRESHOLD, (&raw mut most).cast())
        })?;
        self.pool_stream = Some(Cuda::stream(&self)?);
        Ok(self)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(stream) = self.pool_stream {
            // The last to let go may be a thread of another library.
            let _ = Cuda::visit(self, || {
                // SAFETY: created once; nothing else is queued in it.
                unsafe { Cuda::destroy_stream(self, stream) };
            });
        }
        // SAFETY: retained once, released once.
        unsafe { (self.driver.context_release)(self.id) };
    }
}

impl Runtime for Cuda {
    const ID: &'static str = "cuda";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const MODULE_SUFFIX: &'static str = "cubin";

    type Found = Found;
    type Device = Device;

    fn find(host: HostHandle) -> Result<Vec<Found>, String> {
        let driver = Arc::new(Driver::load(host.config("library"))?);
        let mut version = 0;
        // SAFETY: it writes one number.
        let told = unsafe { (driver.version)(&raw mut version) };
        driver.check("cuDriverGetVersion", told).map_err(|fault| fault.message)?;
        let compiler = Arc::new(Compiler::load(host.config("nvrtc_library"), version));
        device::find(&driver, &compiler)
    }

    fn facts(found: &Found) -> Facts {
        found.facts.clone()
    }

    fn open(_: HostHandle, found: &Found) -> Result<Device, Fault> {
        let (driver, compiler) = (Arc::clone(&found.driver), Arc::clone(&found.compiler));
        compiler.check(found.arch)?;
        let mut context = std::ptr::null_mut();
        // SAFETY: it writes one handle.
        driver.check("cuDevicePrimaryCtxRetain", unsafe { (driver.context_retain)(&raw mut context, found.id) })?;
        let device = Device {
            driver,
            compiler,
            id: found.id,
            ordinal: found.ordinal,
            arch: found.arch,
            context,
            pool_stream: None,
        };
        Cuda::enter(&device)?;
        if found.has_pools { device.with_pool() } else { Ok(device) }
    }

    fn enter(device: &Device) -> Result<(), Fault> {
        // SAFETY: the context is retained.
        device.check("cuCtxSetCurrent", unsafe { (device.driver.context_current)(device.context) })
    }

    fn visit(device: &Device, work: impl FnOnce()) -> Result<(), Fault> {
        // SAFETY: the context is retained.
        device.check("cuCtxPushCurrent", unsafe { (device.driver.context_push)(device.context) })?;
        work();
        let mut own = std::ptr::null_mut();
        // SAFETY: it writes one handle.
        device.check("cuCtxPopCurrent", unsafe { (device.driver.context_pop)(&raw mut own) })
    }

    fn idle(device: &Device) -> Result<(), Fault> {
        // SAFETY: it takes nothing.
        device.check("cuCtxSynchronize", unsafe { (device.driver.context_synchronize)() })
    }

    fn dlpack_device(device: &Device) -> DlDevice {
        DlDevice::cuda(device.ordinal)
    }

    fn memory(device: &Device) -> Result<(u64, u64), Fault> {
        let (mut free, mut total) = (0, 0);
        // SAFETY: it writes two numbers.
        device.check("cuMemGetInfo", unsafe { (device.driver.memory_info)(&raw mut free, &raw mut total) })?;
        Ok((free as u64, total as u64))
    }

    fn options(device: &Device, _: &Target) -> String {
        device.compiler.options(device.arch)
    }

    fn no_compiler(device: &Device) -> Option<String> {
        device.compiler.lack(device.arch)
    }

    fn compile(device: &Device, source: &str, options: &str) -> Result<Vec<u8>, Fault> {
        device.compiler.compile(device.arch, source, options)
    }

    fn load(device: &Device, image: &[u8]) -> Result<Handle, Fault> {
        let mut log = vec![0_u8; LOG_BYTES];
        let mut options = [JIT_ERROR_LOG, JIT_ERROR_LOG_BYTES];
        let mut values = [log.as_mut_ptr().cast::<c_void>(), std::ptr::without_provenance_mut(LOG_BYTES)];
        let mut module = std::ptr::null_mut();
        // SAFETY: a cubin tells its own size and PTX ends with a NUL; two options with their values.
        let loaded = unsafe {
            let (options, values) = (options.as_mut_ptr(), values.as_mut_ptr());
            (device.driver.module_load)(&raw mut module, image.as_ptr().cast(), 2, options, values)
        };
        device.check("cuModuleLoadDataEx", loaded).map_err(|fault| {
            let log = String::from_utf8_lossy(log.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned();
            let first = log.lines().find(|line| !line.trim().is_empty()).map(|line| format!(": {}", line.trim()));
            Fault { message: format!("{}{}", fault.message, first.unwrap_or_default()), ..fault }
        })?;
        Ok(Handle(module))
    }

    unsafe fn unload(device: &Device, module: Handle) {
        // SAFETY: the trait's contract.
        unsafe { (device.driver.module_unload)(module.0) };
    }

    unsafe fn function(device: &Device, module: Handle, name: &CStr) -> Result<Handle, Fault> {
        let mut function = std::ptr::null_mut();
        // SAFETY: the trait's contract; it writes one handle.
        let found = unsafe { (device.driver.module_function)(&raw mut function, module.0, name.as_ptr()) };
        device.check("cuModuleGetFunction", found)?;
        Ok(Handle(function))
    }

    fn alloc(device: &Device, bytes: u64) -> Result<u64, Fault> {
        let mut address = 0;
        match device.pool_stream {
            None => {
                // SAFETY: it writes one address.
                let outcome = unsafe { (device.driver.alloc)(&raw mut address, bytes as usize) };
                device.check("cuMemAlloc", outcome)?;
            }
            Some(stream) => {
                // SAFETY: it writes one address.
                let outcome = unsafe { (device.driver.alloc_queued)(&raw mut address, bytes as usize, stream.0) };
                device.check("cuMemAllocAsync", outcome)?;
                // Other streams may use it from here on.
                // SAFETY: the stream is alive.
                unsafe { Cuda::synchronize(device, stream) }?;
            }
        }
        Ok(address)
    }

    unsafe fn free(device: &Device, address: u64) {
        // SAFETY: the trait's contract.
        unsafe {
            match device.pool_stream {
                None => (device.driver.free)(address),
                Some(stream) => (device.driver.free_queued)(address, stream.0),
            }
        };
    }

    fn alloc_pinned(device: &Device, bytes: usize) -> Result<*mut u8, Fault> {
        let mut memory = std::ptr::null_mut();
        // SAFETY: it writes one address; no flags.
        device.check("cuMemHostAlloc", unsafe { (device.driver.alloc_host)(&raw mut memory, bytes, 0) })?;
        Ok(memory.cast())
    }

    unsafe fn free_pinned(device: &Device, memory: *mut u8) {
        // SAFETY: the trait's contract.
        unsafe { (device.driver.free_host)(memory.cast()) };
    }

    fn stream(device: &Device) -> Result<Handle, Fault> {
        let mut stream = std::ptr::null_mut();
        // SAFETY: it writes one handle.
        let made = unsafe { (device.driver.stream_create)(&raw mut stream, STREAM_NON_BLOCKING) };
        device.check("cuStreamCreate", made)?;
        Ok(Handle(stream))
    }

    unsafe fn destroy_stream(device: &Device, stream: Handle) {
        // SAFETY: the trait's contract.
        unsafe { (device.driver.stream_destroy)(stream.0) };
    }

    unsafe fn synchronize(device: &Device, stream: Handle) -> Result<(), Fault> {
        // SAFETY: the trait's contract.
        device.check("cuStreamSynchronize", unsafe { (device.driver.stream_synchronize)(stream.0) })
    }

    fn event(device: &Device) -> Result<Handle, Fault> {
        let mut event = std::ptr::null_mut();
        // SAFETY: it writes one handle; no flags, so it has a time.
        device.check("cuEventCreate", unsafe { (device.driver.event_create)(&raw mut event, 0) })?;
        Ok(Handle(event))
    }

    unsafe fn destroy_event(device: &Device, event: Handle) {
        // SAFETY: the trait's contract.
        unsafe { (device.driver.event_destroy)(event.0) };
    }

    unsafe fn record(device: &Device, event: Handle, stream: Handle) -> Result<(), Fault> {
        // SAFETY: the trait's contract.
        device.check("cuEventRecord", unsafe { (device.driver.event_record)(event.0, stream.0) })
    }

    unsafe fn has_passed(device: &Device, event: Handle) -> Result<bool, Fault> {
        // SAFETY: the trait's contract.
        match unsafe { (device.driver.event_query)(event.0) } {
            NOT_READY => Ok(false),
            number => device.check("cuEventQuery", number).map(|()| true),
        }
    }

    unsafe fn wait(device: &Device, event: Handle) -> Result<(), Fault> {
        // SAFETY: the trait's contract.
        device.check("cuEventSynchronize", unsafe { (device.driver.event_synchronize)(event.0) })
    }

    unsafe fn elapsed_ms(device: &Device, from: Handle, to: Handle) -> Result<f32, Fault> {
        let mut ms = 0.0;
        // SAFETY: the trait's contract; it writes one number.
        let outcome = unsafe { (device.driver.event_elapsed)(&raw mut ms, from.0, to.0) };
        device.check("cuEventElapsedTime", outcome)?;
        Ok(ms)
    }

    unsafe fn to_device(device: &Device, to: u64, from: *const u8, bytes: u64, stream: Handle) -> Result<(), Fault> {
        // SAFETY: the trait's contract.
        let outcome = unsafe { (device.driver.to_device)(to, from.cast(), bytes as usize, stream.0) };
        device.check("cuMemcpyHtoDAsync", outcome)
    }

    unsafe fn to_host(device: &Device, to: *mut u8, from: u64, bytes: u64, stream: Handle) -> Result<(), Fault> {
        // SAFETY: the trait's contract.
        let outcome = unsafe { (device.driver.to_host)(to.cast(), from, bytes as usize, stream.0) };
        device.check("cuMemcpyDtoHAsync", outcome)
    }

    unsafe fn on_device(device: &Device, to: u64, from: u64, bytes: u64, stream: Handle) -> Result<(), Fault> {
        // SAFETY: the trait's contract.
        let outcome = unsafe { (device.driver.on_device)(to, from, bytes as usize, stream.0) };
        device.check("cuMemcpyDtoDAsync", outcome)
    }

    unsafe fn set(device: &Device, to: u64, pattern: u32, width: u32, count: u64, stream: Handle) -> Result<(), Fault> {
        let count = count as usize;
        // SAFETY: the trait's contract.
        let outcome = unsafe {
            match width {
                1 => (device.driver.set8)(to, pattern as u8, count, stream.0),
                2 => (device.driver.set16)(to, pattern as u16, count, stream.0),
                _ => (device.driver.set32)(to, pattern, count, stream.0),
            }
        };
        device.check("cuMemsetAsync", outcome)
    }

    unsafe fn launch(
        device: &Device,
        function: Handle,
        groups: u32,
        group_size: u32,
        arguments: &mut [*mut c_void],
        stream: Handle,
    ) -> Result<(), Fault> {
        let (none, values) = (std::ptr::null_mut(), arguments.as_mut_ptr());
        // SAFETY: the trait's contract; one dimension, no dynamic shared memory.
        let outcome =
            unsafe { (device.driver.launch)(function.0, groups, 1, 1, group_size, 1, 1, 0, stream.0, values, none) };
        device.check("cuLaunchKernel", outcome)
    }
}
