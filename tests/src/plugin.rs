//! Plugins for tests: Rust ones built by `cargo xtask test`, C ones compiled here in each of their broken forms.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{dist, folder};

/// Copies a Rust fixture plugin into `target`.
///
/// # Panics
/// If it was not built.
pub fn rust_plugin(name: &str, target: &Path) -> PathBuf {
    let file = format!("libfixture_{name}.so");
    let from = folder("CLAMP_TEST_PLUGINS").join(&file);
    let to = target.join(&file);
    std::fs::copy(&from, &to).unwrap_or_else(|e| panic!("cannot copy {}: {e}", from.display()));
    to
}

/// Compiles the C example spoilt by macros (`broken.c`) into `target/<name>.so`; without any it is as good as the
/// example itself.
///
/// # Panics
/// If the compiler refuses.
pub fn c_plugin(name: &str, macros: &[&str], target: &Path) -> PathBuf {
    compile(&["tests/fixtures/plugins/broken.c", "plugins/c-example/kernels.c"], name, macros, target)
}

/// Compiles `twisted.c` with macros into `target/<name>.so`, beside the bundled CPU backend that does its work.
///
/// # Panics
/// If the compiler refuses.
pub fn twisted_plugin(name: &str, macros: &[&str], target: &Path) -> PathBuf {
    let real = dist().join("plugins/clamp_cpu.so");
    std::fs::copy(&real, target.join("real")).unwrap_or_else(|e| panic!("cannot copy {}: {e}", real.display()));
    compile(&["tests/fixtures/plugins/twisted.c"], name, macros, target)
}

/// A plugin that says when it was opened, and ends its process when it is told to.
#[derive(Debug)]
pub struct Deadly {
    /// The plugin.
    pub file: PathBuf,
    trace: PathBuf,
    trigger: PathBuf,
}

impl Deadly {
    /// Compiles `deadly.c` into `target/<name>.so` under the backend id `id`; its trace and trigger lie beside `target`.
    ///
    /// # Panics
    /// If the compiler refuses.
    pub fn new(name: &str, id: &str, target: &Path) -> Self {
        let beside = |what: &str| target.with_file_name(format!("{name}.{what}"));
        let (trace, trigger) = (beside("trace"), beside("trigger"));
        let text = |word: &str, value: &str| format!("{word}=\"{value}\"");
        let macros =
            [text("TRACE", &trace.to_string_lossy()), text("TRIGGER", &trigger.to_string_lossy()), text("OWN_ID", id)];
        let macros: Vec<&str> = macros.iter().map(String::as_str).collect();
        Self {
            file: compile(&["tests/fixtures/plugins/deadly.c", "plugins/c-example/kernels.c"], name, &macros, target),
            trace,
            trigger,
        }
    }

    /// How often its constructor ran.
    pub fn opened(&self) -> usize {
        std::fs::read_to_string(&self.trace).map_or(0, |text| text.lines().count())
    }

    /// From now on the process ends where and how `when` says: `load segv`.
    ///
    /// # Panics
    /// If the disk refuses.
    pub fn kill(&self, when: &str) {
        std::fs::write(&self.trigger, when).unwrap_or_else(|e| panic!("{}: {e}", self.trigger.display()));
    }

    /// The next host that opens it stays in its constructor for as long as what [`Self::held`] gives is open.
    ///
    /// # Panics
    /// If the system has no `mkfifo`.
    pub fn hold(&self) {
        let made = Command::new("mkfifo").arg(&self.trigger).status();
        assert!(made.is_ok_and(|status| status.success()), "mkfifo {}", self.trigger.display());
    }

    /// Waits until a host stands in the constructor.
    ///
    /// # Panics
    /// If the disk refuses.
    pub fn held(&self) -> std::fs::File {
        let end = std::fs::OpenOptions::new().write(true).open(&self.trigger);
        end.unwrap_or_else(|e| panic!("{}: {e}", self.trigger.display()))
    }

    /// From now on it works.
    ///
    /// # Panics
    /// If the disk refuses.
    pub fn spare(&self) {
        std::fs::remove_file(&self.trigger).unwrap_or_else(|e| panic!("{}: {e}", self.trigger.display()));
    }

    /// Puts a byte behind its end: another file, which works as before.
    ///
    /// # Panics
    /// If the disk refuses.
    pub fn change(&self) {
        use std::io::Write as _;
        let file = std::fs::OpenOptions::new().append(true).open(&self.file);
        file.and_then(|mut file| file.write_all(b"x")).unwrap_or_else(|e| panic!("{}: {e}", self.file.display()));
    }
}

fn compile(sources: &[&str], name: &str, macros: &[&str], target: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let to = target.join(format!("{name}.so"));
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-std=c11", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(root.join("plugin-api/include"))
        .args(macros.iter().map(|m| format!("-D{m}")))
        .args(sources.iter().map(|source| root.join(source)))
        .arg("-o")
        .arg(&to)
        .arg("-lm")
        .output()
        .unwrap_or_else(|e| panic!("cc cannot be started: {e}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    to
}
