//! Quarantine: a plugin that ended the host at load is not opened the next time. Before each step in which that can
//! happen a mark is set, and taken away after it; a mark without its host is a suspicion, which a process of its own
//! confirms or clears. What this room cannot write is said, and stops nothing.

mod finding;
mod marker;
mod probe;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub use finding::{Finding, Place, State, Step};
pub use probe::{Prober, Tried};

use self::marker::{Machine, Marker};
use super::notices::{Notice, Notices};
use crate::error::Result;

/// Where notes lie and how a file is tried.
#[derive(Clone, Debug)]
pub struct IsolationOptions {
    /// For marks.
    pub loading: PathBuf,
    /// For findings.
    pub quarantine: PathBuf,
    /// Without one, a suspicion is believed at once.
    pub prober: Option<Prober>,
    /// Who hears of what could not be kept.
    pub notices: Notices,
}

/// See the module. One for a process.
#[derive(Debug)]
pub struct Isolation {
    options: IsolationOptions,
    machine: Machine,
    /// What this process found out, on disk or not.
    found: Mutex<BTreeMap<String, Option<Finding>>>,
    /// Whether it was said that nothing can be kept.
    told: OnceLock<()>,
}

/// Why a file is not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// One sentence.
    pub reason: String,
    /// The backend's id, if it was known then.
    pub id: Option<String>,
    /// What is known; `None` where its note is damaged.
    pub finding: Option<Finding>,
}

impl Isolation {
    /// Looks for marks that hosts left, and makes suspicions of them.
    pub fn open(options: IsolationOptions) -> Arc<Self> {
        let machine = Machine::this();
        let isolation = Self { options, machine, found: Mutex::default(), told: OnceLock::new() };
        for left in marker::left(&isolation.options.loading, &isolation.machine) {
            let settled = match left.place {
                Some(place) => isolation.suspect(place),
                None => {
                    isolation.note(&format!("the mark {} was damaged, and is taken away", left.path.display()));
                    true
                }
            };
            if settled {
                let _ = std::fs::remove_file(&left.path);
            }
        }
        Arc::new(isolation)
    }

    /// False where that could not be written: the mark then stays for the next host.
    fn suspect(&self, place: Place) -> bool {
        let state = match self.finding(&place.sha256) {
            Ok(None) => State::Suspected,
            // It did no harm alone, and yet a second host ended there.
            Ok(Some(known)) if known.state == State::Cleared => State::Quarantined,
            Ok(Some(_)) | Err(_) => return true,
        };
        self.keep(Finding { place, how: None, state })
    }

    /// What is known of the file with this digest.
    ///
    /// # Errors
    /// What is wrong with its note.
    pub fn finding(&self, sha256: &str) -> std::result::Result<Option<Finding>, String> {
        if let Some(found) = self.found.lock().unwrap_or_else(PoisonError::into_inner).get(sha256) {
            return Ok(found.clone());
        }
        Finding::read(&self.options.quarantine, sha256)
    }

    /// Keeps a finding, in this process at least: false where it could not be written.
    pub fn keep(&self, finding: Finding) -> bool {
        let written = finding.write(&self.options.quarantine);
        if let Err(error) = &written {
            self.note(&format!("what is known of a plugin holds for this process only: {}", error.message));
        }
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.insert(finding.place.sha256.clone(), Some(finding));
        written.is_ok()
    }

