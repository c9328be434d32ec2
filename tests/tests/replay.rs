//! `replay`: every kind of recorded run comes out as it was, and what was changed is named at its place.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;

use clamp_tests::{Bench, Ran, overwrite};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Runs something and gives its folder, whatever came of it.
fn recorded(bench: &Bench, args: &[&str]) -> PathBuf {
    let ran = bench.run(&[&["run"][..], args, &["--json"]].concat());
    let json = ran.json();
    json["run_dir"].as_str().unwrap_or_else(|| panic!("{ran:#?}")).into()
}

fn replay(bench: &Bench, run: &Path, more: &[&str]) -> Ran {
    bench.run(&[&["replay", &run.to_string_lossy(), "--json"][..], more].concat())
}

fn identical(bench: &Bench, run: &Path, more: &[&str]) -> Value {
    let before = bench.listing(&bench.work());
    let verdict = replay(bench, run, more).expect(0).json();
    assert_eq!(verdict["verdict"], "identical", "{verdict:#}");
    assert_eq!(bench.listing(&bench.work()), before, "a replay leaves nothing");
    verdict
}

const STEPS: &str = r#"{"steps": 8}"#;

#[test]
fn a_training_run_is_the_same_again_on_any_backend() {
    let mut bench = Bench::new();
    bench.keep_compiled();
    let run = recorded(&bench, &["digits", "--seed", "7", "--input", STEPS, "--backend", "cpu"]);
    let verdict = identical(&bench, &run, &[]);
    assert!(verdict["host_calls"].as_u64() > Some(100), "{verdict:#}");
    assert_eq!(verdict["output_hash"]["then"], verdict["output_hash"]["now"]);
    // Its id is enough, and it needs not be enabled any more.
    let id = run.file_name().expect("a name").to_string_lossy().into_owned();
    let _ = bench.run(&["overlay", "disable", "digits"]).expect(0);
    let said = bench.run(&["replay", &id[..12]]).expect(0);
    assert!(said.stdout.starts_with("identical"), "{said:#?}");
    let list = bench.run(&["backend", "list", "--json"]).expect(0).json();
    let has_opencl = list["backends"].as_array().is_some_and(|all| {
        all.iter().any(|found| found["id"] == "opencl" && found["devices"].as_array().is_some_and(|d| !d.is_empty()))
    });
    if !has_opencl {
        clamp_test_skip::skip("no OpenCL device");
        return;
    }
    let verdict = identical(&bench, &run, &["--backend", "opencl"]);
    assert_eq!(verdict["backend"], json!({"then": "cpu", "now": "opencl"}));
}

