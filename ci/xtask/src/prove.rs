//! `cargo xtask prove`: the long proofs that every backend gives the same bits. They are programs of their own; here
//! they are built, given the plugins, and started, in full or in the short form that `cargo xtask test` runs too.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::cargo::{self, Artifact};
use crate::cli::{Proof, ProveArgs};
use crate::process::Tool;
use crate::staging::{self, Staging};
use crate::workspace::Workspace;
use crate::{dist, tools};

pub(crate) fn run(workspace: &Workspace, args: &ProveArgs) -> Result<()> {
    let call = match args.proof {
        Proof::Functions => functions(workspace, args.short),
        Proof::Reference => reference(workspace, args.short)?,
        Proof::Equal | Proof::Graphs => backends(workspace, &cargo::build_native(workspace)?, args.proof, args.short)?,
    };
    call.args(&args.rest).run()
}

/// The proof over all inputs, a program of the kernels.
fn functions(workspace: &Workspace, short: bool) -> Tool {
    let program = ["--features", "cpu", "--example", "prove_functions", "--"];
    let call = cargo::command(workspace, &["run", "--locked", "--quiet", "-p", "clamp-kernels"]).args(program);
    if short { call.arg("--short") } else { call }
}

/// The finished program against the NumPy reading.
fn reference(workspace: &Workspace, short: bool) -> Result<Tool> {
    let dist = workspace.target.join("prove/dist");
    dist::make(workspace, &cargo::build_native(workspace)?, &dist)?;
    let call = Tool::new(tools::python(workspace)?).folder(&workspace.root.join("tests/reference"));
    let call = call.env("PYTHONDONTWRITEBYTECODE", "1").arg("check_kernels.py");
    Ok(call.args(["--sizes", if short { "quick" } else { "full" }]).arg("--host").arg(dist.join("clamp-host")))
}

/// The proof's call; its exit code says whether it holds.
pub(crate) fn backends(workspace: &Workspace, artifacts: &[Artifact], proof: Proof, short: bool) -> Result<Tool> {
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
        (Proof::Functions | Proof::Reference, _) => bail!("this proof is a program of its own"),
    };
    Ok(program.arg(name).arg("--plugins").arg(plugins).args(words))
}

/// All plugins in a folder of their own, under the names that operators see.
fn plugins(workspace: &Workspace, artifacts: &[Artifact]) -> Result<PathBuf> {
    let folder = workspace.target.join("prove/plugins");
    let staging = Staging::beside(&folder)?;
    for (name, file) in cargo::backends(workspace, artifacts) {
        staging::copy(&file, &staging.path().join(format!("{name}.so")))?;
    }
    staging.publish()?;
    Ok(folder)
}
