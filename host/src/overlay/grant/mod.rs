//! The host's side of the WIT interfaces, one file per grant. An interface is linked only where it was granted.

mod artifacts;
mod assets;
mod clock;
mod compute;
mod config;
mod context;
mod hints;
mod http;
mod log;
mod random;
mod store;
mod tensor;

use std::collections::BTreeSet;

use clamp_plugin_api::manifest::Grant;
use clamp_plugin_api::manifest::jcs::{hex, to_jcs};
use serde_json::{Value, json};
use wasmtime::component::{HasSelf, Linker};

pub use artifacts::ArtifactHandle;
pub use compute::KernelHandle;
pub use tensor::TensorHandle;

use super::bindings::clamp::overlay as wit;
use super::call::{CallState, Function, LimitHit, Stop};
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
            Grant::Clock => wit::clock::add_to_linker::<_, HasSelf<_>>(linker, |c| c)?,
            Grant::Store => wit::store::add_to_linker::<_, HasSelf<_>>(linker, |c| c)?,
            Grant::Hints => wit::hints::add_to_linker::<_, HasSelf<_>>(linker, |c| c)?,
            Grant::Config => wit::config::add_to_linker::<_, HasSelf<_>>(linker, |c| c)?,
            Grant::Http => wit::http::add_to_linker::<_, HasSelf<_>>(linker, |c| c)?,
            // A command has no imports.
            Grant::Proc => {}
        }
    }
    Ok(())
}

impl wit::types::Host for CallState {}

impl CallState {
    /// Begins a host call: counts it, begins its mark, and looks at the clock. A replay stops where the call was stopped
    /// and nowhere else.
    fn enter(&mut self, function: Function) -> wasmtime::Result<()> {
        self.host_calls += 1;
        let is_late = match self.trace.stop() {
            None => self.started.elapsed() > self.limits.wall,
            Some(stop) => stop == Some(Stop::Call(self.host_calls)),
        };
        if is_late {
            let hit = self.wall_limit();
            self.stopped_by_clock = true;
            self.stop = Some(Stop::Call(self.host_calls));
            return Err(self.stop_at(hit));
        }
        self.trace.begin(function);
        Ok(())
    }

    /// What only the world knows, kept for a replay and part of the mark.
    fn world(&mut self, function: Function, ask: impl FnOnce(&mut Self) -> Value) -> wasmtime::Result<Value> {
        // Asked before the trace is borrowed; in a replay nothing is asked.
        let asked = if self.trace.stop().is_none() { ask(self) } else { Value::Null };
        let value = self.trace.world(self.host_calls, function, || asked).map_err(wasmtime::Error::msg)?;
        let most = self.limits.answer_bytes;
        if self.trace.answer_bytes() > most {
            let message = format!("the answers that are kept for a replay have more than {most} bytes");
            return Err(self.stop_at(LimitHit::new("limits.answer_bytes", message)));
        }
        self.trace.add(&to_jcs(&value));
        Ok(value)
    }

    /// The wall-clock limit; where it was noticed is no part of it, since that differs from run to run.
    pub(super) fn wall_limit(&self) -> LimitHit {
        LimitHit::new(self.limits.wall_name, format!("stopped after {} ms", self.limits.wall.as_millis()))
    }

    /// Gives the guest an error of the host, and keeps what the host has to answer for.
    fn tell(&mut self, error: Error) -> wit::types::Error {
        let message = error.message.clone();
        self.trace.add(message.as_bytes());
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

/// Bytes as a line of calls.jsonl has them: a text where they are one, else hexadecimal.
fn bytes_json(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({"text": text}),
        Err(_) => json!({"hex": hex(bytes)}),
    }
}

/// The bytes of such a value; none of another one.
fn json_bytes(value: &Value) -> Vec<u8> {
    if let Some(text) = value.get("text").and_then(Value::as_str) {
        return text.as_bytes().to_vec();
    }
    let digits = value.get("hex").and_then(Value::as_str).unwrap_or_default().as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
    digits.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
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
