//! `backend list`: every plugin candidate, the stage it reached, why no further, and what is known of its bits.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::Global;
use super::output::{Output, table};
use super::{certify, setup};
use crate::backend::certify::{Binding, Certificate};
use crate::backend::{DeviceFacts, Report, Stage};
use crate::error::Result;
use crate::host::Host;

#[derive(Subcommand)]
pub(super) enum BackendCommand {
    /// List plugin files, how far each came, and their devices
    List,
    /// Run the conformance cases on a backend and say which kernels have the bits of the specification
    Certify(certify::CertifyArgs),
    /// List the certificates that are kept
    Certificates,
}

pub(super) fn run(global: &Global, command: &BackendCommand, output: &Output) -> Result<ExitCode> {
    match command {
        BackendCommand::List => list(global, output),
        BackendCommand::Certify(args) => certify::run(global, args, output),
        BackendCommand::Certificates => certify::list(global, output),
    }
}

fn list(global: &Global, output: &Output) -> Result<ExitCode> {
    let host = setup::host(global, &setup::Flags::default())?;
    let catalog = host.catalog()?;
    let reports: Vec<_> = catalog.candidates.iter().map(|c| c.report()).collect();
    if output.json {
        let reports: Vec<Value> = reports.iter().map(|report| report_json(&host, report)).collect();
        let folders: Vec<_> = catalog.folders.iter().map(|f| json!({"path": f.path, "origin": f.origin})).collect();
        output.value(&json!({"folders": folders, "backends": reports}));
        return Ok(ExitCode::SUCCESS);
    }
    for folder in &catalog.folders {
        output.say(&format!("looked in {} ({})", folder.path.display(), folder.origin));
    }
    if reports.is_empty() {
        output.say("no plugin found; put a backend's .so file into one of these folders");
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![["BACKEND", "STAGE", "DEVICE", "BITS", "FILE"].map(str::to_owned).to_vec()];
    for report in &reports {
        let id = report.id.clone().unwrap_or_else(|| "-".into());
        let file = report.path.display().to_string();
        let name = match &report.version {
            Some(version) => format!("{id} {version}"),
            None => id,
        };
        if report.devices.is_empty() {
            rows.push(vec![name, report.stage.name().into(), "-".into(), "-".into(), file]);
        } else {
            for device in &report.devices {
                let what = format!("{}: {} ({})", device.index, device.name, device.dispatch);
                let bits = certificate(&host, report, device).map_or_else(|| "-".into(), |c| certify::summary(&c));
                rows.push(vec![name.clone(), report.stage.name().into(), what, bits, file.clone()]);
            }
        }
    }
    output.text(&table(&rows));
    for report in &reports {
        if let Some(reason) = &report.reason {
            let word = if report.stage == Stage::Ready { "note" } else { "refused" };
            output.text(&format!("{word}: {}: {reason}", report.path.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is kept of a device's bits, if anything is.
fn certificate(host: &Host, report: &Report, device: &DeviceFacts) -> Option<Certificate> {
    let (id, version, sha256) = (report.id.as_ref()?, report.version.as_ref()?, report.sha256.as_ref()?);
    let certificate = host.certifier.kept(&Binding::new(id, version, sha256, device));
    (!certificate.kernels.is_empty()).then_some(certificate)
}

/// A candidate with, for each device, its count of bit-exact kernels.
fn report_json(host: &Host, report: &Report) -> Value {
    let mut value = json!(report);
    for (position, device) in report.devices.iter().enumerate() {
        let bits = certificate(host, report, device).map(|certificate| certify::summary(&certificate));
        value["devices"][position]["bits"] = bits.into();
    }
    value
}
