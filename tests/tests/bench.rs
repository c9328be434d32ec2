//! `bench`: kernels beside their ceilings, the stable form of `--json`, and what a comparison finds. Speeds themselves are
//! no test's business.

use clamp_tests::{Bench, c_plugin};
use serde_json::{Value, json};

const TINY: [&str; 8] = ["bench", "--backend", "cpu", "--size", "1MiB", "--time", "0.01", "--json"];

fn measure(bench: &Bench, more: &[&str]) -> Value {
    bench.run(&[&TINY[..], more].concat()).expect(0).json()
}

fn row<'a>(report: &'a Value, list: &str, key: &str, name: &str) -> &'a Value {
    let rows = report[list].as_array().unwrap_or_else(|| panic!("no {list} in {report:#}"));
    rows.iter().find(|row| row[key] == name).unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

#[test]
fn kernels_and_ceilings_are_measured_in_one_run() {
    let bench = Bench::new();
    let report = measure(&bench, &["--threads", "1,2", "add.f32.v1", "sum", "matmul.f32.v1"]);
    assert_eq!((&report["version"], &report["ok"], &report["compare"]), (&1.into(), &true.into(), &Value::Null));
    assert_eq!((&report["backend"], &report["size_bytes"]), (&"cpu".into(), &(1 << 20).into()));
    let ids: Vec<&Value> = report["kernels"].as_array().expect("rows").iter().map(|row| &row["kernel"]).collect();
    let once = ["add.f32.v1", "matmul.f32.v1", "sum.f32.v1", "sum.f64.v1"];
    assert_eq!(ids, once.iter().chain(&once).map(|id| json!(id)).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    for (id, bound) in [("add.f32.v1", "triad"), ("sum.f64.v1", "read"), ("matmul.f32.v1", "fma")] {
        let found = row(&report, "kernels", "kernel", id);
        assert_eq!(found["bound"], bound);
        for figure in [&found["share"], &found["seconds"]] {
            let part = |name: &str| figure[name].as_f64().unwrap_or_else(|| panic!("{name} of {found:#}"));
            assert!(0.0 < part("low") && part("low") <= part("median") && part("median") <= part("high"), "{found:#}");
        }
        assert!(found["bytes"].as_u64() > Some(0) && found["operations"].as_u64() > Some(0), "{found:#}");
    }
    assert_eq!(report["ceilings"].as_array().map(Vec::len), Some(8), "four bounds at two numbers of threads");
    for name in ["read", "copy", "triad", "fma"] {
        let found = row(&report, "ceilings", "name", name);
        assert!(found["per_second"]["median"].as_f64() > Some(0.0), "{found:#}");
        assert!(found["how"].as_str().is_some_and(|how| !how.is_empty()));
    }
    for (name, most) in [("table call", 10.0), ("small launch", 1000.0)] {
        let found = row(&report, "calls", "name", name);
        assert!(found["ns"]["median"].as_f64() > Some(0.0));
        assert_eq!(found["most_ns"], most);
    }
    assert_eq!(report["skipped"], json!([]));
    // No record of a run is left.
    assert!(bench.names(&bench.work()).is_empty());
}

#[test]
fn every_kernel_can_be_measured_and_the_table_names_each() {
    let bench = Bench::new();
    let all = bench.run(&["kernel", "list", "--json"]).expect(0).json();
    let args = ["bench", "--backend", "cpu", "--size", "64KiB", "--time", "0.001", "--threads", "1"];
    let text = bench.run(&args).expect(0).stdout;
    for kernel in all["kernels"].as_array().expect("kernels") {
        let id = kernel["id"].as_str().expect("an id");
        assert!(text.lines().any(|line| line.split(' ').next() == Some(id)), "{id} is not in\n{text}");
    }
    assert!(!text.contains("not measured"), "{text}");
}

#[test]
fn another_device_is_held_against_its_own_kernels_and_what_it_lacks_is_named() {
    let bench = Bench::new();
    let folder = bench.work().join("plugins");
    std::fs::create_dir(&folder).expect("a folder");
    c_plugin("plain", &["ONLY=\"neg.f32.v1\"", "KIND=CLAMP_DEVICE_OTHER"], &folder);
    let folder = folder.to_string_lossy();
    let args = ["bench", "--plugins", &folder, "--size", "64KiB", "--time", "0.01", "neg.f32"];
    bench.run(&args).expect(13).complains_of("no kernel is called neg.f32");
    let args =
        ["bench", "--plugins", &folder, "--size", "64KiB", "--time", "0.01", "--json", "neg.f32.v1", "copy.f32.v1"];
    let report = bench.run(&args).expect(0).json();
    // Its only kernel is a negation, so there is nothing that stands for a copy.
    let neg = row(&report, "kernels", "kernel", "neg.f32.v1");
    assert_eq!((&neg["bound"], &neg["share"]), (&"copy".into(), &Value::Null));
    assert_eq!(row(&report, "ceilings", "name", "copy")["per_second"], Value::Null);
    assert_eq!(row(&report, "calls", "name", "table call")["most_ns"], Value::Null);
    let skipped = row(&report, "skipped", "kernel", "copy.f32.v1");
    assert_eq!(skipped["reason"], "backend `c-example` does not have it");
}

#[test]
fn a_comparison_names_what_got_slower_and_has_its_own_exit_code() {
    let bench = Bench::new();
    let mut report = measure(&bench, &["copy.f32.v1", "neg.f32.v1", "--threads", "1"]);
    let write =
        |name: &str, report: &Value| std::fs::write(bench.work().join(name), report.to_string()).expect("write");
    // The former run was a million times as quick at one kernel and a millionth as quick at the other: more than a busy
    // machine can blur.
    for (row, factor) in report["kernels"].as_array_mut().expect("rows").iter_mut().zip([1e6, 1e-6]) {
        let share = row["share"]["median"].as_f64().expect("a share") * factor;
        row["share"] = json!({"low": share, "median": share, "high": share});
    }
    report["calls"] = json!([]);
    write("then.json", &report);
    let args = ["copy.f32.v1", "neg.f32.v1", "--threads", "1", "--compare", "then.json"];
    let ran = bench.run(&[&TINY[..], &args].concat()).expect(19).json();
    assert_eq!((&ran["ok"], &ran["compare"]["slower"]), (&false.into(), &1.into()));
    let verdict = |name: &str| row(&ran["compare"], "rows", "name", name)["verdict"].clone();
    assert_eq!((verdict("copy.f32.v1"), verdict("neg.f32.v1")), (json!("slower"), json!("faster")));
    assert_eq!(verdict("table call"), "new");
    let text = bench.run(&[&TINY[..7], &args].concat()).expect(19).stdout;
    assert!(text.contains("slower copy.f32.v1") && text.contains("1 slower than in then.json"), "{text}");
    // What was quicker or is of other extents is no failure.
    let args = ["neg.f32.v1", "--threads", "1", "--size", "2MiB", "--compare", "then.json"];
    let other: Vec<&str> = ["bench", "--backend", "cpu", "--time", "0.01", "--json"].into_iter().chain(args).collect();
    let ran = bench.run(&other).expect(0).json();
    assert_eq!(row(&ran["compare"], "rows", "name", "neg.f32.v1")["verdict"], "incomparable");
    assert_eq!(row(&ran["compare"], "rows", "name", "copy.f32.v1")["verdict"], "gone");
}

#[test]
fn wrong_inputs_are_named_before_anything_is_measured() {
    let bench = Bench::new();
    let run = |args: &[&str]| bench.run(&[&["bench"][..], args].concat());
    run(&["smu.f32.v1"]).expect(13).complains_of("no kernel is called smu.f32.v1");
    run(&["--backend", "vulkan"]).expect(13).complains_of("backend `vulkan` is not installed");
    run(&["--size", "1KB"]).expect(64).complains_of("--size");
    run(&["--size", "1KiB"]).expect(64).complains_of("less than 64KiB");
    run(&["--time", "0"]).expect(64).complains_of("--time 0");
    run(&["--threads", "70000", "--size", "64KiB"]).expect(64).complains_of("--threads 70000");
    run(&["--compare", "gone.json"]).expect(13).complains_of("gone.json does not exist");
    std::fs::write(bench.work().join("bad.json"), "{}").expect("write");
    run(&["--compare", "bad.json"]).expect(14).complains_of("bad.json: is no report of `bench`");
    run(&["--compare", "bad.json", "--tolerance", "7"]).expect(14).complains_of("bad.json");
    let ran = run(&["--tolerance", "0.1"]);
    assert_eq!(ran.code, Some(64), "{ran:#?}");
}
