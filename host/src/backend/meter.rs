//! What is used of a device: memory that is allocated, bytes that crossed between host and device; and scopes in which that
//! is limited. It counts calls of this host, not what other processes do with the device.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::session::Device;
use crate::error::{Error, Result};

/// What a scope may use of a device; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UseLimits {
    /// Bytes of its memory at one time: `limits.device_memory_bytes`. Arrays count; what a backend keeps for itself does not.
    pub memory_bytes: Option<u64>,
    /// Bytes that cross between host and device, either way: `limits.transfer_bytes`.
    pub transfer_bytes: Option<u64>,
}

/// What was used of a device since a scope began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeviceUse {
    /// The most bytes allocated at one time.
    pub memory_peak_bytes: u64,
    /// Bytes from host to device.
    pub uploaded_bytes: u64,
    /// Bytes from device to host.
    pub downloaded_bytes: u64,
}

/// The counts of one device and its scopes.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    allocated: u64,
    scopes: Vec<Scope>,
    begun: u64,
}

#[derive(Debug)]
struct Scope {
    number: u64,
    limits: UseLimits,
    used: DeviceUse,
    /// What was allocated when it began; that is not its own.
    before: u64,
}

/// When memory was allocated: how many scopes had begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Age(u64);

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Up,
    Down,
}

impl Meter {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before `bytes` are allocated on `device`: refuses what a scope does not allow. Gives the memory's age for
    /// [`Meter::freed`], which is also to be called if there is none to be had.
    pub(super) fn allocating(&self, device: &str, bytes: u64) -> Result<Age> {
        let mut state = self.state();
        let after = state.allocated.saturating_add(bytes);
        for scope in &state.scopes {
            let own = after.saturating_sub(scope.before);
            if let Some(most) = scope.limits.memory_bytes.filter(|&most| own > most) {
                let message = format!(
                    "limits.device_memory_bytes: {bytes} more bytes on {device} would make {own} at one time, {most} are allowed"
                );
                return Err(Error::limit(message).hint("use smaller inputs, or allow more"));
            }
        }
        state.allocated = after;
        Ok(Age(state.begun))
    }

    /// After memory was had.
    pub(super) fn allocated(&self) {
        let mut state = self.state();
        let all = state.allocated;
        for scope in &mut state.scopes {
            let own = all.saturating_sub(scope.before);
            scope.used.memory_peak_bytes = scope.used.memory_peak_bytes.max(own);
        }
    }

    /// After memory was freed, or could not be had.
    pub(super) fn freed(&self, bytes: u64, age: Age) {
        let mut state = self.state();
        state.allocated = state.allocated.saturating_sub(bytes);
        // A scope wins nothing by what was there before it.
        for scope in state.scopes.iter_mut().filter(|scope| scope.number > age.0) {
            scope.before = scope.before.saturating_sub(bytes);
        }
    }

    /// Before `bytes` cross: refuses what a scope does not allow. `call` is the host's call, for the message.
    pub(super) fn moving(&self, device: &str, call: &str, way: Way, bytes: u64) -> Result<()> {
        let mut state = self.state();
        for scope in &state.scopes {
            let sum = (scope.used.uploaded_bytes + scope.used.downloaded_bytes).saturating_add(bytes);
            if let Some(most) = scope.limits.transfer_bytes.filter(|&most| sum > most) {
                let (from, to) = if way == Way::Up { ("the host", device) } else { (device, "the host") };
                let message = format!(
                    "limits.transfer_bytes: the {call} of {bytes} bytes from {from} to {to} would make {sum}, {most} are allowed"
                );
                return Err(Error::limit(message).hint(
                    "keep data on the device between launches, or allow more: the limit is there to find copies",
                ));
            }
        }
        for scope in &mut state.scopes {
            match way {
                Way::Up => scope.used.uploaded_bytes += bytes,
                Way::Down => scope.used.downloaded_bytes += bytes,
            }
        }
        Ok(())
    }
}

/// A scope on a device: what is used in it is counted and limited until it is dropped. Scopes may lie in one another; all
/// of them hold.
#[derive(Debug)]
pub struct UseGuard {
    meter: Arc<Meter>,
    number: u64,
}

impl UseGuard {
    fn begin(meter: &Arc<Meter>, limits: UseLimits) -> UseGuard {
        let mut state = meter.state();
        state.begun += 1;
        let (number, before) = (state.begun, state.allocated);
        state.scopes.push(Scope { number, limits, used: DeviceUse::default(), before });
        drop(state);
        UseGuard { meter: Arc::clone(meter), number }
    }

    /// What was used since it began.
    pub fn used(&self) -> DeviceUse {
        let state = self.meter.state();
        state.scopes.iter().find(|scope| scope.number == self.number).map(|scope| scope.used).unwrap_or_default()
    }
}

impl Drop for UseGuard {
    fn drop(&mut self) {
        self.meter.state().scopes.retain(|scope| scope.number != self.number);
    }
}

impl Device {
    /// Begins a scope on this device.
    pub fn restrict(&self, limits: UseLimits) -> UseGuard {
        UseGuard::begin(&self.meter, limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_count_what_happens_in_them_and_refuse_what_is_too_much() {
        let meter = Arc::new(Meter::default());
        let older = meter.allocating("cuda:0", 1000).expect("no scope");
        let outer = UseGuard::begin(&meter, UseLimits { memory_bytes: Some(100), transfer_bytes: Some(50) });
        let own = meter.allocating("cuda:0", 80).expect("80 of 100");
        let error = meter.allocating("cuda:0", 21).expect_err("101 of 100");
        assert_eq!(
            error.message,
            "limits.device_memory_bytes: 21 more bytes on cuda:0 would make 101 at one time, 100 are allowed"
        );
        meter.freed(600, older);
        assert!(meter.allocating("cuda:0", 21).is_err(), "what was there before is not its own");
        meter.freed(80, own);
        meter.allocating("cuda:0", 100).expect("what was freed may be had again");
        meter.allocated();
        meter.moving("cuda:0", "upload", Way::Up, 30).expect("30 of 50");
        {
            let inner = UseGuard::begin(&meter, UseLimits { memory_bytes: None, transfer_bytes: Some(10) });
            meter.moving("cuda:0", "download", Way::Down, 8).expect("8 of 10, 38 of 50");
            let error = meter.moving("cuda:0", "download", Way::Down, 3).expect_err("11 of 10");
            assert_eq!(
                error.message,
                "limits.transfer_bytes: the download of 3 bytes from cuda:0 to the host would make 11, 10 are allowed"
            );
            assert_eq!(inner.used(), DeviceUse { memory_peak_bytes: 0, uploaded_bytes: 0, downloaded_bytes: 8 });
        }
        meter.moving("cuda:0", "download", Way::Down, 12).expect("50 of 50");
        assert!(meter.moving("cuda:0", "upload", Way::Up, 1).is_err());
        assert_eq!(outer.used(), DeviceUse { memory_peak_bytes: 100, uploaded_bytes: 30, downloaded_bytes: 20 });
        drop(outer);
        meter.moving("cuda:0", "upload", Way::Up, 1 << 40).expect("no scope");
    }
}
