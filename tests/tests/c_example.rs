//! The C example: built by the words of its README, certified by a host that has nothing beside it, and spoilt in every
//! way that a table and a kernel can be: refused at its stage with its reason, the host alive.

use std::path::{Path, PathBuf};
use std::process::Command;

use clamp_tests::{Bench, Ran, c_plugin, command, dist, elements, npy, npy_bytes};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten().filter(|entry| entry.path().is_file()) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("copy");
    }
}

/// The example, copied away with the headers and built by the command of its README; gives the plugin's file.
fn built(place: &Path) -> PathBuf {
    let folder = place.join("plugins/c-example");
    copy_files(&root().join("plugins/c-example"), &folder);
    copy_files(&root().join("plugin-api/include"), &place.join("plugin-api/include"));
    let readme = std::fs::read_to_string(folder.join("README.md")).expect("read");
    let words: Vec<&str> =
        readme.lines().filter(|line| line.starts_with("INCLUDE=") || line.starts_with("cc ")).collect();
    assert_eq!(words.len(), 2, "the README says how it is built");
    let built = Command::new("sh").args(["-c", &words.join("\n")]).current_dir(&folder).output().expect("a shell");
    assert!(built.status.success() && built.stderr.is_empty(), "{}", String::from_utf8_lossy(&built.stderr));
    folder.join("c-example.so")
}

/// Runs a host that lies in an empty folder, with an empty home.
fn alone(bench: &Bench, folder: &Path, args: &[&str]) -> Ran {
    let place = bench.work().join("alone");
    std::fs::create_dir_all(&place).expect("a folder");
    let host = place.join("clamp-host");
    if !host.exists() {
        std::fs::copy(dist().join("clamp-host"), &host).expect("copy");
    }
    command(&host, folder, &bench.environment, args, None)
}

#[test]
fn the_example_is_certified_bit_exact_by_a_host_that_has_nothing_beside_it() {
    let bench = Bench::new();
    let plugin = built(&bench.work());
    let folder = plugin.parent().expect("a folder");
    let report = alone(&bench, folder, &["backend", "certify", "./c-example.so", "--json"]).expect(0).json();
    let exact: Vec<&str> = report["kernels"]
        .as_object()
        .expect("kernels")
        .iter()
        .filter(|(_, verdict)| verdict["standing"] == "bit-exact")
        .map(|(kernel, _)| kernel.as_str())
        .collect();
    assert_eq!(exact.len(), 10, "{exact:?}");
    assert_eq!((&report["ok"], &report["backend"]), (&true.into(), &"c-example".into()));
    assert_eq!((&report["counts"]["differs"], &report["counts"]["failed"]), (&0.into(), &0.into()));
    // Strict takes it then, for those kernels.
    let dir = folder.to_string_lossy();
    npy(&folder.join("x.npy"), &[1.0, -2.0, 0.5]);
    let run = ["kernel", "run", "sum.f32.v1", "--in", "x=x.npy", "--out", "y.npy", "--plugins", &dir];
    let _ = alone(&bench, folder, &run).expect(0);
    assert_eq!(elements(&folder.join("y.npy")), [-0.5]);
}

#[test]
fn a_wrong_value_is_found_in_the_kernel_and_names_its_place() {
    let bench = Bench::new();
    let plugin = built(&bench.work());
    let folder = plugin.parent().expect("a folder");
    npy_bytes(&folder.join("t.npy"), "<f4", &[2, 1], &[0; 8]);
    npy_bytes(&folder.join("ids.npy"), "<i8", &[2], &[1_i64.to_le_bytes(), 5_i64.to_le_bytes()].concat());
    let dir = folder.to_string_lossy();
    let args = ["kernel", "run", "gather_rows.f32.v1", "--in", "table=t.npy", "--in", "ids=ids.npy", "--out", "y.npy"];
    let ran = alone(&bench, folder, &[&args[..], &["--plugins", &dir]].concat()).expect(14);
    ran.complains_of("gather_rows.f32.v1), element 1: input `ids`: element 1 is 5, but `table` has 2 rows");
}

/// A folder with one spoilt example, and a good one of another name.
fn spoilt(bench: &Bench, name: &str, macros: &[&str]) -> PathBuf {
    let folder = bench.work().join(name);
    std::fs::create_dir(&folder).expect("a folder");
    c_plugin(name, macros, &folder);
    std::fs::copy(dist().join("plugins/clamp_cpu.so"), folder.join("good.so")).expect("copy");
    folder
}

