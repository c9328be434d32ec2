//! `backend list`: every plugin candidate, the stage it reached, why no further, whether it is pinned, and what is known of
//! its bits.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::Global;
use super::output::{Output, table};
use super::{certify, setup, trust};
use crate::backend::certify::{Binding, Certificate};
use crate::backend::lock::{Lock, Pin, Standing};
use crate::backend::{DeviceFacts, Report, Stage};
use crate::error::Result;
use crate::host::Host;

#[derive(Subcommand)]
pub(super) enum BackendCommand {
    /// List plugin files, how far each came, whether it is pinned, and their devices
    List,
    /// Pin plugin files by id and SHA-256 in plugins.lock
    Trust(trust::TrustArgs),
    /// Take plugins out of plugins.lock; the files stay
    Remove(trust::RemoveArgs),
    /// Run the conformance cases on a backend and say which kernels have the bits of the specification
    Certify(certify::CertifyArgs),
    /// List the certificates that are kept
    Certificates,
    /// Open a file, say what it is and end: how a plugin is tried in a process of its own
    #[command(hide = true)]
    Probe(trust::ProbeArgs),
}

pub(super) fn run(global: &Global, command: &BackendCommand, output: &Output) -> Result<ExitCode> {
    match command {
        BackendCommand::List => list(global, output),
        BackendCommand::Trust(args) => trust::trust(global, args, output),
        BackendCommand::Remove(args) => trust::remove(global, args, output),
        BackendCommand::Probe(args) => trust::probe(global, args),
        BackendCommand::Certify(args) => certify::run(global, args, output),
        BackendCommand::Certificates => certify::list(global, output),
    }
}

fn list(global: &Global, output: &Output) -> Result<ExitCode> {
    let host = setup::host(global, &setup::Flags::default())?;
    let lock = host.lock()?;
    let catalog = host.catalog()?;
    let reports: Vec<_> = catalog.candidates.iter().map(|c| c.report()).collect();
    if output.json {
        let reports: Vec<Value> = reports.iter().map(|report| report_json(&host, lock, report)).collect();
        let folders: Vec<_> = catalog.folders.iter().map(|f| json!({"path": f.path, "origin": f.origin})).collect();
        output.value(&json!({"folders": folders, "lock": lock_json(lock), "backends": reports}));
        return Ok(ExitCode::SUCCESS);
    }
    for folder in &catalog.folders {
        output.say(&format!("looked in {} ({})", folder.path.display(), folder.origin));
    }
    output.say(&format!(
        "plugins.lock pins {}; backend.lock_policy is {} ({})",
        lock.pins.len(),
        lock.policy.name(),
        host.settings.origin("backend.lock_policy")
    ));
    if reports.is_empty() {
        output.say("no plugin found; put a backend's .so file into one of these folders");
    } else {
        output.text(&rows(&host, lock, &reports));
    }
    for report in &reports {
        if let Some(reason) = &report.reason {
            let word = if report.stage == Stage::Ready { "note" } else { "refused" };
            output.text(&format!("{word}: {}: {reason}", report.path.display()));
        }
        if let Some(help) = &report.help {
            output.text(&format!("  help: {help}"));
        }
    }
    for pin in lock.pins.iter().filter(|pin| !reports.iter().any(|report| is_pinned(report, pin))) {
        output.text(&format!(
            "note: pinned and not found: {} (sha256 {}), was {}",
            pin.id,
            pin.sha256,
            pin.path.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn rows(host: &Host, lock: &Lock, reports: &[Report]) -> String {
    let mut rows = vec![["BACKEND", "STAGE", "TRUST", "DEVICE", "BITS", "FILE"].map(str::to_owned).to_vec()];
    for report in reports {
        let id = report.id.clone().unwrap_or_else(|| "-".into());
        let file = report.path.display().to_string();
        let name = match &report.version {
            Some(version) => format!("{id} {version}"),
            None => id,
        };
        let stage = report.stage.name().to_owned();
        let trust = standing(lock, report).map_or_else(|| "-".to_owned(), |standing| standing.label());
        if report.devices.is_empty() {
            rows.push(vec![name, stage, trust, "-".into(), "-".into(), file]);
        } else {
            for device in &report.devices {
                let what = describe(device);
                let bits = certificate(host, report, device).map_or_else(|| "-".into(), |c| certify::summary(&c));
                rows.push(vec![name.clone(), stage.clone(), trust.clone(), what, bits, file.clone()]);
            }
        }
    }
    table(&rows)
}

/// `0: NAME (dispatch), 139.8 GiB, GPU-...`, as far as it is known.
fn describe(device: &DeviceFacts) -> String {
    let mut text = format!("{}: {} ({})", device.index, device.name, device.dispatch);
    if device.memory_bytes > 0 {
        text += &format!(", {:.1} GiB", device.memory_bytes as f64 / f64::from(1 << 30));
    }
    if !device.uuid.is_empty() {
        text += &format!(", {}", device.uuid);
    }
    text
}

/// Where a candidate stands with the lock, as far as it could be read.
fn standing(lock: &Lock, report: &Report) -> Option<Standing> {
    let standing = lock.standing(&report.path, report.sha256.as_ref()?);
    Some(match &report.id {
        Some(id) => lock.settle(standing, id),
        None => standing,
    })
}

fn is_pinned(report: &Report, pin: &Pin) -> bool {
    report.path == pin.path || report.sha256.as_ref() == Some(&pin.sha256)
}

fn lock_json(lock: &Lock) -> Value {
    let pins: Vec<Value> = lock
        .pins
        .iter()
        .map(|pin| json!({"id": pin.id, "path": pin.path, "sha256": pin.sha256, "key": pin.key}))
        .collect();
    json!({"file": lock.path, "policy": lock.policy.name(), "pins": pins})
}

/// What is kept of a device's bits, if anything is.
fn certificate(host: &Host, report: &Report, device: &DeviceFacts) -> Option<Certificate> {
    let (id, version, sha256) = (report.id.as_ref()?, report.version.as_ref()?, report.sha256.as_ref()?);
    let certificate = host.certifier.kept(&Binding::new(id, version, sha256, device));
    (!certificate.kernels.is_empty()).then_some(certificate)
}

/// A candidate with where it stands with the lock and, for each device, its count of bit-exact kernels.
fn report_json(host: &Host, lock: &Lock, report: &Report) -> Value {
    let mut value = json!(report);
    value["trust"] = json!(standing(lock, report));
    for (position, device) in report.devices.iter().enumerate() {
        let bits = certificate(host, report, device).map(|certificate| certify::summary(&certificate));
        value["devices"][position]["bits"] = bits.into();
    }
    value
}
