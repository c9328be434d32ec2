//! A panic in any function of a backend becomes a status, and the plugin is poisoned from then on.
#![cfg(feature = "abi")]
#![expect(clippy::unwrap_used, reason = "a test; a missing entry is a failure of it")]

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Mutex;

use clamp_plugin_api::abi::*;

/// Which function panics; tests of this file run one after the other.
static PANIC_AT: Mutex<&str> = Mutex::new("");

fn maybe(function: &str) {
    let at = *PANIC_AT.lock().unwrap_or_else(|e| e.into_inner());
    assert!(at != function, "asked to panic in {function}");
}

struct Nervous;

impl Backend for Nervous {
    const ID: &'static str = "nervous";
    const VERSION: &'static str = "0.1.0";
    type Device = ();
    type Buffer = ();
    type Queue = ();
    type Kernel = ();

    fn create(_host: HostHandle) -> Result<Self, Fault> {
        maybe("create");
        Ok(Self)
    }
    fn device_count(&self) -> Result<u32, Fault> {
        maybe("device_count");
        Ok(1)
    }
    fn device_info(&self, _: u32) -> Result<DeviceDescription, Fault> {
        maybe("device_info");
        Ok(DeviceDescription::default())
    }
    fn device_open(&self, _: u32) -> Result<(), Fault> {
        maybe("device_open");
        Ok(())
    }
    fn device_memory(_: &()) -> Result<MemoryFigures, Fault> {
        maybe("device_memory");
        Ok(MemoryFigures::default())
    }
    fn device_status(_: &()) -> Result<(), Fault> {
        maybe("device_status");
        Ok(())
    }
    fn buffer_alloc(_: &(), _: u64) -> Result<(), Fault> {
        maybe("buffer_alloc");
        Ok(())
    }
    fn queue_create(_: &(), _: QueueSettings) -> Result<(), Fault> {
        maybe("queue_create");
        Ok(())
    }
    unsafe fn queue_upload(_: &mut (), _: &(), _: u64, _: *const u8, _: u64) -> Result<(), Fault> {
        maybe("queue_upload");
        Ok(())
    }
    unsafe fn queue_download(_: &mut (), _: &(), _: u64, _: *mut u8, _: u64) -> Result<(), Fault> {
        maybe("queue_download");
        Ok(())
    }
    fn queue_copy(_: &mut (), _: &(), _: u64, _: &(), _: u64, _: u64) -> Result<(), Fault> {
        maybe("queue_copy");
        Ok(())
    }
    fn queue_fill(_: &mut (), _: &(), _: u64, _: u64, _: u32, _: u64) -> Result<(), Fault> {
        maybe("queue_fill");
        Ok(())
    }
    fn queue_submit(_: &mut (), _: &[LaunchRef<'_, Self>]) -> Result<u64, Fault> {
        maybe("queue_submit");
        Ok(0)
    }
    fn queue_wait(_: &mut (), _: u64, _: u64) -> Result<Timing, Fault> {
        maybe("queue_wait");
        Ok(Timing::default())
    }
    fn queue_signal(_: &mut ()) -> Result<u64, Fault> {
        maybe("queue_signal");
        Ok(0)
    }
    fn queue_poll(_: &mut ()) -> Result<u64, Fault> {
        maybe("queue_poll");
        Ok(0)
    }
    fn kernel_open(_: &(), _: &str, _: &[u64], _: u64, _: &str) -> Result<(), Fault> {
        maybe("kernel_open");
        Ok(())
    }
    fn extension(&self, _: &str, _: u32) -> Option<*const c_void> {
        maybe("get_extension");
        None
    }
}

/// One table a function, since a poisoned one stays poisoned.
macro_rules! tables {
    ($($name:ident),+ $(,)?) => {
        $(
            #[expect(non_camel_case_types, reason = "named after the function that panics")]
            struct $name;
            impl Bound for $name {
                type Backend = Nervous;
                fn poison() -> &'static Poison {
                    static POISON: Poison = Poison::new();
                    &POISON
                }
            }
        )+
        const TABLES: &[(&str, ClampBackendV1)] = &[$((stringify!($name), vtable_of::<$name>())),+];
    };
}

tables!(
    create,
    device_count,
    device_info,
    device_open,
    device_memory,
    device_status,
    buffer_alloc,
    queue_create,
    queue_upload,
    queue_download,
    queue_copy,
    queue_fill,
    queue_submit,
    queue_wait,
    queue_signal,
    queue_poll,
    kernel_open,
    get_extension,
);

struct Handles {
    instance: ClampInstance,
    device: ClampDevice,
    buffer: ClampBuffer,
    queue: ClampQueue,
}

fn status(code: i32) -> Status {
    Status::from_code(code)
}