fn entry<'a>(list: &'a Value, file: &str) -> &'a Value {
    let all = list["backends"].as_array().expect("backends");
    let found = all.iter().find(|b| b["path"].as_str().is_some_and(|path| path.ends_with(file)));
    found.unwrap_or_else(|| panic!("{file} is not in {list:#}"))
}

#[test]
fn every_lie_of_a_table_is_refused_at_its_stage_and_the_host_lives() {
    let bench = Bench::new();
    for (name, macros, stage, reason) in [
        ("major", &["WRONG_MAJOR"][..], "version", "built for ABI major version 2, this host speaks 1"),
        ("short", &["SHORT_STRUCT"], "version", "table of 272 bytes, version 1 has exactly 280"),
        ("long", &["LONG_STRUCT"], "version", "table of 288 bytes, version 1 has exactly 280"),
        ("newer", &["NEWER_HOST"], "version", "needs a host of ABI minor version 1 or later"),
        ("silent", &["NO_SERVICE"], "version", "does not serve hosts of ABI major version 1"),
        ("magic", &["NO_MAGIC"], "layout", "this is no Clamp backend table"),
        ("null", &["NULL_ENTRY"], "layout", "entry `queue_poll` is NULL; every entry must be set"),
        ("aborts", &["ABORTS"], "layout", "a panic would end the host"),
        ("id", &["BAD_ID"], "layout", "header field `id` is \"Not An Id\""),
        ("symbol", &["UNDEFINED"], "load", "a_symbol_that_nobody_has"),
        ("handle", &["NO_HANDLE"], "probe", "it said Ok and gave no handle"),
        ("fails", &["REFUSES=CLAMP_STATUS_DEVICE"], "probe", "device error: it will not start"),
        ("panics", &["REFUSES=CLAMP_STATUS_PANIC"], "probe", "panic in the plugin: it will not start"),
        ("odd", &["REFUSES=4711"], "probe", "internal fault: it will not start"),
        ("text", &["LONG_TEXT"], "probe", "internal fault: it will not start"),
        ("many", &["MANY_DEVICES"], "probe", "says it has 4294967295 devices"),
    ] {
        let folder = spoilt(&bench, name, macros);
        let dir = folder.to_string_lossy();
        let list = bench.run(&["backend", "list", "--json", "--plugins", &dir]).expect(0).json();
        let found = entry(&list, &format!("/{name}.so"));
        assert_eq!(found["stage"], stage, "{found:#}");
        assert!(found["reason"].as_str().is_some_and(|said| said.contains(reason)), "{found:#}");
        assert_eq!(entry(&list, "/good.so")["stage"], "ready", "the one beside {name}");
        // Certify names the file and the same reason, and ends as a failure of the backend.
        let file = folder.join(format!("{name}.so"));
        bench.run(&["backend", "certify", &file.to_string_lossy()]).expect(15).complains_of(reason);
    }
}

#[test]
fn a_kernel_that_lies_about_its_bits_is_caught_and_named() {
    let bench = Bench::new();
    for (name, macros, kernel, words) in [
        ("bit", &["WRONG_BIT"][..], "neg.f32.v1", " is bf800001, it has to be bf800000 (1 ULP apart)"),
        ("forgets", &["FORGETS"], "neg.f32.v1", " is a5a5a5a5, it has to be "),
        ("ftz", &["FTZ"], "add.f32.v1", "left the floating-point environment changed"),
    ] {
        let folder = spoilt(&bench, name, macros);
        let file = folder.join(format!("{name}.so")).to_string_lossy().into_owned();
        let report = bench.run(&["backend", "certify", &file, "--json"]).expect(18).json();
        let verdict = &report["kernels"][kernel];
        let said = format!("{}{}", verdict["first"], verdict["message"]);
        let text = bench.run(&["backend", "certify", &file, "--kernel", kernel]).expect(18).stdout;
        assert!(text.contains(words), "{text} {said}");
        assert_eq!(report["ok"], false);
        // Strict refuses it where it is named, and passes it over where it is not.
        let dir = folder.to_string_lossy();
        npy(&bench.work().join("x.npy"), &[1.0]);
        let mut run = vec!["kernel", "run", kernel, "--in", "x=x.npy", "--out", "y.npy", "--plugins", &dir];
        if kernel == "add.f32.v1" {
            run.extend(["--in", "y=x.npy"]);
        }
        bench.run(&[&run[..], &["--backend", "c-example"]].concat()).expect(18).complains_of(kernel);
        let _ = bench.run(&run).expect(0);
    }
}
