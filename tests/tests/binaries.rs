//! Yesterday's plugin binaries and today's host: every file of tests/fixtures/binaries is loaded through its door, and its
//! kernels have the bits that they had.
#![cfg(target_arch = "x86_64")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clamp_tests::{Bench, dist};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/binaries")
}

fn kept() -> Vec<Value> {
    let text = std::fs::read(place().join("binaries.json")).expect("binaries.json");
    serde_json::from_slice(&text).expect("a list")
}

fn word<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {entry:#}"))
}

#[test]
fn every_file_is_the_one_that_was_kept() {
    let listed: BTreeSet<String> = kept().iter().map(|entry| word(entry, "file").to_owned()).collect();
    let found: BTreeSet<String> = std::fs::read_dir(place())
        .expect("the folder")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".so"))
        .collect();
    assert_eq!(listed, found);
    let doors: BTreeSet<String> = kept().iter().map(|entry| word(entry, "door").to_owned()).collect();
    assert_eq!(doors.into_iter().collect::<Vec<_>>(), ["c", "rust"]);
    for entry in kept() {
        let bytes = std::fs::read(place().join(word(&entry, "file"))).expect("read");
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((sha256.as_str(), entry["bytes"].as_u64()), (word(&entry, "sha256"), Some(bytes.len() as u64)));
        assert_eq!(word(&entry, "commit").len(), 40);
    }
}

#[test]
fn todays_host_loads_them_and_finds_their_bits_right() {
    for entry in kept() {
        let bench = Bench::new();
        let (file, id) = (word(&entry, "file"), word(&entry, "id"));
        let folder = bench.work().join("plugins");
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::copy(place().join(file), folder.join(file)).expect("copy");
        // Beside one of today, since both doors have to tell libraries apart.
        std::fs::copy(dist().join("plugins/clamp_cpu.so"), folder.join("today.so")).expect("copy");
        let dir = folder.to_string_lossy();
        let list = bench.run(&["backend", "list", "--json", "--plugins", &dir]).expect(0).json();
        let found = list["backends"].as_array().expect("backends").iter().find(|backend| backend["id"] == id);
        let found = found.unwrap_or_else(|| panic!("{file} is not in {list:#}"));
        assert_eq!((&found["stage"], &found["door"]), (&"ready".into(), &entry["door"]), "{found:#}");
        let kernels = entry["kernels"].as_array().expect("kernels");
        let mut args = vec!["backend", "certify", id, "--plugins", &dir, "--json"];
        args.extend(kernels.iter().flat_map(|kernel| ["--kernel", kernel.as_str().expect("an id")]));
        let report = bench.run(&args).expect(0).json();
        assert_eq!(report["counts"]["bit-exact"].as_u64(), Some(kernels.len() as u64), "{report:#}");
    }
}
