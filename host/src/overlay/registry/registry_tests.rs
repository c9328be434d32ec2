//! Names, decisions and spoilt files of installed overlays.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use clamp_plugin_api::manifest::{Grant, Phase};
use serde_json::json;

use super::bench::{Bench, WEIGHTS, no_check, only};
use super::{GrantChoice, InstallOptions, Registry, install};
use crate::error::{Error, ErrorKind};

/// What a target comes to: `overlay.capability`, or kind, message and hint.
fn resolved(registry: &Registry, target: &str, phase: Option<Phase>) -> String {
    match registry.resolve(target, phase) {
        Ok((overlay, capability)) => format!("{} {capability}", overlay.manifest.name),
        Err(error) => said(&error),
    }
}

fn said(error: &Error) -> String {
    format!("{}: {} ({})", error.kind.name(), error.message, error.hint.as_deref().unwrap_or("-"))
}

/// A bench with `digits` (train, eval.top1, look) and `abraxas`, which has only `ping`.
fn two() -> Bench {
    let bench = Bench::new();
    bench.installed("digits", "1.0.0");
    let mut manifest = Bench::manifest("abraxas", "2.1.0");
    manifest["capabilities"] = json!({"ping": {"runner": "wasm", "phases": ["OPEN"]}});
    manifest["grants"] = json!([]);
    let options = InstallOptions { enable: true, ..bench.options() };
    install(&bench.store(), &bench.package("a", &manifest), &options, &no_check).expect("good");
    bench
}

#[test]
fn a_missing_store_is_empty() {
    let registry = Registry::open(&[Path::new("/no/such/store").into()]).expect("empty");
    assert!(registry.list().is_empty() && registry.broken().is_empty());
    assert_eq!(
        resolved(&registry, "digits", None),
        "not-found: there is no overlay `digits` (none is installed; `clamp-host overlay install FOLDER` adds one)"
    );
}

#[test]
fn targets_mean_an_overlay_and_a_capability() {
    let registry = two().registry();
    for (target, phase, expected) in [
        ("digits.train", None, "digits train"),
        ("digits.eval.top1", None, "digits eval.top1"),
        ("digits", Some(Phase::Ascend), "digits train"),
        ("digits", Some(Phase::Clear), "digits eval.top1"),
        ("abraxas", None, "abraxas ping"),
        ("abraxas", Some(Phase::Open), "abraxas ping"),
        ("ping", None, "abraxas ping"),
        ("eval.top1", None, "digits eval.top1"),
        (
            "digits",
            None,
            "bad-input: overlay `digits` has several capabilities: digits.eval.top1, digits.look, digits.train \
             (say which one, or name a phase that only one of them runs in)",
        ),
        (
            "digits",
            Some(Phase::Open),
            "bad-input: overlay `digits` has several capabilities in OPEN: digits.eval.top1, digits.look \
             (say which one)",
        ),
        (
            "abraxas",
            Some(Phase::Seal),
            "refused: no capability of overlay `abraxas` runs in SEAL; it has abraxas.ping \
             (its phases are OPEN, ALIGN, ASCEND, CLEAR, SEAL)",
        ),
        ("digits.trian", None, "not-found: overlay `digits` has no capability `trian` (did you mean `digits.train`?)"),
        ("digits.x", None, "not-found: overlay `digits` has no capability `x` (it has eval.top1, look, train)"),
        ("digit", None, "not-found: there is no overlay `digit` (did you mean `digits`?)"),
        ("digit.train", None, "not-found: there is no overlay `digit` (did you mean `digits.train`?)"),
        ("trains", None, "not-found: there is no overlay `trains` (did you mean `digits.train`?)"),
        ("zzzzzzzz", None, "not-found: there is no overlay `zzzzzzzz` (installed are abraxas, digits)"),
    ] {
        assert_eq!(resolved(&registry, target, phase), expected, "{target}");
    }
}

