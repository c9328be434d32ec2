//! Bad input to `run`: one line that names the thing and the remedy, its own exit code, nothing half written.

use std::path::Path;
use std::process::Command;

use clamp_tests::{Bench, command, dist};

fn refused(bench: &Bench, args: &[&str], code: i32, what: &str) {
    let ran = bench.run(&[&["run"][..], args].concat()).expect(code);
    ran.complains_of(what);
    assert!(ran.stderr.lines().any(|line| line.starts_with("  help: ")), "no remedy: {}", ran.stderr);
    assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    assert!(!bench.work().join("runs").exists(), "{args:?} left something");
    let json = bench.run(&[&["run", "--json"][..], args].concat()).expect(code).json();
    assert_eq!((&json["ok"], &json["error"]["code"]), (&false.into(), &code.into()));
}

#[test]
fn what_does_not_exist_is_named() {
    let bench = Bench::new();
    refused(&bench, &["digitz"], 13, "digitz");
    refused(&bench, &["digits.trian"], 13, "trian");
    refused(&bench, &["digits", "--input", "gone.csv"], 13, "gone.csv");
    refused(&bench, &["digits", "--backend", "vulkan"], 13, "vulkan");
}

#[test]
fn json_that_is_not_json_is_named_with_its_place() {
    let bench = Bench::new();
    refused(&bench, &["abraxas", "--input", "{\"a\": 1,}"], 14, "--input");
    refused(&bench, &["abraxas", "--input", "{\"a\": 1, \"a\": 2}"], 14, "a");
    refused(&bench, &["abraxas", "--input", "{\"n\": 9007199254740993}"], 14, "9007199254740993");
    std::fs::write(bench.work().join("x.json"), "{\n  \"a\": tru\n}").expect("write");
    refused(&bench, &["abraxas", "--input", "x.json"], 14, "x.json");
}

#[test]
fn words_that_are_no_words_are_usage() {
    let bench = Bench::new();
    refused(&bench, &["digits", "--phase", "CLIMB"], 64, "CLIMB");
    refused(&bench, &["digits", "--profile", "HUGE"], 64, "HUGE");
    refused(&bench, &["digits", "--mode", "fast"], 12, "strict");
    refused(&bench, &["digits", "--phase", "OPEN"], 12, "OPEN");
}

#[test]
fn a_broken_csv_is_named_by_line() {
    let bench = Bench::new();
    let row = |label: &str| format!("{}{label}\n", "1,".repeat(64));
    for (text, says) in [
        (format!("{}{}{}", row("3"), row("4"), "1,2,3\n"), "line 3"),
        (format!("{}{}", row("3"), row("x")), "line 2"),
        (format!("{}{}", row("3"), row("11")), "line 2"),
        (String::new(), ""),
    ] {
        std::fs::write(bench.work().join("bad.csv"), text).expect("write");
        let ran = bench.run(&["run", "digits", "--input", "bad.csv"]).expect(10);
        ran.complains_of(says);
    }
    for (input, says) in [
        (r#"{"steps": 0}"#, "steps"),
        (r#"{"rate": -1}"#, "rate"),
        (r#"{"split": 2}"#, "split"),
        (r#"{"stepz": 5}"#, "stepz"),
    ] {
        bench.run(&["run", "digits", "--input", input]).expect(10).complains_of(says);
    }
}

#[test]
fn a_run_root_that_cannot_be_made_is_named() {
    let bench = Bench::new();
    std::fs::write(bench.work().join("file"), "in the way").expect("write");
    let ran = bench.run(&["run", "abraxas", "--run-root", "file/runs"]).expect(17);
    ran.complains_of("file/runs");
    let ran = bench.run(&["run", "abraxas", "--run-root", "/proc/nothing/here"]).expect(17);
    ran.complains_of("/proc/nothing/here");
}

/// A file system of its own, so that it can be full or read only; needs root, as CI has.
struct Mount(std::path::PathBuf);

impl Mount {
    fn tmpfs(at: &Path, options: &str) -> Self {
        std::fs::create_dir_all(at).expect("a folder");
        let ok = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(at)
            .status()
            .is_ok_and(|status| status.success());
        assert!(ok, "mount -t tmpfs -o {options} failed; this test needs root");
        Self(at.to_owned())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_named_and_leaves_nothing() {
    let bench = Bench::new();
    let small = bench.work().join("small");
    let _mount = Mount::tmpfs(&small, "size=64k");
    let filler = vec![0_u8; 40 << 10];
    std::fs::write(small.join("filler"), filler).expect("write");
    let ran = bench.run(&["run", "digits", "--input", r#"{"steps": 100}"#, "--run-root", "small/runs"]).expect(17);
    ran.complains_of("No space left on device");
    assert!(ran.stderr.contains("free disk space"), "{}", ran.stderr);
    assert!(bench.names(&small.join("runs")).is_empty(), "{:?}", bench.listing(&small));
}

#[test]
fn a_read_only_disk_is_named() {
    let bench = Bench::new();
    let fixed = bench.work().join("fixed");
    let _mount = Mount::tmpfs(&fixed, "size=64k,ro");
    let ran = bench.run(&["run", "abraxas", "--run-root", "fixed/runs"]).expect(17);
    ran.complains_of("Read-only file system");
}

#[test]
fn a_home_that_cannot_be_written_costs_time_only() {
    let mut bench = Bench::new();
    let fixed = bench.work().join("fixed");
    let _mount = Mount::tmpfs(&fixed, "size=64k,ro");
    bench.environment.insert("CLAMP_HOME".into(), fixed.display().to_string());
    let ran = command(
        &dist().join("clamp-host"),
        &bench.work(),
        &bench.environment,
        &["run", "digits", "--input", r#"{"steps": 100}"#],
        None,
    );
    let _ = ran.expect(0);
}
