//! The one way through: registry, checks, backend, overlay engine, record. Checks come before work; a run that began
//! always ends in a record or in nothing at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::thread;
use std::time::{Instant, SystemTime};

use clamp_plugin_api::manifest::jcs::{sha256_hex, to_jcs};
use clamp_plugin_api::manifest::{Right, ids};
use serde_json::{Map, Value, json};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer, Registry as TracingRegistry};

use super::Invocation;
use super::facts::Facts;
use super::input::Input;
use super::outcome::{Failure, Outcome};
use super::plan::Plan;
use super::work::Work;
use crate::backend::{DeviceUse, FpEnvironment, Queue, QueueOptions};
use crate::config::Mode;
use crate::error::{Error, ErrorKind, Result};
use crate::host::{Host, use_limits};
use crate::overlay::{
    Account, ArtifactSink, CallEnd, CallFailure, CallRequest, CallSetup, FailureKind, Linked, Progress, Script,
    ServiceCall, Stop, TraceEnd, World, call_http, call_proc, call_wasm,
};
use crate::run::{RunFolder, RunLog, WorkingTree, manifest_bytes};

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

    let begin = Begin { started: SystemTime::now(), began, tree: Some(tree) };
    tracing::subscriber::with_default(subscriber, || {
        plan.carry_out(host, invocation, folder, &log, observer.progress, begin)
    })
}

/// What a call of a component may reach.
pub(super) struct Reach {
    pub(super) assets: BTreeMap<String, (File, u64)>,
    pub(super) artifacts: Box<dyn ArtifactSink>,
    pub(super) progress: Box<dyn Progress>,
    pub(super) world: World,
    /// In a replay, what stands in the place of the world.
    pub(super) script: Option<Script>,
}

pub(super) struct Begin {
    pub(super) started: SystemTime,
    pub(super) began: Instant,
    tree: Option<thread::JoinHandle<WorkingTree>>,
}

/// git takes milliseconds; they pass beside the run.
fn look_at_source(host: &Host) -> thread::JoinHandle<WorkingTree> {
    let folder = host.places.work.clone();
    thread::spawn(move || WorkingTree::look(&folder))
}

impl Plan {
    fn carry_out(
        mut self,
        host: &Host,
        invocation: &Invocation,
        folder: RunFolder,
        log: &RunLog,
        progress: Box<dyn Progress>,
        mut begin: Begin,
    ) -> Result<Outcome> {
        let assets = std::mem::take(&mut self.assets);
        let mut durations = std::mem::take(&mut self.durations);
        let manifest = &self.overlay.manifest;
        let run_id = ids::run_id(&manifest.name, &self.capability, &invocation.input.payload(), &self.salt);
        if let Some(selection) = &self.selection {
            let certificate = self.certificate_label(invocation);
            tracing::info!(event = "backend", data = %json!({"reason": selection.reason, "certificate": certificate}));
        }

        let at = Instant::now();
        let (end, device_use, sandbox) = match &self.work {
            Work::Wasm(linked) => {
                let (artifacts, world) = (Box::new(folder.artifacts()), self.world(host));
                let reach = Reach { assets, artifacts, progress, world, script: None };
                let (end, used) = self.call(host, invocation, linked, reach)?;
                (end, used, None)
            }
            Work::Http(to) => {
                (call_http(to, &self.service_call(host, invocation, &run_id, self.world(host))), None, None)
            }
            Work::Proc(what) => {
                let (end, held) = call_proc(what, &self.service_call(host, invocation, &run_id, self.world(host)))?;
                (end, None, Some(held))
            }
        };
        let (kernels, called) = (end.kernel_time, at.elapsed());
        durations.push(("kernels", kernels));
        durations.push(("guest", called.saturating_sub(kernels)));

        let at = Instant::now();
        let reply = end.reply.map_err(failure_of);
        match &reply {
            Ok(bytes) => tracing::info!(event = "end", data = %json!({"ok": true, "bytes": bytes.len()})),
            Err(f) => {
                tracing::error!(event = "end", data = %json!({"ok": false, "code": f.code, "message": f.message}))
            }
        }
        // A disk that was full for an artifact is full for the record.
        if let Err(failure) = &reply
            && failure.kind == ErrorKind::Io
        {
            return Err(Error { kind: ErrorKind::Io, message: failure.message.clone(), hint: failure.hint.clone() });
        }
        let log = log.finish()?;
        let mut files = Map::new();
        folder.write(invocation.input.file_name(), &self.payload)?;
        files.insert("input".into(), invocation.input.file_name().into());
        let calls_sha256 = write_trace(&folder, end.stop, &end.trace, &mut files)?;
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

        let Begin { tree, .. } = &mut begin;
        let tree = tree.take().and_then(|tree| tree.join().ok()).unwrap_or(WorkingTree {
            sha: None,
            dirty: None,
            reason: Some("looking at the working folder failed".into()),
        });
        let record = self.record(
            host,
            invocation,
            Facts {
                tree,
                run_id: &run_id,
                begin: &begin,
                durations: &durations,
                hard_bytes: self.hard_bytes,
                sandbox,
                usage: end.usage,
                device_use,
                stop: end.stop,
                trace: &end.trace,
                calls_sha256,
                stopped_by_clock: end.stopped_by_clock,
                log,
                artifacts: end.artifacts,
                reply: &reply,
                result,
                output_hash: output_hash.clone(),
                files,
            },
        )?;
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
            certificate: self.certificate_label(invocation),
            certificate_notes: self.certificate_notes(),
            mode: invocation.mode.name(),
            seed: self.seed_text,
            artifacts: record.artifacts.into_keys().collect(),
            durations,
            degraded: false,
        })
    }

    /// Gives the call what it may use and carries it to its end.
    pub(super) fn call(
        &self,
        host: &Host,
        invocation: &Invocation,
        linked: &Linked,
        reach: Reach,
    ) -> Result<(CallEnd, Option<DeviceUse>)> {
        let Reach { assets, artifacts, progress, world, script } = reach;
        let manifest = &self.overlay.manifest;
        let capability = &manifest.capabilities[&self.capability];
        let strict = invocation.mode == Mode::Strict;
        let limits = host.call_limits(capability.timeout.as_duration());
        let device = self.selection.as_ref().map(|selection| &selection.device);
        // What certifying used is not the call's.
        let scope = device.map(|device| device.restrict(use_limits(&host.settings.limits)));
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
        let setup = CallSetup {
            queue,
            kernels: manifest.kernels.iter().cloned().collect::<BTreeSet<_>>(),
            assets,
            artifacts,
            progress,
            phase: self.phase,
            may_write: self.phase.may_write() && manifest.has_right(Right::Exec),
            seed: self.seed,
            strict,
            limits,
            account: Account::new(self.hard_bytes),
            hard_name: self.hard_name.clone(),
            world,
            script,
        };
        let request = CallRequest {
            capability: self.capability.clone(),
            phase: self.phase.name().into(),
            content_type: invocation.input.content_type().into(),
            payload: self.payload.clone(),
        };
        FpEnvironment::STRICT.apply();
        let end = call_wasm(host.engine()?, linked, setup, request)?;
        Ok((end, scope.map(|scope| scope.used())))
    }
}

