//! The record of a run: its folder, its canonical manifest, its log, and reading them back. Runs nothing itself.

pub mod durable;
mod folder;
mod listing;
mod log;
mod program;
mod record;
mod source;
mod verify;

pub use folder::{RunFolder, check_artifact_name};
pub use listing::{RunSummary, find, list, read_manifest};
pub use log::{LogDigest, RunLog, RunLogLayer};
pub use program::Program;
pub use record::{MANIFEST_SCHEMA, Record, manifest_bytes, utc_millis};
pub use source::WorkingTree;
pub use verify::{Finding, verify};
