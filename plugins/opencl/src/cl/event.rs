//! Events: whether a command has ended, how, and when it ran.

use super::error::check;
use super::{ClError, value};
use crate::sys::*;

/// One command's event.
pub(crate) struct Event {
    cl: &'static Library,
    raw: RawEvent,
}

// SAFETY: events may be used from any thread.
unsafe impl Send for Event {}

impl Event {
    /// Takes over an event that an enqueueing call gave.
    pub(super) fn of(cl: &'static Library, raw: RawEvent) -> Event {
        Event { cl, raw }
    }

    /// Whether the command has ended; an error if it failed.
    pub(crate) fn ended(&self) -> Result<bool, ClError> {
        let status: i32 = value("clGetEventInfo", |size, to, len| {
            // SAFETY: the event is alive, `to` has room for `size` bytes.
            unsafe { (self.cl.clGetEventInfo)(self.raw, CL_EVENT_COMMAND_EXECUTION_STATUS, size, to, len) }
        })?;
        match status {
            status if status < 0 => Err(ClError { call: "a command", code: status, detail: None }),
            status => Ok(status == CL_COMPLETE),
        }
    }

    /// Waits until the command has ended; an error if it failed.
    pub(crate) fn wait_for(&self) -> Result<(), ClError> {
        // SAFETY: one living event.
        let waited = check("clWaitForEvents", unsafe { (self.cl.clWaitForEvents)(1, &raw const self.raw) });
        match waited {
            // The command's own number says more.
            Err(ClError { code: CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, .. }) => self.ended().and(waited),
            waited => waited,
        }
    }

    /// When the command began and ended on the device, ns; `None` where the driver does not tell.
    pub(crate) fn times(&self) -> Option<(u64, u64)> {
        Some((self.time(CL_PROFILING_COMMAND_START)?, self.time(CL_PROFILING_COMMAND_END)?))
    }

    fn time(&self, which: u32) -> Option<u64> {
        value("clGetEventProfilingInfo", |size, to, len| {
            // SAFETY: as in `ended`.
            unsafe { (self.cl.clGetEventProfilingInfo)(self.raw, which, size, to, len) }
        })
        .ok()
    }
}

impl Clone for Event {
    fn clone(&self) -> Event {
        // SAFETY: the event is alive; the copy releases what is retained here.
        unsafe { (self.cl.clRetainEvent)(self.raw) };
        Event { cl: self.cl, raw: self.raw }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: each value owns one reference.
        unsafe { (self.cl.clReleaseEvent)(self.raw) };
    }
}
