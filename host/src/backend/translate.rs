//! The border between the ABI's statuses and the host's errors: each plugin call goes through here, once.

use std::cell::RefCell;
use std::ffi::c_void;

use clamp_plugin_api::abi::{ClampError, Status};

use super::fp::FpEnvironment;
use crate::error::{Error, ErrorKind};

/// A failed plugin call as the host keeps it until it knows what was being done.
#[derive(Clone, Debug)]
pub(super) struct PluginFault {
    pub(super) status: Status,
    pub(super) code: i64,
    pub(super) launch: u64,
    pub(super) element: u64,
    pub(super) text: String,
}

/// What to do where a backend lacks something; in the list itself it would lead in a circle.
pub(super) const SEE_LIST: &str =
    "`clamp-host backend list` shows what each backend finds and lacks; --backend chooses another";

/// Room for a plugin's error text.
type Room = [u8; 1024];

thread_local! {
    /// Zeroed once a thread and after each text, since to zero it at each call would take longer than the call itself.
    static ROOM: RefCell<Room> = const { RefCell::new([0; 1024]) };
}

/// Calls a table function with room for its error text; with `fp_check` looks at the floating-point environment
/// afterwards.
#[inline(always)]
pub(super) fn call(fp_check: bool, f: impl FnOnce(*mut ClampError) -> i32) -> Result<(), PluginFault> {
    ROOM.with(|room| match room.try_borrow_mut() {
        Ok(mut room) => call_with(fp_check, &mut room, f),
        // A plugin that calls the host, which calls a plugin.
        Err(_) => call_with(fp_check, &mut [0; 1024], f),
    })
}

#[inline(always)]
fn call_with(fp_check: bool, room: &mut Room, f: impl FnOnce(*mut ClampError) -> i32) -> Result<(), PluginFault> {
    let mut err = ClampError { code: 0, launch: 0, element: 0, text: room.as_mut_ptr(), cap: room.len(), len: 0 };
    let code = if fp_check {
        let before = FpEnvironment::current();
        let code = f(&raw mut err);
        let after = FpEnvironment::current();
        if after != before {
            before.apply();
            return Err(changed_environment(&after));
        }
        code
    } else {
        f(&raw mut err)
    };
    match Status::from_code(code) {
        Status::Ok => Ok(()),
        status => {
            let text = String::from_utf8_lossy(&room[..err.len.min(room.len())]).replace('\n', " ");
            room.fill(0);
            Err(PluginFault { status, code: err.code, launch: err.launch, element: err.element, text })
        }
    }
}

#[cold]
fn changed_environment(after: &FpEnvironment) -> PluginFault {
    PluginFault {
        status: Status::Internal,
        code: 0,
        launch: 0,
        element: 0,
        text: format!("left the floating-point environment changed ({}); it was set back", after.describe()),
    }
}

/// A handle that a plugin gave with `Ok`.
pub(super) fn given(handle: *mut c_void) -> Result<*mut c_void, PluginFault> {
    if !handle.is_null() {
        return Ok(handle);
    }
    Err(PluginFault {
        status: Status::Internal,
        code: 0,
        launch: 0,
        element: 0,
        text: "it said Ok and gave no handle".to_owned(),
    })
}

impl PluginFault {
    /// `doing` is what was tried: "open device 0".
    pub(super) fn into_error(self, backend: &str, doing: &str) -> Error {
        let text = if self.text.is_empty() { self.status.describe().to_owned() } else { self.text.clone() };
        let code = if self.code == 0 || text.contains(&format!("({})", self.code)) {
            String::new()
        } else {
            format!(" (code {})", self.code)
        };
        let status =
            if text == self.status.describe() { String::new() } else { format!("{}: ", self.status.describe()) };
        let message = format!("backend `{backend}` could not {doing}: {status}{text}{code}");
        match self.status {
            Status::Invalid => Error::bad_input(message),
            Status::NotFound => Error::not_found(message).hint(SEE_LIST),
            Status::Data => Error::new(ErrorKind::Data, message),
            Status::OutOfMemory => {
                Error::limit(message).hint("use smaller inputs, another device, or close what holds its memory")
            }
            Status::Panic | Status::Poisoned => Error::backend(message)
                .hint("this is a fault of the plugin: report it to its author; other backends still work (--backend)"),
            Status::DeviceLost => Error::backend(message).hint("check the device and its driver, then start again"),
            Status::Ok
            | Status::Unsupported
            | Status::Device
            | Status::Timeout
            | Status::Cancelled
            | Status::Internal => Error::backend(message),
        }
    }
}
