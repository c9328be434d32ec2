//! The one way through: registry, checks, backend, overlay engine, record. Checks come before work; a run that began
//! always ends in a record or in nothing at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use clamp_kernels::catalogue;
use clamp_plugin_api::manifest::jcs::sha256_hex;
use clamp_plugin_api::manifest::{Capability, Grant, Phase, Right, Runner, ids};
use serde_json::{Map, Value, json};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer, Registry as TracingRegistry};

use super::input::too_large;
use super::outcome::{Failure, Outcome};
use super::Invocation;
use crate::backend::{FpEnvironment, Queue, QueueOptions, Selection, Wish, select};
use crate::config::Mode;
use crate::error::{Error, ErrorKind, Result};
use crate::host::{Host, limits_json};
use crate::overlay::registry::InstalledOverlay;
use crate::overlay::{
    Account, ArtifactSink, CallEnd, CallFailure, CallRequest, CallSetup, FailureKind, Prepared, Progress, call_wasm,
};
use crate::run::{Record, RunFolder, RunLog, WorkingTree, manifest_bytes, utc_millis};

/// A layer that shows log lines to people while they are written to the record.
pub type EchoLayer = Box<dyn Layer<TracingRegistry> + Send + Sync>;

/// Who watches a run from outside.
pub struct Observer {
    /// Signs of life.
    pub progress: Box<dyn Progress>,
    /// Log lines, if anybody wants to see them.
    pub echo: Option<EchoLayer>,
}

/// Runs an invocation. An `Err` means that nothing was run and nothing was left behind; a run that began and failed is
/// an `Outcome` whose reply says why.
pub fn run(host: &Host, invocation: &Invocation, observer: Observer) -> Result<Outcome> {
    let began = Instant::now();
    let plan = Plan::check(host, invocation)?;
    let tree = look_at_source(host);
    let folder = RunFolder::create(&invocation.run_root)?;
    let log = RunLog::create(&folder.path().join("logs.jsonl"))?;
    let mut layers: Vec<EchoLayer> = vec![Box::new(log.layer())];
    layers.extend(observer.echo);
    let subscriber = TracingRegistry::default().with(layers);

    let begin = Begin { started: SystemTime::now(), began, tree };
    tracing::subscriber::with_default(subscriber, || {
        plan.carry_out(host, invocation, folder, &log, observer.progress, begin)
    })
}

struct Begin {
    started: SystemTime,
    began: Instant,
    tree: thread::JoinHandle<WorkingTree>,
}

/// git takes milliseconds; they pass beside the run.
fn look_at_source(host: &Host) -> thread::JoinHandle<WorkingTree> {
    let folder = host.places.work.clone();
    thread::spawn(move || WorkingTree::look(&folder))
}

/// Everything that is settled before anything runs.
struct Plan {
    overlay: InstalledOverlay,
    capability: String,
    phase: Phase,
    prepared: Prepared,
    assets: BTreeMap<String, (File, u64)>,
    selection: Option<Selection>,
    seed_text: String,
    seed: u64,
    salt: String,
    payload: Vec<u8>,
    durations: Vec<(&'static str, Duration)>,
}

impl Plan {
    fn check(host: &Host, invocation: &Invocation) -> Result<Self> {
        let at = Instant::now();
        let (overlay, name) = host.registry.resolve(&invocation.target, invocation.phase)?;
        let capability = &overlay.manifest.capabilities[&name];
        let phase = phase_of(&overlay, &name, capability, invocation.phase)?;
        check_policy(&overlay, capability, phase, invocation.mode)?;
        let payload = invocation.input.bytes();
        let most = host.settings.limits.input_bytes;
        if payload.len() as u64 > most {
            return Err(too_large("the input", payload.len() as u64, most));
        }
        for id in &overlay.manifest.kernels {
            if catalogue::find(id).is_none() {
                let near = catalogue::nearest(id).map_or(String::new(), |near| format!("; near is {near}"));
                return Err(Error::not_found(format!(
                    "overlay `{}` needs kernel {id}, which this host does not know{near}",
                    overlay.manifest.name
                ))
                .hint("`clamp-host kernel list` shows the kernels; a newer overlay may need a newer host"));
            }
        }
        let assets = open_assets(&overlay)?;
        let mut durations = vec![("check", at.elapsed())];

        let at = Instant::now();
        let bytes = overlay.component_bytes()?;
        let prepared = host.engine()?.prepare(&bytes, &sha256_hex(&bytes))?;
        host.engine()?.check_imports(&prepared, &overlay.grants)?;
        durations.push(("engine", at.elapsed()));

        let at = Instant::now();
        let selection = select_backend(host, invocation, &overlay)?;
        durations.push(("backend", at.elapsed()));

        let (seed_text, seed, salt) = seed_of(host, invocation);
        Ok(Self {
            capability: name,
            phase,
            prepared,
            assets,
            selection,
            seed_text,
            seed,
            salt,
            payload,
            durations,
            overlay,
        })
    }

