//! The command line: what can be asked for. Each command's work is in the file of its name.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::workspace::Workspace;
use crate::{audit, demo, dist, golden, guests, header, keep_binaries, new_backend, objects, prove, test};

/// The project's own commands
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Set up this machine, build everything, and train the digits overlay once
    Demo,
    /// Run every check and test; the last line says how many passed and failed
    Test(TestArgs),
    /// Make the self-contained folder that an operator unpacks and runs
    Dist(DistArgs),
    /// Build the overlays into packages under target/overlays
    Guests(GuestArgs),
    /// Write a backend in Rust that builds, has a few kernels, and is there to be extended
    NewBackend(NewBackendArgs),
    /// Add the example plugins of this commit to tests/fixtures/binaries, which every later host has to load
    KeepBinaries,
    /// Write the C headers in plugin-api/include from the Rust sources
    Header(HeaderArgs),
    /// Write kernels/src/conformance/golden.txt from the independent reading in tests/reference
    Golden(GoldenArgs),
    /// Compile the device modules for GPUs that are not here, and scan the code for contracted arithmetic
    Objects(ObjectsArgs),
    /// Run a long proof: kernels over sizes, random graphs, the NumPy reading, or the functions on every input
    Prove(ProveArgs),
    /// Check licences, advisories and sources of all dependencies with cargo-deny
    Audit,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Run only these groups; see --list
    #[arg(long, value_name = "GROUP")]
    pub(crate) only: Vec<String>,
    /// Name the groups and stop
    #[arg(long)]
    pub(crate) list: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DistArgs {
    /// The folder to make; it is new, empty, or an earlier one of this command
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct GuestArgs {
    /// Where the packages go [default: target/overlays]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Build the test fixtures too
    #[arg(long)]
    pub(crate) fixtures: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NewBackendArgs {
    /// The backend's id, which operators type after --backend
    pub(crate) name: String,
    /// A folder to make, in this workspace or anywhere else [default: plugins/NAME]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct HeaderArgs {
    /// Write nothing; fail if the committed headers are not what would be written
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GoldenArgs {
    /// Write nothing; fail if the committed digests are not what would be written
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ObjectsArgs {
    /// Whose GPUs: `cuda` writes plugins/cuda/ptx, `rocm` writes target/objects
    pub(crate) vendor: Vendor,
    /// Write nothing that is committed; fail if the committed PTX is not what would be written
    #[arg(long)]
    pub(crate) check: bool,
}

/// Whose GPUs code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Vendor {
    /// PTX by NVRTC
    Cuda,
    /// Code objects for gfx906, gfx90a, gfx942 and gfx1100 by clang
    Rocm,
}

#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// What to prove
    pub(crate) proof: Proof,
    /// A part of it, in seconds
    #[arg(long)]
    pub(crate) short: bool,
    /// Further words for the proof's program, such as -- --only matmul
    #[arg(last = true, value_name = "WORD")]
    pub(crate) rest: Vec<String>,
}

/// The proofs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Proof {
    /// Equal bits of every kernel on every backend over sizes
    Equal,
    /// Equal bits of random graphs of kernels
    Graphs,
    /// Equal bits of every kernel and its independent reading in NumPy, at sizes on both sides of every border
    Reference,
    /// That the functions of one variable are rounded correctly on all 2^32 inputs, in every form; hours
    Functions,
}

impl Cli {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let workspace = Workspace::find()?;
        match &self.command {
            Command::Demo => demo::run(&workspace),
            Command::Test(args) => return test::run(&workspace, args),
            Command::Dist(args) => dist::run(&workspace, &args.out),
            Command::Guests(args) => guests::run(&workspace, args),
            Command::NewBackend(args) => new_backend::run(&workspace, args),
            Command::KeepBinaries => keep_binaries::run(&workspace),
            Command::Header(args) => header::run(&workspace, args.check),
            Command::Golden(args) => golden::run(&workspace, args.check).map(|cases| println!("{cases} cases")),
            Command::Objects(args) => objects::run(&workspace, args),
            Command::Prove(args) => prove::run(&workspace, args),
            Command::Audit => audit::run(&workspace),
        }
        .map(|()| ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