#[test]
fn a_bare_capability_is_one_overlays_or_nobodys() {
    let bench = two();
    bench.installed("letters", "1.0.0");
    let mut registry = bench.registry();
    assert_eq!(
        resolved(&registry, "train", None),
        "bad-input: the capability `train` is in several overlays: letters.train, digits.train (say which one)"
    );
    registry.set_enabled("letters", false, &GrantChoice::Kept).expect("disabled");
    assert_eq!(resolved(&registry, "train", None), "digits train");
    registry.set_enabled("digits", false, &GrantChoice::Kept).expect("disabled");
    assert!(resolved(&registry, "train", None).starts_with("refused: overlay `letters` is installed but not enabled"));
}

#[test]
fn a_disabled_overlay_is_refused_with_the_way_out() {
    let bench = Bench::new();
    bench.install(&bench.package("p", &Bench::manifest("digits", "1.0.0"))).expect("good");
    let mut registry = bench.registry();
    assert_eq!(
        resolved(&registry, "digits.train", None),
        "refused: overlay `digits` is installed but not enabled \
         (`clamp-host overlay enable digits --grant tensor,compute,assets` enables it)"
    );
    let overlay = registry.set_enabled("digits", true, &GrantChoice::All).expect("enabled");
    assert_eq!(overlay.grants, overlay.manifest.grants);
    assert_eq!(resolved(&registry, "digits.train", None), "digits train");
    assert_eq!(resolved(&bench.registry(), "digits.train", None), "digits train", "the store keeps it");
}

