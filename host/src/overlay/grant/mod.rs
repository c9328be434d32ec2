//! The host's side of the WIT interfaces, one file per grant. An interface is linked only where it was granted.

mod artifacts;
mod assets;
mod compute;
mod context;
mod log;
mod random;
mod tensor;

use std::collections::BTreeSet;

use clamp_plugin_api::manifest::Grant;
use wasmtime::component::{HasSelf, Linker};

pub use artifacts::ArtifactHandle;
pub use compute::KernelHandle;
pub use tensor::TensorHandle;

use super::bindings::clamp::overlay as wit;
use super::call::{CallState, LimitHit};
use crate::error::{Error, ErrorKind};

/// What a WIT function answers: the outer error ends the call, the inner one goes to the guest.
type Answer<T> = wasmtime::Result<Result<T, wit::types::Error>>;

/// Links what was granted, and nothing else.
pub(super) fn link(linker: &mut Linker<CallState>, granted: &BTreeSet<Grant>) -> wasmtime::Result<()> {
    wit::types::add_to_linker::<_, HasSelf<_>>(linker, |c| c)?;
    wit::log::add_to_linker::<_, HasSelf<_>>(linker, |c| c)?;
    for grant in granted {
        match grant {
            Grant::Tensor => wit::tensor::add_to_linker::<_, HasSelf<_>>(linker, |c| c)?,
            Grant::Compute => wit::compute::add_to_linker::<_, HasSelf<_>>(linker, |c| c)?,
            Grant::Assets => wit::assets::add_to_linker::<_, HasSelf<_>>(linker, |c| c)?,
            Grant::Artifacts => wit::artifacts::add_to_linker::<_, HasSelf<_>>(linker, |c| c)?,
            Grant::Random => wit::random::add_to_linker::<_, HasSelf<_>>(linker, |c| c)?,
            Grant::Context => wit::context::add_to_linker::<_, HasSelf<_>>(linker, |c| c)?,
            // Known to the manifest, not yet part of this host's WIT: a component that imports one is refused by name.
            Grant::Clock | Grant::Store | Grant::Hints | Grant::Config | Grant::Http | Grant::Proc => {}
        }
    }
    Ok(())
}

impl wit::types::Host for CallState {}

impl CallState {
    /// Begins a host call: counts it and looks at the clock.
    fn enter(&mut self) -> wasmtime::Result<()> {
        self.host_calls += 1;
        if self.started.elapsed() > self.limits.wall {
            let hit = self.wall_limit();
            self.stopped_by_clock = true;
            return Err(self.stop_at(hit));
        }
        Ok(())
    }

    /// The wall-clock limit; where it was noticed is no part of it, since that differs from run to run.
    pub(super) fn wall_limit(&self) -> LimitHit {
        LimitHit::new(self.limits.wall_name, format!("stopped after {} ms", self.limits.wall.as_millis()))
    }

    /// Gives the guest an error of the host, and keeps what the host has to answer for.
    fn tell(&mut self, error: Error) -> wit::types::Error {
        let message = error.message.clone();
        match error.kind {
            ErrorKind::Usage | ErrorKind::BadInput | ErrorKind::Refused | ErrorKind::OverlayFailed => {
                wit::types::Error::Invalid(message)
            }
            ErrorKind::Data => {
                self.host_fault.get_or_insert(error);
                wit::types::Error::Data(message)
            }
            ErrorKind::NotFound => wit::types::Error::NotFound(message),
            ErrorKind::Limit => {
                // A guest may go on after HARD, which is the same on every machine; what a device has left is not.
                if !message.contains(&self.hard_name) {
                    self.host_fault.get_or_insert(error);
                }
                wit::types::Error::Limit(message)
            }
            ErrorKind::Backend
            | ErrorKind::NoGpu
            | ErrorKind::NotCertified
            | ErrorKind::Slower
            | ErrorKind::Untrusted
            | ErrorKind::Internal => {
                self.host_fault.get_or_insert(error);
                wit::types::Error::Backend(message)
            }
            ErrorKind::Io => {
                self.host_fault.get_or_insert(error);
                wit::types::Error::Io(message)
            }
        }
    }
}

/// Two halves to one pattern.
fn pattern(bits: wit::types::Bits64) -> u64 {
    u64::from(bits.hi) << 32 | u64::from(bits.lo)
}

/// One pattern to two halves.
fn halves(value: u64) -> wit::types::Bits64 {
    wit::types::Bits64 { lo: value as u32, hi: (value >> 32) as u32 }
}

/// A handle table that is full ends the call; a stale handle cannot happen through the canonical ABI.
fn handle_error(state: &mut CallState, error: wasmtime::component::ResourceTableError) -> wasmtime::Error {
    match error {
        wasmtime::component::ResourceTableError::Full => {
            let message = format!("{} resource handles are open at one time", state.limits.handles);
            state.stop_at(LimitHit::new("limits.handles", message))
        }
        other => wasmtime::Error::new(other),
    }
}
