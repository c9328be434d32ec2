//! Runners carry one call to its end. `wasm` is the main kind; http and proc come beside it.

mod wasm;

pub use wasm::{CallEnd, CallFailure, CallRequest, FailureKind, Linked, call_wasm};
