//! The C functions behind the table of a Rust [`Backend`]: each turns raw pointers into references, runs the trait's
//! method behind the guard and turns the outcome into a status.

use std::ffi::c_void;
use std::slice;

use super::backend::{ArrayLayout, Backend, DeviceDescription, Fault, HostHandle, LaunchRef, QueueSettings};
use super::dlpack::{self, DlDevice};
use super::door::Exported;
use super::guard::{Bound, guard, install_panic_hook, release};
use super::status::Status;
use super::types::*;
use super::vtable::{ClampBackendV1, ClampHeader};

/// What the C door answers.
#[doc(hidden)]
pub fn query<E: Exported>(host_max_major: u32) -> *const ClampBackendV1 {
    if host_max_major < u32::from(CLAMP_ABI_MAJOR) { std::ptr::null() } else { E::table() }
}

/// # Safety
/// `out` is writable.
unsafe fn give<T>(out: *mut *mut c_void, value: T) -> Result<(), Fault> {
    if out.is_null() {
        return Err(Fault::invalid("output pointer is null"));
    }
    // SAFETY: by this function's contract.
    unsafe { out.write(Box::into_raw(Box::new(value)).cast()) };
    Ok(())
}

/// # Safety
/// `handle` is null or came from [`give`] of a `T` that is still alive.
unsafe fn borrow<'a, T>(handle: *mut c_void, what: &str) -> Result<&'a T, Fault> {
    // SAFETY: by this function's contract.
    unsafe { handle.cast::<T>().as_ref() }.ok_or_else(|| Fault::invalid(format!("{what} handle is null")))
}

/// # Safety
/// As [`borrow`], and nobody else uses the handle now.
unsafe fn borrow_mut<'a, T>(handle: *mut c_void, what: &str) -> Result<&'a mut T, Fault> {
    // SAFETY: by this function's contract.
    unsafe { handle.cast::<T>().as_mut() }.ok_or_else(|| Fault::invalid(format!("{what} handle is null")))
}

/// # Safety
/// `ptr` is readable for `len` values.
unsafe fn values<'a, T>(ptr: *const T, len: usize) -> Result<&'a [T], Fault> {
    match (ptr.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Fault::invalid("array pointer is null")),
        // SAFETY: by this function's contract.
        (false, _) => Ok(unsafe { slice::from_raw_parts(ptr, len) }),
    }
}

/// # Safety
/// `s` is empty or readable.
unsafe fn string<'a>(s: ClampStr) -> Result<&'a str, Fault> {
    // SAFETY: by this function's contract.
    std::str::from_utf8(unsafe { values(s.ptr, s.len)? }).map_err(|_| Fault::invalid("text is not UTF-8"))
}

fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut out = [0; N];
    let mut len = text.len().min(N - 1);
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    out[..len].copy_from_slice(&text.as_bytes()[..len]);
    out
}

fn info_of(d: &DeviceDescription) -> ClampDeviceInfo {
    ClampDeviceInfo {
        kind: d.kind,
        alignment: d.alignment,
        memory_bytes: d.memory_bytes,
        max_alloc_bytes: d.max_alloc_bytes,
        compute_units: d.compute_units,
        unified_memory: d.unified_memory.into(),
        name: padded(&d.name),
        uuid: padded(&d.uuid),
        driver: padded(&d.driver),
        dispatch: padded(&d.dispatch),
    }
}

const fn str_of(text: &'static str) -> ClampStr {
    ClampStr { ptr: text.as_ptr(), len: text.len() }
}

type Of<X> = <X as Bound>::Backend;
type Device<X> = <Of<X> as Backend>::Device;
type Buffer<X> = <Of<X> as Backend>::Buffer;
type Queue<X> = <Of<X> as Backend>::Queue;
type Kernel<X> = <Of<X> as Backend>::Kernel;

