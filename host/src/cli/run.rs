//! `run OVERLAY[.CAPABILITY]`: the main door.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clamp_plugin_api::manifest::{Phase, ProfileName};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::Global;
use super::output::{Output, error_json, exit_of};
use super::progress::ProgressLine;
use super::{echo, setup};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::invoke::{self, Input, Invocation, Observer, Outcome};
use crate::overlay::Progress;

#[derive(Args)]
pub(super) struct RunArgs {
    /// OVERLAY, OVERLAY.CAPABILITY, or a capability that only one overlay has
    overlay: String,
    /// A file, - for standard input, or JSON that begins with {, [ or "; none is {}. A file that ends in .json, and
    /// standard input without --raw, is parsed; anything else is raw bytes
    #[arg(long, value_name = "FILE|-|JSON")]
    input: Option<String>,
    /// Take standard input as raw bytes
    #[arg(long, requires = "input")]
    raw: bool,
    /// OPEN, ALIGN, ASCEND, CLEAR or SEAL; default is the capability's first
    #[arg(long, value_name = "PHASE")]
    phase: Option<String>,
    /// Memory profile: MINIMAL, BALANCED or PERFORMANCE; default is the capability's
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// Backend id, perhaps with a device (cuda:1); auto takes a GPU first, then the CPU
    #[arg(long, value_name = "ID")]
    backend: Option<String>,
    /// Fail unless a GPU does the work
    #[arg(long)]
    require_gpu: bool,
    /// strict gives the same bits on every backend; fast does not promise that and is labelled
    #[arg(long, value_enum)]
    mode: Option<ModeArg>,
    /// A decimal number, or any text, from which all randomness comes
    #[arg(long, value_name = "SEED")]
    seed: Option<String>,
    /// Threads of the CPU backend; never changes results
    #[arg(long, value_name = "N")]
    threads: Option<u32>,
    /// Folder for run records; default is runs/ in the working folder
    #[arg(long, value_name = "DIR")]
    run_root: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum ModeArg {
    Strict,
    Fast,
}

impl ModeArg {
    /// The setting's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Fast => "fast",
        }
    }
}

pub(super) fn run(global: &Global, args: &RunArgs, output: &Output) -> Result<ExitCode> {
    let outcome = prepare(global, args).and_then(|(host, invocation)| {
        let progress: Box<dyn Progress> =
            if output.watched() { Box::new(ProgressLine::new(&invocation.target)) } else { Box::new(()) };
        invoke::run(&host, &invocation, Observer { progress, echo: echo::layer(global.verbose) })
    });
    match outcome {
        Ok(outcome) => Ok(report(&outcome, output)),
        Err(error) if output.json => Ok(refuse(&error, output)),
        Err(error) => Err(error),
    }
}

/// The whole object for a run that never began.
pub(super) fn refuse(error: &Error, output: &Output) -> ExitCode {
    output.value(&refused_json(error));
    exit_of(error.kind)
}

fn prepare(global: &Global, args: &RunArgs) -> Result<(Host, Invocation)> {
    let flags = setup::Flags {
        run_root: args.run_root.clone(),
        mode: args.mode.map(ModeArg::name),
        seed: args.seed.clone(),
        threads: args.threads,
        backend: args.backend.clone(),
    };
    let host = setup::host(global, &flags)?;
    let invocation = Invocation {
        target: args.overlay.clone(),
        phase: args.phase.as_deref().map(word::<Phase>).transpose()?,
        input: read_input(args, host.settings.limits.input_bytes)?,
        profile: args.profile.as_deref().map(word::<ProfileName>).transpose()?,
        backend: host.settings.backend.default.clone(),
        require_gpu: args.require_gpu,
        mode: host.settings.run.mode,
        seed: host.settings.run.seed.clone(),
        threads: host.settings.run.threads,
        run_root: host.run_root(),
        pinned: None,
        argv: std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect(),
    };
    Ok((host, invocation))
}

/// A word of the manifest's vocabulary, in any case.
fn word<T: std::str::FromStr>(text: &str) -> Result<T>
where
    T::Err: std::fmt::Display,
{
    text.to_ascii_uppercase().parse().map_err(|e: T::Err| {
        Error::usage(e.to_string())
            .hint("`clamp-host run --help` lists the words; the overlay's manifest says which it takes")
    })
}

