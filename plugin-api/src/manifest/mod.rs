//! The overlay manifest and what hangs on its exact bytes: strict JSON, canonical JSON, digests, run ids, seeds, and
//! the memory profiles that a manifest may name. It reads no file, no clock and no network, and builds for wasm32.

pub mod ids;
pub mod jcs;
pub mod json;
mod overlay;
mod path;
pub mod profile;
mod rules;
mod words;

pub use overlay::{
    Asset, Capability, Degradation, Entrypoints, HttpEntry, Manifest, ManifestError, ParsedManifest, Policy, ProcEntry,
    Resources, Timeout, WasmEntry,
};
pub use path::{JsonPath, package_path_problem};
pub use rules::{capability_name_problem, overlay_name_problem};
pub use words::{Grant, Phase, ProfileName, Right, Runner, UnknownWord};
