//! The pipeline: everything that runs an overlay is an [`Invocation`] and goes through [`run`], whatever door it came
//! in by. Prints nothing, reads no environment.

mod facts;
mod input;
mod outcome;
mod pipeline;
mod plan;
mod recorded;
mod replay;
mod work;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clamp_plugin_api::manifest::{Grant, Phase, ProfileName};

use crate::config::Mode;

pub use input::Input;
pub use outcome::{Failure, Outcome};
pub use pipeline::{EchoLayer, Observer, run};
pub use replay::{Replayed, Verdict, replay};

/// One wish to run an overlay.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// `OVERLAY[.CAPABILITY]` or a bare capability.
    pub target: String,
    /// `None` takes the capability's first.
    pub phase: Option<Phase>,
    /// What it works on.
    pub input: Input,
    /// `None` takes the capability's.
    pub profile: Option<ProfileName>,
    /// `auto`, an id, or `id:device`.
    pub backend: String,
    /// Nothing but a GPU will do.
    pub require_gpu: bool,
    /// Strict or fast.
    pub mode: Mode,
    /// As given; `None` takes the default of the mode.
    pub seed: Option<String>,
    /// 0 = the backend's choice. Never changes results.
    pub threads: u32,
    /// Where run folders go.
    pub run_root: PathBuf,
    /// The command line or request as it came, for the record.
    pub argv: Vec<String>,
    /// This very version with these grants, whatever is enabled now; `None` goes by the registry.
    pub pinned: Option<Pinned>,
}

/// A version of an overlay and what it was given.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// Of the manifest.
    pub digest: String,
    /// What it gets.
    pub grants: BTreeSet<Grant>,
}
