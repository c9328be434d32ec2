//! Every plugin candidate, how far it came and why no further. Tables are loaded when the catalogue opens (a fraction
//! of a millisecond each); instances only when somebody asks for one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use super::discover::{SearchFolder, candidates};
use super::instance::{Backend, DeviceFacts};
use super::load::{Door, LoadOptions, LoadStage, Loaded, load};
use crate::error::{Error, Result};

/// How far a candidate came; the last one is success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Stopped while the file was read and hashed.
    Hash,
    /// Stopped by the dynamic loader.
    Load,
    /// Has no door.
    Door,
    /// Another ABI version.
    Version,
    /// Another layout, or a missing entry.
    Layout,
    /// Its id is taken by an earlier candidate.
    Identity,
    /// Could not start.
    Probe,
    /// Usable.
    Ready,
}

/// One plugin file.
pub struct Candidate {
    /// Where it was found.
    pub path: PathBuf,
    loaded: std::result::Result<Loaded, (Stage, String)>,
    backend: OnceLock<Result<Arc<Backend>>>,
}

/// A candidate as `backend list` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// The backend's id, once its table could be read.
    pub id: Option<String>,
    /// The plugin's version, likewise.
    pub version: Option<String>,
    /// Compiler, likewise.
    pub compiler: Option<String>,
    /// `rust` or `c`.
    pub door: Option<&'static str>,
    /// Of the file.
    pub sha256: Option<String>,
    /// How far it came.
    pub stage: Stage,
    /// Why no further.
    pub reason: Option<String>,
    /// Its devices, when it is ready.
    pub devices: Vec<DeviceFacts>,
}

/// All candidates, in search order.
pub struct Catalog {
    /// The candidates.
    pub candidates: Vec<Candidate>,
    /// Where they were looked for.
    pub folders: Vec<SearchFolder>,
}

impl Catalog {
    /// Finds and loads.
    pub fn open(folders: Vec<SearchFolder>, options: &LoadOptions) -> Result<Self> {
        let mut all: Vec<Candidate> = Vec::new();
        for path in candidates(&folders)? {
            let Candidate { loaded, .. } = Candidate::load(&path, options);
            let loaded = loaded.and_then(|loaded| {
                let taken = all.iter().find(|c| c.id() == Some(loaded.table.id()));
                match taken {
                    Some(first) => Err((
                        Stage::Identity,
                        format!(
                            "its id `{}` is taken by {}: remove one of the two",
                            loaded.table.id(),
                            first.path.display()
                        ),
                    )),
                    None => Ok(loaded),
                }
            });
            all.push(Candidate { path, loaded, backend: OnceLock::new() });
        }
        Ok(Self { candidates: all, folders })
    }

    /// The candidate with this id.
    pub fn find(&self, id: &str) -> Option<&Candidate> {
        self.candidates.iter().find(|c| c.id() == Some(id))
    }

    /// Ids that could be chosen, in search order.
    pub fn ids(&self) -> Vec<&'static str> {
        self.candidates.iter().filter_map(Candidate::id).collect()
    }

    /// What to say when an id is not there.
    pub fn unknown(&self, id: &str) -> Error {
        let ids = self.ids();
        let hint = if ids.is_empty() {
            let folders: Vec<_> = self.folders.iter().map(|f| f.path.display().to_string()).collect();
            format!("no backend is installed; looked in {}", folders.join(", "))
        } else {
            format!("installed are: {}; `clamp-host backend list` says more", ids.join(", "))
        };
        Error::not_found(format!("backend `{id}` is not installed")).hint(hint)
    }
}

impl Candidate {
    /// Loads one file.
    pub fn load(path: &Path, options: &LoadOptions) -> Self {
        let loaded = load(path, options).map_err(|e| (Stage::from(e.stage), e.reason));
        Self { path: path.to_owned(), loaded, backend: OnceLock::new() }
    }

    /// The backend's id, if its table could be used.
    pub fn id(&self) -> Option<&'static str> {
        self.loaded.as_ref().ok().map(|l| l.table.id())
    }

    /// The live backend, created at the first call.
    pub fn backend(&self) -> Result<Arc<Backend>> {
        match &self.loaded {
            Ok(loaded) => self.backend.get_or_init(|| Backend::create(loaded)).clone(),
            Err((_, reason)) => Err(Error::backend(format!("plugin {} cannot be used: {reason}", self.path.display()))),
        }
    }

    /// Starts it if it can be started, and says all.
    pub fn report(&self) -> Report {
        let mut report = Report {
            path: self.path.clone(),
            id: None,
            version: None,
            compiler: None,
            door: None,
            sha256: None,
            stage: Stage::Ready,
            reason: None,
            devices: Vec::new(),
        };
        match &self.loaded {
            Err((stage, reason)) => {
                report.stage = *stage;
                report.reason = Some(reason.clone());
            }
            Ok(loaded) => {
                report.id = Some(loaded.table.id().to_owned());
                report.version = Some(loaded.table.version().to_owned());
                report.compiler = Some(loaded.table.compiler().to_owned());
                report.door = Some(match loaded.door {
                    Door::Rust => "rust",
                    Door::C => "c",
                });
                report.sha256 = Some(loaded.sha256.clone());
                match self.backend().and_then(|b| b.devices()) {
                    Ok(devices) => {
                        if devices.is_empty() {
                            report.reason = Some("no device found".into());
                        }
                        report.devices = devices;
                    }
                    Err(error) => {
                        report.stage = Stage::Probe;
                        report.reason = Some(error.message);
                    }
                }
            }
        }
        report
    }
}

impl From<LoadStage> for Stage {
    fn from(stage: LoadStage) -> Self {
        match stage {
            LoadStage::Hash => Self::Hash,
            LoadStage::Load => Self::Load,
            LoadStage::Door => Self::Door,
            LoadStage::Version => Self::Version,
            LoadStage::Layout => Self::Layout,
        }
    }
}

impl Stage {
    /// The word shown to people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Load => "load",
            Self::Door => "door",
            Self::Version => "version",
            Self::Layout => "layout",
            Self::Identity => "identity",
            Self::Probe => "probe",
            Self::Ready => "ready",
        }
    }
}
