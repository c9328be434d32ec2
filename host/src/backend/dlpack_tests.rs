//! The host's door to DLPack, on a backend in this process that negates, with memory on the heap.

use std::cell::Cell;
use std::path::PathBuf;

use clamp_kernels::catalogue::{FixedParams, LaunchParams, find};
use clamp_plugin_api::abi::{
    Backend as Plugin, Bound, ClampBackendV1, ClampHostApi, DeviceDescription, DlDevice, DlMemory, DlShare, Fault,
    HostHandle, LaunchRef, MemoryFigures, Poison, QueueSettings, Timing, vtable_of,
};

use super::*;
use crate::backend::arguments::LaunchSpec;
use crate::backend::instance::{Backend, DeviceFacts, DeviceKind};
use crate::backend::isolate::Watched;
use crate::backend::load::{Door, Loaded};
use crate::backend::queue::QueueOptions;
use crate::error::ErrorKind;

struct Heap;

/// f32 in memory of its own, or in somebody's; the guard is what the memory hangs on.
struct Memory {
    address: *mut f32,
    guard: Arc<Guard>,
}

enum Guard {
    Own(#[expect(dead_code, reason = "held, not read")] Vec<f32>),
    Lent(DlMemory),
}

// SAFETY: one thread at a time, as the ABI promises.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Plugin for Heap {
    const ID: &'static str = "heap";
    const VERSION: &'static str = "0.1.0";
    type Device = ();
    type Buffer = Memory;
    type Queue = u64;
    type Kernel = ();

    fn create(_: HostHandle) -> Result<Self, Fault> {
        Ok(Self)
    }
    fn device_count(&self) -> Result<u32, Fault> {
        Ok(1)
    }
    fn device_info(&self, _: u32) -> Result<DeviceDescription, Fault> {
        Ok(DeviceDescription::default())
    }
    fn device_open(&self, _: u32) -> Result<(), Fault> {
        Ok(())
    }
    fn device_memory(_: &()) -> Result<MemoryFigures, Fault> {
        Ok(MemoryFigures::default())
    }
    fn device_status(_: &()) -> Result<(), Fault> {
        Ok(())
    }
    fn buffer_alloc(_: &(), bytes: u64) -> Result<Memory, Fault> {
        let mut own = vec![0.0; bytes as usize / 4];
        Ok(Memory { address: own.as_mut_ptr(), guard: Arc::new(Guard::Own(own)) })
    }
    fn queue_create(_: &(), _: QueueSettings) -> Result<u64, Fault> {
        Ok(0)
    }
    unsafe fn queue_upload(_: &mut u64, dst: &Memory, at: u64, src: *const u8, len: u64) -> Result<(), Fault> {
        // SAFETY: the host has checked the range.
        unsafe { dst.address.cast::<u8>().add(at as usize).copy_from(src, len as usize) };
        Ok(())
    }
    unsafe fn queue_download(_: &mut u64, src: &Memory, at: u64, dst: *mut u8, len: u64) -> Result<(), Fault> {
        // SAFETY: as above.
        unsafe { dst.copy_from(src.address.cast::<u8>().add(at as usize), len as usize) };
        Ok(())
    }
    fn queue_copy(_: &mut u64, _: &Memory, _: u64, _: &Memory, _: u64, _: u64) -> Result<(), Fault> {
        Err(Fault::unsupported("no copies"))
    }
    fn queue_fill(_: &mut u64, _: &Memory, _: u64, _: u64, _: u32, _: u64) -> Result<(), Fault> {
        Err(Fault::unsupported("no fills"))
    }
    fn queue_submit(queue: &mut u64, launches: &[LaunchRef<'_, Self>]) -> Result<u64, Fault> {
        for launch in launches {
            let (Some(Some((from, array))), Some((to, _))) = (launch.inputs.first(), launch.outputs.first()) else {
                return Err(Fault::invalid("one input, one output"));
            };
            for element in 0..array.dims().iter().product::<u64>() as usize {
                // SAFETY: the host has checked the arrays.
                unsafe { to.address.add(element).write(-from.address.add(element).read()) };
            }
            *queue += 1;
        }
        Ok(*queue)
    }
    fn queue_wait(_: &mut u64, _: u64, _: u64) -> Result<Timing, Fault> {
        Ok(Timing::default())
    }
    fn queue_signal(queue: &mut u64) -> Result<u64, Fault> {
        Ok(*queue)
    }
    fn queue_poll(queue: &mut u64) -> Result<u64, Fault> {
        Ok(*queue)
    }
    fn kernel_open(_: &(), _: &str, _: &[u64], _: u64, _: &str) -> Result<(), Fault> {
        Ok(())
    }
    fn dlpack_device(_: &()) -> Option<DlDevice> {
        Some(DlDevice::CPU)
    }
    fn dlpack_export(_: &(), buffer: &Memory) -> Result<DlShare, Fault> {
        let read_only = matches!(&*buffer.guard, Guard::Lent(memory) if memory.is_read_only());
        // SAFETY: the guard keeps the memory.
        let share = unsafe { DlShare::new(buffer.address.cast(), 1 << 20, Arc::clone(&buffer.guard)) };
        Ok(share.read_only(read_only))
    }
    fn dlpack_import(_: &(), memory: DlMemory) -> Result<Memory, Fault> {
        Ok(Memory { address: memory.address().cast(), guard: Arc::new(Guard::Lent(memory)) })
    }
}

struct Tied;

impl Bound for Tied {
    type Backend = Heap;
    fn poison() -> &'static Poison {
        static POISON: Poison = Poison::new();
        &POISON
    }
}

