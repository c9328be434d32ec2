//! Overlays: installed packages, the engine that compiles them, the interfaces that are granted to them, and the
//! runner that carries one call to its end. The only room that knows wasmtime. Chooses no backend and writes no record.

mod bindings;
mod call;
mod engine;
mod grant;
pub mod http;
pub mod registry;
mod runner;
pub mod store;

pub use call::{
    Account, Answer, ArtifactSink, CallLimits, CallSetup, Hints, Mark, NoArtifacts, Progress, ProgressUpdate,
    SavedArtifact, Script, Stop, StressBand, TraceEnd, Usage, World,
};
pub use engine::{ENGINE_VERSION, Engine, EngineOptions, Prepared};
pub use runner::{
    CallEnd, CallFailure, CallRequest, FailureKind, HttpCall, Linked, ProcCall, Sandboxed, ServiceCall, call_http,
    call_proc, call_wasm,
};
