//! `config show | init | check`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Global;
use super::output::{Output, exit_of, table};
use super::setup;
use crate::config::{Settings, check, init};
use crate::error::{ErrorKind, Result};

#[derive(Subcommand)]
pub(super) enum ConfigCommand {
    /// Show every setting, its value, and where that came from
    Show,
    /// Write a commented clamp.yaml into CLAMP_HOME
    Init(InitArgs),
    /// Look for problems in the settings files
    Check,
}

#[derive(Args)]
pub(super) struct InitArgs {
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
}

pub(super) fn run(global: &Global, command: &ConfigCommand, output: &Output) -> Result<ExitCode> {
    let (environment, places) = setup::ground()?;
    let sources = setup::sources(global, &setup::Flags::default(), &environment, &places)?;
    match command {
        ConfigCommand::Show => {
            show(&Settings::load(&sources)?, output);
            Ok(ExitCode::SUCCESS)
        }
        ConfigCommand::Init(args) => {
            let path = init(&places, args.force)?;
            if output.json {
                output.value(&json!({"ok": true, "file": path}));
            } else {
                output.text(&path.display().to_string());
            }
            Ok(ExitCode::SUCCESS)
        }
        ConfigCommand::Check => {
            let problems = check(&sources)?;
            let wrong = problems.iter().any(|problem| !problem.warning);
            if output.json {
                let problems: Vec<Value> = problems
                    .iter()
                    .map(|p| json!({"place": p.place, "message": p.message, "hint": p.hint, "warning": p.warning}))
                    .collect();
                output.value(&json!({"ok": !wrong, "problems": problems}));
            } else {
                for problem in &problems {
                    let word = if problem.warning { "warning" } else { "error" };
                    output.text(&format!("{word}: {problem}"));
                }
                if problems.is_empty() {
                    output.text("no problems");
                }
            }
            Ok(if wrong { exit_of(ErrorKind::BadInput) } else { ExitCode::SUCCESS })
        }
    }
}

fn show(settings: &Settings, output: &Output) {
    let shown = settings.show();
    if output.json {
        let all: Vec<Value> = shown
            .iter()
            .map(|s| json!({"key": s.key, "value": s.value, "origin": s.origin.to_string(), "doc": s.doc}))
            .collect();
        output.value(&json!({"settings": all}));
        return;
    }
    let mut rows = vec![["SETTING", "VALUE", "FROM", "WHAT"].map(str::to_owned).to_vec()];
    for s in shown {
        let value = if s.value.is_empty() { "-".to_owned() } else { s.value };
        rows.push(vec![s.key.to_owned(), value, s.origin.to_string(), s.doc]);
    }
    output.text(&table(&rows));
}