/// The table of a bound backend.
#[doc(hidden)]
pub const fn vtable_of<X: Bound>() -> ClampBackendV1 {
    ClampBackendV1 {
        header: ClampHeader {
            magic: CLAMP_MAGIC,
            struct_size: size_of::<ClampBackendV1>() as u32,
            abi_major: CLAMP_ABI_MAJOR,
            abi_minor: CLAMP_ABI_MINOR,
            min_host_minor: 0,
            panic_strategy: if cfg!(panic = "unwind") { CLAMP_PANIC_UNWIND } else { CLAMP_PANIC_ABORT },
            reserved: 0,
            features: 0,
            id: str_of(<Of<X> as Backend>::ID),
            version: str_of(<Of<X> as Backend>::VERSION),
            compiler: str_of(env!("CLAMP_RUSTC")),
        },
        instance_create: Some(instance_create::<X>),
        instance_destroy: Some(release::<X, Of<X>>),
        get_extension: Some(get_extension::<X>),
        device_count: Some(device_count::<X>),
        device_info: Some(device_info::<X>),
        device_open: Some(device_open::<X>),
        device_close: Some(release::<X, Device<X>>),
        device_memory: Some(device_memory::<X>),
        device_status: Some(device_status::<X>),
        buffer_alloc: Some(buffer_alloc::<X>),
        buffer_free: Some(release::<X, Buffer<X>>),
        dlpack_export: Some(dlpack_export::<X>),
        dlpack_import: Some(dlpack_import::<X>),
        queue_create: Some(queue_create::<X>),
        queue_destroy: Some(release::<X, Queue<X>>),
        queue_upload: Some(queue_upload::<X>),
        queue_download: Some(queue_download::<X>),
        queue_copy: Some(queue_copy::<X>),
        queue_fill: Some(queue_fill::<X>),
        queue_submit: Some(queue_submit::<X>),
        queue_wait: Some(queue_wait::<X>),
        queue_signal: Some(queue_signal::<X>),
        queue_poll: Some(queue_poll::<X>),
        kernel_open: Some(kernel_open::<X>),
        kernel_close: Some(release::<X, Kernel<X>>),
    }
}

/// Writes a shim: its body runs behind the guard; raw arguments are valid as the table's documentation says, which is
/// the safety contract of every `borrow`, `give` and `values` in it.
macro_rules! shim {
    (fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        unsafe extern "C" fn $name<X: Bound>($($arg: $ty,)* err: *mut ClampError) -> i32 {
            // SAFETY: the host calls with valid pointers, as the table's documentation demands.
            unsafe { guard::<X>(err, || $body) }
        }
    };
}

shim! { fn instance_create(host: *const ClampHostApi, out: *mut ClampInstance) {
    let host = HostHandle::new(host);
    install_panic_hook(host);
    give(out, <Of<X>>::create(host)?)
} }

unsafe extern "C" fn get_extension<X: Bound>(
    instance: ClampInstance,
    id: ClampStr,
    version: u32,
    out: *mut *const c_void,
) -> i32 {
    // SAFETY: as the table's documentation demands.
    unsafe {
        guard::<X>(std::ptr::null_mut(), || {
            let found = borrow::<Of<X>>(instance, "instance")?.extension(string(id)?, version);
            match found {
                Some(table) if !out.is_null() => {
                    out.write(table);
                    Ok(())
                }
                _ => Err(Fault::new(Status::NotFound, "no such extension")),
            }
        })
    }
}

/// # Safety
/// `out` is null or writable.
unsafe fn put<T>(out: *mut T, value: T) -> Result<(), Fault> {
    if out.is_null() {
        return Err(Fault::invalid("output pointer is null"));
    }
    // SAFETY: by this function's contract.
    unsafe { out.write(value) };
    Ok(())
}

shim! { fn device_count(instance: ClampInstance, out: *mut u32) {
    put(out, borrow::<Of<X>>(instance, "instance")?.device_count()?)
} }

shim! { fn device_info(instance: ClampInstance, index: u32, out: *mut ClampDeviceInfo) {
    put(out, info_of(&borrow::<Of<X>>(instance, "instance")?.device_info(index)?))
} }

shim! { fn device_open(instance: ClampInstance, index: u32, out: *mut ClampDevice) {
    give(out, borrow::<Of<X>>(instance, "instance")?.device_open(index)?)
} }

shim! { fn device_memory(device: ClampDevice, used: *mut u64, total: *mut u64) {
    let figures = <Of<X>>::device_memory(borrow::<Device<X>>(device, "device")?)?;
    put(used, figures.used)?;
    put(total, figures.total)
} }

