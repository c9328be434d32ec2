//! Versions of an overlay: going back to the one before, taking one away, and digesting all of them again.

use std::path::PathBuf;

use clamp_tests::{Bench, overwrite, package};
use serde_json::Value;

/// The no-op overlay as another version.
fn version(bench: &Bench, version: &str) -> String {
    let path: PathBuf = bench.work().join(format!("noop-{version}"));
    std::fs::create_dir_all(&path).expect("a folder");
    for entry in std::fs::read_dir(package("noop")).expect("list").flatten() {
        std::fs::copy(entry.path(), path.join(entry.file_name())).expect("copy");
    }
    let manifest = path.join("manifest.json");
    let mut now: Value = serde_json::from_slice(&std::fs::read(&manifest).expect("read")).expect("JSON");
    now["version"] = version.into();
    std::fs::write(&manifest, now.to_string()).expect("write");
    path.to_string_lossy().into_owned()
}

fn enabled(bench: &Bench) -> String {
    let list = bench.run(&["overlay", "list", "--json"]).expect(0).json();
    let all = list["overlays"].as_array().expect("a list");
    let noop = all.iter().find(|overlay| overlay["name"] == "noop").unwrap_or_else(|| panic!("{list:#}"));
    assert_eq!(noop["enabled"], true, "{list:#}");
    noop["version"].as_str().expect("a version").to_owned()
}

#[test]
fn a_rollback_goes_to_the_version_before_and_says_so() {
    let bench = Bench::new();
    for one in ["0.1.0", "0.2.0", "0.3.0"] {
        let _ = bench.run(&["overlay", "install", &version(&bench, one), "--enable"]).expect(0);
    }
    assert_eq!(enabled(&bench), "0.3.0");
    let said = bench.run(&["overlay", "rollback", "noop"]).expect(0);
    assert!(said.stdout.contains("noop 0.3.0 -> 0.2.0"), "{said:#?}");
    assert_eq!(enabled(&bench), "0.2.0");
    let said = bench.run(&["overlay", "rollback", "noop", "--json"]).expect(0).json();
    assert_eq!((&said["left"], &said["version"]), (&"0.2.0".into(), &"0.1.0".into()));
    let ran = bench.run(&["run", "noop", "--json"]).expect(0).json();
    assert_eq!(ran["ok"], true);
    let before = bench.listing(&bench.home().join("store"));
    bench.run(&["overlay", "rollback", "noop"]).expect(12).complains_of("0.1.0 has no version before it");
    assert_eq!(bench.listing(&bench.home().join("store")), before);
    bench.run(&["overlay", "rollback", "nop"]).expect(13).complains_of("there is no overlay `nop`");
}

#[test]
fn only_what_is_disabled_and_not_bundled_is_removed() {
    let bench = Bench::new();
    for one in ["0.1.0", "0.2.0"] {
        let _ = bench.run(&["overlay", "install", &version(&bench, one), "--enable"]).expect(0);
    }
    let store = bench.home().join("store");
    let before = bench.listing(&store);
    bench.run(&["overlay", "remove", "noop"]).expect(12).complains_of("overlay `noop` 0.2.0 is enabled");
    bench.run(&["overlay", "remove", "noop", "--version", "7.0.0"]).expect(13).complains_of("no overlay `noop` 7.0.0");
    bench.run(&["overlay", "remove", "nop"]).expect(13).complains_of("there is no overlay `nop`");
    bench.run(&["overlay", "remove", "digits"]).expect(12).complains_of("comes with the host");
    assert_eq!(bench.listing(&store), before, "every refusal leaves the store as it was");
    let gone = bench.run(&["overlay", "remove", "noop", "--version", "0.1.0", "--json"]).expect(0).json();
    assert_eq!(gone["removed"][0]["version"], "0.1.0");
    assert_eq!(enabled(&bench), "0.2.0");
    let _ = bench.run(&["overlay", "disable", "noop"]).expect(0);
    let _ = bench.run(&["overlay", "remove", "noop"]).expect(0);
    bench.run(&["run", "noop"]).expect(13).complains_of("there is no overlay `noop`");
    let left: Vec<_> =
        bench.listing(&store).into_iter().filter(|(path, _)| path.to_string_lossy().contains("wasm")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn verify_digests_everything_and_names_what_changed() {
    let bench = Bench::new();
    let _ = bench.run(&["overlay", "install", &version(&bench, "0.1.0"), "--enable"]).expect(0);
    let said = bench.run(&["overlay", "verify"]).expect(0).stdout;
    assert!(said.contains("noop 0.1.0: as installed") && said.contains("digits"), "{said}");
    let (wasm, _) = bench
        .listing(&bench.home().join("store"))
        .into_iter()
        .find(|(path, _)| path.ends_with("noop.wasm"))
        .expect("the component");
    overwrite(&wasm, b"other");
    bench.run(&["overlay", "verify", "noop"]).expect(14).complains_of("noop.wasm was changed since it was installed");
    let found = bench.run(&["overlay", "verify", "--json"]).expect(14).json();
    assert_eq!(found["ok"], false);
    let row = |name: &str| {
        let rows = found["overlays"].as_array().expect("rows");
        rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{found:#}"))["ok"].clone()
    };
    assert_eq!((row("noop"), row("digits")), (Value::Bool(false), Value::Bool(true)));
    // A version that is spoilt beyond its manifest can be left, disabled and removed.
    let _ = bench.run(&["overlay", "install", &version(&bench, "0.2.0"), "--enable"]).expect(0);
    let (manifest, _) = bench
        .listing(&bench.home().join("store"))
        .into_iter()
        .find(|(path, _)| {
            path.ends_with("manifest.json")
                && std::fs::read_to_string(path).is_ok_and(|text| text.contains("\"version\":\"0.2.0\""))
        })
        .expect("its manifest");
    overwrite(&manifest, b"{}");
    let _ = bench.run(&["overlay", "verify", "noop"]).expect(14);
    let said = bench.run(&["overlay", "rollback", "noop"]).expect(0).stdout;
    assert!(said.contains("noop (spoilt) -> 0.1.0"), "{said}");
    bench.run(&["overlay", "verify", "nop"]).expect(13).complains_of("there is no overlay `nop`");
}