    fn carry_out(
        mut self,
        host: &Host,
        invocation: &Invocation,
        folder: RunFolder,
        log: &RunLog,
        progress: Box<dyn Progress>,
        begin: Begin,
    ) -> Result<Outcome> {
        let assets = std::mem::take(&mut self.assets);
        let mut durations = std::mem::take(&mut self.durations);
        let manifest = &self.overlay.manifest;
        let run_id =
            ids::run_id(&manifest.name, &self.capability, &invocation.input.payload(), &self.salt);
        if let Some(selection) = &self.selection {
            tracing::info!(event = "backend", data = %json!({"reason": selection.reason}));
        }

        let at = Instant::now();
        let (end, account) = self.call(host, invocation, assets, folder.artifacts(), progress)?;
        let (kernels, called) = (end.kernel_time, at.elapsed());
        durations.push(("kernels", kernels));
        durations.push(("guest", called.saturating_sub(kernels)));

        let at = Instant::now();
        let reply = end.reply.map_err(failure_of);
        match &reply {
            Ok(bytes) => tracing::info!(event = "end", data = %json!({"ok": true, "bytes": bytes.len()})),
            Err(f) => tracing::error!(event = "end", data = %json!({"ok": false, "code": f.code, "message": f.message})),
        }
        // A disk that was full for an artifact is full for the record.
        if let Err(failure) = &reply
            && failure.kind == ErrorKind::Io
        {
            return Err(Error { kind: ErrorKind::Io, message: failure.message.clone(), hint: failure.hint.clone() });
        }
        log.finish()?;
        let mut files = Map::new();
        folder.write(invocation.input.file_name(), &self.payload)?;
        files.insert("input".into(), invocation.input.file_name().into());
        let result = match &reply {
            Ok(bytes) => {
                let name = if serde_json::from_slice::<Value>(bytes).is_ok() { "result.json" } else { "result.bin" };
                folder.write(name, bytes)?;
                files.insert("result".into(), name.into());
                Some((sha256_hex(bytes), bytes.len() as u64))
            }
            Err(_) => None,
        };
        let hashes: BTreeMap<String, String> =
            end.artifacts.iter().map(|(name, a)| (name.clone(), a.sha256.clone())).collect();
        let output_hash = result.as_ref().map(|(sha256, _)| ids::output_hash(&hashes, sha256));

        let tree = begin.tree.join().unwrap_or(WorkingTree {
            sha: None,
            dirty: None,
            reason: Some("looking at the working folder failed".into()),
        });
        let volatile = self.volatile(invocation, &run_id, &begin.started, begin.began, &durations, end.stopped_at_yield);
        let record = Record {
            working_tree: tree,
            mode: invocation.mode.name(),
            seed: (self.seed_text.clone(), self.seed),
            fp_env: FpEnvironment::current().describe(),
            command: self.command(invocation),
            overlay: json!({
                "name": manifest.name,
                "version": manifest.version.to_string(),
                "digest": self.overlay.digest,
                "component_sha256": manifest.entrypoints.wasm.as_ref().map(|wasm| wasm.sha256.clone()),
                "grants": self.overlay.grants.iter().map(|g| g.name()).collect::<Vec<_>>(),
            }),
            capability: self.capability.clone(),
            phase: self.phase.name().into(),
            input: json!({
                "content_type": invocation.input.content_type(),
                "bytes": self.payload.len(),
                "payload_hash": invocation.input.payload().hash(),
            }),
            assets: manifest.assets.iter().map(|a| (a.name.clone(), a.sha256.clone())).collect(),
            backend: self.backend_facts(),
            kernels: manifest.kernels.clone(),
            memory: json!({
                "profile": self.profile_name(invocation),
                "hard_bytes": account.hard(),
            }),
            limits: limits_json(&host.settings.limits),
            engine: json!({"version": crate::overlay::ENGINE_VERSION, "settings": host.engine()?.settings()}),
            usage: end.usage,
            artifacts: end.artifacts,
            result,
            error: match &reply {
                Ok(_) => Value::Null,
                Err(f) => json!({"code": f.code, "kind": f.kind.name(), "message": f.message, "data": f.data}),
            },
            output_hash: output_hash.clone(),
            files,
            trust: vec![
                "environment: not captured".into(),
                "backend: not certified in this version".into(),
                "signatures: not checked in this version".into(),
            ],
            volatile,
        };
        folder.write("manifest.json", &manifest_bytes(&record.manifest()))?;
        let run_dir = folder.publish(&run_id)?;
        durations.push(("record", at.elapsed()));
        durations.push(("total", begin.began.elapsed()));

        Ok(Outcome {
            reply,
            run_id,
            run_dir,
            output_hash,
            backend: self.selection.as_ref().map(|s| s.device.backend_id().to_owned()),
            backend_reason: self.selection.as_ref().map(|s| s.reason.clone()),
            mode: invocation.mode.name(),
            seed: self.seed_text,
            artifacts: record.artifacts.into_keys().collect(),
            durations,
            degraded: false,
        })
    }