/// The table as a plugin's own; `change` makes it lie.
fn device(change: impl FnOnce(&mut ClampBackendV1)) -> Arc<Device> {
    let mut table = vtable_of::<Tied>();
    change(&mut table);
    let host_api: &'static ClampHostApi = Box::leak(Box::new(ClampHostApi {
        struct_size: size_of::<ClampHostApi>() as u32,
        version: 1 << 16,
        ctx: std::ptr::null_mut(),
        log: None,
        config: None,
        plugin_folder: None,
        cancelled: None,
    }));
    let loaded = Loaded {
        table: Box::leak(Box::new(table)),
        host_api,
        door: Door::C,
        sha256: String::new(),
        fp_check: true,
        path: PathBuf::new(),
        unverified: None,
        watched: Watched::default(),
    };
    let backend = Backend::create(&loaded).expect("a backend");
    let facts = DeviceFacts {
        index: 0,
        kind: DeviceKind::Cpu,
        name: String::new(),
        uuid: String::new(),
        driver: String::new(),
        dispatch: String::new(),
        memory_bytes: 0,
        compute_units: 0,
    };
    Device::open(&backend, &facts).expect("a device")
}

fn queue(device: &Arc<Device>) -> Queue {
    Queue::create(device, QueueOptions { strict: true, max_threads: 0, batch: 64 }).expect("a queue")
}

thread_local! {
    /// How many tensors were released; here on the thread that let go of them.
    static RELEASED: Cell<usize> = const { Cell::new(0) };
}

unsafe extern "C" fn release(managed: *mut DlManagedTensorVersioned) {
    RELEASED.set(RELEASED.get() + 1);
    // SAFETY: made by `tensor`, released once.
    drop(unsafe { Box::from_raw(managed) });
}

/// A tensor over somebody's f32; the shape is leaked.
fn tensor(values: &mut [f32]) -> DlPack {
    let device = device(|_| ());
    // The backend of this file knows how a tensor is laid out; only its memory is another's.
    let own = device.alloc(4 * values.len() as u64).expect("memory");
    let shape = Shape::new(&[values.len() as u64]).expect("a shape");
    let array = ArrayRef { buffer: own, byte_offset: 0, dtype: Dtype::F32, shape };
    let exported = queue(&device).dlpack_export(&array).expect("a tensor");
    let mut managed = *exported.tensor();
    // The shape stays with the export, which stays for ever.
    let _ = exported.into_raw();
    managed.dl_tensor.data = values.as_mut_ptr().cast();
    managed.deleter = Some(release);
    // SAFETY: a whole tensor over memory that outlives it in these tests.
    unsafe { DlPack::from_raw(Box::into_raw(Box::new(managed)).cast()) }.expect("not null")
}

