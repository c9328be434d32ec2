//! Runners carry one call to its end: `wasm` in this process, `http` at a service, `proc` as a command. What they are given
//! and what they give is the same.

mod http;
mod proc;
mod service;
mod wasm;

use std::collections::BTreeMap;
use std::time::Duration;

use super::call::{SavedArtifact, Stop, TraceEnd, Usage};
use crate::error::ErrorKind;

pub use http::{HttpCall, call_http};
pub use proc::{ProcCall, Sandboxed, call_proc};
pub use service::ServiceCall;
pub use wasm::{Linked, call_wasm};

/// What the guest gets.
#[derive(Clone, Debug)]
pub struct CallRequest {
    /// Bare name of the capability.
    pub capability: String,
    /// `OPEN`, ...
    pub phase: String,
    /// `application/json` or `application/octet-stream`.
    pub content_type: String,
    /// JSON as its JCS bytes, anything else as given.
    pub payload: Vec<u8>,
}

/// Why a call gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The overlay said so itself.
    Overlay,
    /// It trapped.
    Trap,
    /// It reached a limit.
    Limit,
    /// The host or a backend failed while working for it.
    Host(ErrorKind),
}

/// A call without a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFailure {
    /// Who is to blame.
    pub kind: FailureKind,
    /// The overlay's own code, or `trap`, `limit`, ...
    pub code: String,
    /// One line.
    pub message: String,
    /// What to do, where that is known.
    pub hint: Option<String>,
    /// The overlay's own data, empty if there is none.
    pub data: Vec<u8>,
}

/// How a call ended.
pub struct CallEnd {
    /// The reply's bytes.
    pub reply: Result<Vec<u8>, CallFailure>,
    /// What it used.
    pub usage: Usage,
    /// Artifacts that were finished.
    pub artifacts: BTreeMap<String, SavedArtifact>,
    /// Time inside the backend; part of the call's.
    pub kernel_time: Duration,
    /// The clock ended it, so that what it used may differ the next time.
    pub stopped_by_clock: bool,
    /// Where the clock stopped it.
    pub stop: Option<Stop>,
    /// What passed between it and the host.
    pub trace: TraceEnd,
}
