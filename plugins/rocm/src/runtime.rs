//! HIP as the runtime that the common GPU driver asks for.

use std::ffi::{CStr, c_void};

use clamp_driver::Facts;
use clamp_driver::gpu::{Handle, Runtime};
use clamp_kernels::device::Target;
use clamp_plugin_api::abi::{DlDevice, Fault, HostHandle};

use crate::compile;
use crate::device::Device;
use crate::error::check;
use crate::find::{self, Found};
use crate::sys::*;

/// HIP.
pub(crate) struct Hip;

/// Memory of the device by its address.
fn at(address: u64) -> *mut c_void {
    std::ptr::with_exposed_provenance_mut(address as usize)
}

// SAFETY of the unsafe functions below: the trait's contract is what HIP asks for.
impl Runtime for Hip {
    const ID: &'static str = "rocm";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const MODULE_SUFFIX: &'static str = "hsaco";

    type Found = Found;
    type Device = Device;

    fn find(host: HostHandle) -> Result<Vec<Found>, String> {
        find::devices(host)
    }

    fn facts(found: &Found) -> Facts {
        found.facts.clone()
    }

    fn open(_: HostHandle, found: &Found) -> Result<Device, Fault> {
        Ok(Device::open(found)?)
    }

    fn enter(device: &Device) -> Result<(), Fault> {
        Ok(device.enter()?)
    }

    fn visit(device: &Device, work: impl FnOnce()) -> Result<(), Fault> {
        Ok(device.visit(work)?)
    }

    fn idle(device: &Device) -> Result<(), Fault> {
        // SAFETY: it takes nothing.
        Ok(check("hipDeviceSynchronize", unsafe { (device.hip().hipDeviceSynchronize)() })?)
    }

    fn dlpack_device(device: &Device) -> DlDevice {
        DlDevice::rocm(device.ordinal())
    }

    fn memory(device: &Device) -> Result<(u64, u64), Fault> {
        let (mut free, mut total) = (0, 0);
        // SAFETY: two numbers are written.
        check("hipMemGetInfo", unsafe { (device.hip().hipMemGetInfo)(&raw mut free, &raw mut total) })?;
        Ok((free as u64, total as u64))
    }

    fn options(device: &Device, _: &Target) -> String {
        compile::options(&device.arch)
    }

    fn compile(device: &Device, source: &str, options: &str) -> Result<Vec<u8>, Fault> {
        Ok(compile::compile(&device.libraries.compiler, source, options)?)
    }

    fn load(device: &Device, image: &[u8]) -> Result<Handle, Fault> {
        Ok(Handle(device.load(image)?))
    }

    unsafe fn unload(device: &Device, module: Handle) {
        // SAFETY: the trait's contract.
        unsafe { device.unload(module.0) };
    }

    unsafe fn function(device: &Device, module: Handle, name: &CStr) -> Result<Handle, Fault> {
        let mut function = std::ptr::null_mut();
        // SAFETY: the trait's contract.
        let code = unsafe { (device.hip().hipModuleGetFunction)(&raw mut function, module.0, name.as_ptr()) };
        check("hipModuleGetFunction", code)?;
        Ok(Handle(function))
    }