impl Plan {
    /// What the call may reach outside itself.
    pub(super) fn world(&self, host: &Host) -> World {
        host.world(&self.overlay.manifest.name, &self.overlay.grants)
    }

    /// The call as a service or a command is told it.
    pub(super) fn service_call(&self, host: &Host, invocation: &Invocation, run_id: &str, world: World) -> ServiceCall {
        let manifest = &self.overlay.manifest;
        let limits = host.call_limits(manifest.capabilities[&self.capability].timeout.as_duration());
        let (payload, payload_hash) = match &invocation.input {
            Input::Json(value) => (value.clone(), invocation.input.payload().hash()),
            Input::Raw(_) => (Value::Null, invocation.input.payload().hash()),
        };
        ServiceCall {
            overlay: manifest.name.clone(),
            version: manifest.version.to_string(),
            capability: self.capability.clone(),
            phase: self.phase.name().into(),
            payload,
            run_id: run_id.to_owned(),
            // The same call of another run is another request.
            request_id: sha256_hex(format!("{run_id} {}", jiff::Timestamp::now()).as_bytes()),
            payload_hash,
            seed: self.seed_text.clone(),
            mode: invocation.mode.name(),
            config: world.config,
            hints: world.hints,
            timeout: limits.wall,
            timeout_name: limits.wall_name,
            response_bytes: limits.response_bytes,
            log_bytes: limits.log_bytes,
        }
    }
}

/// What a replay needs that cannot be derived again, and the marks of all host calls; files that would be empty are not
/// written.
fn write_trace(
    folder: &RunFolder,
    stop: Option<Stop>,
    trace: &TraceEnd,
    files: &mut Map<String, Value>,
) -> Result<Option<String>> {
    let mut calls_sha256 = None;
    if stop.is_some() || !trace.answers.is_empty() {
        let mut lines = Vec::new();
        for answer in &trace.answers {
            lines.extend(to_jcs(&json!(answer)));
            lines.push(b'\n');
        }
        if let Some(stop) = stop {
            lines.extend(to_jcs(&json!({"stop": stop})));
            lines.push(b'\n');
        }
        folder.write("calls.jsonl", &lines)?;
        calls_sha256 = Some(sha256_hex(&lines));
        files.insert("calls".into(), "calls.jsonl".into());
    }
    if !trace.marks.is_empty() {
        let marks: Vec<u8> = trace.marks.iter().flat_map(|mark| mark.0.to_le_bytes()).collect();
        folder.write("trace.bin", &marks)?;
        files.insert("trace".into(), "trace.bin".into());
    }
    Ok(calls_sha256)
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
