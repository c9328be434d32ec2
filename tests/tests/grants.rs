//! What an overlay reaches outside itself: the clock, the operator's values, hints, the store and services, each given and
//! each refused.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use clamp_tests::{Bench, Ran, package};
use serde_json::{Value, json};

fn run(bench: &Bench, capability: &str, more: &[&str]) -> Ran {
    bench.run(&[&["run", &format!("reach.{capability}"), "--mode", "fast", "--json"][..], more].concat())
}

fn result(ran: Ran) -> Value {
    ran.expect(0).json()["result"].clone()
}

fn manifest(ran: &Value) -> (std::path::PathBuf, Value) {
    let folder = Path::new(ran["run_dir"].as_str().expect("a folder")).to_owned();
    let bytes = std::fs::read(folder.join("manifest.json")).expect("read");
    (folder, serde_json::from_slice(&bytes).expect("JSON"))
}

/// A service that answers so many requests with their first line, and says how many it had.
fn service(requests: usize, status: &'static str) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let had = thread::spawn(move || {
        let answer = |stream: std::io::Result<std::net::TcpStream>| {
            let mut stream = stream.expect("a connection");
            let mut head = Vec::new();
            let mut byte = [0; 1];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("read") == 1 {
                head.push(byte[0]);
            }
            let first = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
            let (length, end) = (first.len(), "connection: close\r\nlocation: http://example.org/");
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{end}\r\n\r\n{first}").expect("write");
            first
        };
        listener.incoming().take(requests).map(answer).collect()
    });
    (address, had)
}

#[test]
fn the_clock_counts_host_calls_in_strict_and_milliseconds_in_fast() {
    let bench = Bench::new();
    bench.install("reach");
    let strict = bench.run(&["run", "reach.clock", "--json"]).expect(0).json();
    assert_eq!(strict["result"], json!([1, 2, 3]));
    let (_, record) = manifest(&strict);
    assert!(record["files"]["calls"].is_null(), "what is derived again is not kept: {record:#}");
    let fast = run(&bench, "clock", &[]).expect(0).json();
    let times: Vec<u64> = fast["result"].as_array().expect("a list").iter().map(|v| v.as_u64().expect("ms")).collect();
    assert!(times.is_sorted() && times[2] < 60_000, "{times:?}");
    let (folder, record) = manifest(&fast);
    let calls = std::fs::read_to_string(folder.join("calls.jsonl")).expect("read");
    let first = format!("{{\"call\":1,\"function\":\"clock.now-ms\",\"value\":{}}}", times[0]);
    assert_eq!((calls.lines().next(), calls.lines().count()), (Some(&*first), 3));
    assert_eq!(record["volatile"]["trace"]["calls"], 3);
    assert_eq!(std::fs::metadata(folder.join("trace.bin")).expect("a file").len(), 24);
    let _ = bench.run(&["runs", "verify", fast["run_id"].as_str().expect("an id")]).expect(0);
}

#[test]
fn the_operators_values_come_from_file_and_environment_and_only_to_their_overlay() {
    let mut bench = Bench::new();
    bench.install("reach");
    let settings = "overlays:\n  reach:\n    greeting: hello\n    http_hosts: example.org\n  other:\n    secret: x\n";
    std::fs::write(bench.home().join("clamp.yaml"), settings).expect("write");
    bench.environment.insert("CLAMP_OVERLAYS_REACH_GREETING".to_owned(), "good day".to_owned());
    bench.environment.insert("CLAMP_OVERLAYS_REACH_SIZE".to_owned(), "7".to_owned());
    let values = result(run(&bench, "config", &[]));
    assert_eq!(values, json!({"values": [["good day", "greeting"], ["7", "size"]], "absent": null}));
    let shown = bench.run(&["config", "show"]).expect(0).stdout;
    assert!(shown.contains("overlays.reach.greeting") && shown.contains("CLAMP_OVERLAYS_REACH_GREETING"), "{shown}");
    std::fs::write(bench.home().join("clamp.yaml"), "overlay:\n  reach:\n    a: b\n").expect("write");
    let ran = bench.run(&["run", "reach.config"]).expect(14);
    assert!(ran.stderr.contains("did you mean overlays?"), "{ran:#?}");
}