/// Calls one function of the table by name.
fn call(table: &ClampBackendV1, h: &Handles, function: &str, err: *mut ClampError) -> Status {
    let empty = ClampStr { ptr: std::ptr::null(), len: 0 };
    let desc = ClampQueueDesc { mode: 0, max_threads: 1, host_call: 0 };
    let (mut word, mut other, mut handle) = (0_u64, 0_u64, null_mut());
    let (mut count, mut byte, mut found) = (0_u32, 0_u8, std::ptr::null());
    // SAFETY: every pointer is valid for its call; the handles come from this table.
    unsafe {
        let info = &mut std::mem::zeroed::<ClampDeviceInfo>();
        status(match function {
            "create" => table.instance_create.unwrap()(std::ptr::null(), &mut handle, err),
            "device_count" => table.device_count.unwrap()(h.instance, &mut count, err),
            "device_info" => table.device_info.unwrap()(h.instance, 0, info, err),
            "device_open" => table.device_open.unwrap()(h.instance, 0, &mut handle, err),
            "device_memory" => table.device_memory.unwrap()(h.device, &mut word, &mut other, err),
            "device_status" => table.device_status.unwrap()(h.device, err),
            "buffer_alloc" => table.buffer_alloc.unwrap()(h.device, 1, &mut handle, err),
            "queue_create" => table.queue_create.unwrap()(h.device, &desc, &mut handle, err),
            "queue_upload" => table.queue_upload.unwrap()(h.queue, h.buffer, 0, &byte, 0, err),
            "queue_download" => table.queue_download.unwrap()(h.queue, h.buffer, 0, &mut byte, 0, err),
            "queue_copy" => table.queue_copy.unwrap()(h.queue, h.buffer, 0, h.buffer, 0, 0, err),
            "queue_fill" => table.queue_fill.unwrap()(h.queue, h.buffer, 0, 0, 1, 0, err),
            "queue_submit" => table.queue_submit.unwrap()(h.queue, std::ptr::null(), 0, &mut word, err),
            "queue_wait" => table.queue_wait.unwrap()(h.queue, 0, 0, null_mut(), err),
            "queue_signal" => table.queue_signal.unwrap()(h.queue, &mut word, err),
            "queue_poll" => table.queue_poll.unwrap()(h.queue, &mut word, err),
            "kernel_open" => {
                table.kernel_open.unwrap()(h.device, empty, std::ptr::null(), 0, 0, empty, &mut handle, err)
            }
            "get_extension" => table.get_extension.unwrap()(h.instance, empty, 1, &mut found),
            other => panic!("no such function: {other}"),
        })
    }
}

fn open(table: &ClampBackendV1) -> Handles {
    let mut h = Handles { instance: null_mut(), device: null_mut(), buffer: null_mut(), queue: null_mut() };
    let desc = ClampQueueDesc { mode: 0, max_threads: 1, host_call: 0 };
    // SAFETY: outputs are writable, handles come from this table.
    unsafe {
        assert_eq!(table.instance_create.unwrap()(std::ptr::null(), &mut h.instance, null_mut()), 0);
        assert_eq!(table.device_open.unwrap()(h.instance, 0, &mut h.device, null_mut()), 0);
        assert_eq!(table.buffer_alloc.unwrap()(h.device, 1, &mut h.buffer, null_mut()), 0);
        assert_eq!(table.queue_create.unwrap()(h.device, &desc, &mut h.queue, null_mut()), 0);
    }
    h
}

#[test]
fn a_panic_in_any_function_is_a_status_and_poisons() {
    for (function, table) in TABLES {
        *PANIC_AT.lock().unwrap() = "";
        let handles = open(table);
        let mut text = [0_u8; 256];
        let mut err = ClampError { code: 0, launch: 0, element: 0, text: text.as_mut_ptr(), cap: text.len(), len: 0 };
        *PANIC_AT.lock().unwrap() = function;
        assert_eq!(call(table, &handles, function, &mut err), Status::Panic, "{function}");
        if *function != "get_extension" {
            let said = std::str::from_utf8(&text[..err.len]).unwrap();
            assert!(said.contains(&format!("asked to panic in {function}")), "{function}: {said:?}");
        }
        *PANIC_AT.lock().unwrap() = "";
        for (other, _) in TABLES {
            assert_eq!(call(table, &handles, other, null_mut()), Status::Poisoned, "{other} after {function}");
        }
        // Freeing after a panic is always safe to call.
        // SAFETY: handles of this table, used for the last time.
        unsafe {
            table.queue_destroy.unwrap()(handles.queue);
            table.buffer_free.unwrap()(handles.buffer);
            table.device_close.unwrap()(handles.device);
            table.instance_destroy.unwrap()(handles.instance);
        }
    }
}

#[test]
fn a_table_is_refused_for_what_is_wrong_with_it() {
    let good = TABLES[0].1;
    let check = |change: &dyn Fn(&mut ClampBackendV1)| {
        let mut table = good;
        change(&mut table);
        let table = Box::leak(Box::new(table));
        // SAFETY: a whole table that lives for ever.
        unsafe { ClampBackendV1::check(table) }.map(ClampBackendV1::id)
    };
    assert_eq!(check(&|_| {}), Ok("nervous"));
    assert!(matches!(check(&|t| t.header.magic = 0), Err(AbiProblem::Magic(0))));
    assert!(matches!(check(&|t| t.header.abi_major = 2), Err(AbiProblem::Major { found: 2 })));
    assert!(matches!(check(&|t| t.header.min_host_minor = 9), Err(AbiProblem::Minor { needed: 9 })));
    assert!(matches!(check(&|t| t.header.struct_size -= 8), Err(AbiProblem::StructSize { .. })));
    assert!(matches!(check(&|t| t.header.struct_size += 8), Err(AbiProblem::StructSize { .. })));
    assert!(matches!(check(&|t| t.header.panic_strategy = CLAMP_PANIC_ABORT), Err(AbiProblem::PanicAborts)));
    assert!(matches!(check(&|t| t.queue_poll = None), Err(AbiProblem::NullEntry("queue_poll"))));
    assert!(matches!(check(&|t| t.header.id.len = 0), Err(AbiProblem::Text { field: "id", .. })));
    // SAFETY: null is allowed.
    assert!(matches!(unsafe { ClampBackendV1::check(std::ptr::null()) }, Err(AbiProblem::Null)));
}
