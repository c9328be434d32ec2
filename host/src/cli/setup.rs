//! From the global options to settings and a host.

use std::path::PathBuf;

use super::Global;
use crate::config::{Environment, Flag, Places, Raw, Settings, Sources};
use crate::error::Result;
use crate::host::{self, Host};

/// Options of single commands that are settings.
#[derive(Clone, Debug, Default)]
pub(super) struct Flags {
    pub(super) run_root: Option<PathBuf>,
    pub(super) mode: Option<&'static str>,
    pub(super) seed: Option<String>,
    pub(super) threads: Option<u32>,
    pub(super) backend: Option<String>,
}

impl Flags {
    fn list(&self) -> Vec<Flag> {
        let text = |key, flag: &str, value: Option<String>| {
            value.map(|value| Flag { key, flag: flag.to_owned(), raw: Raw::Text(value) })
        };
        [
            text("run.root", "--run-root", self.run_root.as_ref().map(|path| path.to_string_lossy().into_owned())),
            text("run.mode", "--mode", self.mode.map(str::to_owned)),
            text("run.seed", "--seed", self.seed.clone()),
            text("run.threads", "--threads", self.threads.map(|n| n.to_string())),
            text("backend.default", "--backend", self.backend.clone()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The environment and the places of this process.
pub(super) fn ground() -> Result<(Environment, Places)> {
    let environment = Environment::of_process();
    let places = Places::find(&environment)?;
    Ok((environment, places))
}

/// Where settings come from.
pub(super) fn sources<'a>(
    global: &Global,
    flags: &Flags,
    environment: &'a Environment,
    places: &'a Places,
) -> Sources<'a> {
    Sources { environment, places, config: global.config.clone(), flags: flags.list() }
}

/// A host with the settings that hold.
pub(super) fn host(global: &Global, flags: &Flags) -> Result<Host> {
    let (environment, places) = ground()?;
    let settings = Settings::load(&sources(global, flags, &environment, &places))?;
    Host::open(settings, places, global.plugins.clone())
}

/// Only the run root, for commands that read records.
pub(super) fn run_root(global: &Global, flags: &Flags) -> Result<PathBuf> {
    let (environment, places) = ground()?;
    let settings = Settings::load(&sources(global, flags, &environment, &places))?;
    Ok(host::run_root(&settings, &places))
}
