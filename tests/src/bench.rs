//! One test's own place: a home, a working folder, and the program to run in it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::{Ran, command, dist, package};

/// Removed when dropped.
pub struct Bench {
    temp: tempfile::TempDir,
    /// Set for every command.
    pub environment: BTreeMap<String, String>,
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

impl Bench {
    /// An empty home and an empty working folder.
    ///
    /// # Panics
    /// If the disk refuses.
    pub fn new() -> Self {
        let temp = tempfile::tempdir().expect("a temporary folder");
        for name in ["home", "work"] {
            std::fs::create_dir(temp.path().join(name)).expect("a folder");
        }
        let home = temp.path().join("home").display().to_string();
        let environment = BTreeMap::from([("CLAMP_HOME".to_owned(), home)]);
        Self { temp, environment }
    }

    /// `CLAMP_HOME`.
    pub fn home(&self) -> PathBuf {
        self.temp.path().join("home")
    }

    /// The working folder.
    pub fn work(&self) -> PathBuf {
        self.temp.path().join("work")
    }

    /// Keeps what OpenCL compiles for other tests and later runs of them: it takes most of a minute.
    ///
    /// # Panics
    /// If the disk refuses.
    pub fn keep_compiled(&mut self) {
        let cache = crate::folder("CLAMP_TEST_CACHE").join("opencl");
        std::fs::create_dir_all(cache.join("modules")).expect("a folder");
        let own = self.home().join("cache/backends");
        std::fs::create_dir_all(&own).expect("a folder");
        std::os::unix::fs::symlink(cache.join("modules"), own.join("opencl")).expect("link");
        self.environment.insert("POCL_CACHE_DIR".to_owned(), cache.join("pocl").display().to_string());
    }

    /// Runs `clamp-host` of the distribution.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Ran {
        command(&dist().join("clamp-host"), &self.work(), &self.environment, args, None)
    }

    /// Starts `clamp-host` of the distribution and leaves it running; what it says is lost.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start<S: AsRef<OsStr>>(&self, args: &[S]) -> std::process::Child {
        use std::process::{Command, Stdio};
        Command::new(dist().join("clamp-host"))
            .args(args)
            .current_dir(self.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(&self.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("clamp-host cannot be started: {e}"))
    }

    /// The same with something on stdin.
    pub fn run_with<S: AsRef<OsStr>>(&self, args: &[S], stdin: &[u8]) -> Ran {
        command(&dist().join("clamp-host"), &self.work(), &self.environment, args, Some(stdin))
    }

    /// Installs a built package into the home's store with all it asks for.
    pub fn install(&self, name: &str) {
        let path = package(name);
        let path = path.to_string_lossy();
        let _ = self.run(&["overlay", "install", &path, "--enable", "--grant", "all"]).expect(0);
    }

    /// Names in a folder, sorted; empty where there is none.
    pub fn names(&self, folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .map(|entries| entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }

    /// Everything below a folder with sizes, to compare before and after.
    pub fn listing(&self, folder: &Path) -> Vec<(PathBuf, u64)> {
        let mut all = Vec::new();
        let mut open = vec![folder.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    open.push(path.clone());
                }
                all.push((path, entry.metadata().map_or(0, |m| m.len())));
            }
        }
        all.sort();
        all
    }
}
