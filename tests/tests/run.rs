//! The main job: `run digits` from the distribution, and the record that it leaves.

use std::collections::BTreeSet;
use std::path::Path;

use clamp_tests::Bench;
use serde_json::Value;

fn run(bench: &Bench, args: &[&str]) -> Value {
    bench.run(&[&["run", "--json"][..], args].concat()).expect(0).json()
}

fn manifest(reply: &Value) -> Value {
    let folder = reply["run_dir"].as_str().expect("run_dir");
    serde_json::from_slice(&std::fs::read(Path::new(folder).join("manifest.json")).expect("read")).expect("JSON")
}

fn without_volatile(reply: &Value) -> String {
    let mut manifest = manifest(reply);
    manifest.as_object_mut().expect("object").remove("volatile");
    manifest.to_string()
}

/// Few steps, so that a test takes a moment; the bits obey the same rules.
const SHORT: &[&str] = &["digits", "--input", r#"{"steps": 120}"#];

#[test]
fn digits_learns_and_needs_no_input() {
    let bench = Bench::new();
    let reply = run(&bench, &["digits"]);
    let accuracy = reply["result"]["accuracy"].as_f64().expect("accuracy");
    assert!(accuracy >= 0.94, "{reply:#}");
    assert!(reply["result"]["steps"].as_u64().is_some_and(|n| n >= 1000), "{reply:#}");
    let keys: BTreeSet<&str> = reply.as_object().expect("object").keys().map(String::as_str).collect();
    let expected = [
        "ok",
        "result",
        "error",
        "run_id",
        "run_dir",
        "output_hash",
        "backend",
        "certificate",
        "mode",
        "seed",
        "duration_ms",
        "degraded",
    ];
    assert_eq!(keys, BTreeSet::from(expected));
    let names = bench.names(&Path::new(reply["run_dir"].as_str().expect("run_dir")).join("artifacts"));
    assert!(names.iter().any(|n| n.ends_with(".npy")) && names.len() >= 3, "{names:?}");
}

#[test]
fn the_same_seed_gives_the_same_record_at_any_thread_count_and_another_seed_differs() {
    let bench = Bench::new();
    let at = |extra: &[&str]| run(&bench, &[SHORT, extra].concat());
    let first = at(&["--seed", "7"]);
    for extra in [
        &["--seed", "7"][..],
        &["--seed", "7", "--threads", "1"],
        &["--seed", "7", "--threads", "2"],
        &["--seed", "7", "--threads", "4"],
        &["--seed", "7", "--backend", "cpu", "--run-root", "elsewhere"],
    ] {
        let again = at(extra);
        assert_eq!(first["output_hash"], again["output_hash"], "{extra:?}");
        assert_eq!(first["run_id"], again["run_id"], "{extra:?}");
        assert_eq!(without_volatile(&first), without_volatile(&again), "{extra:?}");
    }
    let other = at(&["--seed", "8"]);
    assert_ne!(first["output_hash"], other["output_hash"]);
    assert_ne!(first["run_id"], other["run_id"]);
    // The same id again has a number; a run without a seed has an id of its own.
    let names = bench.names(&bench.work().join("runs"));
    let id = first["run_id"].as_str().expect("id");
    for name in [id.to_owned(), format!("{id}.2"), format!("{id}.5")] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    assert_ne!(at(&[])["run_id"], at(&[])["run_id"]);
}

#[test]
fn a_record_lists_shows_and_verifies_and_a_change_is_found() {
    let bench = Bench::new();
    let reply = run(&bench, &[SHORT, &["--seed", "7"]].concat());
    let folder = Path::new(reply["run_dir"].as_str().expect("run_dir")).to_owned();
    let id = reply["run_id"].as_str().expect("id");

    let list = bench.run(&["runs", "list", "--json"]).expect(0).json();
    assert_eq!(list["runs"][0]["name"], id);
    assert_eq!(list["runs"][0]["target"], "digits.train");
    assert!(bench.run(&["runs", "list"]).expect(0).stdout.contains("digits.train"));
    let shown = bench.run(&["runs", "show", &id[..10], "--json"]).expect(0).json();
    assert_eq!(shown["manifest"], manifest(&reply));
    let _ = bench.run(&["runs", "verify", &id[..10]]).expect(0);

    let bytes = std::fs::read(folder.join("manifest.json")).expect("read");
    assert!(bytes.ends_with(b"}\n") && !bytes[..bytes.len() - 1].contains(&b'\n'), "canonical, one line");
    for line in std::fs::read_to_string(folder.join("logs.jsonl")).expect("log").lines() {
        let line: Value = serde_json::from_str(line).expect("a JSON line");
        for key in ["ts", "level", "event", "data"] {
            assert!(line.get(key).is_some(), "{line}");
        }
    }
    let artifact = folder.join("artifacts").join(&bench.names(&folder.join("artifacts"))[0]);
    let mut changed = std::fs::read(&artifact).expect("read");
    let last = changed.len() - 1;
    changed[last] ^= 1;
    std::fs::write(&artifact, changed).expect("write");
    let found = bench.run(&["runs", "verify", id, "--json"]).expect(14).json();
    assert_eq!(found["findings"].as_array().map(Vec::len), Some(1), "{found:#}");
    std::fs::remove_file(folder.join("result.json")).expect("remove");
    let found = bench.run(&["runs", "verify", id, "--json"]).expect(14).json();
    assert_eq!(found["findings"].as_array().map(Vec::len), Some(2), "{found:#}");
    // Not more than these two: what was not touched is not complained of.

    bench.run(&["runs", "show", "ffff"]).expect(13).complains_of("`ffff`");
    let _ = run(&bench, &[SHORT, &["--seed", "7"]].concat());
    bench.run(&["runs", "show", &id[..8]]).expect(13).complains_of("fits 2 runs");
}

#[test]
fn every_kind_of_tampering_is_found() {
    let bench = Bench::new();
    let reply = run(&bench, &["abraxas", "--seed", "7", "--input", r#"{"a": [1, 2]}"#]);
    let folder = Path::new(reply["run_dir"].as_str().expect("run_dir")).to_owned();
    let id = reply["run_id"].as_str().expect("id");
    let good = std::fs::read(folder.join("manifest.json")).expect("read");
    let edits: &[(&str, Value)] = &[
        ("/ok", false.into()),
        ("/error", "x".into()),
        ("/output_hash", Value::Null),
        ("/result", Value::Null),
        ("/result/bytes", 1.into()),
        ("/input/bytes", 1.into()),
        ("/input/payload_hash", "00".into()),
        ("/overlay/name", "digits".into()),
        ("/capability", "train".into()),
        ("/volatile/run_id", "00".into()),
        ("/volatile/log", Value::Null),
        ("/files/result", "/etc/hostname".into()),
        ("/schema", "other".into()),
    ];
    for (place, value) in edits {
        let mut manifest: Value = serde_json::from_slice(&good).expect("JSON");
        *manifest.pointer_mut(place).unwrap_or_else(|| panic!("{place} is not there")) = value.clone();
        std::fs::write(folder.join("manifest.json"), format!("{manifest}\n")).expect("write");
        let found = bench.run(&["runs", "verify", id, "--json"]).expect(14).json();
        assert_eq!(found["ok"], false, "{place}");
    }
    std::fs::write(folder.join("manifest.json"), &good).expect("write");
    let _ = bench.run(&["runs", "verify", id]).expect(0);
    let spoils: &[&dyn Fn()] = &[
        &|| std::fs::write(folder.join("extra"), "x").expect("write"),
        &|| std::fs::write(folder.join("logs.jsonl"), "").expect("write"),
        &|| std::fs::remove_file(folder.join("input.json")).expect("remove"),
        &|| std::os::unix::fs::symlink("/etc/hostname", folder.join("input.json")).expect("link"),
    ];
    for (i, spoil) in spoils.iter().enumerate() {
        spoil();
        let found = bench.run(&["runs", "verify", id, "--json"]).expect(14).json();
        assert_eq!(found["findings"].as_array().map(Vec::len), Some(i.min(2) + 1), "{found:#}");
    }
}

#[test]
fn the_manifest_says_what_was_run_on_what() {
    let bench = Bench::new();
    let reply = run(&bench, &[SHORT, &["--seed", "seven"]].concat());
    let m = manifest(&reply);
    assert_eq!(m["schema"], "clamp.run.v1");
    assert_eq!(m["determinism"]["mode"], "strict");
    assert_eq!(m["determinism"]["fp_env"]["rounding"], "nearest-even");
    assert_eq!(m["volatile"]["seed_text"], "seven");
    assert_eq!(m["backend"]["id"], "cpu");
    assert_eq!(m["backend"]["so_sha256"].as_str().map(str::len), Some(64));
    assert_eq!(m["overlay"]["name"], "digits");
    assert_eq!((&m["capability"], &m["phase"]), (&"train".into(), &"ASCEND".into()));
    assert_eq!(m["program"]["design_doc_sha256"].as_str().map(str::len), Some(64));
    assert!(m["git_sha"].is_null() && m["git_reason"].is_string(), "the working folder is in no repository");
    assert_eq!(m["kernels"]["matmul.f32.v1"]["standing"], "bit-exact");
    assert_eq!(m["kernels"]["matmul.f32.v1"]["cases"].as_str().map(str::len), Some(64));
    assert!(
        !m["trust"].as_array().expect("a list").iter().any(|t| t.as_str().is_some_and(|t| t.starts_with("backend")))
    );
    assert!(m["volatile"]["durations_ms"]["kernels"].is_number());
    assert_eq!(m["ok"], true);
}

#[test]
fn abraxas_needs_no_backend_and_reads_every_kind_of_input() {
    let bench = Bench::new();
    let empty = bench.work().join("no-plugins");
    std::fs::create_dir(&empty).expect("a folder");
    let empty = empty.to_string_lossy().into_owned();
    let data = r#"{"a": [1, 2, 3], "t": [[1, 2], [3, 4]], "s": "two words"}"#;
    let direct = run(&bench, &["abraxas", "--plugins", &empty, "--seed", "1", "--input", data]);
    assert_eq!(direct["ok"], true);
    assert!(direct["backend"].is_null());
    std::fs::write(bench.work().join("data.json"), data).expect("write");
    let from_file = run(&bench, &["abraxas", "--seed", "1", "--input", "data.json"]);
    assert_eq!(direct["output_hash"], from_file["output_hash"]);
    assert_eq!(direct["run_id"], from_file["run_id"]);
    let piped = bench.run_with(&["run", "abraxas", "--json", "--seed", "1", "--input", "-"], data.as_bytes()).expect(0);
    assert_eq!(piped.json()["output_hash"], direct["output_hash"]);
    let _ = run(&bench, &["abraxas"]);
    for phase in ["OPEN", "ALIGN", "CLEAR", "SEAL"] {
        assert_eq!(run(&bench, &["abraxas", "--phase", phase])["ok"], true, "{phase}");
    }
    bench.run(&["run", "abraxas", "--phase", "ASCEND"]).expect(12).complains_of("ASCEND");
}

#[test]
fn on_a_pipe_there_is_no_progress_and_stdout_holds_only_the_result() {
    let bench = Bench::new();
    let ran = bench.run(&[&["run"][..], SHORT].concat()).expect(0);
    let result: Value = serde_json::from_str(&ran.stdout).expect("stdout is the result");
    assert!(result["accuracy"].is_number());
    assert!(!ran.stderr.contains('\r') && !ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
    assert!(ran.stderr.contains("output   ") && ran.stderr.contains("time     "), "{}", ran.stderr);
}

#[test]
fn a_warm_run_of_a_no_op_overlay_is_quick() {
    let bench = Bench::new();
    bench.install("noop");
    let _ = run(&bench, &["noop"]);
    let mut times: Vec<f64> =
        (0..7).map(|_| run(&bench, &["noop"])["duration_ms"].as_f64().expect("duration")).collect();
    times.sort_by(f64::total_cmp);
    // The figure is 60 ms on an idle machine; the test leaves room for a busy one and still sees a compile or a scan.
    assert!(times[3] < 180.0, "{times:?}");
}
