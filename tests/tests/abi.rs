//! The ABI as compilers of C and C++ see it: sizes, offsets and numbers of tests/fixtures/abi/layout.c, in both
//! languages, and complete.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Compiles a file to nothing; what the compiler said, if it refused.
fn compile(language: [&str; 3], file: &Path) -> Result<(), String> {
    let [compiler, name, standard] = language;
    let output = Command::new(compiler)
        .args(["-x", name, standard, "-fsyntax-only", "-pedantic", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(root().join("plugin-api/include"))
        .arg(file)
        .output()
        .unwrap_or_else(|e| panic!("{compiler} cannot be started ({e}): apt-get install build-essential"));
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

const LANGUAGES: [[&str; 3]; 2] = [["cc", "c", "-std=c11"], ["c++", "c++", "-std=c++17"]];

/// Struct and field names of the header, as it is written by the generator: one field a line, or a function's first.
fn fields(header: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut inside = None;
    for line in header.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        if let Some(name) = line.strip_prefix("typedef struct ").and_then(|rest| rest.strip_suffix(" {")) {
            inside = Some(name.to_owned());
        } else if line.starts_with('}') {
            inside = None;
        } else if let Some(name) = &inside {
            let word = match line.split_once("(*") {
                Some((_, rest)) => rest.split(')').next(),
                None if line.ends_with(';') && !line.contains(')') => {
                    line.trim_end_matches(';').split('[').next().and_then(|text| text.rsplit([' ', '*']).next())
                }
                // The further lines of a function's arguments.
                None => None,
            };
            fields.extend(word.map(|word| (name.clone(), word.to_owned())));
        }
    }
    fields
}

#[test]
fn sizes_and_offsets_hold_in_c_and_in_cpp() {
    for language in LANGUAGES {
        compile(language, &root().join("tests/fixtures/abi/layout.c")).unwrap_or_else(|said| panic!("{said}"));
    }
}

#[test]
fn a_wrong_number_is_seen_by_both_compilers() {
    let text = std::fs::read_to_string(root().join("tests/fixtures/abi/layout.c")).expect("read");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("layout.c");
    for (from, to, said) in [
        ("SIZE(ClampArray, 88)", "SIZE(ClampArray, 96)", "size of ClampArray"),
        ("queue_submit, 232", "queue_submit, 240", "offset of ClampBackendV1.queue_submit"),
        ("CLAMP_STATUS_DATA == 5", "CLAMP_STATUS_DATA == 6", "the statuses"),
    ] {
        assert!(text.contains(from));
        std::fs::write(&file, text.replace(from, to)).expect("write");
        for language in LANGUAGES {
            let complaint = compile(language, &file).expect_err("a wrong number");
            assert!(complaint.contains(said), "{complaint}");
        }
    }
}

#[test]
fn every_field_of_the_header_is_asserted_in_c_and_in_rust() {
    let header = std::fs::read_to_string(root().join("plugin-api/include/clamp_backend.h")).expect("read");
    let c = std::fs::read_to_string(root().join("tests/fixtures/abi/layout.c")).expect("read");
    let rust = std::fs::read_to_string(root().join("plugin-api/src/abi/layout.rs")).expect("read");
    let fields = fields(&header);
    // 9 structs before the table, and 26 fields in it.
    let in_table = fields.iter().filter(|(name, _)| name == "ClampBackendV1").count();
    assert_eq!((fields.len(), in_table), (81, 26), "{fields:?}");
    for (name, field) in &fields {
        assert!(c.contains(&format!("AT({name}, {field}, ")), "{name}.{field} is not in layout.c");
        let block = rust.split(&format!("layout!({name}: ")).nth(1).and_then(|rest| rest.split("});").next());
        let block = block.unwrap_or_else(|| panic!("{name} is not in layout.rs"));
        assert!(block.contains(&format!("{field}: ")), "{name}.{field} is not in layout.rs");
    }
}