shim! { fn device_status(device: ClampDevice) {
    <Of<X>>::device_status(borrow::<Device<X>>(device, "device")?)
} }

shim! { fn buffer_alloc(device: ClampDevice, bytes: u64, out: *mut ClampBuffer) {
    give(out, <Of<X>>::buffer_alloc(borrow::<Device<X>>(device, "device")?, bytes)?)
} }

shim! { fn dlpack_export(device: ClampDevice, array: *const ClampArray, out: *mut *mut c_void) {
    if out.is_null() {
        return Err(Fault::invalid("output pointer is null"));
    }
    let array = array.as_ref().ok_or_else(|| Fault::invalid("array pointer is null"))?;
    let layout = ArrayLayout::of(array)?;
    let (device, buffer) = (borrow::<Device<X>>(device, "device")?, borrow::<Buffer<X>>(array.buffer, "buffer")?);
    let share = <Of<X>>::dlpack_export(device, buffer)?;
    put(out, dlpack::export(share, &layout, dlpack_device::<X>(device)?)?)
} }

shim! { fn dlpack_import(device: ClampDevice, managed: *mut c_void, out: *mut ClampArray) {
    if out.is_null() {
        return Err(Fault::invalid("output pointer is null"));
    }
    let device = borrow::<Device<X>>(device, "device")?;
    let incoming = dlpack::Incoming::check(managed, dlpack_device::<X>(device)?)?;
    let buffer = Box::new(<Of<X>>::dlpack_import(device, incoming.memory())?);
    // Nothing can fail from here on: the tensor is no longer the caller's.
    out.write(ClampArray { buffer: Box::into_raw(buffer).cast(), ..incoming.accept() });
    Ok(())
} }

fn dlpack_device<X: Bound>(device: &Device<X>) -> Result<DlDevice, Fault> {
    <Of<X>>::dlpack_device(device)
        .ok_or_else(|| Fault::unsupported(format!("backend {} does not speak DLPack", X::Backend::ID)))
}

shim! { fn queue_create(device: ClampDevice, desc: *const ClampQueueDesc, out: *mut ClampQueue) {
    let desc = desc.as_ref().ok_or_else(|| Fault::invalid("queue descriptor is null"))?;
    let settings = QueueSettings {
        strict: desc.mode == CLAMP_MODE_STRICT,
        max_threads: desc.max_threads,
        host_call: desc.host_call,
    };
    give(out, <Of<X>>::queue_create(borrow::<Device<X>>(device, "device")?, settings)?)
} }

shim! { fn queue_upload(queue: ClampQueue, dst: ClampBuffer, dst_offset: u64, src: *const u8, len: u64) {
    let queue = borrow_mut::<Queue<X>>(queue, "queue")?;
    <Of<X>>::queue_upload(queue, borrow::<Buffer<X>>(dst, "buffer")?, dst_offset, src, len)
} }

shim! { fn queue_download(queue: ClampQueue, src: ClampBuffer, src_offset: u64, dst: *mut u8, len: u64) {
    let queue = borrow_mut::<Queue<X>>(queue, "queue")?;
    <Of<X>>::queue_download(queue, borrow::<Buffer<X>>(src, "buffer")?, src_offset, dst, len)
} }

shim! { fn queue_copy(
    queue: ClampQueue, dst: ClampBuffer, dst_offset: u64, src: ClampBuffer, src_offset: u64, len: u64,
) {
    let queue = borrow_mut::<Queue<X>>(queue, "queue")?;
    let (dst, src) = (borrow::<Buffer<X>>(dst, "buffer")?, borrow::<Buffer<X>>(src, "buffer")?);
    <Of<X>>::queue_copy(queue, dst, dst_offset, src, src_offset, len)
} }

shim! { fn queue_fill(
    queue: ClampQueue, dst: ClampBuffer, dst_offset: u64, bits: u64, width: u32, count: u64,
) {
    let queue = borrow_mut::<Queue<X>>(queue, "queue")?;
    <Of<X>>::queue_fill(queue, borrow::<Buffer<X>>(dst, "buffer")?, dst_offset, bits, width, count)
} }

