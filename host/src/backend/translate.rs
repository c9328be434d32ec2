//! The border between the ABI's statuses and the host's errors: each plugin call goes through here, once.

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

/// Calls a table function with room for its error text; with `fp_check` looks at the floating-point environment
/// afterwards.
#[inline]
pub(super) fn call(fp_check: bool, f: impl FnOnce(*mut ClampError) -> i32) -> Result<(), PluginFault> {
    let mut room = [0_u8; 1024];
    let mut err = ClampError { code: 0, launch: 0, element: 0, text: room.as_mut_ptr(), cap: room.len(), len: 0 };
    let before = FpEnvironment::current();
    let code = f(&raw mut err);
    let after = FpEnvironment::current();
    if fp_check && after != before {
        before.apply();
        return Err(PluginFault {
            status: Status::Internal,
            code: 0,
            launch: 0,
            element: 0,
            text: format!("left the floating-point environment changed ({}); it was set back", after.describe()),
        });
    }
    match Status::from_code(code) {
        Status::Ok => Ok(()),
        status => Err(PluginFault {
            status,
            code: err.code,
            launch: err.launch,
            element: err.element,
            text: String::from_utf8_lossy(&room[..err.len.min(room.len())]).replace('\n', " "),
        }),
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
        let code = if self.code == 0 { String::new() } else { format!(" (code {})", self.code) };
        let message = format!("backend `{backend}` could not {doing}: {}: {text}{code}", self.status.describe());
        match self.status {
            Status::Invalid => Error::bad_input(message),
            Status::NotFound => Error::not_found(message),
            Status::Data => Error::new(ErrorKind::Data, message),
            Status::OutOfMemory => {
                Error::backend(message).hint("use smaller inputs, another device, or close what holds its memory")
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
