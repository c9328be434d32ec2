//! A recorded run, done once more: with the overlay's very version and grants, the recorded input, seed, values and answers
//! of the world, stopped where it was stopped. What comes out is held against the record; nothing new is left behind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clamp_plugin_api::manifest::ids;
use clamp_plugin_api::manifest::jcs::{hex, sha256_hex};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Invocation;
use super::pipeline::Reach;
use super::plan::Plan;
use super::recorded::Recorded;
use super::work::Work;
use crate::error::{Error, ErrorKind, Result};
use crate::host::{Host, limits_json};
use crate::overlay::{ArtifactSink, CallEnd, FailureKind, SavedArtifact, call_http, call_proc};
use crate::run;

/// How much a number of a fast run's result may be off, relative to the larger of the two.
const TOLERANCE: f64 = 1e-4;

/// What a replay comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything is as it was.
    Identical,
    /// A fast run whose numbers are nearly what they were.
    WithinTolerance(String),
    /// What was recorded can only be repeated on another machine or host.
    NotComparable(String),
    /// Something is otherwise; the first of it.
    Divergent(String),
}

impl Verdict {
    /// The stable word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::WithinTolerance(_) => "within-tolerance",
            Self::NotComparable(_) => "not-comparable",
            Self::Divergent(_) => "divergent",
        }
    }

    /// What there is to say beside it.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Identical => None,
            Self::WithinTolerance(reason) | Self::NotComparable(reason) | Self::Divergent(reason) => Some(reason),
        }
    }
}

/// A replay that came to its end.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// See there.
    pub verdict: Verdict,
    /// `outputs and host calls`, or `outputs`: a service's and a command's own steps are not seen.
    pub compared: &'static str,
    /// The run folder.
    pub run_dir: PathBuf,
    /// Then and now, `None` for a run without a result.
    pub output_hashes: [Option<String>; 2],
    /// Then and now, `None` for a run without compute.
    pub backends: [Option<String>; 2],
    /// Calls of the host that were compared.
    pub host_calls: u64,
}

/// Does the run in `folder` once more; `backend` takes the place of the recorded one.
///
/// # Errors
/// A record that cannot be read or is of another form, an overlay that is no longer installed, a backend that is not there.
pub fn replay(host: &Host, folder: &Path, backend: Option<&str>) -> Result<Replayed> {
    let recorded = Recorded::read(folder)?;
    // What a replay goes by has to be what was recorded.
    if let Some(finding) = run::verify(folder)?.first() {
        let verdict = Verdict::Divergent(format!("the record was changed: {}: {}", finding.what, finding.problem));
        return Ok(recorded.replayed(verdict, None, "", 0));
    }
    let invocation = recorded.invocation(backend)?;
    let mut plan = match Plan::check(host, &invocation) {
        Ok(plan) => plan,
        // The files of the overlay are not those that ran.
        Err(error) if error.kind == ErrorKind::BadInput && error.message.contains("was changed since") => {
            return Ok(recorded.replayed(Verdict::Divergent(error.message), None, &invocation.backend, 0));
        }
        Err(error) => return Err(error),
    };
    if !matches!(plan.work, Work::Wasm(_)) && plan.phase.may_write() {
        return Err(Error::refused("a service or a command in ASCEND would do once more what it did")
            .hint("what runs in another phase changes nothing, and can be replayed"));
    }
    let now = plan.selection.as_ref().map(|selection| selection.device.backend_id().to_owned()).unwrap_or_default();
    let again = plan.again(host, &invocation, &recorded)?;
    // A device or a disk that fails now says nothing of what was recorded.
    if let Err(failure) = &again.reply
        && matches!(failure.kind, FailureKind::Host(ErrorKind::Backend | ErrorKind::Io | ErrorKind::Internal))
    {
        let message = format!("the replay could not be finished: {}", failure.message);
        return Err(Error { kind: ErrorKind::Backend, message, hint: failure.hint.clone() });
    }
    let hashes: BTreeMap<String, String> =
        again.artifacts.iter().map(|(name, artifact)| (name.clone(), artifact.sha256.clone())).collect();
    let output_hash = again.reply.as_ref().ok().map(|bytes| ids::output_hash(&hashes, &sha256_hex(bytes)));
    let verdict = recorded.judge(host, &plan, &again, output_hash.as_deref(), &hashes)?;
    Ok(recorded.replayed(verdict, output_hash, &now, again.usage.host_calls))
}

