//! From the global options to settings and a host.

use std::path::PathBuf;
use std::time::Duration;

use super::Global;
use super::output::notice;
use crate::backend::Notices;
use crate::backend::isolate::Prober;
use crate::config::{Environment, Flag, Places, Raw, Settings, Sources};
use crate::error::{Error, Result};
use crate::host::{self, DoorOptions, Host};

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
    fn list(&self) -> Result<Vec<Flag>> {
        let run_root = match &self.run_root {
            None => None,
            Some(path) => Some(path.to_str().map(str::to_owned).ok_or_else(|| {
                Error::usage(format!("--run-root {}: the name is not UTF-8", path.display()))
                    .hint("records hold their folder's name as text; choose another folder")
            })?),
        };
        let text = |key, flag: &str, value: Option<String>| {
            value.map(|value| Flag { key, flag: flag.to_owned(), raw: Raw::Text(value) })
        };
        let flags = [
            text("run.root", "--run-root", run_root),
            text("run.mode", "--mode", self.mode.map(str::to_owned)),
            text("run.seed", "--seed", self.seed.clone()),
            text("run.threads", "--threads", self.threads.map(|n| n.to_string())),
            text("backend.default", "--backend", self.backend.clone()),
        ];
        Ok(flags.into_iter().flatten().collect())
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
) -> Result<Sources<'a>> {
    Ok(Sources { environment, places, config: global.config.clone(), flags: flags.list()? })
}

/// A host with the settings that hold.
pub(super) fn host(global: &Global, flags: &Flags) -> Result<Host> {
    let (environment, places) = ground()?;
    let settings = Settings::load(&sources(global, flags, &environment, &places)?)?;
    let door = DoorOptions {
        plugin_folders: global.plugins.clone(),
        program: Some("/proc/self/exe".into()),
        prober: Some(prober(global, &settings)),
        notices: Notices::to(notice(global.json)),
    };
    Host::open(settings, places, door)
}

/// This program, with the settings file that was named. The link of the kernel leads to it even where its file was
/// replaced meanwhile.
fn prober(global: &Global, settings: &Settings) -> Prober {
    let config = global.config.iter().flat_map(|path| ["--config".into(), path.clone().into_os_string()]);
    let most = Duration::from_millis(settings.backend.probe_ms);
    Prober { program: "/proc/self/exe".into(), args: config.collect(), most }
}

/// Only the run root, for commands that read records.
pub(super) fn run_root(global: &Global, flags: &Flags) -> Result<PathBuf> {
    let (environment, places) = ground()?;
    let settings = Settings::load(&sources(global, flags, &environment, &places)?)?;
    Ok(host::run_root(&settings, &places))
}
