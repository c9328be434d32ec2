//! DLPack through the table of a backend with plain memory: what is taken and given without a copy, what is refused and
//! stays the caller's, and that every deleter is called exactly once, when the last holder lets go.
#![cfg(feature = "abi")]
#![expect(clippy::unwrap_used, reason = "a test; a missing entry is a failure of it")]

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use clamp_plugin_api::abi::*;

/// Memory on the heap; a backend as small as one can be.
struct Plain;

enum Memory {
    Own(Arc<Vec<u64>>),
    Lent(Arc<DlMemory>),
}

impl Backend for Plain {
    const ID: &'static str = "plain";
    const VERSION: &'static str = "0.1.0";
    type Device = ();
    type Buffer = Memory;
    type Queue = ();
    type Kernel = ();

    fn create(_host: HostHandle) -> Result<Self, Fault> {
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
        Ok(Memory::Own(Arc::new(vec![0; bytes.div_ceil(8) as usize])))
    }
    fn queue_create(_: &(), _: QueueSettings) -> Result<(), Fault> {
        Ok(())
    }
    unsafe fn queue_upload(_: &mut (), _: &Memory, _: u64, _: *const u8, _: u64) -> Result<(), Fault> {
        Ok(())
    }
    unsafe fn queue_download(_: &mut (), _: &Memory, _: u64, _: *mut u8, _: u64) -> Result<(), Fault> {
        Ok(())
    }
    fn queue_copy(_: &mut (), _: &Memory, _: u64, _: &Memory, _: u64, _: u64) -> Result<(), Fault> {
        Ok(())
    }
    fn queue_fill(_: &mut (), _: &Memory, _: u64, _: u64, _: u32, _: u64) -> Result<(), Fault> {
        Ok(())
    }
    fn queue_submit(_: &mut (), _: &[LaunchRef<'_, Self>]) -> Result<u64, Fault> {
        Ok(0)
    }
    fn queue_wait(_: &mut (), _: u64, _: u64) -> Result<Timing, Fault> {
        Ok(Timing::default())
    }
    fn queue_signal(_: &mut ()) -> Result<u64, Fault> {
        Ok(0)
    }
    fn queue_poll(_: &mut ()) -> Result<u64, Fault> {
        Ok(0)
    }
    fn kernel_open(_: &(), _: &str, _: &[u64], _: u64, _: &str) -> Result<(), Fault> {
        Ok(())
    }
    fn dlpack_device(_: &()) -> Option<DlDevice> {
        Some(DlDevice::CPU)
    }
    fn dlpack_export(_: &(), buffer: &Memory) -> Result<DlShare, Fault> {
        // SAFETY: each keeps the memory that it names.
        Ok(unsafe {
            match buffer {
                Memory::Own(words) => {
                    DlShare::new(words.as_ptr().cast_mut().cast(), 8 * words.len() as u64, Arc::clone(words))
                }
                Memory::Lent(memory) => {
                    DlShare::new(memory.address(), memory.bytes(), Arc::clone(memory)).read_only(memory.is_read_only())
                }
            }
        })
    }
    fn dlpack_import(_: &(), memory: DlMemory) -> Result<Memory, Fault> {
        match memory.bytes() {
            // Sizes that stand for a backend that cannot, and for one that fails badly.
            13 => Err(Fault::new(Status::OutOfMemory, "thirteen")),
            14 => panic!("fourteen"),
            _ => Ok(Memory::Lent(Arc::new(memory))),
        }
    }
}

/// A table with a poison flag of its own.
fn table<const N: usize>() -> ClampBackendV1 {
    struct Tied<const N: usize>;
    impl<const N: usize> Bound for Tied<N> {
        type Backend = Plain;
        fn poison() -> &'static Poison {
            static POISONS: [Poison; 4] = [const { Poison::new() }; 4];
            &POISONS[N]
        }
    }
    vtable_of::<Tied<N>>()
}

struct Live {
    table: ClampBackendV1,
    device: ClampDevice,
}

fn live<const N: usize>() -> Live {
    let (table, mut instance, mut device) = (table::<N>(), null_mut(), null_mut());
    // SAFETY: outputs are writable.
    unsafe {
        assert_eq!(table.instance_create.unwrap()(std::ptr::null(), &mut instance, null_mut()), 0);
        assert_eq!(table.device_open.unwrap()(instance, 0, &mut device, null_mut()), 0);
    }
    Live { table, device }
}