impl Recorded {
    fn judge(
        &self,
        host: &Host,
        plan: &Plan,
        again: &CallEnd,
        output_hash: Option<&str>,
        artifacts: &BTreeMap<String, String>,
    ) -> Result<Verdict> {
        let m = &self.manifest;
        let is_wasm = matches!(plan.work, Work::Wasm(_));
        // Where a stop lies depends on the engine's code, so elsewhere it says nothing.
        let was_stopped = self.stop().is_some() || m["error"]["kind"] == "limit";
        let stops_now = matches!(&again.reply, Err(failure) if failure.kind == FailureKind::Limit);
        if is_wasm && (was_stopped || stops_now) {
            let here = serde_json::json!({
                "version": crate::overlay::ENGINE_VERSION, "settings": host.engine()?.settings(),
            });
            if m["engine"] != here {
                let (then, now) = (&m["engine"], here);
                return Ok(Verdict::NotComparable(format!(
                    "it was stopped by a limit on the engine {then}; this is {now}"
                )));
            }
            let limits = Value::Object(limits_json(&host.settings.limits));
            if m["limits"] != limits {
                let reason = "it was stopped by a limit, and the limits that hold here are others".to_owned();
                return Ok(Verdict::NotComparable(reason));
            }
        }
        if let Some(strayed) = &again.trace.strayed {
            return Ok(Verdict::Divergent(strayed.clone()));
        }
        let marks = self.marks()?;
        let is_fast = m["determinism"]["mode"] == "fast";
        // Of a very long call the last marks count in the digest alone.
        let later = || {
            let is_same = m["volatile"]["trace"]["sha256"] == again.trace.sha256.as_str();
            (!is_same).then(|| format!("a host call after the first {}", marks.len()))
        };
        let differs = if is_wasm { again.trace.first_difference(&marks).or_else(later) } else { None };
        let same_error = || match &again.reply {
            Ok(_) => m["ok"] == true,
            Err(failure) => {
                let data: Value = serde_json::from_slice(&failure.data).unwrap_or(Value::Null);
                let error = &m["error"];
                m["ok"] == false
                    && error["code"] == failure.code.as_str()
                    && error["message"] == failure.message.as_str()
                    && error["data"] == data
            }
        };
        let same_artifacts = m["artifacts"] == serde_json::json!(artifacts);
        let same_outputs = same_error() && same_artifacts && m["output_hash"].as_str() == output_hash;
        match (same_outputs, differs) {
            (true, None) => Ok(Verdict::Identical),
            // Kernels without promised bits on the way, the same result.
            (true, Some(first)) if is_fast => Ok(Verdict::WithinTolerance(format!("the result is the same; {first}"))),
            (_, Some(first)) if !is_fast => Ok(Verdict::Divergent(first)),
            (_, first) => {
                let what = self.outputs(again, artifacts)?;
                match what {
                    Difference::Near(near) if is_fast => Ok(Verdict::WithinTolerance(near)),
                    Difference::Near(what) | Difference::Far(what) => {
                        Ok(Verdict::Divergent(first.map_or(what.clone(), |first| format!("{what}; {first}"))))
                    }
                }
            }
        }
    }

    /// How the outputs differ, which they do.
    fn outputs(&self, again: &CallEnd, artifacts: &BTreeMap<String, String>) -> Result<Difference> {
        let m = &self.manifest;
        let bytes = match &again.reply {
            Ok(bytes) if m["ok"] == true => bytes,
            Ok(_) => return Ok(Difference::Far("it gives a result now and gave none then".into())),
            Err(failure) if m["ok"] == true => {
                return Ok(Difference::Far(format!("it gives no result now: {}", failure.message)));
            }
            Err(failure) => {
                let then = &m["error"]["message"];
                return Ok(Difference::Far(format!("it ends otherwise: {} and not {then}", failure.message)));
            }
        };
        let empty = serde_json::Map::new();
        let then = m["artifacts"].as_object().unwrap_or(&empty);
        let names = then.keys().chain(artifacts.keys()).collect::<std::collections::BTreeSet<_>>();
        for name in names {
            let (then, now) = (then.get(name).and_then(Value::as_str), artifacts.get(name).map(String::as_str));
            if then != now {
                let word = |hash: Option<&str>| hash.unwrap_or("nothing").to_owned();
                return Ok(Difference::Far(format!("artifact {name}: {} now, {} then", word(now), word(then))));
            }
        }
        let recorded = self.bytes(self.text("/files/result")?)?;
        let (then, now) = (serde_json::from_slice::<Value>(&recorded), serde_json::from_slice::<Value>(bytes));
        match (then, now) {
            (Ok(then), Ok(now)) => Ok(difference(&then, &now, "$")
                .unwrap_or_else(|| Difference::Near("the result is written otherwise, with the same values".into()))),
            _ => Ok(Difference::Far("the result's bytes are others".into())),
        }
    }

