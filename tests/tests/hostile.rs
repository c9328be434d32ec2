//! Overlays that misbehave: each ends as a clear `ok: false` within its limit, and the process that ran it ends well.

use std::path::Path;
use std::time::{Duration, Instant};

use clamp_tests::Bench;
use serde_json::Value;

fn hostile(capability: &str, extra: &[&str], limits: &[(&str, &str)]) -> (Bench, Value, i32) {
    let mut bench = Bench::new();
    bench.install("hostile");
    for (name, value) in limits {
        bench.environment.insert(format!("CLAMP_LIMITS_{name}"), (*value).to_owned());
    }
    let target = format!("hostile.{capability}");
    let at = Instant::now();
    let ran = bench.run(&[&["run", &target, "--json"][..], extra].concat());
    assert!(at.elapsed() < Duration::from_secs(60), "{capability} was not stopped");
    let code = ran.code.unwrap_or_else(|| panic!("{capability} killed the host: {ran:#?}"));
    (bench, ran.json(), code)
}

/// Runs one and checks how it ended; the run is on record all the same.
fn ends(capability: &str, code: i32, kind: &str, says: &[&str], extra: &[&str], limits: &[(&str, &str)]) {
    let (bench, reply, found) = hostile(capability, extra, limits);
    assert_eq!(found, code, "{capability}: {reply:#}");
    assert_eq!(reply["ok"], false, "{capability}");
    assert!(reply["result"].is_null() && reply["output_hash"].is_null());
    let error = &reply["error"];
    assert_eq!(error["kind"], kind, "{capability}: {reply:#}");
    for what in says {
        assert!(error["message"].as_str().is_some_and(|m| m.contains(what)), "{capability}: {what}: {reply:#}");
    }
    let folder = Path::new(reply["run_dir"].as_str().expect("a run folder"));
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).expect("manifest")).expect("JSON");
    assert_eq!(manifest["ok"], false);
    assert_eq!(manifest["error"]["message"], error["message"]);
    let id = reply["run_id"].as_str().expect("id");
    let _ = bench.run(&["runs", "verify", id]).expect(0);
}

#[test]
fn an_infinite_loop_ends_with_its_time_or_its_fuel() {
    ends("loop", 11, "limit", &["timeout_s"], &[], &[]);
    ends("loop-calls", 11, "limit", &[], &[], &[]);
    let mut bench = Bench::new();
    bench.install("hostile");
    bench.environment.insert("CLAMP_LIMITS_FUEL".into(), "1000000".into());
    let reply = bench.run(&["run", "hostile.loop", "--json"]).expect(11).json();
    assert!(reply["error"]["message"].as_str().is_some_and(|m| m.contains("limits.fuel")), "{reply:#}");
}

#[test]
fn a_memory_bomb_ends_at_hard() {
    ends("memory-bomb", 11, "limit", &["HARD of profile MINIMAL"], &["--profile", "MINIMAL"], &[]);
    // One that asks and takes no for an answer gets all of HARD and not a page more.
    let (_bench, reply, code) = hostile("memory-grow", &["--profile", "MINIMAL"], &[]);
    assert_eq!(code, 0, "{reply:#}");
    let folder = Path::new(reply["run_dir"].as_str().expect("a run folder"));
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).expect("manifest")).expect("JSON");
    let (hard, peak) = (&manifest["memory"]["hard_bytes"], &manifest["usage"]["memory_peak_bytes"]);
    let left = hard.as_u64().expect("bytes") - peak.as_u64().expect("bytes");
    assert!(left < 16 << 16, "{left} bytes of {hard} are left");
    ends("memory-tensors", 11, "limit", &["HARD of profile MINIMAL"], &["--profile", "MINIMAL"], &[]);
}

#[test]
fn a_stack_overflow_a_trap_and_a_panic_are_named() {
    ends("stack-overflow", 11, "limit", &["limits.wasm_stack_bytes"], &[], &[]);
    ends("stack-frames", 10, "overlay-failed", &["trapped", "out of bounds memory access"], &[], &[]);
    ends("trap", 10, "overlay-failed", &["trapped"], &[], &[]);
    ends("panic", 10, "overlay-failed", &["trapped", "panic"], &[], &[]);
}

#[test]
fn floods_end_at_their_limits() {
    ends("log-flood", 11, "limit", &["limits.log_records"], &[], &[]);
    ends("log-long", 11, "limit", &["limits.log_bytes"], &[], &[]);
    ends("huge-reply", 11, "limit", &["limits.response_bytes"], &[], &[("RESPONSE_BYTES", "1MiB")]);
    ends("many-handles", 11, "limit", &["limits.handles"], &[], &[]);
    ends("artifact-flood", 11, "limit", &["limits.artifact_bytes"], &[], &[("ARTIFACT_BYTES", "1MiB")]);
}

#[test]
fn an_overlays_own_failure_and_a_data_error_are_told_apart() {
    ends("failure", 10, "overlay-failed", &[], &[], &[]);
    ends("gather-out-of-range", 14, "data", &["gather_rows.f32.v1", "element"], &[], &[]);
    ends("unlisted-kernel", 10, "overlay-failed", &["not in the manifest's `kernels`"], &[], &[]);
}

#[test]
fn artifacts_are_for_phases_that_may_write_and_for_names_that_are_names() {
    ends("artifact-early", 10, "overlay-failed", &["phase CLEAR may change nothing"], &[], &[]);
    ends("artifact-name", 10, "overlay-failed", &["artifact name"], &[], &[]);
    // It finishes one artifact and drops another.
    let (bench, reply, code) = hostile("artifact-unfinished", &[], &[]);
    assert_eq!(code, 0, "{reply:#}");
    let folder = Path::new(reply["run_dir"].as_str().expect("a run folder"));
    assert_eq!(bench.names(&folder.join("artifacts")), ["whole.txt"]);
}

#[test]
fn the_limits_stay_in_force_when_the_settings_move_them() {
    let mut bench = Bench::new();
    bench.install("hostile");
    bench.environment.insert("CLAMP_LIMITS_WALL_MS".into(), "200".into());
    let reply = bench.run(&["run", "hostile.loop", "--json"]).expect(11).json();
    assert!(reply["error"]["message"].as_str().is_some_and(|m| m.contains("limits.wall_ms")), "{reply:#}");
    assert!(reply["duration_ms"].as_f64().is_some_and(|ms| ms < 20_000.0));
}
