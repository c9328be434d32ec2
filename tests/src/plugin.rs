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
