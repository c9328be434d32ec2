//! `backend trust | remove`: which plugin files the user trusts, in plugins.lock; and the hidden `backend probe`, the
//! process of its own in which a plugin is tried.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clamp_plugin_api::manifest::jcs::is_sha256_hex;
use clap::Args;
use serde_json::{Value, json};

use super::Global;
use super::output::Output;
use super::setup;
use crate::backend::Device;
use crate::backend::isolate::{Finding, Place, State, Step, Tried};
use crate::backend::load;
use crate::backend::lock::{Lock, Pin};
use crate::config::LockPolicy;
use crate::error::{Error, Result};
use crate::host::Host;

#[derive(Args)]
pub(super) struct TrustArgs {
    /// Plugin files; each is opened once, in a process of its own, to learn its id
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The digest that the file's author gave; with another one, the file is not opened
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// The file's Ed25519 signature; default is FILE.sig where there is one
    #[arg(long, value_name = "SIG")]
    signature: Option<PathBuf>,
    /// Try a file that is in quarantine once more, and lift the quarantine if it does no harm
    #[arg(long)]
    again: bool,
}

#[derive(Args)]
pub(super) struct RemoveArgs {
    /// Ids of pinned plugins, as `backend list` shows them
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

#[derive(Args)]
pub(super) struct ProbeArgs {
    file: PathBuf,
    #[arg(long)]
    sha256: String,
    #[arg(long)]
    device: Option<u32>,
    #[arg(long)]
    report: PathBuf,
}

/// A file that was found good, and what is said of it.
struct Examined {
    pin: Pin,
    signed_by: Option<String>,
    lifted: bool,
    /// Why it has no devices now, if it has none.
    note: Option<String>,
}

pub(super) fn trust(global: &Global, args: &TrustArgs, output: &Output) -> Result<ExitCode> {
    if args.files.len() > 1 && (args.sha256.is_some() || args.signature.is_some()) {
        return Err(Error::usage("--sha256 and --signature are of one file").hint("pin the files one after the other"));
    }
    let wanted = args.sha256.as_ref().map(|digits| digits.to_ascii_lowercase());
    if let Some(digits) = wanted.as_ref().filter(|digits| !is_sha256_hex(digits)) {
        return Err(Error::usage(format!("--sha256 {digits}: a SHA-256 has 64 hex digits")));
    }
    let host = setup::host(global, &setup::Flags::default())?;
    let lock = host.lock()?;
    let mut done: Vec<Examined> = Vec::new();
    for file in &args.files {
        let new = examine(&host, lock, file, args, wanted.as_deref())?;
        if let Some(same) = done.iter().find(|old| old.pin.id == new.pin.id && old.pin.sha256 != new.pin.sha256) {
            let (first, second) = (same.pin.path.display(), new.pin.path.display());
            return Err(Error::bad_input(format!("{first} and {second} both call themselves `{}`", new.pin.id))
                .hint("an id has one pin; choose one of the two"));
        }
        done.retain(|old| old.pin.id != new.pin.id);
        done.push(new);
    }
    let replaced = Lock::put(&lock.path, done.iter().map(|examined| examined.pin.clone()).collect())?;
    let former = |pin: &Pin| replaced.iter().find(|old| old.id == pin.id && old.sha256 != pin.sha256);
    if output.json {
        let pinned: Vec<Value> = done
            .iter()
            .map(|examined| {
                let Examined { pin, signed_by, lifted, note } = examined;
                json!({
                    "id": pin.id, "path": pin.path, "sha256": pin.sha256, "signed_by": signed_by,
                    "replaced": former(pin).map(|old| old.sha256.clone()), "quarantine_lifted": lifted, "note": note,
                })
            })
            .collect();
        output.value(&json!({"ok": true, "lock": lock.path, "policy": lock.policy.name(), "pinned": pinned}));
        return Ok(ExitCode::SUCCESS);
    }
    for Examined { pin, signed_by, lifted, note } in &done {
        let signed = signed_by.as_ref().map_or(String::new(), |name| format!(", signed by {name}"));
        output.text(&format!("pinned {}: {} (sha256 {}{signed})", pin.id, pin.path.display(), pin.sha256));
        if let Some(old) = former(pin) {
            output.say(&format!("in place of {} (sha256 {})", old.path.display(), old.sha256));
        }
        if *lifted {
            output.say("it did no harm this time: the quarantine is lifted");
        }
        if let Some(note) = note {
            output.say(&format!("note: {note}"));
        }
        if signed_by.is_none() && lock.has_unread_signature(&pin.path) {
            output.say("note: its signature was not looked at: backend.trusted_keys names nobody");
        }
    }
    if lock.policy == LockPolicy::Off {
        output.say("note: backend.lock_policy is off, so pins are kept and not asked; warn or require asks them");
    }
    Ok(ExitCode::SUCCESS)
}

/// Everything that has to hold before a file is pinned, the questions that need none of its code first.
fn examine(host: &Host, lock: &Lock, file: &Path, args: &TrustArgs, wanted: Option<&str>) -> Result<Examined> {
    if !file.exists() {
        return Err(Error::not_found(format!("plugin file {} does not exist", file.display())).hint("check the path"));
    }
    let path = file.canonicalize().map_err(|e| Error::io(format!("cannot read {}", file.display()), &e))?;
    let shown = path.display();
    let sha256 = load::digest(&path).map_err(|e| Error::bad_input(format!("{shown}: {}", e.reason)))?;
    if wanted.is_some_and(|wanted| wanted != sha256) {
        return Err(Error::refused(format!("{shown} has another digest than --sha256: {sha256}"))
            .hint("it is not the file that its author means; nothing was opened or pinned"));
    }
    let (signed, signed_by) = signer(lock, &path, &sha256, args.signature.as_deref())?;
    let isolation = host.isolation();
    let known = isolation.finding(&sha256);
    let withheld = match &known {
        Ok(Some(finding)) if finding.state == State::Quarantined => Some(finding.reason()),
        Ok(_) => None,
        Err(problem) => Some(format!("quarantined, for a reason that cannot be read: {problem}")),
    };
    if let Some(reason) = withheld.as_ref().filter(|_| !args.again) {
        return Err(Error::refused(format!("{shown}: {reason}"))
            .hint("with --again it is tried once more, in a process of its own"));
    }
    let device = known.ok().flatten().and_then(|finding| finding.place.device);
    let report = match isolation.try_alone(&path, &sha256, device) {
        Some(Tried::Lived(report)) => report,
        Some(Tried::Ended { step, how }) => {
            let place = Place { sha256, path: path.clone(), id: None, step, device: None };
            let how = Some(how);
            let finding = Finding { place, how, state: State::Quarantined };
            let message = format!("{shown}: {}", finding.reason());
            let kept = if isolation.keep(finding) { ", and no host will open it" } else { "" };
            return Err(Error::backend(message).hint(format!("nothing was pinned{kept}; --again tries it again")));
        }
        Some(Tried::Unable(why)) => {
            return Err(Error::backend(format!("{shown} could not be tried in a process of its own: {why}"))
                .hint("nothing was pinned; this program has to be able to start itself"));
        }
        None => return Err(Error::internal("a door without a way to try plugins")),
    };
    let reason = report["reason"].as_str().map(str::to_owned);
    let Some(id) = report["id"].as_str() else {
        let reason = reason.unwrap_or_else(|| "it has no id".to_owned());
        return Err(
            Error::backend(format!("{shown} is no plugin that this host can use: {reason}")).hint("nothing was pinned")
        );
    };
    let pin = Lock::pin(id, &path, &sha256, signed)?;
    isolation.forget(&sha256)?;
    Ok(Examined { pin, signed_by, lifted: withheld.is_some(), note: reason })
}

type Signed<'a> = Option<(&'a crate::config::TrustedKey, [u8; 64])>;

