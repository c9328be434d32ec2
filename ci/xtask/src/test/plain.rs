//! Test programs under plain `cargo test`: cargo builds them once, and each is run by itself, so that a group can be a
//! few of them without cargo choosing other features. Also the documentation tests, which only rustdoc can run.

use anyhow::{Context as _, Result};

use super::suites::{Handle, Suite, Variable};
use super::tally::Tally;
use crate::cargo::{self, Artifact};
use crate::process::Tool;
use crate::workspace::{Member, Workspace};

pub(super) fn find(workspace: &Workspace, members: &[&Member]) -> Result<Vec<Suite>> {
    let call = cargo::command(workspace, &["test", "--locked", "--no-run"]);
    let artifacts = cargo::artifacts(call.args(cargo::selection(members.iter().copied())))?;
    Ok(artifacts.iter().filter_map(|artifact| suite(workspace, artifact)).collect())
}

fn suite(workspace: &Workspace, artifact: &Artifact) -> Option<Suite> {
    let program = artifact.executable.as_ref().filter(|_| artifact.is_test)?;
    Some(Suite {
        folder: artifact.folder.strip_prefix(&workspace.root).ok()?.to_str()?.to_owned(),
        name: artifact.target.clone(),
        integration: artifact.kinds.iter().any(|kind| kind == "test"),
        handle: Handle::Program(program.clone()),
        ignored: 0,
    })
}

pub(super) fn run(workspace: &Workspace, suites: &[Suite], environment: &[Variable]) -> Result<Tally> {
    let mut total = Tally::default();
    for suite in suites {
        let Handle::Program(program) = &suite.handle else { continue };
        let folder = workspace.root.join(&suite.folder);
        let mut call = Tool::new(program).folder(&folder).arg("--quiet").env("CARGO_MANIFEST_DIR", &folder);
        for (name, value) in environment {
            call = call.env(name, value);
        }
        let (lines, status) = call.watch()?;
        total += Tally::from_libtest(&lines, status.success())?;
    }
    Ok(total)
}

/// The examples in the documentation of these crates.
pub(super) fn documentation(workspace: &Workspace, members: &[&Member]) -> Result<Tally> {
    let call = cargo::command(workspace, &["test", "--locked", "--quiet", "--doc", "--no-fail-fast"]);
    let (lines, status) = call.args(cargo::selection(members.iter().copied())).watch()?;
    Tally::from_libtest(&lines, status.success()).context("documentation tests")
}
