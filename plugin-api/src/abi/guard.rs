//! What stands between a plugin's code and the border: a panic becomes a status and poisons the plugin, and every later
//! call but the freeing ones is refused without touching the backend again.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use super::backend::{Backend, Fault, HostHandle};
use super::status::Status;
use super::types::{CLAMP_LOG_ERROR, ClampError};

/// Whether a plugin has panicked.
pub struct Poison(AtomicBool);

impl Poison {
    /// Not poisoned.
    #[expect(clippy::new_without_default, reason = "only made by the export macro, as a static")]
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }
}

/// Ties a backend to its plugin's statics; `export_backend!` writes it.
#[doc(hidden)]
pub trait Bound: 'static {
    /// The backend.
    type Backend: Backend;
    /// Its poison flag.
    fn poison() -> &'static Poison;
}

thread_local! {
    static PANIC_TEXT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Sends panic texts of this plugin's own std to the host's log instead of stderr.
pub(super) fn install_panic_hook(host: HostHandle) {
    std::panic::set_hook(Box::new(move |info| {
        let text = info.to_string().replace('\n', " ");
        host.log(CLAMP_LOG_ERROR, &text);
        PANIC_TEXT.with(|slot| slot.replace(text));
    }));
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let hooked = PANIC_TEXT.with(|slot| slot.take());
    if !hooked.is_empty() {
        return hooked;
    }
    match payload.downcast_ref::<&str>() {
        Some(text) => (*text).to_owned(),
        None => payload.downcast_ref::<String>().cloned().unwrap_or_else(|| "panic without a text".into()),
    }
}

/// # Safety
/// `err` is null or points to a caller's error with room as it says.
unsafe fn report(err: *mut ClampError, fault: &Fault) {
    // SAFETY: by this function's contract.
    let Some(err) = (unsafe { err.as_mut() }) else { return };
    err.code = fault.code;
    err.launch = fault.launch;
    err.element = fault.element;
    let mut len = fault.message.len().min(err.cap);
    while !fault.message.is_char_boundary(len) {
        len -= 1;
    }
    if !err.text.is_null() {
        // SAFETY: `len` is at most `cap`; the two do not overlap, one is this plugin's own memory.
        unsafe { std::ptr::copy_nonoverlapping(fault.message.as_ptr(), err.text, len) };
        err.len = len;
    }
}

/// Runs `body` so that neither a panic nor a poisoned plugin gets past the border.
///
/// # Safety
/// As [`report`].
pub(super) unsafe fn guard<X: Bound>(err: *mut ClampError, body: impl FnOnce() -> Result<(), Fault>) -> i32 {
    let fault = if X::poison().0.load(Ordering::Acquire) {
        Fault::new(Status::Poisoned, format!("backend {} panicked before; restart the host to use it", X::Backend::ID))
    } else {
        match catch_unwind(AssertUnwindSafe(body)) {
            Ok(Ok(())) => return Status::Ok.code(),
            Ok(Err(fault)) => fault,
            Err(payload) => {
                X::poison().0.store(true, Ordering::Release);
                let fault = Fault::new(Status::Panic, panic_text(&*payload));
                // A payload may panic when it is dropped, and nobody would catch that.
                std::mem::forget(payload);
                fault
            }
        }
    };
    // SAFETY: passed on.
    unsafe { report(err, &fault) };
    fault.status.code()
}

/// Drops a handle; a panic while dropping poisons the plugin and is swallowed.
///
/// # Safety
/// `handle` came from `Box::into_raw` of a `T` and is not used again.
pub(super) unsafe extern "C" fn release<X: Bound, T>(handle: *mut c_void) {
    if handle.is_null() {
        return;
    }
    // A poisoned plugin's handles leak: their destructors may rely on what the panic left half done.
    if X::poison().0.load(Ordering::Acquire) {
        return;
    }
    // SAFETY: by this function's contract.
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(unsafe { Box::from_raw(handle.cast::<T>()) })));
    if let Err(payload) = dropped {
        std::mem::forget(payload);
        X::poison().0.store(true, Ordering::Release);
    }
}