/// The signature of a trusted key. One that is there and is none stops everything: somebody meant it to be checked.
fn signer<'a>(lock: &'a Lock, path: &Path, sha256: &str, file: Option<&Path>) -> Result<(Signed<'a>, Option<String>)> {
    if let Some(file) = file {
        if !file.exists() {
            return Err(Error::not_found(format!("the signature {} does not exist", file.display()))
                .hint("check the path given with --signature"));
        }
        if lock.has_no_keys() {
            return Err(Error::refused(format!("{}: nobody is trusted to sign", file.display()))
                .hint("name the signer's public key in backend.trusted_keys"));
        }
    }
    let signed = lock.signature(path, sha256, file).map_err(|problem| {
        Error::refused(format!("{}: {problem}", path.display()))
            .hint("nothing was opened or pinned; to pin the bytes without a signature, take the .sig file away")
    })?;
    let name = signed.as_ref().map(|(key, _)| key.name.clone());
    Ok((signed, name))
}

pub(super) fn remove(global: &Global, args: &RemoveArgs, output: &Output) -> Result<ExitCode> {
    let host = setup::host(global, &setup::Flags::default())?;
    let gone = Lock::take_out(&host.lock()?.path, &args.ids)?;
    if output.json {
        let removed: Vec<Value> =
            gone.iter().map(|pin| json!({"id": pin.id, "path": pin.path, "sha256": pin.sha256})).collect();
        output.value(&json!({"ok": true, "removed": removed}));
        return Ok(ExitCode::SUCCESS);
    }
    for pin in &gone {
        output.text(&format!("no longer pinned: {} (sha256 {}); {} stays", pin.id, pin.sha256, pin.path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens a file without regard for this process: a line in the report before each step says which one it is, so that who
/// waits knows where it ended. The plugin may print what it likes.
pub(super) fn probe(global: &Global, args: &ProbeArgs) -> Result<ExitCode> {
    let host = setup::host(global, &setup::Flags::default())?;
    let cannot = |e: &std::io::Error| Error::io(format!("cannot write {}", args.report.display()), e);
    let mut report = File::options().append(true).open(&args.report).map_err(|e| cannot(&e))?;
    let mut tell = |line: Value| report.write_all(format!("{line}\n").as_bytes()).map_err(|e| cannot(&e));
    let mut step = |step: Step| tell(json!({"step": step}));
    step(Step::Load)?;
    let candidate = host.plugin_alone(&args.file, &args.sha256);
    if candidate.id().is_some() {
        step(Step::Start)?;
        if let Ok(backend) = candidate.backend() {
            step(Step::Devices)?;
            let devices = backend.devices().unwrap_or_default();
            if let Some(facts) = devices.iter().find(|facts| Some(facts.index) == args.device) {
                step(Step::Open)?;
                let _ = Device::open(&backend, facts);
            }
            step(Step::Devices)?;
        }
    }
    tell(json!({"answer": candidate.report()}))?;
    Ok(ExitCode::SUCCESS)
}