fn told(f: impl FnOnce(*mut ClampError) -> i32) -> Result<(), (Status, String)> {
    let mut text = [0_u8; 512];
    let mut err = ClampError { code: 0, launch: 0, element: 0, text: text.as_mut_ptr(), cap: text.len(), len: 0 };
    match Status::from_code(f(&raw mut err)) {
        Status::Ok => Ok(()),
        status => Err((status, String::from_utf8(text[..err.len].to_vec()).unwrap())),
    }
}

impl Live {
    fn import(&self, managed: *mut DlManagedTensorVersioned) -> Result<ClampArray, (Status, String)> {
        let mut array = ClampArray { buffer: null_mut(), byte_offset: 99, dtype: 99, ndim: 99, dims: [99; 8] };
        // SAFETY: the tensor is one of this file's, `array` is writable.
        let done =
            told(|err| unsafe { self.table.dlpack_import.unwrap()(self.device, managed.cast(), &raw mut array, err) });
        if done.is_err() {
            assert!(array.buffer.is_null() && array.ndim == 99, "outputs are written only on Ok");
        }
        done.map(|()| array)
    }

    fn export(&self, array: &ClampArray) -> Result<*mut DlManagedTensorVersioned, (Status, String)> {
        let mut out = null_mut::<c_void>();
        // SAFETY: the array's buffer is of this table, `out` is writable.
        told(|err| unsafe { self.table.dlpack_export.unwrap()(self.device, array, &raw mut out, err) })
            .map(|()| out.cast())
    }

    fn free(&self, array: &ClampArray) {
        // SAFETY: freed once.
        unsafe { self.table.buffer_free.unwrap()(array.buffer) };
    }
}

/// A producer's tensor; counts how often its deleter was called.
struct Producer {
    tensor: DlManagedTensorVersioned,
    _shape: Vec<i64>,
    _strides: Vec<i64>,
    _data: Vec<u64>,
    deleted: AtomicU32,
}

unsafe extern "C" fn count(managed: *mut DlManagedTensorVersioned) {
    // SAFETY: `manager_ctx` is the producer's counter, which outlives the tensor in these tests.
    unsafe { (*(*managed).manager_ctx.cast::<AtomicU32>()).fetch_add(1, Ordering::Relaxed) };
}

/// f32 of this shape, C-contiguous, over memory of its own.
fn producer(shape: &[i64]) -> Box<Producer> {
    let mut shape = shape.to_vec();
    let mut strides: Vec<i64> = (0..shape.len()).map(|d| shape[d + 1..].iter().product()).collect();
    let mut data = vec![0_u64; 64];
    let dl_tensor = DlTensor {
        data: data.as_mut_ptr().cast(),
        device: DlDevice::CPU,
        ndim: shape.len() as i32,
        dtype: DlDataType { code: 2, bits: 32, lanes: 1 },
        shape: shape.as_mut_ptr(),
        strides: strides.as_mut_ptr(),
        byte_offset: 0,
    };
    let version = DlVersion { major: 1, minor: 3 };
    let tensor =
        DlManagedTensorVersioned { version, manager_ctx: null_mut(), deleter: Some(count), flags: 0, dl_tensor };
    let deleted = AtomicU32::new(0);
    let mut made = Box::new(Producer { tensor, _shape: shape, _strides: strides, _data: data, deleted });
    made.tensor.manager_ctx = (&raw const made.deleted).cast_mut().cast();
    made
}

impl Producer {
    fn deleted(&self) -> u32 {
        self.deleted.load(Ordering::Relaxed)
    }
}

#[test]
fn memory_comes_in_and_goes_out_at_the_same_address() {
    let live = live::<0>();
    let mut made = producer(&[3, 1, 5]);
    made.tensor.dl_tensor.byte_offset = 12;
    // One element has any stride.
    made._strides[1] = -7;
    let first = made.tensor.dl_tensor.data.wrapping_byte_add(12);
    let array = live.import(&raw mut made.tensor).unwrap();
    assert_eq!((array.byte_offset, array.dtype, &array.dims[..3], array.ndim), (0, 1, &[3, 1, 5][..], 3));
    let part = ClampArray { byte_offset: 20, dims: [2, 5, 0, 0, 0, 0, 0, 0], ndim: 2, ..array };
    for (array, address, shape, strides) in
        [(&array, first, &[3, 1, 5][..], &[5, 5, 1][..]), (&part, first.wrapping_byte_add(20), &[2, 5], &[5, 1])]
    {
        let out = live.export(array).unwrap();
        // SAFETY: the tensor is ours until its deleter is called, once.
        unsafe {
            let tensor = (*out).dl_tensor;
            assert_eq!((tensor.data, tensor.byte_offset), (address, 0));
            assert_eq!(((*out).version, (*out).flags), (DlVersion { major: 1, minor: 0 }, 0));
            assert_eq!((tensor.device, tensor.dtype), (DlDevice::CPU, DlDataType { code: 2, bits: 32, lanes: 1 }));
            assert_eq!(std::slice::from_raw_parts(tensor.shape, tensor.ndim as usize), shape);
            assert_eq!(std::slice::from_raw_parts(tensor.strides, tensor.ndim as usize), strides);
            (*out).deleter.unwrap()(out);
        }
    }
    assert_eq!(made.deleted(), 0);
    live.free(&array);
    assert_eq!(made.deleted(), 1);
}