#[test]
fn without_a_governor_nothing_is_asked() {
    let bench = Bench::new();
    bench.install("reach");
    assert_eq!(result(run(&bench, "hints", &[])), json!({"factor": 1.0, "off": []}));
}

#[test]
fn the_store_is_written_in_ascend_only_and_lives_as_long_as_the_host() {
    let bench = Bench::new();
    bench.install("reach");
    let input = ["--phase", "ASCEND", "--input", r#"{"value": "kept"}"#];
    for _ in 0..2 {
        let kept = result(run(&bench, "keep", &input));
        assert_eq!(kept, json!({"before": null, "after": "kept", "gone": [true, false]}));
    }
    let early = run(&bench, "keep-early", &[]).expect(10).json();
    let message = early["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("phase CLEAR may change nothing"), "{early:#}");
    // A value larger than the store.
    std::fs::write(bench.home().join("clamp.yaml"), "limits:\n  store_bytes: 8\n").expect("write");
    let large = run(&bench, "keep", &input).expect(10).json();
    let message = large["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("store value `value` takes 270 bytes with its key, 8 are allowed"), "{large:#}");
}

#[test]
fn only_hosts_on_the_operators_list_are_asked_and_their_answers_are_kept() {
    let mut bench = Bench::new();
    bench.install("reach");
    let (address, had) = service(1, "200 OK");
    let url = format!(r#"{{"url": "http://{address}/a?b=1"}}"#);
    let refused = run(&bench, "fetch", &["--input", &url]).expect(10).json();
    let message = refused["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains(&format!("the host {address} is not on the operator's list; allowed: none")), "{message}");
    bench.environment.insert("CLAMP_OVERLAYS_REACH_HTTP_HOSTS".to_owned(), format!("example.org, {address}"));
    let ran = run(&bench, "fetch", &["--input", &url]).expect(0).json();
    assert_eq!(ran["result"], json!({"status": 200, "body": "GET /a?b=1 HTTP/1.1"}));
    assert_eq!(had.join().expect("the service"), ["GET /a?b=1 HTTP/1.1"]);
    let (folder, _) = manifest(&ran);
    let calls = std::fs::read_to_string(folder.join("calls.jsonl")).expect("read");
    assert!(calls.contains(r#""body":{"text":"GET /a?b=1 HTTP/1.1"}"#) && calls.lines().count() == 1, "{calls}");
    // Nobody answers there any more.
    let gone = run(&bench, "fetch", &["--input", &url]);
    assert_ne!(gone.code, Some(0), "{gone:#?}");
    assert!(gone.stdout.contains(&address), "{gone:#?}");
}

#[test]
fn a_redirect_is_an_answer_and_not_followed() {
    let mut bench = Bench::new();
    bench.install("reach");
    let (address, had) = service(1, "302 Found");
    bench.environment.insert("CLAMP_OVERLAYS_REACH_HTTP_HOSTS".to_owned(), address.clone());
    let ran = run(&bench, "fetch", &["--input", &format!(r#"{{"url": "http://{address}/"}}"#)]).expect(0).json();
    assert_eq!(ran["result"]["status"], 302);
    assert_eq!(had.join().expect("the service").len(), 1);
}

#[test]
fn what_was_not_granted_is_not_linked() {
    let bench = Bench::new();
    let path = package("reach");
    let path = path.to_string_lossy();
    for missing in ["clock", "store", "hints", "config", "http"] {
        let all = ["clock", "store", "hints", "config", "http"];
        let others: Vec<&str> = all.into_iter().filter(|grant| *grant != missing).collect();
        let others = others.join(",");
        let _ = bench.run(&["overlay", "install", &path, "--enable", "--grant", &others]).expect(0);
        let ran = bench.run(&["run", "reach.clock"]).expect(12);
        ran.complains_of(&format!("the component imports `clamp:overlay/{missing}@1.0.0`, which it was not granted"));
    }
}
