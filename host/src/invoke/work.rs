//! What carries a capability out, settled before anything runs: a linked component, a service, or a command. Runs nothing.

use std::path::PathBuf;

use clamp_plugin_api::manifest::jcs::sha256_hex;
use clamp_plugin_api::manifest::{Capability, Grant, Runner};

use crate::error::{Error, Result};
use crate::host::{Host, PROC_PATHS};
use crate::overlay::registry::InstalledOverlay;
use crate::overlay::{HttpCall, Linked, ProcCall};
use crate::sandbox::Sandbox;

/// See the module.
pub(super) enum Work {
    Wasm(Linked),
    Http(HttpCall),
    Proc(Box<ProcCall>),
}

impl Work {
    pub(super) fn prepare(
        host: &Host,
        overlay: &InstalledOverlay,
        capability: &Capability,
        hard_bytes: u64,
        hard_name: &str,
    ) -> Result<Self> {
        match capability.runner {
            Runner::Wasm => {
                let bytes = overlay.component_bytes()?;
                let prepared = host.engine()?.prepare(&bytes, &sha256_hex(&bytes))?;
                host.engine()?.check_imports(&prepared, &overlay.grants)?;
                Ok(Self::Wasm(host.engine()?.link(&prepared, &overlay.grants)?))
            }
            Runner::Http => service(host, overlay, capability).map(Self::Http),
            Runner::Proc => {
                command(host, overlay, capability, hard_bytes, hard_name).map(|command| Self::Proc(Box::new(command)))
            }
        }
    }
}

fn service(host: &Host, overlay: &InstalledOverlay, capability: &Capability) -> Result<HttpCall> {
    let name = &overlay.manifest.name;
    let Some(entry) = &overlay.manifest.entrypoints.http else {
        return Err(Error::bad_input(format!("overlay `{name}` has no http entry point")));
    };
    let path = capability.path.as_deref().unwrap_or_default();
    let url = format!("{}/{}", entry.base_url.trim_end_matches('/'), path.trim_start_matches('/'));
    let door = host.http_door(name);
    door.check(&url).map_err(|error| Error {
        message: format!("overlay `{name}`: {}", error.message),
        hint: error.hint.map(|hint| hint.replace("NAME", name)),
        ..error
    })?;
    Ok(HttpCall { url, method: capability.method.clone(), door })
}

fn command(
    host: &Host,
    overlay: &InstalledOverlay,
    capability: &Capability,
    hard_bytes: u64,
    hard_name: &str,
) -> Result<ProcCall> {
    let name = &overlay.manifest.name;
    let Some(entry) = &overlay.manifest.entrypoints.proc else {
        return Err(Error::bad_input(format!("overlay `{name}` has no proc entry point")));
    };
    if !overlay.grants.contains(&Grant::Proc) {
        return Err(Error::refused(format!("overlay `{name}` is run as a command and was not granted `proc`"))
            .hint(format!("clamp-host overlay enable {name} --grant proc gives it, if you trust what it runs")));
    }
    let Some(program) = host.own_program() else {
        return Err(Error::refused(format!("overlay `{name}`: this door cannot put a command into its sandbox"))
            .hint("run it through clamp-host"));
    };
    let own = host.settings.overlays.get(name);
    let paths = own.and_then(|own| own.get(PROC_PATHS)).map(String::as_str).unwrap_or_default();
    let paths = paths.split(',').map(str::trim).filter(|path| !path.is_empty()).map(PathBuf::from);
    // What the command is checked against is what it runs.
    overlay.verify()?;
    let path = capability.path.iter().cloned();
    Ok(ProcCall {
        command: entry.command.iter().cloned().chain(path).chain(["--stdin-json".to_owned()]).collect(),
        folder: overlay.folder.clone(),
        sandbox: Sandbox {
            readable: std::iter::once(overlay.folder.clone()).chain(paths).collect(),
            address_space: hard_bytes,
            ..Sandbox::default()
        },
        program,
        hard_bytes,
        hard_name: hard_name.to_owned(),
    })
}
