//! What a run's record says, gathered from the plan and from what came of it. Writes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Invocation;
use super::outcome::Failure;
use super::pipeline::Begin;
use super::plan::Plan;
use super::work::Work;
use crate::backend::certify::Verdict;
use crate::backend::{DeviceUse, FpEnvironment, Selection};
use crate::config::Mode;
use crate::error::Result;
use crate::host::{Host, limits_json};
use crate::overlay::{SavedArtifact, Stop, TraceEnd, Usage};
use crate::run::{LogDigest, Record, WorkingTree, utc_millis};

/// What only the carried-out run knows.
pub(super) struct Facts<'a> {
    pub(super) tree: WorkingTree,
    pub(super) run_id: &'a str,
    pub(super) begin: &'a Begin,
    pub(super) durations: &'a [(&'static str, Duration)],
    pub(super) hard_bytes: u64,
    /// What of a command's sandbox held.
    pub(super) sandbox: Option<Value>,
    pub(super) usage: Usage,
    pub(super) device_use: Option<DeviceUse>,
    pub(super) stop: Option<Stop>,
    pub(super) trace: &'a TraceEnd,
    /// Of calls.jsonl, if there is one.
    pub(super) calls_sha256: Option<String>,
    pub(super) stopped_by_clock: bool,
    pub(super) log: LogDigest,
    pub(super) artifacts: BTreeMap<String, SavedArtifact>,
    pub(super) reply: &'a std::result::Result<Vec<u8>, Failure>,
    pub(super) result: Option<(String, u64)>,
    pub(super) output_hash: Option<String>,
    pub(super) files: Map<String, Value>,
}

impl Plan {
    /// The whole record.
    pub(super) fn record(&self, host: &Host, invocation: &Invocation, facts: Facts<'_>) -> Result<Record> {
        let manifest = &self.overlay.manifest;
        let volatile = self.volatile(invocation, &facts);
        let world = self.world(host);
        Ok(Record {
            working_tree: facts.tree,
            mode: invocation.mode.name(),
            seed: self.seed,
            fp_env: FpEnvironment::current().describe(),
            command: self.command(invocation),
            overlay: json!({
                "name": manifest.name,
                "version": manifest.version.to_string(),
                "digest": self.overlay.digest,
                "component_sha256": manifest.entrypoints.wasm.as_ref().map(|wasm| wasm.sha256.clone()),
                "grants": self.overlay.grants.iter().map(|g| g.name()).collect::<Vec<_>>(),
                "config": world.config,
            }),
            capability: self.capability.clone(),
            phase: self.phase.name().into(),
            hints: if world.hints.is_degraded() { json!(world.hints) } else { json!({}) },
            input: json!({
                "content_type": invocation.input.content_type(),
                "bytes": self.payload.len(),
                "payload_hash": invocation.input.payload().hash(),
            }),
            assets: manifest.assets.iter().map(|a| (a.name.clone(), a.sha256.clone())).collect(),
            backend: self.backend_facts(),
            kernels: self.certificates(invocation.mode),
            memory: json!({
                "profile": self.profile_name(invocation),
                "hard_bytes": facts.hard_bytes,
            }),
            limits: limits_json(&host.settings.limits),
            engine: match self.work {
                Work::Wasm(_) => {
                    json!({"version": crate::overlay::ENGINE_VERSION, "settings": host.engine()?.settings()})
                }
                Work::Http(_) | Work::Proc(_) => Value::Null,
            },
            usage: if facts.stopped_by_clock { Value::Null } else { json!(facts.usage) },
            artifacts: facts.artifacts,
            result: facts.result,
            error: match facts.reply {
                Ok(_) => Value::Null,
                Err(f) => json!({"code": f.code, "kind": f.kind.name(), "message": f.message, "data": f.data}),
            },
            output_hash: facts.output_hash,
            files: facts.files,
            trust: self.trust(invocation),
            volatile,
        })
    }

    /// Each kernel that the overlay may open, with what strict knows of it; in fast nothing is promised.
    fn certificates(&self, mode: Mode) -> BTreeMap<String, Value> {
        let standings = self.selection.as_ref().and_then(|selection| selection.standings.as_ref());
        let exact = |id: &String| {
            let verdict = standings.filter(|_| mode == Mode::Strict)?.verdicts.get(id)?;
            Some(json!({"standing": verdict.standing.name(), "cases": verdict.cases}))
        };
        let kernels = self.overlay.manifest.kernels.iter();
        kernels.map(|id| (id.clone(), exact(id).unwrap_or(Value::Null))).collect()
    }

    /// What was not checked.
    fn trust(&self, invocation: &Invocation) -> Vec<String> {
        let mut trust = vec!["environment: not captured".to_owned()];
        if self.selection.is_some() && invocation.mode == Mode::Fast {
            trust.push("backend: its bits are not promised (fast)".to_owned());
        }
        let unverified = self.selection.as_ref().and_then(|selection| selection.device.plugin_unverified());
        trust.extend(unverified.map(str::to_owned));
        trust.push("overlay signatures: not checked in this version".to_owned());
        trust
    }