    /// Gives the call what it may use and carries it to its end.
    fn call(
        &self,
        host: &Host,
        invocation: &Invocation,
        assets: BTreeMap<String, (File, u64)>,
        artifacts: impl ArtifactSink + 'static,
        progress: Box<dyn Progress>,
    ) -> Result<(CallEnd, std::sync::Arc<Account>)> {
        let manifest = &self.overlay.manifest;
        let capability = &manifest.capabilities[&self.capability];
        let strict = invocation.mode == Mode::Strict;
        let limits = host.call_limits(capability.timeout.as_duration());
        let queue = match &self.selection {
            Some(selection) => Some(Queue::create(
                &selection.device,
                QueueOptions {
                    strict,
                    max_threads: invocation.threads,
                    batch: usize::try_from(limits.queued_launches).unwrap_or(1),
                },
            )?),
            None => None,
        };
        let profile = invocation.profile.unwrap_or(capability.default_profile).profile();
        let account = Account::new(profile.hard_bytes());
        let setup = CallSetup {
            queue,
            kernels: manifest.kernels.iter().cloned().collect::<BTreeSet<_>>(),
            assets,
            artifacts: Box::new(artifacts),
            progress,
            phase: self.phase,
            may_write: self.phase.may_write() && manifest.has_right(Right::Exec),
            seed: self.seed,
            strict,
            limits,
            account: std::sync::Arc::clone(&account),
            hard_name: format!("HARD of profile {}", profile.name.name()),
        };
        let request = CallRequest {
            capability: self.capability.clone(),
            phase: self.phase.name().into(),
            content_type: invocation.input.content_type().into(),
            payload: self.payload.clone(),
        };
        FpEnvironment::STRICT.apply();
        let end = call_wasm(host.engine()?, &self.prepared, &self.overlay.grants, setup, request)?;
        Ok((end, account))
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
            format!("--seed={}", self.seed_text),
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

    fn volatile(
        &self,
        invocation: &Invocation,
        run_id: &str,
        started: &SystemTime,
        began: Instant,
        durations: &[(&'static str, Duration)],
        stopped_at_yield: Option<u64>,
    ) -> Map<String, Value> {
        let mut times: Map<String, Value> =
            durations.iter().map(|(name, d)| ((*name).to_owned(), millis(*d).into())).collect();
        times.insert("total".into(), millis(began.elapsed()).into());
        let mut volatile = Map::new();
        volatile.insert("argv".into(), json!(invocation.argv));
        volatile.insert("run_id".into(), run_id.into());
        volatile.insert("threads".into(), invocation.threads.into());
        volatile.insert("started".into(), utc_millis(*started).into());
        volatile.insert("durations_ms".into(), Value::Object(times));
        volatile.insert("host".into(), rustix::system::uname().nodename().to_string_lossy().into_owned().into());
        volatile.insert("enforced_by".into(), "wasm limiter and tensor account".into());
        volatile.insert("stopped_at_yield".into(), stopped_at_yield.into());
        if let Some(selection) = &self.selection {
            volatile.insert("dispatch".into(), selection.device.facts.dispatch.clone().into());
            volatile.insert("backend_reason".into(), selection.reason.clone().into());
        }
        volatile
    }
}

/// Milliseconds with three decimals.
pub(super) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn phase_of(overlay: &InstalledOverlay, name: &str, capability: &Capability, asked: Option<Phase>) -> Result<Phase> {
    let allowed = || capability.phases.iter().map(|p| p.name()).collect::<Vec<_>>().join(", ");
    match asked {
        None => capability.phases.first().copied().ok_or_else(|| {
            Error::bad_input(format!("capability `{}.{name}` has no phase", overlay.manifest.name))
        }),
        Some(phase) if capability.phases.contains(&phase) => Ok(phase),
        Some(phase) => Err(Error::refused(format!(
            "capability `{}.{name}` does not run in phase {}",
            overlay.manifest.name,
            phase.name()
        ))
        .hint(format!("its manifest allows: {}", allowed()))),
    }
}

fn check_policy(overlay: &InstalledOverlay, capability: &Capability, phase: Phase, mode: Mode) -> Result<()> {
    let name = &overlay.manifest.name;
    if phase == Phase::Ascend && !overlay.manifest.has_right(Right::Exec) {
        return Err(Error::refused(format!("overlay `{name}` may not run in ASCEND without the right `exec`"))
            .hint("choose an analysis phase with --phase"));
    }
    if capability.runner != Runner::Wasm {
        return Err(Error::refused(format!(
            "overlay `{name}`: the runner `{}` is not part of this version",
            capability.runner.name()
        ))
        .hint("this version runs WebAssembly overlays"));
    }
    if mode == Mode::Fast && overlay.manifest.policy.deterministic {
        return Err(Error::refused(format!("overlay `{name}` demands strict mode (policy.deterministic)"))
            .hint("run it without --mode fast"));
    }
    Ok(())
}

fn open_assets(overlay: &InstalledOverlay) -> Result<BTreeMap<String, (File, u64)>> {
    if !overlay.grants.contains(&Grant::Assets) {
        return Ok(BTreeMap::new());
    }
    overlay
        .manifest
        .assets
        .iter()
        .map(|asset| Ok((asset.name.clone(), (overlay.asset(&asset.name)?, asset.bytes))))
        .collect()
}

/// Only an overlay that was granted tensors needs a device.
fn select_backend(host: &Host, invocation: &Invocation, overlay: &InstalledOverlay) -> Result<Option<Selection>> {
    let computes = overlay.grants.contains(&Grant::Tensor) || overlay.grants.contains(&Grant::Compute);
    let named = !(invocation.backend.is_empty() || invocation.backend == "auto");
    if !computes && !named && !invocation.require_gpu {
        return Ok(None);
    }
    let wish = Wish {
        backend: &invocation.backend,
        require_gpu: invocation.require_gpu,
        kernels: &overlay.manifest.kernels,
    };
    select(host.catalog()?, &wish).map(Some)
}

/// The seed's text, its number, and the salt of the run id.
fn seed_of(host: &Host, invocation: &Invocation) -> (String, u64, String) {
    match (&invocation.seed, invocation.mode) {
        (Some(text), _) => (text.clone(), ids::seed_from_text(text), text.clone()),
        (None, Mode::Strict) => {
            let (text, seed) = host.strict_seed();
            (text, seed, utc_nanos())
        }
        (None, Mode::Fast) => {
            let text = utc_nanos();
            let seed = ids::seed_from_text(&text);
            (seed.to_string(), seed, text)
        }
    }
}

fn utc_nanos() -> String {
    jiff::Timestamp::now().to_string()
}

fn failure_of(failure: CallFailure) -> Failure {
    Failure {
        kind: match failure.kind {
            FailureKind::Overlay | FailureKind::Trap => ErrorKind::OverlayFailed,
            FailureKind::Limit => ErrorKind::Limit,
            FailureKind::Host(kind) => kind,
        },
        code: failure.code,
        message: failure.message,
        hint: failure.hint,
        data: serde_json::from_slice(&failure.data).unwrap_or(Value::Null),
    }
}
