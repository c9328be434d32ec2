//! `overlay install | list | show | enable | disable | rollback | remove | verify`, and the hidden start of a command.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clamp_plugin_api::manifest::Grant;
use clamp_plugin_api::manifest::jcs::sha256_hex;
use clap::{Args, Subcommand};
use semver::Version;
use serde_json::{Value, json};

use super::Global;
use super::output::{Output, error_json, exit_of, table};
use super::setup;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::overlay::registry::{self, GrantChoice, InstallOptions, InstalledOverlay, Removed};
use crate::sandbox::Sandbox;

#[derive(Subcommand)]
pub(super) enum OverlayCommand {
    /// Install a package: a folder or a .tar.gz with manifest.json, component and assets
    Install(InstallArgs),
    /// List installed overlays
    List,
    /// Show one overlay: what it asks for and what it was given
    Show(NameArgs),
    /// Allow an overlay to be called, and say what it gets
    Enable(EnableArgs),
    /// Forbid an overlay to be called
    Disable(NameArgs),
    /// Go back to the version that was installed before the enabled one
    Rollback(NameArgs),
    /// Take an overlay away that is not enabled, with its files
    Remove(RemoveArgs),
    /// Digest every file again and compare with what was installed
    Verify(VerifyArgs),
    /// Become a command in its sandbox; what the runner of commands starts
    #[command(hide = true)]
    Sandboxed(SandboxedArgs),
}

#[derive(Args)]
pub(super) struct InstallArgs {
    /// The package
    package: PathBuf,
    /// Store to install into; default is CLAMP_HOME/store
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Enable it at once
    #[arg(long)]
    enable: bool,
    /// What it gets: names from its manifest's grants, separated by commas, or all
    #[arg(long, value_name = "GRANTS")]
    grant: Option<String>,
}

