//! The command line: one file per command, and the only room that prints. Data goes to stdout, talk to stderr.

mod backend;
mod bench;
mod certify;
mod config;
mod echo;
mod fault;
mod kernel;
mod output;
mod overlay;
mod progress;
mod replay;
mod run;
mod runs;
mod setup;
mod trust;

use std::process::ExitCode;

use clap::error::ErrorKind as ClapKind;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

use crate::error::{Error, Result};
use output::Output;

/// Runs overlays on compute backends, the same bits everywhere, with a record of every run.
#[derive(Parser)]
#[command(name = "clamp-host", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 success, 3 replay diverged, 4 replay not comparable, 10 the overlay said no, 11 a limit was hit, 12 refused, 13 not \
found, 14 bad input, 15 backend failure, 16 no GPU, 17 input/output or disk, 18 not certified, 19 slower than before, 20 plugin not trusted, 64 wrong usage, 70 a fault of this \
program.";

/// Options of every command.
#[derive(Args, Clone)]
struct Global {
    /// One JSON object on stdout instead of text
    #[arg(long, global = true)]
    json: bool,
    /// Settings file instead of CLAMP_CONFIG, CLAMP_HOME/clamp.yaml or the bundled one
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder with backend plugins, instead of the usual ones; may be given several times
    #[arg(long = "plugins", global = true, value_name = "DIR")]
    plugins: Vec<PathBuf>,
    /// Show log lines on stderr; twice for debugging lines
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Subcommand)]
enum Command {
    /// Run an overlay once and record it
    Run(run::RunArgs),
    /// Do a recorded run once more and compare
    Replay(replay::ReplayArgs),
    /// Look at recorded runs
    #[command(subcommand)]
    Runs(runs::RunsCommand),
    /// Look at compute backends
    #[command(subcommand)]
    Backend(backend::BackendCommand),
    /// List kernels, or run one on NumPy files
    #[command(subcommand)]
    Kernel(kernel::KernelCommand),
    /// Measure kernels beside what the machine can do
    Bench(bench::BenchArgs),
    /// Install and list overlays
    #[command(subcommand)]
    Overlay(overlay::OverlayCommand),
    /// Show, write or check the settings
    #[command(subcommand)]
    Config(config::ConfigCommand),
}

/// The whole program. The exit code says how it ended; see docs/exit-codes.md.
pub fn main() -> ExitCode {
    fault::install_hook();
    let json_wanted = std::env::args_os().any(|arg| arg == "--json");
    match Cli::try_parse() {
        Ok(cli) => {
            let output = Output::new(cli.global.json);
            echo::install(cli.global.verbose);
            let code = dispatch(&cli, &output).unwrap_or_else(|error| output.fail(&error));
            output.end(code)
        }
        Err(error) => match error.kind() {
            ClapKind::DisplayHelp | ClapKind::DisplayVersion => {
                let _ = error.print();
                ExitCode::SUCCESS
            }
            _ if json_wanted && std::env::args_os().nth(1).is_some_and(|word| word == "run") => {
                run::refuse(&usage_error(&error), &Output::new(true))
            }
            _ => Output::new(json_wanted).fail(&usage_error(&error)),
        },
    }
}

fn usage_error(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    let said: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let said = said.join(" ");
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: ")).map(|tip| format!("{tip}; "));
    Error::usage(said.trim_start_matches("error: "))
        .hint(format!("{}--help shows how it is used", tip.unwrap_or_default()))
}

fn dispatch(cli: &Cli, output: &Output) -> Result<ExitCode> {
    let global = &cli.global;
    match &cli.command {
        Command::Run(args) => run::run(global, args, output),
        Command::Replay(args) => replay::run(global, args, output),
        Command::Runs(command) => runs::run(global, command, output),
        Command::Backend(command) => backend::run(global, command, output),
        Command::Kernel(command) => kernel::run(global, command, output),
        Command::Bench(args) => bench::run(global, args, output),
        Command::Overlay(command) => overlay::run(global, command, output),
        Command::Config(command) => config::run(global, command, output),
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