#[test]
fn an_array_of_another_library_is_worked_on_where_it_lies() {
    let device = device(|_| ());
    let mut queue = queue(&device);
    let (mut x, mut y) = ([1.0_f32, -2.0, 3.0], [0.0_f32; 3]);
    let before = RELEASED.get();
    let place = y.as_ptr() as u64;
    // SAFETY: nobody else uses the two while they are worked on.
    let (from, to) = unsafe {
        (device.dlpack_import(tensor(&mut x)).expect("taken"), device.dlpack_import(tensor(&mut y)).expect("taken"))
    };
    assert_eq!((to.buffer.bytes, to.dtype, to.shape.dims()), (12, Dtype::F32, &[3][..]));
    let kernel = device.open_kernel(find("neg.f32.v1").expect("kernel"), &FixedParams::default()).expect("opened");
    let params = LaunchParams::default();
    queue.launch(LaunchSpec { kernel, inputs: vec![Some(from)], outputs: vec![to.clone()], params }).expect("queued");
    // The launch waits in its batch; an export waits for it.
    let out = queue.dlpack_export(&to).expect("shared");
    assert_eq!((out.address(), out.is_read_only()), (place, false));
    drop(to);
    drop(queue);
    assert_eq!(RELEASED.get() - before, 1, "the input is released, the output is still shared");
    // SAFETY: what was shared is what was lent.
    assert_eq!(unsafe { *(out.address() as *const [f32; 3]) }, [-1.0, 2.0, -3.0]);
    drop(out);
    assert_eq!(RELEASED.get() - before, 2);
    assert_eq!(y, [-1.0, 2.0, -3.0]);
}

#[test]
fn a_refused_tensor_is_released_and_a_lying_backend_is_named() {
    let mut x = [1.0_f32; 2];
    let take = |device: &Arc<Device>, tensor: DlPack| {
        // SAFETY: nobody else uses the memory.
        unsafe { device.dlpack_import(tensor) }.map(|_| ()).expect_err("refused")
    };
    let odd = tensor(&mut x);
    // SAFETY: ours.
    unsafe { (*odd.managed.as_ptr()).dl_tensor.dtype.bits = 16 };
    let error = take(&device(|_| ()), odd);
    assert_eq!(error.kind, ErrorKind::Backend);
    assert!(
        error.message.contains("could not take a DLPack tensor: unsupported: DLPack element type float16"),
        "{error}"
    );

    let none = device(|table| table.dlpack_import = Some(unsupported));
    assert!(take(&none, tensor(&mut x)).message.contains("unsupported"));

    let liar = device(|table| table.dlpack_import = Some(lie));
    let error = take(&liar, tensor(&mut x));
    assert!(error.message.contains("gave an unknown element type"), "{error}");
}

unsafe extern "C" fn unsupported(
    _: *mut c_void,
    _: *mut c_void,
    _: *mut clamp_plugin_api::abi::ClampArray,
    _: *mut clamp_plugin_api::abi::ClampError,
) -> i32 {
    clamp_plugin_api::abi::Status::Unsupported.code()
}

unsafe extern "C" fn lie(
    device: *mut c_void,
    managed: *mut c_void,
    out: *mut clamp_plugin_api::abi::ClampArray,
    err: *mut clamp_plugin_api::abi::ClampError,
) -> i32 {
    let import = vtable_of::<Tied>().dlpack_import.expect("an entry");
    // SAFETY: passed on; `out` is writable.
    unsafe {
        let code = import(device, managed, out, err);
        (*out).dtype = 77;
        code
    }
}
