//! The state of one call: its limits, its memory account, what it may reach, what it has used. Grants read and change
//! it; it decides nothing about the guest's code.

mod account;
mod hints;
mod limiter;
mod limits;
mod sinks;
mod state;
mod trace;
mod world;

pub use account::Account;
pub use hints::{Hints, StressBand};
pub use limits::CallLimits;
pub(super) use limits::LimitHit;
pub use sinks::{ArtifactSink, NoArtifacts, Progress, ProgressUpdate, SavedArtifact};
pub(super) use state::CallState;
pub use state::{CallSetup, Usage};
pub(super) use trace::Function;
pub use trace::{Answer, Mark, Script, Stop, TraceEnd};
pub use world::World;