    fn alloc(device: &Device, bytes: u64) -> Result<u64, Fault> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        Ok(device.alloc(bytes)?.expose_provenance() as u64)
    }

    unsafe fn free(device: &Device, address: u64) {
        // SAFETY: the trait's contract.
        unsafe { device.free(at(address)) };
    }

    fn alloc_pinned(device: &Device, bytes: usize) -> Result<*mut u8, Fault> {
        let mut memory = std::ptr::null_mut();
        // SAFETY: one address is written.
        let code = unsafe { (device.hip().hipHostMalloc)(&raw mut memory, bytes, HIP_HOST_MALLOC_DEFAULT) };
        check("hipHostMalloc", code)?;
        Ok(memory.cast())
    }

    unsafe fn free_pinned(device: &Device, memory: *mut u8) {
        // SAFETY: the trait's contract.
        unsafe { (device.hip().hipHostFree)(memory.cast()) };
    }

    fn stream(device: &Device) -> Result<Handle, Fault> {
        Ok(Handle(device.stream()?))
    }

    unsafe fn destroy_stream(device: &Device, stream: Handle) {
        // SAFETY: the trait's contract.
        unsafe { (device.hip().hipStreamDestroy)(stream.0) };
    }

    unsafe fn synchronize(device: &Device, stream: Handle) -> Result<(), Fault> {
        // SAFETY: the trait's contract.
        Ok(check("hipStreamSynchronize", unsafe { (device.hip().hipStreamSynchronize)(stream.0) })?)
    }

    fn event(device: &Device) -> Result<Handle, Fault> {
        let mut event = std::ptr::null_mut();
        // SAFETY: one handle is written.
        let code = unsafe { (device.hip().hipEventCreateWithFlags)(&raw mut event, HIP_EVENT_DEFAULT) };
        check("hipEventCreateWithFlags", code)?;
        Ok(Handle(event))
    }

    unsafe fn destroy_event(device: &Device, event: Handle) {
        // SAFETY: the trait's contract.
        unsafe { (device.hip().hipEventDestroy)(event.0) };
    }

    unsafe fn record(device: &Device, event: Handle, stream: Handle) -> Result<(), Fault> {
        // SAFETY: the trait's contract.
        Ok(check("hipEventRecord", unsafe { (device.hip().hipEventRecord)(event.0, stream.0) })?)
    }

    unsafe fn has_passed(device: &Device, event: Handle) -> Result<bool, Fault> {
        // SAFETY: the trait's contract.
        match unsafe { (device.hip().hipEventQuery)(event.0) } {
            HIP_ERROR_NOT_READY => Ok(false),
            code => Ok(check("hipEventQuery", code).map(|()| true)?),
        }
    }

    unsafe fn wait(device: &Device, event: Handle) -> Result<(), Fault> {
        // SAFETY: the trait's contract.
        Ok(check("hipEventSynchronize", unsafe { (device.hip().hipEventSynchronize)(event.0) })?)
    }

    unsafe fn elapsed_ms(device: &Device, from: Handle, to: Handle) -> Result<f32, Fault> {
        let mut ms = 0.0;
        // SAFETY: the trait's contract; one number is written.
        let code = unsafe { (device.hip().hipEventElapsedTime)(&raw mut ms, from.0, to.0) };
        check("hipEventElapsedTime", code)?;
        Ok(ms)
    }

    unsafe fn to_device(device: &Device, to: u64, from: *const u8, bytes: u64, stream: Handle) -> Result<(), Fault> {
        // SAFETY: the trait's contract.
        unsafe { copy(device, at(to), from.cast(), bytes, HIP_MEMCPY_HOST_TO_DEVICE, stream) }
    }

    unsafe fn to_host(device: &Device, to: *mut u8, from: u64, bytes: u64, stream: Handle) -> Result<(), Fault> {
        // SAFETY: the trait's contract.
        unsafe { copy(device, to.cast(), at(from), bytes, HIP_MEMCPY_DEVICE_TO_HOST, stream) }
    }

    unsafe fn on_device(device: &Device, to: u64, from: u64, bytes: u64, stream: Handle) -> Result<(), Fault> {
        // SAFETY: the trait's contract.
        unsafe { copy(device, at(to), at(from), bytes, HIP_MEMCPY_DEVICE_TO_DEVICE, stream) }
    }

    unsafe fn set(device: &Device, to: u64, pattern: u32, width: u32, count: u64, stream: Handle) -> Result<(), Fault> {
        let (hip, to, count) = (device.hip(), at(to), count as usize);
        // SAFETY: the trait's contract.
        unsafe {
            match width {
                1 => check("hipMemsetD8Async", (hip.hipMemsetD8Async)(to, pattern as u8, count, stream.0))?,
                2 => check("hipMemsetD16Async", (hip.hipMemsetD16Async)(to, pattern as u16, count, stream.0))?,
                _ => check("hipMemsetD32Async", (hip.hipMemsetD32Async)(to, pattern.cast_signed(), count, stream.0))?,
            }
        }
        Ok(())
    }

    unsafe fn launch(
        device: &Device,
        function: Handle,
        groups: u32,
        group_size: u32,
        arguments: &mut [*mut c_void],
        stream: Handle,
    ) -> Result<(), Fault> {
        // A dispatch packet has 32 bits for them.
        if groups.checked_mul(group_size).is_none() {
            return Err(Fault::unsupported(format!(
                "{groups} work-groups of {group_size} items are more than the 2^32 - 1 items of one launch on an AMD GPU"
            )));
        }
        let (arguments, no_extra) = (arguments.as_mut_ptr(), std::ptr::null_mut());
        // SAFETY: the trait's contract.
        let code = unsafe {
            (device.hip().hipModuleLaunchKernel)(
                function.0, groups, 1, 1, group_size, 1, 1, 0, stream.0, arguments, no_extra,
            )
        };
        Ok(check("hipModuleLaunchKernel", code)?)
    }
}

/// # Safety
/// Both ranges are valid until the stream has passed the copy.
unsafe fn copy(
    device: &Device,
    to: *mut c_void,
    from: *const c_void,
    bytes: u64,
    kind: i32,
    stream: Handle,
) -> Result<(), Fault> {
    // SAFETY: by this function's contract.
    let code = unsafe { (device.hip().hipMemcpyAsync)(to, from, bytes as usize, kind, stream.0) };
    Ok(check("hipMemcpyAsync", code)?)
}
