//! `cargo xtask demo`: everything from a bare clone to a trained model. It installs the wasm target if that is missing
//! and changes nothing else outside of target/.

use anyhow::{Context as _, Result};

use crate::process::Tool;
use crate::workspace::Workspace;
use crate::{cargo, dist};

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    crate::tools::guest_target(workspace)?;
    eprintln!("building the host and its backends; the first time takes some minutes");
    let artifacts = cargo::build_native(workspace)?;
    let folder = workspace.target.join("dist");
    dist::make(workspace, &artifacts, &folder)?;
    let host = folder.join("clamp-host");
    let runs = workspace.target.join("demo-runs");
    eprintln!("\n$ {} run digits --run-root {}", host.display(), runs.display());
    Tool::new(&host).args(["run", "digits", "--run-root"]).arg(&runs).run().context("the demo's run failed")?;
    eprintln!("\nThe run's record is the newest folder in {}", runs.display());
    eprintln!("More: {} --help", host.display());
    Ok(())
}
