//! `replay`: a recorded run once more, held against its record.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::Global;
use super::output::Output;
use super::setup;
use crate::error::Result;
use crate::invoke::{Replayed, Verdict, replay};
use crate::run;

#[derive(Args)]
pub(super) struct ReplayArgs {
    /// The run's id (a unique beginning is enough) or its folder
    run: String,
    /// Another backend than the recorded one: its id, or ID:DEVICE
    #[arg(long, value_name = "BACKEND")]
    backend: Option<String>,
    /// Folder with run records; default is runs/ in the working folder
    #[arg(long, value_name = "DIR")]
    run_root: Option<PathBuf>,
}

pub(super) fn run(global: &Global, args: &ReplayArgs, output: &Output) -> Result<ExitCode> {
    let flags = setup::Flags { run_root: args.run_root.clone(), ..setup::Flags::default() };
    let host = setup::host(global, &flags)?;
    let folder = match Path::new(&args.run).join("manifest.json").is_file() {
        true => PathBuf::from(&args.run),
        false => run::find(&host.run_root(), &args.run)?,
    };
    let replayed = replay(&host, &folder, args.backend.as_deref())?;
    if output.json {
        output.value(&replayed_json(&replayed));
    } else {
        let Replayed { verdict, compared, host_calls, .. } = &replayed;
        let reason = verdict.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
        output.text(&format!("{}{reason}", verdict.name()));
        output.say(&format!(
            "compared {compared}{}",
            match host_calls {
                0 => String::new(),
                calls => format!(" ({calls} of them)"),
            }
        ));
    }
    Ok(exit_of(&replayed.verdict))
}

fn replayed_json(replayed: &Replayed) -> Value {
    let Replayed { verdict, compared, run_dir, output_hashes, backends, host_calls } = replayed;
    json!({
        "verdict": verdict.name(),
        "reason": verdict.reason(),
        "compared": compared,
        "run_dir": run_dir,
        "output_hash": {"then": output_hashes[0], "now": output_hashes[1]},
        "backend": {"then": backends[0], "now": backends[1]},
        "host_calls": host_calls,
    })
}

/// The verdicts' own codes; docs/exit-codes.md has them.
fn exit_of(verdict: &Verdict) -> ExitCode {
    ExitCode::from(match verdict {
        Verdict::Identical | Verdict::WithinTolerance(_) => 0,
        Verdict::Divergent(_) => 3,
        Verdict::NotComparable(_) => 4,
    })
}