shim! { fn queue_submit(queue: ClampQueue, launches: *const ClampLaunch, n: u64, point: *mut u64) {
    let queue = borrow_mut::<Queue<X>>(queue, "queue")?;
    let count = usize::try_from(n).map_err(|_| Fault::invalid("too many launches"))?;
    let launches = values(launches, count)?;
    let arrays = Arrays::of(launches)?;
    put(point, <Of<X>>::queue_submit(queue, &arrays.launches::<X>(launches)?)?)
} }

shim! { fn queue_wait(queue: ClampQueue, point: u64, timeout_ns: u64, timing: *mut ClampTiming) {
    let waited = <Of<X>>::queue_wait(borrow_mut::<Queue<X>>(queue, "queue")?, point, timeout_ns)?;
    if timing.is_null() { Ok(()) } else { put(timing, waited) }
} }

shim! { fn queue_signal(queue: ClampQueue, point: *mut u64) {
    put(point, <Of<X>>::queue_signal(borrow_mut::<Queue<X>>(queue, "queue")?)?)
} }

shim! { fn queue_poll(queue: ClampQueue, point: *mut u64) {
    put(point, <Of<X>>::queue_poll(borrow_mut::<Queue<X>>(queue, "queue")?)?)
} }

shim! { fn kernel_open(
    device: ClampDevice, id: ClampStr, fixed: *const u64, present: u64, n: u32, text: ClampStr, out: *mut ClampKernel,
) {
    let device = borrow::<Device<X>>(device, "device")?;
    give(out, <Of<X>>::kernel_open(device, string(id)?, values(fixed, n as usize)?, present, string(text)?)?)
} }

/// The arrays of a whole batch, one after the other: two allocations however many launches there are.
struct Arrays<'a, B> {
    inputs: Vec<Option<(&'a B, ArrayLayout)>>,
    outputs: Vec<(&'a B, ArrayLayout)>,
}

impl<'a, B> Arrays<'a, B> {
    /// # Safety
    /// Each launch is filled as [`ClampLaunch`] says and its handles are alive.
    unsafe fn of(launches: &'a [ClampLaunch]) -> Result<Self, Fault> {
        let count = |of: fn(&ClampLaunch) -> u32| launches.iter().map(|launch| of(launch) as usize).sum();
        let mut inputs = Vec::with_capacity(count(|launch| launch.n_in));
        let mut outputs = Vec::with_capacity(count(|launch| launch.n_out));
        for launch in launches {
            // SAFETY: by this function's contract, here and below.
            for array in unsafe { values(launch.inputs, launch.n_in as usize)? } {
                inputs.push(match array.buffer.is_null() {
                    true => None,
                    // SAFETY: as above.
                    false => Some((unsafe { borrow::<B>(array.buffer, "buffer")? }, ArrayLayout::of(array)?)),
                });
            }
            // SAFETY: as above.
            for array in unsafe { values(launch.outputs, launch.n_out as usize)? } {
                // SAFETY: as above.
                outputs.push((unsafe { borrow::<B>(array.buffer, "output buffer")? }, ArrayLayout::of(array)?));
            }
        }
        Ok(Self { inputs, outputs })
    }

    /// # Safety
    /// As [`Arrays::of`], of the same launches.
    unsafe fn launches<X>(&'a self, launches: &'a [ClampLaunch]) -> Result<Vec<LaunchRef<'a, Of<X>>>, Fault>
    where
        X: Bound,
        X::Backend: Backend<Buffer = B>,
    {
        let (mut inputs, mut outputs) = (&*self.inputs, &*self.outputs);
        let each = launches.iter().map(|launch| {
            let (own_inputs, later_inputs) = inputs.split_at(launch.n_in as usize);
            let (own_outputs, later_outputs) = outputs.split_at(launch.n_out as usize);
            (inputs, outputs) = (later_inputs, later_outputs);
            Ok(LaunchRef {
                // SAFETY: by this function's contract.
                kernel: unsafe { borrow::<Kernel<X>>(launch.kernel, "kernel")? },
                inputs: own_inputs,
                outputs: own_outputs,
                // SAFETY: as above.
                params: unsafe { values(launch.params, launch.n_params as usize)? },
                present: launch.present,
            })
        });
        each.collect()
    }
}
