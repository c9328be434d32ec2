//! The project's own commands. `cargo xtask demo` and `cargo xtask test` are the two of the README; the others are
//! their parts. Nothing here is part of what an operator runs.

mod audit;
mod cargo;
mod cli;
mod demo;
mod dist;
mod golden;
mod guests;
mod header;
mod keep_binaries;
mod new_backend;
mod objects;
mod package;
mod process;
mod prove;
mod staging;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