    fn replayed(&self, verdict: Verdict, output_hash: Option<String>, now: &str, host_calls: u64) -> Replayed {
        let m = &self.manifest;
        let then = m["backend"]["id"].as_str().map(str::to_owned);
        Replayed {
            verdict,
            compared: if m["engine"].is_null() { "outputs" } else { "outputs and host calls" },
            run_dir: self.folder.clone(),
            output_hashes: [m["output_hash"].as_str().map(str::to_owned), output_hash],
            backends: [then.clone(), then.map(|_| now.to_owned())],
            host_calls,
        }
    }
}

/// How two results differ.
enum Difference {
    /// In numbers that are nearly the same.
    Near(String),
    Far(String),
}

/// The first place where two JSON values differ; a far one counts before a near one.
fn difference(then: &Value, now: &Value, path: &str) -> Option<Difference> {
    match (then, now) {
        (Value::Number(a), Value::Number(b)) if a != b => {
            let (a, b) = (a.as_f64()?, b.as_f64()?);
            let what = format!("{path} is {b}, it was {a}");
            let is_near = (a - b).abs() <= TOLERANCE * a.abs().max(b.abs());
            Some(if is_near { Difference::Near(what) } else { Difference::Far(what) })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            first_far(pairs.filter_map(|(at, (a, b))| difference(a, b, &format!("{path}[{at}]"))))
        }
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            first_far(a.iter().filter_map(|(key, value)| difference(value, &b[key], &format!("{path}.{key}"))))
        }
        (a, b) if a == b => None,
        _ => Some(Difference::Far(format!("{path} is other than it was"))),
    }
}

fn first_far(differences: impl Iterator<Item = Difference>) -> Option<Difference> {
    let mut near = None;
    for difference in differences {
        match difference {
            Difference::Far(_) => return Some(difference),
            Difference::Near(_) => {
                near.get_or_insert(difference);
            }
        }
    }
    near
}

impl Plan {
    fn again(&mut self, host: &Host, invocation: &Invocation, recorded: &Recorded) -> Result<CallEnd> {
        let run_id = recorded.text("/volatile/run_id")?;
        let assets = std::mem::take(&mut self.assets);
        match &self.work {
            Work::Wasm(linked) => {
                let reach = Reach {
                    assets,
                    artifacts: Box::new(Digests::default()),
                    progress: Box::new(()),
                    world: recorded.world(),
                    script: Some(recorded.script()?),
                };
                Ok(self.call(host, invocation, linked, reach)?.0)
            }
            Work::Http(to) => Ok(call_http(to, &self.service_call(host, invocation, run_id, recorded.world()))),
            Work::Proc(what) => Ok(call_proc(what, &self.service_call(host, invocation, run_id, recorded.world()))?.0),
        }
    }
}

/// Artifacts that are digested and not kept.
#[derive(Default)]
struct Digests {
    next: u64,
    open: BTreeMap<u64, (String, Sha256, u64)>,
    finished: BTreeMap<String, SavedArtifact>,
}

impl ArtifactSink for Digests {
    fn create(&mut self, name: &str) -> Result<u64> {
        run::check_artifact_name(name)?;
        if self.finished.contains_key(name) || self.open.values().any(|(open, _, _)| open == name) {
            return Err(Error::bad_input(format!("artifact `{name}` exists already")));
        }
        self.next += 1;
        self.open.insert(self.next, (name.to_owned(), Sha256::new(), 0));
        Ok(self.next)
    }

    fn append(&mut self, handle: u64, bytes: &[u8]) -> Result<()> {
        let (_, hasher, size) = self.open.get_mut(&handle).ok_or_else(|| Error::internal("no such artifact"))?;
        hasher.update(bytes);
        *size += bytes.len() as u64;
        Ok(())
    }

    fn finish(&mut self, handle: u64) -> Result<SavedArtifact> {
        let (name, hasher, bytes) = self.open.remove(&handle).ok_or_else(|| Error::internal("no such artifact"))?;
        let saved = SavedArtifact { sha256: hex(&hasher.finalize()), bytes };
        self.finished.insert(name, saved.clone());
        Ok(saved)
    }

    fn discard(&mut self, handle: u64) {
        self.open.remove(&handle);
    }

    fn finished(&self) -> BTreeMap<String, SavedArtifact> {
        self.finished.clone()
    }
}
