//! The host as a library: one pipeline from an `Invocation` to a recorded outcome, and the rooms it passes through.
//! docs/architecture.md draws the map; `main.rs` is only a door.

pub mod backend;
pub mod bench;
pub mod cli;
pub mod config;
pub mod error;
pub mod host;
pub mod invoke;
pub mod npy;
pub mod overlay;
pub mod run;
mod sandbox;

pub use error::{Error, ErrorKind, Result};
