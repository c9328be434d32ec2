//! Proves that backends agree to the bit: `equal` sweeps every kernel over sizes, `graphs` runs random graphs of
//! kernels, `exchange` shares memory with other libraries. Plugins are loaded as the host loads them and compared with the reference, all in this process.

mod array;
mod equal;
mod exchange;
mod graphs;
mod problem;
mod random;
mod report;
mod subject;
mod tensor;
mod values;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Long proofs; exit code 1 and the first difference where there is one.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Every kernel, every backend, over sizes
    Equal(equal::EqualArgs),
    /// Random graphs of kernels on every backend
    Graphs(graphs::GraphArgs),
    /// DLPack tensors to and from a backend's memory, without a copy
    Exchange(exchange::ExchangeArgs),
}

/// What is compared.
#[derive(Args)]
pub(crate) struct Subjects {
    /// The folder of plugins
    #[arg(long, value_name = "DIR")]
    plugins: PathBuf,
    /// Backends besides the CPU backend that have to be there; `none` for none
    #[arg(long, value_name = "ID", value_delimiter = ',', default_value = "opencl")]
    backends: Vec<String>,
    /// Say in a line that such a backend is left out where it is not there or has no device, and go on
    #[arg(long)]
    missing_ok: bool,
    /// Threads of the CPU backend
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1, 2, 3, 4])]
    threads: Vec<u32>,
}

impl Subjects {
    /// The backends besides the CPU backend.
    fn others(&self) -> impl Iterator<Item = &String> {
        self.backends.iter().filter(|id| *id != "none")
    }
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Equal(args) => equal::run(&args),
        Command::Graphs(args) => graphs::run(&args),
        Command::Exchange(args) => exchange::run(&args),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::problem(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}
