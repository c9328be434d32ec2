//! The repository's own rules (docs/architecture.md, invariants) as tests over the sources: who may import what, who
//! may print, who reads the environment, what stands at the root, how long a file may be. They read files and change
//! nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Folders of the root that hold sources.
const ROOMS: [&str; 9] = ["plugin-api", "kernels", "plugins", "overlays", "host", "ci", "config", "tests", "docs"];

/// Lines of a source file, at most.
const MOST_LINES: usize = 500;

/// Lines from which a file is named as one to look at.
const MANY_LINES: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace's folder")
}

/// Every file of the rooms with one of these extensions: path relative to the root, and content.
fn files(extensions: &[&str]) -> Vec<(String, String)> {
    fn walk(folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                let hidden = entry.file_name().to_string_lossy().starts_with('.');
                if !hidden && entry.file_name() != "target" {
                    walk(&path, extensions, found);
                }
            } else if path.extension().is_some_and(|extension| extensions.iter().any(|known| extension == *known)) {
                found.push(path);
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    ROOMS.iter().for_each(|room| walk(&root.join(room), extensions, &mut found));
    found.sort();
    let relative = |path: &Path| path.strip_prefix(&root).expect("inside").to_string_lossy().into_owned();
    let files: Vec<_> =
        found.iter().map(|path| (relative(path), fs::read_to_string(path).expect("a readable text"))).collect();
    assert!(!files.is_empty(), "no {extensions:?} files were found below {}", root.display());
    files
}

/// A file's code with its line comments taken out, so that a rule can be named in a comment.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line.find("//").map_or(line, |at| &line[..at])))
}

/// Every place where one of `words` stands as code in a Rust file that `allowed` does not cover.
fn outside(words: &[&str], allowed: impl Fn(&str) -> bool) -> Vec<String> {
    // This file names the words that it looks for.
    let files = files(&["rs"]).into_iter().filter(|(path, _)| !allowed(path) && path != "ci/xtask/tests/rules.rs");
    files
        .flat_map(|(path, text)| {
            let lines = code(&text).filter(|(_, line)| words.iter().any(|word| holds(line, word)));
            lines.map(|(line, code)| format!("{path}:{line}: {}", code.trim())).collect::<Vec<_>>()
        })
        .collect()
}