#[test]
fn grants_are_given_taken_and_kept() {
    let bench = Bench::new();
    bench.installed("digits", "1.0.0");
    let mut registry = bench.registry();
    let grants =
        |registry: &Registry| -> Vec<Grant> { registry.get("digits").expect("there").grants.iter().copied().collect() };
    registry.set_enabled("digits", true, &only(&[Grant::Assets])).expect("fewer");
    assert_eq!(grants(&registry), [Grant::Assets]);
    registry.set_enabled("digits", false, &GrantChoice::Kept).expect("off");
    registry.set_enabled("digits", true, &GrantChoice::Kept).expect("on");
    assert_eq!(grants(&registry), [Grant::Assets]);
    let before = bench.listing();
    let error = registry.set_enabled("digits", true, &only(&[Grant::Assets, Grant::Clock])).expect_err("not asked for");
    assert_eq!(
        said(&error),
        "refused: overlay `digits` does not ask for the grant clock (its manifest asks for tensor, compute, assets)"
    );
    assert_eq!(bench.listing(), before);
    let error = registry.set_enabled("digit", true, &GrantChoice::All).expect_err("unknown");
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[test]
fn of_several_versions_one_is_enabled() {
    let bench = Bench::new();
    let first = bench.installed("digits", "1.0.0").overlay;
    let package = bench.package("p", &Bench::manifest("digits", "1.1.0"));
    let second = bench.install(&package).expect("good").overlay;
    let version = |registry: &Registry| registry.get("digits").expect("there").manifest.version.to_string();
    let mut registry = bench.registry();
    assert_eq!(version(&registry), "1.0.0", "installing decides nothing");
    assert_eq!(registry.list().len(), 2);
    bench.installed("digits", "1.1.0");
    registry = bench.registry();
    assert_eq!(version(&registry), "1.1.0");
    let enabled: Vec<_> = registry.list().iter().map(|o| (o.digest.clone(), o.enabled)).collect();
    assert_eq!(enabled, [(second.digest, true), (first.digest, false)]);
    registry.set_enabled("digits", false, &GrantChoice::Kept).expect("off");
    assert!(registry.list().iter().all(|overlay| !overlay.enabled));
}

/// A bench whose bundled store has `digits`, enabled with everything.
fn bundled() -> Bench {
    let bench = Bench::new();
    let package = bench.package("p", &Bench::manifest("digits", "1.0.0"));
    let options = InstallOptions { enable: true, grants: GrantChoice::All, ..bench.options() };
    install(&bench.bundled(), &package, &options, &no_check).expect("good");
    bench
}

#[test]
fn decisions_about_a_bundled_overlay_stand_at_home() {
    let bench = bundled();
    let index = bench.bundled().join("index.json");
    let untouched = fs::read(&index).expect("the index");
    let mut registry = bench.registry();
    assert_eq!(resolved(&registry, "digits.train", None), "digits train");
    registry.set_enabled("digits", false, &GrantChoice::Kept).expect("off");
    assert!(resolved(&registry, "digits.train", None).starts_with("refused"));
    let overlay = registry.set_enabled("digits", true, &only(&[Grant::Tensor])).expect("on");
    assert_eq!((overlay.store, overlay.grants.len()), (bench.bundled(), 1));
    assert_eq!(registry.list().len(), 1);
    overlay.manifest.asset("weights").expect("an asset");
    assert_eq!(fs::read(&index).expect("the index"), untouched);
}

#[test]
fn home_hides_a_bundled_overlay_of_the_same_name() {
    let bench = bundled();
    let own = bench.install(&bench.package("q", &Bench::manifest("digits", "3.0.0"))).expect("good").overlay;
    let registry = bench.registry();
    assert_eq!(registry.get("digits").expect("there").digest, own.digest);
    assert_eq!((registry.list().len(), registry.current().count()), (2, 1));
}

#[test]
fn a_decision_about_a_bundled_version_that_is_gone_hinders_nobody() {
    let bench = bundled();
    bench.registry().set_enabled("digits", true, &GrantChoice::Kept).expect("on");
    fs::remove_dir_all(bench.bundled()).expect("gone");
    let registry = bench.registry();
    assert_eq!(registry.broken().len(), 1);
    assert!(registry.broken()[0].missing);
    assert!(resolved(&registry, "digits", None).starts_with("bad-input: overlay `digits`: "));
    let options = InstallOptions { enable: true, grants: GrantChoice::All, ..bench.options() };
    let package = bench.package("q", &Bench::manifest("digits", "2.0.0"));
    install(&bench.bundled(), &package, &options, &no_check).expect("a newer one");
    assert_eq!(resolved(&bench.registry(), "digits.look", None), "digits look");
}

#[test]
fn files_are_digested_before_they_are_used() {
    let bench = Bench::new();
    let overlay = bench.installed("digits", "1.0.0").overlay;
    overlay.verify().expect("whole");
    assert!(overlay.component_bytes().is_ok());
    let mut weights = Vec::new();
    std::io::Read::read_to_end(&mut overlay.asset("weights").expect("the asset"), &mut weights).expect("read");
    assert_eq!(weights, WEIGHTS);
    assert_eq!(
        said(&overlay.asset("weight").expect_err("unknown")),
        "not-found: overlay `digits` has no asset `weight` (did you mean `weights`?)"
    );

    let component = overlay.folder.join("overlay.wasm");
    fs::write(&component, "changed").expect("written");
    let error = overlay.component_bytes().expect_err("changed");
    assert_eq!(error.kind, ErrorKind::BadInput);
    let wasm = overlay.manifest.entrypoints.wasm.as_ref().expect("wasm");
    let found = clamp_plugin_api::manifest::jcs::sha256_hex(b"changed");
    let expected = format!(
        "overlay `digits`: {} was changed since it was installed: SHA-256 {} expected, {found} found",
        component.display(),
        wasm.sha256
    );
    assert_eq!(error.message, expected);
    assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("install `digits` again")));
    assert_eq!(overlay.verify(), Err(error));

    fs::write(overlay.folder.join("data/w.bin"), "longer than it was before").expect("written");
    assert!(overlay.asset("weights").expect_err("changed").message.contains("data/w.bin was changed"));
    fs::remove_file(overlay.folder.join("data/w.bin")).expect("removed");
    assert!(overlay.asset("weights").expect_err("gone").message.ends_with("data/w.bin does not exist"));
    symlink("/etc/hostname", overlay.folder.join("data/w.bin")).expect("a link");
    assert!(overlay.asset("weights").expect_err("a link").message.contains("goes through a link"));
}