#[derive(Args)]
pub(super) struct SandboxedArgs {
    #[arg(long)]
    report: PathBuf,
    #[arg(long)]
    address_space: u64,
    #[arg(long = "read")]
    readable: Vec<PathBuf>,
    #[arg(long = "write")]
    writable: Vec<PathBuf>,
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

#[derive(Args)]
pub(super) struct NameArgs {
    /// The overlay's name
    name: String,
}

#[derive(Args)]
pub(super) struct RemoveArgs {
    /// The overlay's name
    name: String,
    /// Only this version
    #[arg(long, value_name = "VERSION")]
    version: Option<Version>,
}

#[derive(Args)]
pub(super) struct VerifyArgs {
    /// Only these overlays
    names: Vec<String>,
}

#[derive(Args)]
pub(super) struct EnableArgs {
    /// The overlay's name
    name: String,
    /// What it gets: names from its manifest's grants, separated by commas, or all; without, what it had
    #[arg(long, value_name = "GRANTS")]
    grant: Option<String>,
}

pub(super) fn run(global: &Global, command: &OverlayCommand, output: &Output) -> Result<ExitCode> {
    if let OverlayCommand::Sandboxed(args) = command {
        let SandboxedArgs { report, address_space, readable, writable, command } = args;
        let (readable, writable, report) = (readable.clone(), writable.clone(), report.clone());
        let sandbox = Sandbox { readable, writable, address_space: *address_space, report };
        return Err(sandbox.become_command(command));
    }
    let mut host = setup::host(global, &setup::Flags::default())?;
    match command {
        // It has become the command by now.
        OverlayCommand::Sandboxed(_) => Ok(ExitCode::SUCCESS),
        OverlayCommand::Install(args) => install(&host, args, output),
        OverlayCommand::List => {
            list(&host, output);
            Ok(ExitCode::SUCCESS)
        }
        OverlayCommand::Show(args) => {
            show(host.registry.get(&args.name)?, output);
            Ok(ExitCode::SUCCESS)
        }
        OverlayCommand::Enable(args) => {
            let grants = choice(args.grant.as_deref())?;
            let overlay = host.registry.set_enabled(&args.name, true, &grants)?;
            say_state(&overlay, output);
            Ok(ExitCode::SUCCESS)
        }
        OverlayCommand::Disable(args) => {
            if host.registry.disable_spoilt(&args.name)? {
                if output.json {
                    output.value(&json!({"ok": true, "name": args.name, "enabled": false, "spoilt": true}));
                } else {
                    output.say(&format!("{} is disabled; its files are not what was installed", args.name));
                }
                return Ok(ExitCode::SUCCESS);
            }
            let overlay = host.registry.set_enabled(&args.name, false, &GrantChoice::Kept)?;
            say_state(&overlay, output);
            Ok(ExitCode::SUCCESS)
        }
        OverlayCommand::Rollback(args) => {
            let (left, overlay) = host.registry.rollback(&args.name)?;
            if output.json {
                let mut value = overlay_json(&overlay);
                value["left"] = left.map(|version| version.to_string()).into();
                output.value(&value);
            } else {
                let left = left.map_or_else(|| "(spoilt)".to_owned(), |version| version.to_string());
                output.text(&format!("{} {left} -> {}", args.name, overlay.manifest.version));
                say_state(&overlay, output);
            }
            Ok(ExitCode::SUCCESS)
        }
        OverlayCommand::Remove(args) => {
            let removed = host.registry.remove(&args.name, args.version.as_ref())?;
            if output.json {
                let gone = |r: &Removed| json!({"name": r.name, "version": r.version.to_string(), "digest": r.digest});
                output.value(&json!({"ok": true, "removed": removed.iter().map(gone).collect::<Vec<_>>()}));
            }
            for Removed { name, version, digest } in removed.iter().filter(|_| !output.json) {
                output.text(&format!("removed {name} {version}, {digest}"));
            }
            Ok(ExitCode::SUCCESS)
        }
        OverlayCommand::Verify(args) => verify(&host, args, output),
    }
}

/// Every version is looked at; the first that is spoilt decides the exit code.
fn verify(host: &Host, args: &VerifyArgs, output: &Output) -> Result<ExitCode> {
    for name in &args.names {
        host.registry.get(name)?;
    }
    let is_meant = |name: &str| args.names.is_empty() || args.names.iter().any(|wanted| wanted == name);
    let mut rows = Vec::new();
    let mut first = None;
    for overlay in host.registry.list().iter().filter(|overlay| is_meant(&overlay.manifest.name)) {
        let found = overlay.verify().err();
        rows.push((overlay.manifest.name.clone(), Some(overlay.manifest.version.to_string()), found.clone()));
        first = first.or(found);
    }
    // What a newer host left behind of its bundled overlays is not spoilt, it is gone.
    for broken in host.registry.broken().iter().filter(|broken| is_meant(&broken.name) && !broken.missing) {
        rows.push((broken.name.clone(), None, Some(broken.error.clone())));
        first = first.or(Some(broken.error.clone()));
    }
    if output.json {
        let row = |(name, version, error): &(String, Option<String>, Option<Error>)| json!({"name": name, "version": version, "ok": error.is_none(), "error": error.as_ref().map(error_json)});
        output.value(&json!({"ok": first.is_none(), "overlays": rows.iter().map(row).collect::<Vec<_>>()}));
        return Ok(first.map_or(ExitCode::SUCCESS, |error| exit_of(error.kind)));
    }
    for (name, version, error) in &rows {
        let version = version.as_deref().unwrap_or("?");
        let said = error.as_ref().map_or("as installed", |error| error.message.as_str());
        output.text(&format!("{name} {version}: {said}"));
    }
    match first {
        None => Ok(ExitCode::SUCCESS),
        Some(error) => Err(error),
    }
}

fn choice(grants: Option<&str>) -> Result<GrantChoice> {
    match grants {
        None => Ok(GrantChoice::Kept),
        Some("all") => Ok(GrantChoice::All),
        Some(list) => {
            let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
            let grants: Result<BTreeSet<Grant>> =
                words.map(|word| word.parse().map_err(|e| Error::usage(format!("--grant: {e}")))).collect();
            Ok(GrantChoice::Only(grants?))
        }
    }
}

fn install(host: &Host, args: &InstallArgs, output: &Output) -> Result<ExitCode> {
    let store = args.store.clone().unwrap_or_else(|| host.places.store());
    let options =
        InstallOptions { enable: args.enable, grants: choice(args.grant.as_deref())?, limits: &host.settings.limits };
    let installed = registry::install(&store, &args.package, &options, &|manifest, component| {
        let engine = host.engine()?;
        let in_package = |e: Error| {
            let file = manifest.entrypoints.wasm.as_ref().map_or("the component", |wasm| wasm.path.as_str());
            Error { message: format!("{}: {file}: {}", args.package.display(), e.message), ..e }
        };
        let prepared = engine.prepare(component, &sha256_hex(component)).map_err(in_package)?;
        engine.check_imports(&prepared, &manifest.grants).map_err(in_package)
    })?;
    if output.json {
        let mut value = overlay_json(&installed.overlay);
        value["ok"] = true.into();
        value["already"] = installed.already.into();
        output.value(&value);
    } else {
        let overlay = &installed.overlay;
        let word = if installed.already { "was installed already" } else { "installed" };
        output.text(&format!("{} {} {word}, {}", overlay.manifest.name, overlay.manifest.version, overlay.digest));
        say_state(overlay, output);
    }
    Ok(ExitCode::SUCCESS)
}

fn list(host: &Host, output: &Output) {
    let overlays: Vec<&InstalledOverlay> = host.registry.current().collect();
    let broken = host.registry.broken();
    if output.json {
        let broken: Vec<Value> =
            broken.iter().map(|b| json!({"name": b.name, "digest": b.digest, "error": error_json(&b.error)})).collect();
        let overlays: Vec<Value> = overlays.into_iter().map(overlay_json).collect();
        output.value(&json!({"overlays": overlays, "broken": broken}));
        return;
    }
    if overlays.is_empty() {
        output.say("no overlay is installed; `clamp-host overlay install FOLDER --enable --grant all` installs one");
    }
    let mut rows = vec![["OVERLAY", "VERSION", "STATE", "CAPABILITIES", "GRANTS"].map(str::to_owned).to_vec()];
    for overlay in overlays {
        let capabilities: Vec<&str> = overlay.manifest.capabilities.keys().map(String::as_str).collect();
        rows.push(vec![
            overlay.manifest.name.clone(),
            overlay.manifest.version.to_string(),
            state(overlay).into(),
            capabilities.join(" "),
            words(&overlay.grants),
        ]);
    }
    if rows.len() > 1 {
        output.text(&table(&rows));
    }
    for b in broken {
        output.text(&format!("broken: {}: {}", b.name, b.error.message));
    }
}

fn show(overlay: &InstalledOverlay, output: &Output) {
    if output.json {
        let mut value = overlay_json(overlay);
        value["manifest"] = serde_json::to_value(&overlay.manifest).unwrap_or(Value::Null);
        output.value(&value);
        return;
    }
    let m = &overlay.manifest;
    let mut text = format!("{} {}: {}\n\n", m.name, m.version, m.description);
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<12} {value}\n"));
    line("state", state(overlay).into());
    line("digest", overlay.digest.clone());
    line("folder", overlay.folder.display().to_string());
    line("asks for", words(&m.grants));
    line("was given", words(&overlay.grants));
    line("rights", m.rights.iter().map(|r| r.name()).collect::<Vec<_>>().join(" "));
    for (name, capability) in &m.capabilities {
        let phases: Vec<&str> = capability.phases.iter().map(|p| p.name()).collect();
        line("capability", format!("{name} ({}), phases {}", capability.runner.name(), phases.join(" ")));
    }
    line("kernels", if m.kernels.is_empty() { "-".into() } else { m.kernels.join(" ") });
    for asset in &m.assets {
        line("asset", format!("{} ({} bytes)", asset.name, asset.bytes));
    }
    output.text(&text);
}