#[test]
fn answers_of_the_world_are_given_again_and_the_world_is_left_alone() {
    let mut bench = Bench::new();
    bench.install("reach");
    bench.environment.insert("CLAMP_OVERLAYS_REACH_LEVEL".to_owned(), "7".to_owned());
    let fast = |capability: &str| recorded(&bench, &[&format!("reach.{capability}"), "--mode", "fast"]);
    let (clock, config, hints) = (fast("clock"), fast("config"), fast("hints"));
    let kept = recorded(&bench, &["reach.keep", "--mode", "fast", "--input", r#"{"value": "x"}"#]);
    let early = recorded(&bench, &["reach.keep-early", "--mode", "fast"]);
    // A service that answers once.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let service = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let _ = stream.read(&mut [0; 4096]).expect("a request");
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi").expect("write");
    });
    bench.environment.insert("CLAMP_OVERLAYS_REACH_HTTP_HOSTS".to_owned(), address.clone());
    let input = format!(r#"{{"url": "http://{address}/"}}"#);
    let fetch = recorded(&bench, &["reach.fetch", "--mode", "fast", "--input", &input]);
    service.join().expect("it answered");
    // The operator's values are others by now, the service is gone, and its host is no longer allowed.
    bench.environment.remove("CLAMP_OVERLAYS_REACH_HTTP_HOSTS");
    bench.environment.insert("CLAMP_OVERLAYS_REACH_LEVEL".to_owned(), "8".to_owned());
    for run in [&clock, &config, &hints, &kept, &early, &fetch] {
        let verdict = identical(&bench, run, &[]);
        assert_eq!(verdict["compared"], "outputs and host calls");
    }
}

#[test]
fn failures_limits_and_stops_by_the_clock_end_as_they_ended() {
    let bench = Bench::new();
    bench.install("hostile");
    for way in ["failure", "trap", "panic", "huge-reply", "memory-bomb", "loop", "loop-calls", "log-flood"] {
        let run = recorded(&bench, &[&format!("hostile.{way}")]);
        let verdict = replay(&bench, &run, &[]).expect(0).json();
        assert_eq!(verdict["verdict"], "identical", "{way}: {verdict:#}");
    }
    // With other limits the place of a stop says nothing, neither then nor now.
    let run = recorded(&bench, &["hostile.log-flood"]);
    let good = recorded(&bench, &["digits", "--input", STEPS, "--backend", "cpu"]);
    std::fs::write(bench.home().join("clamp.yaml"), "limits:\n  log_records: 1\n").expect("write");
    for run in [run, good] {
        let verdict = replay(&bench, &run, &[]).expect(4).json();
        assert_eq!(verdict["verdict"], "not-comparable", "{verdict:#}");
    }
}

#[test]
fn what_was_changed_is_named_at_its_place() {
    let bench = Bench::new();
    let run = recorded(&bench, &["digits", "--seed", "7", "--input", STEPS, "--backend", "cpu"]);
    // A mark in the middle: the call and the kernel before it.
    let trace = run.join("trace.bin");
    let good = std::fs::read(&trace).expect("read");
    let mut bad = good.clone();
    bad[8 * 99 + 3] ^= 1;
    std::fs::write(&trace, &bad).expect("write");
    let verdict = replay(&bench, &run, &[]).expect(3).json();
    assert!(
        verdict["reason"].as_str().is_some_and(|said| said.contains("the record was changed: trace.bin")),
        "{verdict:#}"
    );
    // The same, with a record that says so.
    let digest = |bytes: &[u8]| -> String { Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect() };
    let text = std::fs::read_to_string(run.join("manifest.json")).expect("read");
    std::fs::write(run.join("manifest.json"), text.replace(&digest(&good), &digest(&bad))).expect("write");
    let verdict = replay(&bench, &run, &[]).expect(3).json();
    let reason = verdict["reason"].as_str().expect("a reason");
    assert_eq!(verdict["verdict"], "divergent");
    assert!(reason.starts_with("host call 100: ") && reason.contains("; the last kernel before it is "), "{reason}");
    std::fs::write(&trace, &good).expect("write");
    std::fs::write(run.join("manifest.json"), &text).expect("write");
    let _ = identical(&bench, &run, &[]);
    // An artifact.
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(run.join("manifest.json")).expect("read")).expect("JSON");
    let name = manifest["artifacts"].as_object().and_then(|all| all.keys().next()).expect("an artifact").clone();
    let artifact = run.join("artifacts").join(&name);
    let good = std::fs::read(&artifact).expect("read");
    std::fs::write(&artifact, [&good[..], b"x"].concat()).expect("write");
    let verdict = replay(&bench, &run, &[]).expect(3).json();
    assert!(
        verdict["reason"].as_str().is_some_and(|said| said.contains(&name) && said.contains("was changed")),
        "{verdict:#}"
    );
    std::fs::write(&artifact, &good).expect("write");
    // The recorded result.
    let hash = manifest["output_hash"].as_str().expect("a hash");
    std::fs::write(run.join("manifest.json"), text.replace(hash, &"0".repeat(64))).expect("write");
    assert_eq!(replay(&bench, &run, &[]).expect(3).json()["verdict"], "divergent");
    std::fs::write(run.join("manifest.json"), &text).expect("write");
    // Its input.
    let input = run.join("input.json");
    std::fs::write(&input, r#"{"steps":9}"#).expect("write");
    assert_eq!(replay(&bench, &run, &[]).expect(3).json()["verdict"], "divergent");
    bench.run(&["replay", "feed"]).expect(13).complains_of("begins with `feed`");
}

#[test]
fn an_overlay_that_is_gone_or_changed_is_named() {
    let bench = Bench::new();
    bench.install("noop");
    let run = recorded(&bench, &["noop"]);
    let (wasm, _) = bench
        .listing(&bench.home().join("store"))
        .into_iter()
        .find(|(path, _)| path.ends_with("noop.wasm"))
        .expect("the component");
    let good = std::fs::read(&wasm).expect("read");
    overwrite(&wasm, b"other");
    let verdict = replay(&bench, &run, &[]).expect(3).json();
    assert!(verdict["reason"].as_str().is_some_and(|said| said.contains("was changed since")), "{verdict:#}");
    overwrite(&wasm, &good);
    let _ = bench.run(&["overlay", "disable", "noop"]).expect(0);
    let _ = bench.run(&["overlay", "remove", "noop"]).expect(0);
    bench
        .run(&["replay", &run.to_string_lossy()])
        .expect(13)
        .complains_of("the version of overlay `noop` that ran is not installed");
}