#[test]
fn the_last_holder_releases_and_only_once() {
    let live = live::<0>();
    let mut made = producer(&[4]);
    made.tensor.flags = DLPACK_READ_ONLY | 1 << 40;
    let array = live.import(&raw mut made.tensor).unwrap();
    let outs = [live.export(&array).unwrap(), live.export(&array).unwrap()];
    live.free(&array);
    for out in outs {
        assert_eq!(made.deleted(), 0, "an export keeps the memory");
        // SAFETY: as above; here on another thread, as the standard allows.
        unsafe {
            assert_eq!((*out).flags, DLPACK_READ_ONLY, "read-only stays read-only");
            let out = out as usize;
            std::thread::spawn(move || {
                let out = out as *mut DlManagedTensorVersioned;
                (*out).deleter.unwrap()(out);
            })
            .join()
            .unwrap();
        }
    }
    assert_eq!(made.deleted(), 1);
    // A producer may have nothing to do.
    let mut made = producer(&[4]);
    made.tensor.deleter = None;
    live.free(&live.import(&raw mut made.tensor).unwrap());
    // Own memory outlives its buffer in an export, too.
    let mut buffer = null_mut();
    // SAFETY: outputs are writable.
    unsafe { assert_eq!(live.table.buffer_alloc.unwrap()(live.device, 16, &mut buffer, null_mut()), 0) };
    let array = ClampArray { buffer, byte_offset: 0, dtype: 2, ndim: 0, dims: [0; 8] };
    let out = live.export(&array).unwrap();
    live.free(&array);
    // SAFETY: the export keeps the memory.
    unsafe {
        assert_eq!((*out).dl_tensor.data.cast::<f64>().read(), 0.0);
        assert_eq!(((*out).dl_tensor.ndim, (*out).dl_tensor.dtype.bits), (0, 64));
        (*out).deleter.unwrap()(out);
    }
}

#[test]
fn nothing_is_a_tensor_too() {
    let live = live::<0>();
    let mut made = producer(&[0, 3]);
    made.tensor.dl_tensor.data = null_mut();
    made._strides[0] = 1;
    let array = live.import(&raw mut made.tensor).unwrap();
    assert_eq!((array.ndim, array.dims[..2].to_vec()), (2, vec![0, 3]));
    let out = live.export(&array).unwrap();
    // SAFETY: ours until the deleter is called.
    unsafe {
        assert!((*out).dl_tensor.data.is_null());
        (*out).deleter.unwrap()(out);
    }
    live.free(&array);
    // A scalar needs neither shape nor strides; without strides an array is C-contiguous.
    for shape in [&[][..], &[2, 2]] {
        let mut made = producer(shape);
        made.tensor.dl_tensor.strides = null_mut();
        if shape.is_empty() {
            made.tensor.dl_tensor.shape = null_mut();
        }
        live.free(&live.import(&raw mut made.tensor).unwrap());
        assert_eq!(made.deleted(), 1);
    }
}