fn say_state(overlay: &InstalledOverlay, output: &Output) {
    if output.json {
        output.value(&overlay_json(overlay));
        return;
    }
    let name = &overlay.manifest.name;
    output.say(&format!(
        "{name} is {}; it asks for: {}; it was given: {}",
        state(overlay),
        words(&overlay.manifest.grants),
        words(&overlay.grants)
    ));
    let missing: BTreeSet<Grant> = overlay.manifest.grants.difference(&overlay.grants).copied().collect();
    if !missing.is_empty() || !overlay.enabled {
        output.say(&format!("to give all: clamp-host overlay enable {name} --grant all"));
    }
}

fn state(overlay: &InstalledOverlay) -> &'static str {
    if overlay.enabled { "enabled" } else { "disabled" }
}

fn words(grants: &BTreeSet<Grant>) -> String {
    if grants.is_empty() {
        return "nothing".into();
    }
    grants.iter().map(|g| g.name()).collect::<Vec<_>>().join(" ")
}

fn overlay_json(overlay: &InstalledOverlay) -> Value {
    let m = &overlay.manifest;
    json!({
        "name": m.name,
        "version": m.version.to_string(),
        "description": m.description,
        "digest": overlay.digest,
        "enabled": overlay.enabled,
        "capabilities": m.capabilities.keys().collect::<Vec<_>>(),
        "asks": m.grants.iter().map(|g| g.name()).collect::<Vec<_>>(),
        "grants": overlay.grants.iter().map(|g| g.name()).collect::<Vec<_>>(),
        "store": overlay.store,
    })
}
