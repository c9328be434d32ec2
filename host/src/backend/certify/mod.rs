//! Where a backend stands with the bits of the specification: certificates, made by running the conformance cases and
//! kept under CLAMP_HOME. A certificate says what this machine saw; it is no signature.

mod certificate;
mod difference;
mod examine;
mod kept;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clamp_kernels::catalogue::{KernelSpec, find};

use super::session::Device;
use crate::config::Mode;
use crate::error::{Error, ErrorKind, Result};

pub use certificate::{Binding, Certificate, Difference, Standing, Verdict, conformance};
pub use kept::{Kept, list};

/// Makes certificates and keeps them.
#[derive(Debug)]
pub struct Certifier {
    folder: PathBuf,
    limit: Duration,
    /// What this process found, by key: all that there is where the folder cannot be written.
    found: Mutex<BTreeMap<String, Certificate>>,
}

/// Where a device stands with the kernels that somebody needs.
#[derive(Clone, Debug)]
pub struct Standings {
    /// By kernel id; a kernel that nobody has tried is not here.
    pub verdicts: BTreeMap<String, Verdict>,
    /// How many kernels were asked about.
    pub asked: usize,
    /// Kernels that were tried now, with the time that each took.
    pub made: BTreeMap<String, Duration>,
    /// All of that together.
    pub elapsed: Duration,
    /// The certificate's file.
    pub file: PathBuf,
    /// What was wrong with the file, if anything was.
    pub notes: Vec<String>,
}

impl Certifier {
    /// Keeps certificates in `folder`; a backend has `limit` for the cases of one kernel.
    pub fn new(folder: PathBuf, limit: Duration) -> Self {
        Self { folder, limit, found: Mutex::default() }
    }

    /// Where certificates are kept.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What strict demands: all of these kernels bit-exact. Those without a verdict are tried now.
    pub fn require(&self, device: &Arc<Device>, kernels: &[String]) -> Result<Standings> {
        let specs: Vec<&'static KernelSpec> = kernels.iter().filter_map(|id| find(id)).collect();
        let standings = self.certify(device, &specs, false, |_, _| {})?;
        match standings.verdicts.iter().find(|(_, verdict)| !verdict.is_exact()) {
            None => Ok(standings),
            Some((kernel, verdict)) => Err(refusal(device, kernel, verdict)),
        }
    }

    /// What is known of these kernels; tries nothing.
    pub fn look(&self, binding: &Binding, kernels: &[String]) -> Standings {
        let (certificate, notes) = self.known(binding);
        let verdict = |id: &String| Some((id.clone(), certificate.verdict(id)?.clone()));
        Standings {
            verdicts: kernels.iter().filter_map(verdict).collect(),
            asked: kernels.len(),
            made: BTreeMap::new(),
            elapsed: Duration::ZERO,
            file: kept::file(&self.folder, binding),
            notes,
        }
    }

    /// What is known of this binding at all.
    pub fn kept(&self, binding: &Binding) -> Certificate {
        self.known(binding).0
    }

    /// Tries these kernels, with `again` also those that have a verdict, and keeps what it finds. `seen` is told how
    /// many are done, and of how many.
    pub fn certify(
        &self,
        device: &Arc<Device>,
        kernels: &[&'static KernelSpec],
        again: bool,
        seen: impl Fn(usize, usize),
    ) -> Result<Standings> {
        let binding = Binding::of(device);
        let (mut certificate, mut notes) = self.known(&binding);
        let untried = |spec: &&&KernelSpec| again || certificate.verdict(spec.id).is_none();
        let ids: BTreeSet<&str> = kernels.iter().filter(untried).map(|spec| spec.id).collect();
        let untried: Vec<&'static KernelSpec> = ids.into_iter().filter_map(find).collect();
        let mut made = BTreeMap::new();
        let mut failed = BTreeMap::new();
        let at = Instant::now();
        if !untried.is_empty() {
            let examined = examine::examine(device, &untried, self.limit, |done| seen(done, untried.len()))?;
            for one in examined {
                made.insert(one.spec.id.to_owned(), one.elapsed);
                if one.verdict.standing == Standing::Failed {
                    certificate.kernels.remove(one.spec.id);
                    failed.insert(one.spec.id.to_owned(), one.verdict);
                } else {
                    certificate.kernels.insert(one.spec.id.to_owned(), one.verdict);
                }
            }
            notes.extend(self.keep(&certificate));
        }
        let verdict = |spec: &&'static KernelSpec| {
            let verdict = failed.get(spec.id).or_else(|| certificate.verdict(spec.id))?;
            Some((spec.id.to_owned(), verdict.clone()))
        };
        Ok(Standings {
            verdicts: kernels.iter().filter_map(verdict).collect(),
            asked: kernels.len(),
            elapsed: if made.is_empty() { Duration::ZERO } else { at.elapsed() },
            made,
            file: kept::file(&self.folder, &binding),
            notes,
        })
    }

    /// The certificate that holds for this binding, perhaps without a verdict yet, and what was wrong with its file.
    fn known(&self, binding: &Binding) -> (Certificate, Vec<String>) {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(certificate) = found.get(&binding.key()) {
            return (certificate.clone(), Vec::new());
        }
        match kept::read(&self.folder, binding) {
            Ok(certificate) => (certificate.unwrap_or_else(|| Certificate::new(binding.clone())), Vec::new()),
            Err(note) => (Certificate::new(binding.clone()), vec![note]),
        }
    }

    /// Keeps a certificate; a folder that cannot be written is no failure, only said.
    fn keep(&self, certificate: &Certificate) -> Option<String> {
        let kept = kept::write(&self.folder, certificate);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.insert(certificate.binding.key(), certificate.clone());
        let error = kept.err()?;
        Some(format!("the certificate is not kept and holds for this process only: {}", error.message))
    }
}

fn refusal(device: &Device, kernel: &str, verdict: &Verdict) -> Error {
    let id = device.backend_id();
    let what = match verdict.standing {
        Standing::Differs => "has not the bits of the specification",
        Standing::BitExact | Standing::Failed | Standing::Absent => "could not be certified",
    };
    let message = format!("backend `{id}`: kernel {kernel} {what}: {}", verdict.complaint());
    Error::new(ErrorKind::NotCertified, message)
        .hint("strict runs only what is certified: choose another backend with --backend, or run with --mode fast")
}

impl Standings {
    /// For people: whether bits are promised, and since when this is known.
    pub fn label(&self, mode: Mode) -> String {
        match mode {
            Mode::Strict => self.of_strict(),
            Mode::Fast => self.of_fast(),
        }
    }

    fn of_strict(&self) -> String {
        match self.made.len() {
            0 => format!("bit-exact ({} kernels, certified before)", self.asked),
            made => format!(
                "bit-exact ({} kernels, {made} of them certified now in {:.3} s)",
                self.asked,
                self.elapsed.as_secs_f64()
            ),
        }
    }

    fn of_fast(&self) -> String {
        let differs = self.verdicts.iter().find(|(_, verdict)| verdict.standing == Standing::Differs);
        match differs {
            Some((kernel, _)) => format!("differs (not certified: {kernel})"),
            None if self.verdicts.len() < self.asked => "unknown (not certified)".to_owned(),
            None => "bit-exact in strict, not promised in fast".to_owned(),
        }
    }

    /// Where the verdicts came from: `made` if any was found now, else `kept`.
    pub fn source(&self) -> &'static str {
        match (self.made.is_empty(), self.verdicts.is_empty()) {
            (false, _) => "made",
            (true, false) => "kept",
            (true, true) => "none",
        }
    }
}