#[test]
fn a_changed_manifest_is_an_error_and_spoils_no_other() {
    let bench = two();
    let manifest = bench.registry().get("digits").expect("there").folder.join("manifest.json");
    let text = fs::read_to_string(&manifest).expect("the manifest");
    fs::write(&manifest, text.replace("1.0.0", "1.0.1")).expect("written");
    let registry = bench.registry();
    assert_eq!(resolved(&registry, "abraxas", None), "abraxas ping");
    let error = registry.resolve("digits.train", None).expect_err("changed");
    assert_eq!(error.kind, ErrorKind::BadInput);
    assert!(error.message.starts_with(&format!("overlay `digits`: {}: the digest is ", manifest.display())), "{error}");
    assert!(!registry.broken()[0].missing);
}

#[test]
fn what_was_enabled_and_changed_is_not_replaced_by_another_version() {
    let bench = bundled();
    let own = bench.installed("digits", "3.0.0").overlay;
    fs::write(own.folder.join("manifest.json"), "{}").expect("written");
    assert!(resolved(&bench.registry(), "digits.train", None).starts_with("bad-input: overlay `digits`: "));
}

#[test]
fn a_broken_index_names_file_and_place() {
    let bench = Bench::new();
    let digest = bench.installed("digits", "1.0.0").overlay.digest;
    let index = bench.store().join("index.json");
    let entry = |name: &str, digest: &str, enabled: bool| {
        let version = "1.0.0";
        json!({"name": name, "version": version, "digest": digest, "enabled": enabled, "grants": []})
    };
    let other = "0".repeat(64);
    for (text, words) in [
        ("{\n  \"schema\": 1,\n".to_owned(), "line 3, column 1"),
        ("{\"schema\": 1, \"schema\": 1, \"overlays\": []}".to_owned(), "$.schema: this key occurs twice"),
        (json!({"schema": 2, "overlays": []}).to_string(), "at $.schema: this host knows schema 1, not 2"),
        (json!({"schema": 1}).to_string(), "missing field `overlays`"),
        (json!({"schema": 1, "overlays": [], "x": 1}).to_string(), "unknown field `x`"),
        (
            json!({"schema": 1, "overlays": [entry("d", "../..", true)]}).to_string(),
            "at $.overlays[0]: the digest is not",
        ),
        (json!({"schema": 1, "overlays": [entry("D", &digest, true)]}).to_string(), "at $.overlays[0]: the name"),
        (
            json!({"schema": 1, "overlays": [entry("d", &digest, true), entry("d", &digest, false)]}).to_string(),
            "at $.overlays[1]: the digest",
        ),
        (
            json!({"schema": 1, "overlays": [entry("d", &digest, true), entry("d", &other, true)]}).to_string(),
            "at $.overlays[1]: two versions of d are enabled",
        ),
    ] {
        fs::write(&index, text).expect("written");
        let error = Registry::open(&[bench.store()]).expect_err("broken");
        assert_eq!(error.kind, ErrorKind::BadInput);
        assert!(error.message.starts_with(&format!("{}: ", index.display())), "{error}");
        assert!(error.message.contains(words), "{error}");
    }
}

#[test]
fn many_at_once_lose_nothing() {
    let bench = Bench::new();
    let names: Vec<String> = (0..8).map(|n| format!("overlay-{n}")).collect();
    let packages: Vec<_> = names.iter().map(|name| bench.package(name, &Bench::manifest(name, "1.0.0"))).collect();
    std::thread::scope(|scope| {
        for package in &packages {
            scope.spawn(|| bench.install(package).expect("good"));
            // The same one by two at a time.
            scope.spawn(|| bench.install(package).expect("good"));
        }
    });
    let registry = bench.registry();
    assert_eq!((registry.list().len(), registry.broken().len()), (8, 0));
    registry.list().iter().for_each(|overlay| overlay.verify().expect("whole"));
}