    /// For people and `--json`: whether the bits are promised.
    pub(super) fn certificate_label(&self, invocation: &Invocation) -> Option<String> {
        let standings = self.selection.as_ref()?.standings.as_ref()?;
        Some(standings.label(invocation.mode))
    }

    /// What was wrong with the certificate's file.
    pub(super) fn certificate_notes(&self) -> Vec<String> {
        let standings = self.selection.as_ref().and_then(|selection| selection.standings.as_ref());
        standings.map(|standings| standings.notes.clone()).unwrap_or_default()
    }

    fn profile_name(&self, invocation: &Invocation) -> &'static str {
        let capability = &self.overlay.manifest.capabilities[&self.capability];
        invocation.profile.unwrap_or(capability.default_profile).name()
    }

    /// What can change results, in one form whatever way it was written.
    fn command(&self, invocation: &Invocation) -> Vec<String> {
        let mut words = vec![
            "run".to_owned(),
            format!("{}.{}", self.overlay.manifest.name, self.capability),
            format!("--phase={}", self.phase.name()),
            format!("--profile={}", self.profile_name(invocation)),
            format!("--mode={}", invocation.mode.name()),
            format!("--seed={}", self.seed),
        ];
        if invocation.require_gpu {
            words.push("--require-gpu".into());
        }
        words
    }

    fn backend_facts(&self) -> Value {
        self.selection.as_ref().map_or(Value::Null, |selection| {
            let device = &selection.device;
            json!({
                "id": device.backend_id(),
                "version": device.backend_version(),
                "device": device.facts.name,
                "driver": device.facts.driver,
                "so_sha256": device.plugin_sha256(),
            })
        })
    }

    fn volatile(&self, invocation: &Invocation, facts: &Facts<'_>) -> Map<String, Value> {
        let mut times: Map<String, Value> =
            facts.durations.iter().map(|(name, d)| ((*name).to_owned(), millis(*d).into())).collect();
        times.insert("total".into(), millis(facts.begin.began.elapsed()).into());
        let mut volatile = Map::new();
        volatile.insert("argv".into(), json!(invocation.argv));
        volatile.insert("run_id".into(), facts.run_id.into());
        volatile.insert("threads".into(), invocation.threads.into());
        volatile.insert("started".into(), utc_millis(facts.begin.started).into());
        volatile.insert("durations_ms".into(), Value::Object(times));
        volatile.insert("host".into(), rustix::system::uname().nodename().to_string_lossy().into_owned().into());
        volatile.insert(
            "enforced_by".into(),
            match self.work {
                Work::Wasm(_) => "wasm limiter and tensor account",
                Work::Http(_) => "nothing: the service is its own",
                Work::Proc(_) => "address space of each process, resident memory of all looked at every 50 ms",
            }
            .into(),
        );
        if let Some(sandbox) = &facts.sandbox {
            volatile.insert("sandbox".into(), sandbox.clone());
        }
        volatile.insert("salt".into(), self.salt.clone().into());
        volatile.insert("seed_text".into(), self.seed_text.clone().into());
        volatile.insert("log".into(), json!({"sha256": facts.log.sha256, "bytes": facts.log.bytes}));
        if facts.stopped_by_clock {
            volatile.insert("usage".into(), json!(facts.usage));
        }
        volatile.insert("stop".into(), json!(facts.stop));
        volatile.insert(
            "trace".into(),
            json!({"sha256": facts.trace.sha256, "calls": facts.trace.marks.len(), "answers": facts.trace.answers.len(),
                "calls_sha256": facts.calls_sha256}),
        );
        if let Some(selection) = &self.selection {
            volatile.insert("device".into(), Self::device_facts(selection, facts.device_use));
            volatile.insert("dispatch".into(), selection.device.facts.dispatch.clone().into());
            volatile.insert("backend_reason".into(), selection.reason.clone().into());
            volatile.insert("certificate".into(), self.certificate_source(invocation));
        }
        volatile
    }

    /// The device that it was, and what the call used of it.
    fn device_facts(selection: &Selection, used: Option<DeviceUse>) -> Value {
        let facts = &selection.device.facts;
        // All processes count; a device that failed does not tell.
        let in_use = selection.device.memory().ok().map(|(used, _)| used);
        json!({
            "index": facts.index,
            "uuid": facts.uuid,
            "memory_bytes": facts.memory_bytes,
            "memory_in_use_bytes": in_use,
            "used": used,
        })
    }

    /// Where the certificate came from, which differs from run to run.
    fn certificate_source(&self, invocation: &Invocation) -> Value {
        let Some(standings) = self.selection.as_ref().and_then(|selection| selection.standings.as_ref()) else {
            return Value::Null;
        };
        let standing = |(id, verdict): (&String, &Verdict)| (id.clone(), verdict.standing.name().into());
        json!({
            "label": self.certificate_label(invocation),
            "source": standings.source(),
            "file": standings.file,
            "made": standings.made.keys().collect::<Vec<_>>(),
            "kernels": standings.verdicts.iter().map(standing).collect::<Map<String, Value>>(),
            "notes": standings.notes,
        })
    }
}

/// Milliseconds with three decimals.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
