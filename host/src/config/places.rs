//! Where things are: read-only files beside the executable, the user's own files in CLAMP_HOME, results in the working
//! folder. It makes no folder.

use std::path::{Path, PathBuf};

use super::environment::Environment;
use crate::error::{Error, Result};

/// The three folders that all others are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The executable's: plugins/, overlays/, config/. Only read.
    pub bundled: PathBuf,
    /// CLAMP_HOME: store, caches, certificates, keys, settings.
    pub home: PathBuf,
    /// The working folder: runs/, logs/, build/.
    pub work: PathBuf,
}

/// The data folder of a service that has no home of its own.
const SERVICE_HOME: &str = "/var/lib/clamp";

impl Places {
    /// The places of this process.
    ///
    /// CLAMP_HOME is `$CLAMP_HOME`, else `$XDG_DATA_HOME/clamp`, else `$HOME/.local/share/clamp`, else
    /// `/var/lib/clamp`. A program with more rights than its user always takes the last.
    ///
    /// # Errors
    /// A CLAMP_HOME that is relative, or an executable or working folder that the system does not tell.
    pub fn find(environment: &Environment) -> Result<Self> {
        let executable = std::env::current_exe().and_then(std::fs::canonicalize);
        let executable = executable.map_err(|e| Error::io("cannot tell where this program's file is", &e))?;
        let work = std::env::current_dir().map_err(|e| {
            Error::io("cannot tell the working folder", &e).hint("change into a folder that exists and try again")
        })?;
        let bundled = executable.parent().unwrap_or(Path::new("/")).to_path_buf();
        Ok(Self { bundled, home: home(environment)?, work })
    }

    /// Plugins that came with the program.
    pub fn bundled_plugins(&self) -> PathBuf {
        self.bundled.join("plugins")
    }

    /// Plugins that the user added.
    pub fn home_plugins(&self) -> PathBuf {
        self.home.join("plugins")
    }

    /// Overlays that came with the program, in the format of the store.
    pub fn bundled_overlays(&self) -> PathBuf {
        self.bundled.join("overlays")
    }

    /// The user's overlays.
    pub fn store(&self) -> PathBuf {
        self.home.join("store")
    }

    /// Both stores, the user's first: the order in which names are looked up.
    pub fn stores(&self) -> [PathBuf; 2] {
        [self.store(), self.bundled_overlays()]
    }

    /// What can be made again: compiled overlays, private copies of plugins.
    pub fn cache(&self) -> PathBuf {
        self.home.join("cache")
    }

    /// What is known of backends' bits.
    pub fn certificates(&self) -> PathBuf {
        self.home.join("certificates")
    }

    /// Which plugin files the user trusts.
    pub fn plugins_lock(&self) -> PathBuf {
        self.home.join("plugins.lock")
    }

    /// Marks of plugins that are being opened just now.
    pub fn loading(&self) -> PathBuf {
        self.home.join("loading")
    }

    /// What is known of plugins that ended a host.
    pub fn quarantine(&self) -> PathBuf {
        self.home.join("quarantine")
    }

    /// A settings file that came with the program.
    pub fn bundled_config(&self, name: &str) -> PathBuf {
        self.bundled.join("config").join(name)
    }

    /// The user's settings file of that name.
    pub fn home_config(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// Where logs go.
    pub fn logs(&self) -> PathBuf {
        self.work.join("logs")
    }

    /// Where reports go.
    pub fn build(&self) -> PathBuf {
        self.work.join("build")
    }
}

fn home(environment: &Environment) -> Result<PathBuf> {
    if let Some(named) = environment.get("CLAMP_HOME") {
        let path = PathBuf::from(named);
        return if path.is_absolute() {
            Ok(path)
        } else {
            Err(Error::bad_input(format!("CLAMP_HOME is the relative path {}", path.display()))
                .hint("set CLAMP_HOME to an absolute path, or unset it"))
        };
    }
    // The XDG specification: a relative path is ignored.
    let absolute = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
    Ok(data.map_or_else(|| PathBuf::from(SERVICE_HOME), |data| data.join("clamp")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home_of(pairs: &[(&str, &str)]) -> Result<PathBuf> {
        home(&Environment::from_pairs(pairs.iter().copied()))
    }

    #[test]
    fn clamp_home_then_xdg_then_home() {
        let all = [("CLAMP_HOME", "/c"), ("XDG_DATA_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(home_of(&all), Ok(PathBuf::from("/c")));
        assert_eq!(home_of(&all[1..]), Ok(PathBuf::from("/x/clamp")));
        assert_eq!(home_of(&all[2..]), Ok(PathBuf::from("/h/.local/share/clamp")));
        assert_eq!(home_of(&[("XDG_DATA_HOME", "rel"), ("HOME", "/h")]), Ok(PathBuf::from("/h/.local/share/clamp")));
        assert_eq!(home_of(&[]), Ok(PathBuf::from(SERVICE_HOME)));
        let privileged = Environment::from_pairs(all).privileged();
        assert_eq!(home(&privileged), Ok(PathBuf::from(SERVICE_HOME)));
    }

    #[test]
    fn a_relative_clamp_home_is_refused() {
        let error = home_of(&[("CLAMP_HOME", "here")]).expect_err("relative");
        assert_eq!(error.message, "CLAMP_HOME is the relative path here");
    }

    #[test]
    fn the_process_has_places() {
        let places = Places::find(&Environment::from_pairs([("CLAMP_HOME", "/c")])).expect("places");
        assert!(places.bundled.is_dir());
        assert!(places.work.is_dir());
        assert_eq!(places.stores(), [PathBuf::from("/c/store"), places.bundled.join("overlays")]);
    }
}
