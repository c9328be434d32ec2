//! Libraries that are not there, are none, or lack something: one line each, which says what to do.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::library::Libraries;

/// A library with these functions, each of which returns 0 and, if it has an argument, a number there.
fn library(folder: &Path, name: &str, functions: &[(&str, i32)]) -> String {
    let source = folder.join(format!("{name}.c"));
    let text: Vec<String> =
        functions.iter().map(|(name, number)| format!("int {name}(int *to) {{ *to = {number}; return 0; }}")).collect();
    fs::write(&source, text.join("\n")).expect("write");
    let to = folder.join(name);
    let compiled =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&to).arg(&source).status().expect("cc can be started");
    assert!(compiled.success());
    to.to_string_lossy().into_owned()
}

fn refusal(hip: &str) -> String {
    match Libraries::open(Some(hip), None) {
        Ok(_) => panic!("{hip} was taken"),
        Err(reason) => reason,
    }
}

#[test]
fn a_file_that_is_not_there_or_no_library() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("libamdhip64.so.6");
    let path = file.to_string_lossy().into_owned();
    let words = "cannot open shared object file: No such file or directory";
    assert_eq!(refusal(&path), format!("{path}: {words}; plugins.rocm.library names it"));
    fs::write(&file, "no library").expect("write");
    assert_eq!(refusal(&path), format!("{path}: file too short; plugins.rocm.library names it"));
}

#[test]
fn a_library_without_a_function() {
    let folder = tempfile::tempdir().expect("folder");
    let path = library(folder.path(), "libamdhip64.so.6", &[("hipInit", 0), ("hipRuntimeGetVersion", 0)]);
    let lacks =
        "has no hipDriverGetVersion, so it is no HIP of ROCm 5 or later: name another file in plugins.rocm.library";
    assert_eq!(refusal(&path), format!("{path} {lacks}"));
}
