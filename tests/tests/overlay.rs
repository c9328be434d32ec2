//! Overlays at the door: installing, grants, and what is refused before anything runs.

use std::path::{Path, PathBuf};

use clamp_tests::{Bench, overwrite, package};

/// A copy of a package that a test may spoil.
fn copy_of(bench: &Bench, name: &str) -> PathBuf {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("list").flatten() {
            let target = to.join(entry.file_name());
            if entry.path().is_dir() { copy(&entry.path(), &target) } else { drop(std::fs::copy(entry.path(), target)) }
        }
    }
    let to = bench.work().join("package");
    copy(&package(name), &to);
    to
}

fn spoil(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).expect("read");
    assert!(text.contains(from), "{from} is not in {text}");
    std::fs::write(file, text.replacen(from, to, 1)).expect("write");
}

#[test]
fn an_import_that_was_not_granted_is_refused_by_name() {
    let bench = Bench::new();
    let path = package("ungranted");
    let path = path.to_string_lossy();
    let before = bench.listing(&bench.home());
    let ran = bench.run(&["overlay", "install", &path, "--enable", "--grant", "all"]).expect(12);
    ran.complains_of("clamp:overlay/random@1.0.0");
    let store: Vec<_> = bench.listing(&bench.home().join("store"));
    assert!(store.iter().all(|(p, _)| !p.to_string_lossy().contains(".wasm")), "{store:?}");
    drop(before);
    bench.run(&["run", "ungranted"]).expect(13).complains_of("ungranted");
}

#[test]
fn a_grant_that_the_operator_withholds_refuses_the_run_by_name() {
    let bench = Bench::new();
    let path = package("digits");
    let path = path.to_string_lossy();
    let grants = "tensor,compute,assets,artifacts,context";
    let _ = bench.run(&["overlay", "install", &path, "--enable", "--grant", grants]).expect(0);
    bench.run(&["run", "digits"]).expect(12).complains_of("clamp:overlay/random@1.0.0");
    assert!(!bench.work().join("runs").exists(), "nothing was begun");
    let _ = bench.run(&["overlay", "enable", "digits", "--grant", "all"]).expect(0);
    let _ = bench.run(&["run", "digits", "--input", r#"{"steps": 100}"#]).expect(0);
    bench.run(&["overlay", "enable", "digits", "--grant", "http"]).expect(12).complains_of("http");
    let _ = bench.run(&["overlay", "disable", "digits"]).expect(0);
    bench.run(&["run", "digits"]).expect(12).complains_of("digits");
}

#[test]
fn the_list_shows_what_is_installed_and_where() {
    let bench = Bench::new();
    bench.install("noop");
    let list = bench.run(&["overlay", "list", "--json"]).expect(0).json();
    let names: Vec<_> = list["overlays"].as_array().expect("list").iter().map(|o| o["name"].clone()).collect();
    for name in ["abraxas", "digits", "noop"] {
        assert!(names.contains(&name.into()), "{list:#}");
    }
    let shown = bench.run(&["overlay", "show", "digits", "--json"]).expect(0).json();
    assert_eq!(shown["manifest"]["name"], "digits");
    let text = bench.run(&["overlay", "list"]).expect(0).stdout;
    assert!(text.contains("digits") && text.contains("train"), "{text}");
}

/// What is done to a package, the exit code of installing it then, and what the message names.
type Spoilt<'a> = (&'a dyn Fn(&Path), i32, &'a str);

#[test]
fn a_spoiled_package_is_refused_and_leaves_the_store_as_it_was() {
    let bench = Bench::new();
    bench.install("noop");
    let before = bench.listing(&bench.home().join("store"));
    let cases: &[Spoilt<'_>] = &[
        (&|p| std::fs::remove_file(p.join("manifest.json")).expect("remove"), 14, "manifest.json"),
        (&|p| spoil(&p.join("manifest.json"), "{", "{{"), 14, "manifest.json"),
        (&|p| spoil(&p.join("manifest.json"), "\"name\"", "\"nmae\""), 14, "nmae"),
        (&|p| spoil(&p.join("manifest.json"), "ASCEND", "ASCENT"), 14, "ASCENT"),
        (&|p| spoil(&p.join("assets/digits.csv"), "0", "1"), 14, "digits.csv"),
        (&|p| std::fs::remove_file(p.join("digits.wasm")).expect("remove"), 14, "digits.wasm"),
        (&|p| std::fs::write(p.join("digits.wasm"), b"\0asm").expect("write"), 14, "digits.wasm"),
        (&|p| spoil(&p.join("manifest.json"), "assets/digits.csv", "../digits.csv"), 14, "assets[0].path"),
    ];
    for (spoil, code, what) in cases {
        let path = copy_of(&bench, "digits");
        spoil(&path);
        let shown = path.to_string_lossy();
        let ran = bench.run(&["overlay", "install", &shown, "--enable", "--grant", "all"]).expect(*code);
        ran.complains_of(what);
        assert_eq!(before, bench.listing(&bench.home().join("store")), "{what}");
        std::fs::remove_dir_all(path).expect("remove");
    }
}

#[test]
fn a_file_that_changed_in_the_store_is_noticed_at_the_run() {
    let bench = Bench::new();
    bench.install("digits");
    let store = bench.home().join("store");
    let find = |name: &str| {
        let all = bench.listing(&store);
        all.into_iter().map(|(p, _)| p).find(|p| p.ends_with(name)).unwrap_or_else(|| panic!("{name} is not stored"))
    };
    for (name, says) in [("digits.csv", "digits.csv"), ("digits.wasm", "digits.wasm")] {
        let file = find(name);
        let good = std::fs::read(&file).expect("read");
        let mut bad = good.clone();
        bad[good.len() / 2] ^= 1;
        overwrite(&file, &bad);
        bench.run(&["run", "digits"]).expect(14).complains_of(says);
        overwrite(&file, &good);
    }
    assert!(!bench.work().join("runs").exists(), "nothing was begun");
}
