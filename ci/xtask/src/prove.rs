//! `cargo xtask prove`: the long proofs that every backend gives the same bits. They are programs of their own; here
//! they are built, given the plugins, and started, in full or in the short form that `cargo xtask test` runs too.

use std::path::PathBuf;

use anyhow::Result;

use crate::cargo::{self, Artifact};
use crate::cli::{Proof, ProveArgs};
use crate::process::Tool;
use crate::staging::{self, Staging};
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace, args: &ProveArgs) -> Result<()> {
    let artifacts = cargo::build_native(workspace)?;
    command(workspace, &artifacts, args.proof, args.short)?.args(&args.rest).run()
}

/// The proof's call; its exit code says whether it holds.
pub(crate) fn command(workspace: &Workspace, artifacts: &[Artifact], proof: Proof, short: bool) -> Result<Tool> {
    let program = Tool::new(cargo::program(artifacts, "clamp-prove")?);
    let plugins = plugins(workspace, artifacts)?;
    let (name, words): (&str, &[&str]) = match (proof, short) {
        // 61 is prime: the sizes meet every remainder of the tiles.
        (Proof::Equal, true) => {
            ("equal", &["--step", "61", "--sizes", "65537,100003", "--threads", "1,2", "--missing-ok"])
        }
        (Proof::Equal, false) => ("equal", &["--sizes", "1000003,10000019"]),
        (Proof::Graphs, true) => ("graphs", &["--count", "1000", "--missing-ok"]),
        (Proof::Graphs, false) => ("graphs", &[]),
    };
    Ok(program.arg(name).arg("--plugins").arg(plugins).args(words))
}

/// All plugins in a folder of their own, under the names that operators see.
fn plugins(workspace: &Workspace, artifacts: &[Artifact]) -> Result<PathBuf> {
    let folder = workspace.target.join("prove/plugins");
    let staging = Staging::beside(&folder)?;
    for (name, file) in cargo::shared_libraries(artifacts, &workspace.root.join("plugins")) {
        staging::copy(&file, &staging.path().join(format!("{name}.so")))?;
    }
    staging.publish()?;
    Ok(folder)
}
