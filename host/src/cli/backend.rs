//! `backend list`: every plugin candidate, the stage it reached, and why no further.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::Global;
use super::output::{Output, table};
use super::setup;
use crate::backend::Stage;
use crate::error::Result;

#[derive(Subcommand)]
pub(super) enum BackendCommand {
    /// List plugin files, how far each came, and their devices
    List,
}

pub(super) fn run(global: &Global, command: &BackendCommand, output: &Output) -> Result<ExitCode> {
    match command {
        BackendCommand::List => list(global, output),
    }
}

fn list(global: &Global, output: &Output) -> Result<ExitCode> {
    let host = setup::host(global, &setup::Flags::default())?;
    let catalog = host.catalog()?;
    let reports: Vec<_> = catalog.candidates.iter().map(|c| c.report()).collect();
    if output.json {
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
    let mut rows = vec![["BACKEND", "STAGE", "DEVICE", "FILE"].map(str::to_owned).to_vec()];
    for report in &reports {
        let id = report.id.clone().unwrap_or_else(|| "-".into());
        let file = report.path.display().to_string();
        let name = match &report.version {
            Some(version) => format!("{id} {version}"),
            None => id,
        };
        if report.devices.is_empty() {
            rows.push(vec![name, report.stage.name().into(), "-".into(), file]);
        } else {
            for device in &report.devices {
                let what = format!("{}: {} ({})", device.index, device.name, device.dispatch);
                rows.push(vec![name.clone(), report.stage.name().into(), what, file.clone()]);
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
