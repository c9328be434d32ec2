//! Overlays: installed packages, the engine that compiles them, the interfaces that are granted to them, and the
//! runner that carries one call to its end. The only room that knows wasmtime. Chooses no backend and writes no record.

mod bindings;
mod call;
mod engine;
mod grant;
pub mod registry;
mod runner;

pub use call::{
    Account, ArtifactSink, CallLimits, CallSetup, NoArtifacts, Progress, ProgressUpdate, SavedArtifact, Usage,
};
pub use engine::{ENGINE_VERSION, Engine, EngineOptions, Prepared};
pub use runner::{CallEnd, CallFailure, CallRequest, FailureKind, call_wasm};