#[test]
fn what_is_refused_is_named_and_stays_the_callers() {
    type Spoil = fn(&mut Producer);
    let cases: [(Spoil, Status, &str); 17] = [
        (|p| p.tensor.version.major = 2, Status::Unsupported, "says that it is of version 2.3; 1.x is taken"),
        (|p| p.tensor.version.major = 0, Status::Unsupported, "an unversioned DLManagedTensor is not"),
        (|p| p.tensor.dl_tensor.device.kind = 2, Status::Unsupported, "device kDLCUDA 0; this one is kDLCPU 0"),
        (|p| p.tensor.dl_tensor.device.id = 1, Status::Unsupported, "device kDLCPU 1"),
        (|p| p.tensor.dl_tensor.dtype.bits = 16, Status::Unsupported, "element type float16 has no counterpart"),
        (|p| p.tensor.dl_tensor.dtype.lanes = 4, Status::Unsupported, "float32 with 4 lanes"),
        (|p| p.tensor.dl_tensor.dtype.code = 6, Status::Unsupported, "bool32"),
        (|p| p.tensor.dl_tensor.ndim = 9, Status::Unsupported, "9 dimensions, 0 to 8"),
        (|p| p.tensor.dl_tensor.ndim = -1, Status::Unsupported, "-1 dimensions"),
        (|p| p.tensor.dl_tensor.shape = null_mut(), Status::Invalid, "shape is null"),
        (|p| p._shape[1] = -3, Status::Invalid, "dimension 1 of the DLPack tensor has the size -3"),
        (|p| p._shape.fill(i64::MAX), Status::Invalid, "larger than any memory"),
        (|p| p._strides.reverse(), Status::Unsupported, "dimension 1 has the stride 3, it has to be 1 elements"),
        (|p| p._strides[0] = -3, Status::Unsupported, "dimension 0 has the stride -3, it has to be 3"),
        (|p| p.tensor.dl_tensor.data = null_mut(), Status::Invalid, "24 bytes, but its data is null"),
        (|p| p.tensor.dl_tensor.byte_offset = u64::MAX, Status::Invalid, "leads nowhere"),
        (|p| p.tensor.dl_tensor.byte_offset = 2, Status::Unsupported, "no multiple of the 4 bytes of f32"),
    ];
    let live = live::<0>();
    for (spoil, status, words) in cases {
        let mut made = producer(&[2, 3]);
        spoil(&mut made);
        let (got, message) = live.import(&raw mut made.tensor).expect_err(words);
        assert!(got == status && message.contains(words), "{got:?} {message}");
        assert_eq!(made.deleted(), 0, "{words}: it is still the caller's");
    }
    assert!(live.import(null_mut()).expect_err("null").1.contains("null"));
    let (_, message) = live.import(std::ptr::without_provenance_mut(1)).expect_err("odd");
    assert!(message.contains("not aligned"), "{message}");
    // An unversioned tensor begins with the address of its data, whose low half is read as the major version. Nothing
    // else of it is touched, its deleter least of all.
    let mut old = [0x7f00_1234_5000_u64, 0, 0, 0];
    let (status, message) = live.import(old.as_mut_ptr().cast()).expect_err("unversioned");
    assert!(status == Status::Unsupported && message.contains("unversioned DLManagedTensor"), "{message}");
}

#[test]
fn a_backend_that_cannot_or_panics_leaves_the_tensor_to_the_caller() {
    let live = live::<1>();
    for (size, status) in [(13, Status::OutOfMemory), (14, Status::Panic)] {
        let mut made = producer(&[size]);
        made.tensor.dl_tensor.dtype = DlDataType { code: 1, bits: 8, lanes: 1 };
        assert_eq!(live.import(&raw mut made.tensor).expect_err("refused").0, status);
        assert_eq!(made.deleted(), 0);
    }
}

#[test]
fn an_export_is_checked_against_its_buffer() {
    let live = live::<2>();
    let mut buffer = null_mut();
    // SAFETY: outputs are writable.
    unsafe { assert_eq!(live.table.buffer_alloc.unwrap()(live.device, 24, &mut buffer, null_mut()), 0) };
    let good = ClampArray { buffer, byte_offset: 8, dtype: 1, ndim: 1, dims: [4, 0, 0, 0, 0, 0, 0, 0] };
    for (array, words) in [
        (ClampArray { byte_offset: 12, ..good }, "leave a buffer of 24 bytes"),
        (ClampArray { byte_offset: u64::MAX, ..good }, "leave a buffer of 24 bytes"),
        (ClampArray { dims: [u64::MAX; 8], ..good }, "is too large"),
        (ClampArray { dims: [1 << 62; 8], ndim: 2, ..good }, "is too large"),
        (ClampArray { byte_offset: 6, ..good }, "is not aligned to f32"),
        (ClampArray { dtype: 9, ..good }, "element type 9 is unknown"),
        (ClampArray { ndim: 9, ..good }, "9 dimensions"),
        (ClampArray { buffer: null_mut(), ..good }, "buffer handle is null"),
    ] {
        let (status, message) = live.export(&array).expect_err(words);
        assert!(status == Status::Invalid && message.contains(words), "{message}");
    }
    live.free(&good);
}
