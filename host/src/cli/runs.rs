//! `runs list | show | verify`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Global;
use super::output::{Output, exit_of, table};
use super::setup;
use crate::error::{ErrorKind, Result};
use crate::run;

#[derive(Subcommand)]
pub(super) enum RunsCommand {
    /// List recorded runs, oldest first
    List(RootArgs),
    /// Show one run's manifest
    Show(OneArgs),
    /// Check that a run's files are what its manifest says
    Verify(OneArgs),
}

#[derive(Args)]
pub(super) struct RootArgs {
    /// Folder with run records; default is runs/ in the working folder
    #[arg(long, value_name = "DIR")]
    run_root: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct OneArgs {
    /// The run's id; a unique beginning is enough
    run: String,
    #[command(flatten)]
    root: RootArgs,
}

pub(super) fn run(global: &Global, command: &RunsCommand, output: &Output) -> Result<ExitCode> {
    match command {
        RunsCommand::List(args) => list(&root(global, args)?, output),
        RunsCommand::Show(args) => show(&root(global, &args.root)?, &args.run, output),
        RunsCommand::Verify(args) => verify(&root(global, &args.root)?, &args.run, output),
    }
}

fn root(global: &Global, args: &RootArgs) -> Result<PathBuf> {
    let flags = setup::Flags { run_root: args.run_root.clone(), ..setup::Flags::default() };
    setup::run_root(global, &flags)
}

fn list(root: &std::path::Path, output: &Output) -> Result<ExitCode> {
    let runs = run::list(root)?;
    if output.json {
        output.value(&json!({"run_root": root, "runs": runs}));
        return Ok(ExitCode::SUCCESS);
    }
    if runs.is_empty() {
        output.say(&format!("no runs in {}", root.display()));
        return Ok(ExitCode::SUCCESS);
    }
    let head = ["RUN", "WHAT", "OK", "STARTED", "MS", "BACKEND", "MODE", "OUTPUT"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for r in runs {
        rows.push(match r.problem {
            Some(problem) => vec![short(&r.name), format!("unreadable: {problem}")],
            None => vec![
                short(&r.name),
                r.target,
                if r.ok { "yes" } else { "no" }.into(),
                r.started,
                format!("{:.0}", r.duration_ms),
                r.backend.unwrap_or_else(|| "-".into()),
                r.mode,
                r.output_hash.map_or("-".into(), |h| h[..h.len().min(12)].to_owned()),
            ],
        });
    }
    output.text(&table(&rows));
    Ok(ExitCode::SUCCESS)
}

/// Enough of an id to tell runs apart, with its number.
fn short(name: &str) -> String {
    match name.split_once('.') {
        Some((id, number)) => format!("{}.{number}", &id[..id.len().min(12)]),
        None => name[..name.len().min(12)].to_owned(),
    }
}

fn show(root: &std::path::Path, name: &str, output: &Output) -> Result<ExitCode> {
    let folder = run::find(root, name)?;
    let manifest = run::read_manifest(&folder)?;
    if output.json {
        output.value(&json!({"run_dir": folder, "manifest": manifest}));
    } else {
        output.text(&format!("{manifest:#}"));
        output.say(&format!("run      {}", folder.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(root: &std::path::Path, name: &str, output: &Output) -> Result<ExitCode> {
    let folder = run::find(root, name)?;
    let findings = run::verify(&folder)?;
    if output.json {
        output.value(&json!({"ok": findings.is_empty(), "run_dir": folder, "findings": findings}));
    } else if findings.is_empty() {
        output.text(&format!("whole: {}", folder.display()));
    } else {
        for finding in &findings {
            output.text(&format!("{}: {}", finding.what, finding.problem));
        }
        output.say(&format!("error: {} is not what its manifest says", folder.display()));
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { exit_of(ErrorKind::BadInput) })
}
