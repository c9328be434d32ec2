//! Every plugin candidate, how far it came and why no further. Tables are loaded when the catalogue opens (a fraction
//! of a millisecond each); instances only when somebody asks for one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use super::discover::{SearchFolder, candidates};
use super::instance::{Backend, DeviceFacts};
use super::isolate::Finding;
use super::load::{Door, LoadError, LoadOptions, LoadStage, Loaded, load};
use super::translate::SEE_LIST;
use crate::error::{Error, ErrorKind, Result};

/// How far a candidate came; the last one is success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Stopped while the file was read and hashed.
    Hash,
    /// plugins.lock does not vouch for it, and the policy demands that; it was not opened, or not used.
    Lock,
    /// It ended a host before, and was not opened.
    Quarantine,
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
    loaded: std::result::Result<Loaded, Refusal>,
    backend: OnceLock<Result<Arc<Backend>>>,
}

/// Why a candidate cannot be used.
#[derive(Clone, Debug)]
struct Refusal {
    stage: Stage,
    reason: String,
    help: Option<String>,
    sha256: Option<String>,
    presumed_id: Option<String>,
    finding: Option<Box<Finding>>,
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
    /// What to do about it, where that is not plain.
    pub help: Option<String>,
    /// What is known of a file that is in quarantine.
    pub quarantine: Option<Finding>,
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
                let id = loaded.table.id();
                match all.iter().find(|c| c.id() == Some(id)) {
                    Some(first) => Err(Refusal {
                        stage: Stage::Identity,
                        reason: format!("its id `{id}` is taken by {}: remove one of the two", first.path.display()),
                        help: None,
                        sha256: Some(loaded.sha256),
                        presumed_id: None,
                        finding: None,
                    }),
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

    /// Files that were not opened, or not used, because of lock or quarantine.
    fn withheld(&self) -> impl Iterator<Item = (&Path, &Refusal)> {
        let refused = self.candidates.iter().filter_map(|c| Some((c.path.as_path(), c.loaded.as_ref().err()?)));
        refused.filter(|(_, refusal)| matches!(refusal.stage, Stage::Lock | Stage::Quarantine))
    }

    /// Why each file was passed over that lock or quarantine withhold, and whether the lock is among the causes.
    pub(super) fn passed_over(&self) -> (Vec<String>, bool) {
        let word = |(path, refusal): (&Path, &Refusal)| format!("{}: {}", path.display(), refusal.reason);
        let locked = self.withheld().any(|(_, refusal)| refusal.stage == Stage::Lock);
        (self.withheld().map(word).collect(), locked)
    }

    /// Ids that could be chosen, in search order.
    pub fn ids(&self) -> Vec<&'static str> {
        self.candidates.iter().filter_map(Candidate::id).collect()
    }

    /// What to say when an id is not there: perhaps its file was not opened, and so nobody knows its id.
    pub fn unknown(&self, id: &str) -> Error {
        // One that is known by that id goes first, then any whose id nobody knows.
        let known = |refusal: &Refusal| refusal.presumed_id.as_deref() == Some(id);
        let nameless = |kind| self.withheld().find(move |(_, r)| r.kind() == kind && r.presumed_id.is_none());
        let named = self.withheld().find(|(_, refusal)| known(refusal));
        let withheld = named.or_else(|| nameless(ErrorKind::Untrusted)).or_else(|| nameless(ErrorKind::Backend));
        if let Some((path, refusal)) = withheld {
            let known = if known(refusal) { "it is" } else { "it may be" };
            let message = format!(
                "backend `{id}` is not among the plugins that were opened; {known} {}, which was not: {}",
                path.display(),
                refusal.reason
            );
            let hint = "`clamp-host backend list` says more";
            return Error::new(refusal.kind(), message).hint(refusal.help.as_deref().unwrap_or(hint));
        }
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
        let loaded = load(path, options).map_err(Refusal::from);
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
            Err(refusal) => {
                let message = format!("plugin {} cannot be used: {}", self.path.display(), refusal.reason);
                let error = Error::new(refusal.kind(), message);
                Err(refusal.help.iter().fold(error, Error::hint))
            }
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
            help: None,
            quarantine: None,
            devices: Vec::new(),
        };
        match &self.loaded {
            Err(refusal) => {
                report.stage = refusal.stage;
                report.sha256.clone_from(&refusal.sha256);
                report.reason = Some(refusal.reason.clone());
                report.help.clone_from(&refusal.help);
                report.quarantine = refusal.finding.as_deref().cloned();
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
                        report.help = error.hint.filter(|hint| hint != SEE_LIST);
                    }
                }
            }
        }
        report
    }
}

impl Refusal {
    fn kind(&self) -> ErrorKind {
        if self.stage == Stage::Lock { ErrorKind::Untrusted } else { ErrorKind::Backend }
    }
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        let LoadError { stage, reason, help, sha256, presumed_id, finding } = error;
        Self { stage: stage.into(), reason, help, sha256, presumed_id, finding }
    }
}

impl From<LoadStage> for Stage {
    fn from(stage: LoadStage) -> Self {
        match stage {
            LoadStage::Hash => Self::Hash,
            LoadStage::Lock => Self::Lock,
            LoadStage::Quarantine => Self::Quarantine,
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
            Self::Lock => "lock",
            Self::Quarantine => "quarantine",
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
