//! Checks of the sources themselves: formatting, lints, the generated headers. Each counts as one.

use anyhow::Result;

use super::Report;
use super::tally::Tally;
use crate::process::Tool;
use crate::tools::GUEST_TARGET;
use crate::workspace::Workspace;
use crate::{cargo, header, tools};

pub(super) fn run(workspace: &Workspace, report: &mut Report) -> Result<()> {
    report.measure("format", || passed(cargo::command(workspace, &["fmt", "--all", "--check"])));
    // The same crates together as in the builds, see `Workspace::native`.
    let native = cargo::selection(workspace.native());
    report.measure("lints", || passed(clippy(workspace, &["--all-targets"], &native)));
    let guests = cargo::selection(workspace.guests());
    report.measure("lints overlays", || passed(clippy(workspace, &["--all-targets"], &guests)));
    report.measure("lints components", || {
        tools::guest_target(workspace)?;
        passed(clippy(workspace, &["--target", GUEST_TARGET, "--profile", "guest"], &guests))
    });
    report.measure("C headers", || header::run(workspace, true).map(|()| Tally::success()));
    Ok(())
}

fn clippy(workspace: &Workspace, options: &[&str], selection: &[String]) -> Tool {
    let call = cargo::command(workspace, &["clippy", "--locked", "--quiet"]);
    call.args(options).args(selection).args(["--", "-D", "warnings"])
}

fn passed(call: Tool) -> Result<Tally> {
    call.run().map(|()| Tally::success())
}
