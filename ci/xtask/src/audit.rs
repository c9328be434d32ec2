//! `cargo xtask audit`: licences, advisories and sources of all dependencies, by cargo-deny with ci/deny.toml.
//! It needs the network for the advisory database, so it is no part of `cargo xtask test`.

use anyhow::{Result, bail};

use crate::cargo;
use crate::process::Tool;
use crate::workspace::{Workspace, cargo as cargo_program};

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    if !Tool::new(cargo_program()).args(["deny", "--version"]).works() {
        bail!("cargo-deny is not installed: cargo install --locked cargo-deny");
    }
    cargo::command(workspace, &["deny", "--config", "ci/deny.toml", "check"]).run()
}