fn read_input(args: &RunArgs, most: u64) -> Result<Input> {
    match args.input.as_deref() {
        None => Ok(Input::empty()),
        Some("-") => {
            let mut bytes = Vec::new();
            std::io::stdin()
                .lock()
                .take(most.saturating_add(1))
                .read_to_end(&mut bytes)
                .map_err(|e| Error::io("cannot read standard input", &e))?;
            if bytes.len() as u64 > most {
                return Err(Error::limit(format!("standard input has more than {most} bytes (limits.input_bytes)"))
                    .hint("raise limits.input_bytes in the settings, or give a file as an asset"));
            }
            if args.raw { Ok(Input::Raw(bytes)) } else { Input::from_json(&bytes, "standard input") }
        }
        Some(text) if text.starts_with(['{', '[', '"']) => Input::from_json(text.as_bytes(), "--input"),
        Some(path) => Input::from_file(Path::new(path), most),
    }
}

fn report(outcome: &Outcome, output: &Output) -> ExitCode {
    if output.json {
        output.value(&outcome_json(outcome));
    } else {
        match &outcome.reply {
            Ok(bytes) => match serde_json::from_slice::<Value>(bytes) {
                Ok(value) => output.text(&format!("{value:#}")),
                Err(_) => output.text(&String::from_utf8_lossy(bytes)),
            },
            Err(failure) => output.complain(&as_error(failure)),
        }
        talk(outcome, output);
    }
    match &outcome.reply {
        Ok(_) => ExitCode::SUCCESS,
        Err(failure) => exit_of(failure.kind),
    }
}

fn talk(outcome: &Outcome, output: &Output) {
    let times: Vec<String> = outcome
        .durations
        .iter()
        .filter(|(name, _)| *name != "total")
        .map(|(name, d)| format!("{name} {:.3}", d.as_secs_f64()))
        .collect();
    output.say(&format!("run      {}", outcome.run_dir.display()));
    if !outcome.artifacts.is_empty() {
        output.say(&format!("left     {}", outcome.artifacts.join(", ")));
    }
    if let Some(hash) = &outcome.output_hash {
        output.say(&format!("output   {hash}"));
    }
    if let Some(reason) = &outcome.backend_reason {
        output.say(&format!("device   {reason}"));
    }
    if let Some(certificate) = &outcome.certificate {
        output.say(&format!("bits     {certificate}"));
    }
    for note in &outcome.certificate_notes {
        output.say(&format!("note     {note}"));
    }
    output.say(&format!("seed     {} ({})", outcome.seed, outcome.mode));
    output.say(&format!("time     {:.3} s ({})", outcome.total().as_secs_f64(), times.join(", ")));
}

fn as_error(failure: &invoke::Failure) -> Error {
    Error { kind: failure.kind, message: format!("{} [{}]", failure.message, failure.code), hint: failure.hint.clone() }
}

fn outcome_json(outcome: &Outcome) -> Value {
    let error = match &outcome.reply {
        Ok(_) => Value::Null,
        Err(failure) => {
            let mut error =
                error_json(&Error { kind: failure.kind, message: failure.message.clone(), hint: failure.hint.clone() });
            error["overlay_code"] = failure.code.clone().into();
            error["data"] = failure.data.clone();
            error
        }
    };
    json!({
        "ok": outcome.reply.is_ok(),
        "result": outcome.result_json(),
        "error": error,
        "run_id": outcome.run_id,
        "run_dir": outcome.run_dir,
        "output_hash": outcome.output_hash,
        "backend": outcome.backend,
        "certificate": outcome.certificate,
        "mode": outcome.mode,
        "seed": outcome.seed,
        "duration_ms": (outcome.total().as_secs_f64() * 1e6).round() / 1e3,
        "degraded": outcome.degraded,
    })
}

/// The same object for a run that never began.
fn refused_json(error: &Error) -> Value {
    json!({
        "ok": false,
        "result": Value::Null,
        "error": error_json(error),
        "run_id": Value::Null,
        "run_dir": Value::Null,
        "output_hash": Value::Null,
        "backend": Value::Null,
        "certificate": Value::Null,
        "mode": Value::Null,
        "seed": Value::Null,
        "duration_ms": Value::Null,
        "degraded": false,
    })
}