    /// Forgets what is known of the file with this digest: true where something was.
    ///
    /// # Errors
    /// A note that cannot be taken away.
    pub fn forget(&self, sha256: &str) -> Result<bool> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let known = found.insert(sha256.to_owned(), None).flatten().is_some();
        let path = Finding::file(&self.options.quarantine, sha256);
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => Ok(known),
            Err(e) => Err(crate::Error::io(format!("cannot remove {}", path.display()), &e)),
        }
    }

    /// Tries a file in a process of its own; `None` where there is no way to.
    pub fn try_alone(&self, path: &Path, sha256: &str, device: Option<u32>) -> Option<Tried> {
        Some(self.options.prober.as_ref()?.run(path, sha256, device))
    }

    /// Decides whether the file may be opened. A suspicion is confirmed or cleared here.
    ///
    /// # Errors
    /// Why it is not opened.
    pub(super) fn admit(self: &Arc<Self>, path: &Path, sha256: &str) -> Result<Watched, Box<Withheld>> {
        let watched = |doubted| {
            Watched(Some(Arc::new(Subject {
                isolation: Arc::clone(self),
                sha256: sha256.to_owned(),
                path: path.canonicalize().unwrap_or_else(|_| path.to_owned()),
                id: OnceLock::new(),
                durable: AtomicBool::new(doubted),
                passed: Mutex::default(),
            })))
        };
        let withheld = |finding: Finding| {
            Err(Box::new(Withheld { reason: finding.reason(), id: finding.place.id.clone(), finding: Some(finding) }))
        };
        let finding = match self.finding(sha256) {
            Ok(None) => return Ok(watched(false)),
            Ok(Some(finding)) => finding,
            Err(problem) => {
                let reason = format!("quarantined, for a reason that cannot be read: {problem}");
                return Err(Box::new(Withheld { reason, id: None, finding: None }));
            }
        };
        match finding.state {
            State::Quarantined => return withheld(finding),
            State::Cleared => return Ok(watched(true)),
            State::Suspected => {}
        }
        let (step, shown) = (finding.place.step, path.display());
        self.note(&format!("a host came to its end {step}: {shown} is tried in a process of its own"));
        let (state, step, how) = match self.try_alone(path, sha256, finding.place.device) {
            Some(Tried::Lived(_)) => (State::Cleared, finding.place.step, None),
            Some(Tried::Ended { step, how }) => (State::Quarantined, step, Some(how)),
            None => (State::Quarantined, finding.place.step, None),
            // Nothing was learned: it is not opened now, and tried again the next time.
            Some(Tried::Unable(why)) => {
                let reason =
                    format!("under suspicion: a host came to its end {step}, and it cannot be tried alone: {why}");
                return Err(Box::new(Withheld { reason, id: finding.place.id.clone(), finding: Some(finding) }));
            }
        };
        let finding = Finding { place: Place { step, ..finding.place }, how, state };
        let _ = self.keep(finding.clone());
        if state == State::Cleared { Ok(watched(true)) } else { withheld(finding) }
    }

    fn note(&self, text: &str) {
        self.options.notices.say(&Notice::Note(text));
    }
}

/// A file on its way; without an isolation nothing is marked.
#[derive(Clone, Default)]
pub(super) struct Watched(Option<Arc<Subject>>);

struct Subject {
    isolation: Arc<Isolation>,
    sha256: String,
    path: PathBuf,
    id: OnceLock<String>,
    /// Whether marks have to outlive the machine: at the first time, and where there is a doubt.
    durable: AtomicBool,
    /// Steps that were done once; they are not marked again.
    passed: Mutex<BTreeSet<(Step, Option<u32>)>>,
}

impl Watched {
    /// Says that these bytes were never opened here before.
    pub(super) fn is_new(&self) {
        if let Some(subject) = &self.0 {
            subject.durable.store(true, Ordering::Relaxed);
        }
    }

    /// Says what the file calls itself.
    pub(super) fn name(&self, id: &str) {
        if let Some(subject) = &self.0 {
            subject.id.get_or_init(|| id.to_owned());
        }
    }

    /// Does something in which the plugin could end the host, with a mark that says so.
    pub(super) fn step<T>(&self, step: Step, device: Option<u32>, work: impl FnOnce() -> T) -> T {
        let Some(subject) = &self.0 else { return work() };
        let passed = || subject.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if passed().contains(&(step, device)) {
            return work();
        }
        let mark = subject.mark(step, device);
        let done = work();
        drop(mark);
        passed().insert((step, device));
        subject.passed(step);
        done
    }
}

impl Subject {
    fn mark(&self, step: Step, device: Option<u32>) -> Option<Marker> {
        let Isolation { options, machine, told, .. } = &*self.isolation;
        let (sha256, path, id) = (self.sha256.clone(), self.path.clone(), self.id.get().cloned());
        let place = Place { sha256, path, id, step, device };
        match Marker::set(&options.loading, &place, machine, self.durable.load(Ordering::Relaxed)) {
            Ok(mark) => Some(mark),
            Err(e) => {
                told.get_or_init(|| {
                    let folder = options.loading.display();
                    self.isolation.note(&format!(
                        "a plugin that ends this program would not be known the next time: cannot write in {folder} ({e})"
                    ));
                });
                None
            }
        }
    }

    /// A file that gets past the step at which a host ended is believed again.
    fn passed(&self, step: Step) {
        if !self.durable.load(Ordering::Relaxed) {
            return;
        }
        if let Ok(Some(finding)) = self.isolation.finding(&self.sha256)
            && finding.state == State::Cleared
            && step >= finding.place.step
        {
            // What stays costs a synced mark the next time, and no more.
            let _ = self.isolation.forget(&self.sha256);
        }
    }
}

#[cfg(test)]
#[path = "isolate_tests.rs"]
mod tests;
