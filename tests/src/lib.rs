//! What the end-to-end tests share: the distribution under test, a home and a working folder of each test's own, and
//! the program run as an operator runs it. No assertions about the product itself.

mod bench;
mod loopback;
mod npy;
mod plugin;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub use bench::Bench;
pub use loopback::{Account, Loopback, without};
pub use npy::{elements, npy, npy_bytes};
pub use plugin::{Deadly, c_plugin, rust_plugin, twisted_plugin};

/// A folder that `cargo xtask test` made before the tests and named in the environment.
///
/// # Panics
/// Without it: the tests need the real distribution, and a skip would look like success.
pub fn folder(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => path.into(),
        None => panic!("{variable} is not set: run the end-to-end tests through `cargo xtask test`"),
    }
}

/// Other bytes in a stored file, which the store keeps read-only: what a failing disk or a careless hand does to it.
///
/// # Panics
/// Where the file is not there or cannot be written.
pub fn overwrite(file: &Path, bytes: &[u8]) {
    let mut permissions = std::fs::metadata(file).expect("stat").permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "the test's own file")]
    permissions.set_readonly(false);
    std::fs::set_permissions(file, permissions).expect("chmod");
    std::fs::write(file, bytes).expect("write");
}

/// The distribution: `clamp-host`, `plugins/`, `overlays/`, `config/`.
pub fn dist() -> PathBuf {
    folder("CLAMP_TEST_DIST")
}

/// One of the project's own programs that is not in the distribution.
pub fn tool(name: &str) -> PathBuf {
    folder("CLAMP_TEST_TOOLS").join(name)
}

/// A built overlay package, by name.
pub fn package(name: &str) -> PathBuf {
    let path = folder("CLAMP_TEST_PACKAGES").join(name);
    assert!(path.join("manifest.json").is_file(), "no package at {}", path.display());
    path
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Everything on stdout.
    pub stdout: String,
    /// Everything on stderr.
    pub stderr: String,
}

impl Ran {
    /// Its stdout as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("stdout is not one JSON text ({e}): {self:?}"))
    }

    /// Checks the exit code, showing everything if it is another.
    ///
    /// # Panics
    /// If it is another.
    #[must_use]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Checks that stderr is exactly an error line that holds `what`, and a help line.
    ///
    /// # Panics
    /// If it is not.
    pub fn complains_of(&self, what: &str) {
        let mut lines = self.stderr.lines();
        let first = lines.next().unwrap_or("");
        assert!(first.starts_with("error: ") && first.contains(what), "wanted {what:?} in: {self:#?}");
    }
}

fn finish(output: Output) -> Ran {
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Starts a program with an environment that holds nothing but `PATH` and what is given.
///
/// # Panics
/// If it cannot be started.
pub fn command<S: AsRef<OsStr>>(
    program: &Path,
    folder: &Path,
    environment: &BTreeMap<String, String>,
    args: &[S],
    stdin: Option<&[u8]>,
) -> Ran {
    use std::io::Write as _;
    let mut child = Command::new(program)
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(environment)
        .stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("cannot start {}: {e}", program.display()));
    if let (Some(bytes), Some(mut pipe)) = (stdin, child.stdin.take()) {
        // A program that refuses early closes the pipe; that is its right.
        let _ = pipe.write_all(bytes);
    }
    finish(child.wait_with_output().unwrap_or_else(|e| panic!("cannot wait for {}: {e}", program.display())))
}