/// Whether `word` stands in `line` and is not the end of a longer name.
fn holds(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

fn under(path: &str, folders: &[&str]) -> bool {
    folders.iter().any(|folder| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

#[track_caller]
fn none(found: Vec<String>, rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn the_engine_is_known_to_its_room_only() {
    let found = outside(&["wasmtime::"], |path| under(path, &["host/src/overlay"]));
    none(found, "wasmtime is used only in host/src/overlay");
}

#[test]
fn the_rust_door_is_known_to_the_contract_and_the_loader_only() {
    let found = outside(&["abi_stable::"], |path| under(path, &["plugin-api", "host/src/backend/load"]));
    none(found, "abi_stable is used only in plugin-api and host/src/backend/load");
}

#[test]
fn only_the_command_lines_print() {
    let words = ["println!", "eprintln!", "print!", "eprint!", "io::stdout", "io::stderr"];
    // What a test prints is shown only where it failed.
    let speaks = |path: &str| {
        let rooms = ["host/src/cli", "host/src/main.rs", "ci", "tests", "kernels/examples"];
        let tests = path.ends_with("_tests.rs") || path.contains("/src/tests/");
        under(path, &rooms) || path.ends_with("/build.rs") || tests
    };
    none(outside(&words, speaks), "only host/src/cli, host/src/main.rs, ci and examples print");
}

#[test]
fn only_the_settings_read_the_environment() {
    let words = ["env::var", "env::vars", "env::var_os", "env::vars_os"];
    let reads = |path: &str| under(path, &["host/src/config", "ci", "tests"]) || path.ends_with("/build.rs");
    none(outside(&words, reads), "environment variables are read only in host/src/config");
}

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    none(outside(&["#[allow(", "#![allow("], |_| false), "write #[expect(..., reason = \"...\")]");
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let silent = files(&["rs"]).into_iter().filter(|(_, text)| !text.starts_with("//!"));
    none(silent.map(|(path, _)| path).collect(), "a file opens with a few `//!` lines");
}

#[test]
fn files_are_short_and_named_by_their_subject() {
    let files = files(&["rs", "py", "c", "h", "sh"]);
    let generated = |path: &str| under(path, &["plugin-api/include"]);
    let long = |most: usize| {
        let files = files.iter().filter(move |(path, text)| !generated(path) && text.lines().count() > most);
        files.map(|(path, text)| format!("{path}: {} lines", text.lines().count())).collect::<Vec<_>>()
    };
    for file in long(MANY_LINES) {
        println!("worth dividing: {file}");
    }
    none(long(MOST_LINES), "a file has 500 lines at most");
    let vague = |path: &&String| {
        let stem = Path::new(path).file_stem().unwrap_or_default();
        ["utils", "util", "common", "helpers", "misc"].iter().any(|name| stem == *name)
    };
    none(files.iter().map(|(path, _)| path).filter(vague).cloned().collect(), "a file is named by its subject");
}

#[test]
fn the_root_holds_the_rooms_and_nothing_else() {
    let files = [
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "rust-toolchain.toml",
        "rustfmt.toml",
    ];
    let ignored = fs::read_to_string(root().join(".gitignore")).unwrap_or_default();
    let made: BTreeSet<&str> = ignored.lines().map(|line| line.trim_matches('/')).collect();
    let odd = fs::read_dir(root()).expect("the root").flatten().map(|entry| entry.file_name()).filter(|name| {
        let name = name.to_string_lossy();
        let known = name.starts_with('.') || ROOMS.contains(&&*name) || files.contains(&&*name);
        !known && !made.contains(&*name)
    });
    none(odd.map(|name| name.to_string_lossy().into_owned()).collect(), "the layout has no such entry at the root");
    assert!(root().join("Cargo.lock").is_file(), "Cargo.lock is committed: builds are repeatable");
}

#[test]
fn imports_flow_down() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let folder = |package: &Value| {
        let manifest = PathBuf::from(package["manifest_path"].as_str().expect("a path"));
        let folder = manifest.parent().expect("a folder").strip_prefix(root()).expect("inside").to_owned();
        folder.to_string_lossy().into_owned()
    };
    let mut found = Vec::new();
    for package in packages {
        let from = folder(package);
        let allowed: &[&str] = match from.split('/').next().unwrap_or_default() {
            // docs/decisions/device-backends.md says why there is a crate between them and the kernels.
            "plugins" if from != "plugins/driver" => &["plugin-api", "kernels", "plugins/driver"],
            "plugins" => &["plugin-api", "kernels"],
            "ci" if from == "ci/peers" => &["kernels"],
            "host" => &["plugin-api", "kernels"],
            "tests" if from == "tests/proofs" => &["host", "kernels", "plugin-api"],
            "overlays" => &["overlays/sdk"],
            "tests" if from.starts_with("tests/fixtures/overlays") => &["overlays/sdk"],
            "tests" if from.starts_with("tests/fixtures/plugins") => &["plugin-api", "kernels"],
            _ => &[],
        };
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        for path in dependencies.iter().filter_map(|dependency| dependency["path"].as_str()) {
            let to = Path::new(path).strip_prefix(root()).expect("inside").to_string_lossy().into_owned();
            // How a test says that it cannot run is for all of them.
            if to != "tests/skip" && !allowed.contains(&to.as_str()) {
                found.push(format!("{from} depends on {to}"));
            }
        }
    }
    none(
        found,
        "plugins and host know plugin-api and kernels, overlays their SDK, the others no crate of this workspace",
    );
}

/// abi_stable compares the version of the crate that a type is from: with another major version a host would refuse all
/// Rust plugins that were ever built.
#[test]
fn the_contract_has_the_version_of_the_abi() {
    let types = fs::read_to_string(root().join("plugin-api/src/abi/types.rs")).expect("the ABI's types");
    let major = types.lines().find_map(|line| line.strip_prefix("pub const CLAMP_ABI_MAJOR: u16 = "));
    let major = major.and_then(|rest| rest.strip_suffix(';')).expect("the ABI's major version");
    let manifest = fs::read_to_string(root().join("plugin-api/Cargo.toml")).expect("the contract's manifest");
    let version = manifest.lines().find_map(|line| line.strip_prefix("version = \"")).expect("a version of its own");
    assert!(version.starts_with(&format!("{major}.")), "plugin-api/Cargo.toml says {version}, the ABI is {major}");
}
