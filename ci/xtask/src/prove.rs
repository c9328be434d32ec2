//! `cargo xtask prove`: proofs that take longer than tests. They are programs of the crates whose matter they prove; this
//! builds and runs them, with their output shown.

use anyhow::Result;

use crate::cargo;
use crate::cli::{ProveArgs, Subject};
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace, args: &ProveArgs) -> Result<()> {
    let program = match args.subject {
        Subject::Functions => "prove_functions",
    };
    let words = ["run", "--locked", "--quiet", "-p", "clamp-kernels", "--features", "cpu", "--example", program, "--"];
    cargo::command(workspace, &words).args(&args.arguments).run()
}
