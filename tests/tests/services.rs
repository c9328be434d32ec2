//! Overlays that are services or commands: the same call, grants, limits and record as for a component.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use clamp_tests::{Bench, Ran};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// One request as a service sees it.
#[derive(Debug)]
struct Had {
    head: String,
    body: Value,
}

/// A service that gives these answers one after the other: status and body.
fn service(answers: Vec<(&'static str, String)>) -> (String, mpsc::Receiver<Had>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        for (status, answer) in answers {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut reader = BufReader::new(stream.try_clone().expect("twice"));
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).expect("a line");
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a length");
                }
                if line.trim().is_empty() {
                    break;
                }
                head.push_str(&line.to_ascii_lowercase());
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a body");
            let _ = send.send(Had { head, body: serde_json::from_slice(&body).expect("JSON") });
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
                answer.len()
            )
            .expect("write");
        }
    });
    (address, receive)
}

/// The document's psyfi, at this address.
fn psyfi(bench: &Bench, address: &str) -> PathBuf {
    let folder = bench.work().join("psyfi");
    std::fs::create_dir_all(&folder).expect("a folder");
    let manifest = json!({
        "name": "psyfi",
        "version": "0.1.0",
        "description": "Psy-Fi simulation overlay",
        "entrypoints": {"http": {"base_url": format!("http://{address}")}},
        "capabilities": {"simulate": {
            "runner": "http", "path": "/run", "method": "POST", "timeout_s": 2, "default_profile": "BALANCED",
            "degradation": {"max_fraction": 0.7, "disable_nonessential": true},
        }},
        "resources": {"prefers_gpu": true},
        "policy": {"deterministic": true},
    });
    std::fs::write(folder.join("manifest.json"), manifest.to_string()).expect("write");
    folder
}

/// A bench with psyfi at a service, allowed by the operator.
fn served(answers: Vec<(&'static str, String)>) -> (Bench, String, mpsc::Receiver<Had>) {
    let (address, had) = service(answers);
    let mut bench = Bench::new();
    let folder = psyfi(&bench, &address);
    let _ = bench.run(&["overlay", "install", &folder.to_string_lossy(), "--enable"]).expect(0);
    bench.environment.insert("CLAMP_OVERLAYS_PSYFI_HTTP_HOSTS".to_owned(), address.clone());
    (bench, address, had)
}

const SIMULATE: [&str; 7] =
    ["run", "psyfi.simulate", "--seed", "fixed-seed", "--json", "--input", r#"{"parameters": {"duration": 100}}"#];

#[test]
fn a_service_gets_the_call_as_canonical_json_and_its_answer_is_recorded() {
    let (bench, _, had) = served(vec![("200 OK", r#"{"ok": true, "result": {"b": 2, "a": 1}}"#.into())]);
    let ran = bench.run(&SIMULATE).expect(0).json();
    assert_eq!(ran["result"], json!({"a": 1, "b": 2}));
    let had = had.recv().expect("a request");
    assert!(had.head.starts_with("post /run http/1.1") && had.head.contains("content-type: application/json"));
    let key =
        had.head.lines().find_map(|line| line.strip_prefix("idempotency-key: ")).expect("a key").trim().to_owned();
    assert_eq!(had.body["request_id"], key.as_str());
    assert_eq!(had.body["payload"], json!({"parameters": {"duration": 100}}));
    assert_eq!(had.body["provenance"]["run_id"], ran["run_id"]);
    assert_eq!((&had.body["hints"]["kv_shrink_factor"], &had.body["phase"]), (&json!(1), &json!("OPEN")));
    let _ = bench.run(&["runs", "verify", ran["run_id"].as_str().expect("an id")]).expect(0);
    // The same call of another run is another request, with the same run id.
    assert_eq!(ran["run_id"].as_str().map(str::len), Some(64));
}

#[test]
fn a_service_that_stumbles_is_asked_again_and_one_that_refuses_is_not() {
    let answer = r#"{"answer": 42}"#.to_owned();
    let (bench, _, had) = served(vec![
        ("503 Service Unavailable", "busy".into()),
        ("500 Internal Server Error", String::new()),
        ("200 OK", answer),
    ]);
    let ran = bench.run(&SIMULATE).expect(0).json();
    assert_eq!(ran["result"], json!({"answer": 42}), "without `ok` the whole answer is the result");
    let keys: Vec<Value> = had.iter().take(3).map(|had| had.body["request_id"].clone()).collect();
    assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    let (bench, address, had) = served(vec![("422 Unprocessable", "no such simulation".into())]);
    let ran = bench.run(&SIMULATE).expect(10).json();
    let message = format!("POST http://{address}/run answered with status 422: no such simulation");
    assert_eq!((&ran["error"]["message"], &ran["output_hash"]), (&json!(message), &Value::Null));
    assert_eq!(had.iter().count(), 1);
    let (bench, _, _had) =
        served(vec![("200 OK", r#"{"ok": false, "error": {"code": "busy", "message": "later"}}"#.into())]);
    let ran = bench.run(&SIMULATE).expect(10).json();
    assert_eq!((&ran["error"]["overlay_code"], &ran["error"]["message"]), (&json!("busy"), &json!("later")));
}

#[test]
fn a_service_that_is_not_allowed_not_there_or_too_slow_is_named() {
    let (mut bench, address, _had) = served(vec![]);
    bench.environment.remove("CLAMP_OVERLAYS_PSYFI_HTTP_HOSTS");
    let ran = bench.run(&SIMULATE[..2]).expect(12);
    ran.complains_of(&format!("overlay `psyfi`: the host {address} is not on the operator's list"));
    assert!(ran.stderr.contains(&format!("add {address} to overlays.psyfi.http_hosts")), "{ran:#?}");
    // The service is gone with its last answer.
    bench.environment.insert("CLAMP_OVERLAYS_PSYFI_HTTP_HOSTS".to_owned(), address.clone());
    let gone = bench.run(&SIMULATE).expect(10).json();
    assert_eq!(gone["error"]["overlay_code"], "unreachable", "{gone:#}");
    assert!(gone["run_dir"].is_string(), "what a service may have done leaves a record: {gone:#}");
    // One that takes the connection and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let folder = psyfi(&bench, &address);
    let _ = bench.run(&["overlay", "install", &folder.to_string_lossy(), "--enable"]).expect(0);
    bench.environment.insert("CLAMP_OVERLAYS_PSYFI_HTTP_HOSTS".to_owned(), address);
    let begun = Instant::now();
    let slow = bench.run(&SIMULATE).expect(11).json();
    assert!(begun.elapsed().as_secs() < 10);
    assert_eq!(slow["error"]["message"], "limit `timeout_s`: stopped after 2000 ms");
}

/// A command in Python; each capability is a way to behave.
const SCRIPT: &str = r#"
import json, os, sys, time
request = json.load(sys.stdin)
way, payload = sys.argv[1], request["payload"]
if way == "echo":
    print(json.dumps({"ok": True, "result": {"got": payload, "env": sorted(os.environ), "argv": sys.argv[1:],
                                              "keys": sorted(request), "cwd": os.getcwd()}}))
elif way == "fail":
    print("half an answer")
    print("the reason", file=sys.stderr)
    sys.exit(3)
elif way == "sleep":
    if os.fork() == 0:
        time.sleep(600)
    time.sleep(600)
elif way == "flood":
    while True:
        sys.stdout.write("x" * 65536)
elif way == "memory":
    held = []
    while True:
        held.append(bytearray(1 << 26))
elif way == "look":
    found = {}
    for path in payload["paths"]:
        try:
            found[path] = len(os.listdir(path)) if os.path.isdir(path) else len(open(path).read())
        except OSError as error:
            found[path] = type(error).__name__
    for path in payload["write"]:
        try:
            open(path, "w").write("x")
            found[path] = "written"
        except OSError as error:
            found[path] = type(error).__name__
    print(json.dumps(found))
elif way == "held":
    if os.fork() == 0:
        os.setsid()
        time.sleep(10)
    else:
        print("{}")
elif way == "nothing":
    pass
"#;

fn command(bench: &Bench) -> PathBuf {
    let folder = bench.work().join("tool");
    std::fs::create_dir_all(folder.join("src")).expect("a folder");
    std::fs::write(folder.join("src/run.py"), SCRIPT).expect("write");
    let sha256: String = Sha256::digest(SCRIPT).iter().map(|byte| format!("{byte:02x}")).collect();
    let capability = |way: &str| json!({"runner": "proc", "path": way, "timeout_s": 3, "default_profile": "MINIMAL"});
    let ways = ["echo", "fail", "sleep", "flood", "memory", "look", "held", "nothing"];
    let capabilities: serde_json::Map<String, Value> =
        ways.iter().map(|way| ((*way).to_owned(), capability(way))).collect();
    let manifest = json!({
        "name": "tool",
        "version": "1.0.0",
        "entrypoints": {"proc": {"command": ["python3", "src/run.py"]}},
        "capabilities": capabilities,
        "grants": ["proc", "config"],
        "assets": [{"name": "run.py", "path": "src/run.py", "sha256": sha256, "bytes": SCRIPT.len()}],
    });
    std::fs::write(folder.join("manifest.json"), manifest.to_string()).expect("write");
    folder
}

/// A bench with the command, granted all that it asks for.
fn commanded() -> Bench {
    let bench = Bench::new();
    let folder = command(&bench);
    let _ = bench.run(&["overlay", "install", &folder.to_string_lossy(), "--enable", "--grant", "all"]).expect(0);
    bench
}

fn run(bench: &Bench, way: &str, input: &Value) -> Ran {
    bench.run(&["run", &format!("tool.{way}"), "--mode", "fast", "--json", "--input", &input.to_string()])
}

fn record(ran: &Value) -> Value {
    let folder = Path::new(ran["run_dir"].as_str().expect("a folder"));
    serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).expect("read")).expect("JSON")
}

#[test]
fn a_command_gets_the_call_on_stdin_and_an_environment_of_its_own() {
    let mut bench = commanded();
    bench.environment.insert("CLAMP_OVERLAYS_TOOL_LEVEL".to_owned(), "7".to_owned());
    bench.environment.insert("SECRET".to_owned(), "x".to_owned());
    let ran = run(&bench, "echo", &json!({"a": 1})).expect(0).json();
    let result = &ran["result"];
    assert_eq!((&result["got"], &result["argv"]), (&json!({"a": 1}), &json!(["echo", "--stdin-json"])));
    let keys =
        ["capability", "hints", "overlay", "payload", "phase", "provenance", "request_id", "timestamp_ms", "version"];
    assert_eq!(result["keys"], json!(keys));
    let names: Vec<&str> = result["env"].as_array().expect("names").iter().map(|v| v.as_str().expect("text")).collect();
    assert!(names.contains(&"CLAMP_CONFIG_LEVEL") && names.contains(&"CLAMP_KV_SHRINK_FACTOR"), "{names:?}");
    assert!(!names.contains(&"SECRET") && !names.contains(&"CLAMP_HOME"), "{names:?}");
    assert!(result["cwd"].as_str().is_some_and(|cwd| cwd.contains("store")), "{result:#}");
    let volatile = &record(&ran)["volatile"];
    let held = &volatile["sandbox"];
    assert_eq!(
        (&held["no_new_privs"], &held["address_space_bytes"]),
        (&json!(true), &json!(1024 << 20)),
        "{volatile:#}"
    );
    let said = held["landlock"].as_str().expect("a text");
    assert!(said == "enforced" || said.contains("this kernel"), "{held:#}");
}

#[test]
fn a_command_sees_its_folder_the_system_and_what_the_operator_named() {
    let mut bench = commanded();
    let named = bench.work().join("named");
    std::fs::create_dir(&named).expect("a folder");
    let (home, named) = (bench.home().display().to_string(), named.display().to_string());
    let hidden = bench.work().join("hidden.txt").display().to_string();
    std::fs::write(&hidden, "secret").expect("write");
    bench.environment.insert("CLAMP_OVERLAYS_TOOL_PROC_PATHS".to_owned(), named.clone());
    let input = json!({"paths": [home, named, hidden, "src/run.py"], "write": [format!("{named}/x"), "src/run.py"]});
    let ran = run(&bench, "look", &input).expect(0).json();
    if record(&ran)["volatile"]["sandbox"]["landlock"].as_str().is_some_and(|said| said.starts_with("not")) {
        clamp_test_skip::skip("this kernel has no Landlock");
        return;
    }
    let found = &ran["result"];
    assert_eq!((&found[&home], &found[&hidden]), (&json!("PermissionError"), &json!("PermissionError")), "{found:#}");
    assert_eq!((&found[&named], &found[&format!("{named}/x")]), (&json!(0), &json!("PermissionError")), "{found:#}");
    assert_eq!(found["src/run.py"], "PermissionError", "its own folder is read only: {found:#}");
}

#[test]
fn a_command_that_fails_hangs_floods_or_eats_is_ended_and_named() {
    let bench = commanded();
    let error = |way: &str, code: i32| {
        let begun = Instant::now();
        let ran = run(&bench, way, &json!({})).expect(code).json();
        assert!(begun.elapsed().as_secs() < 20, "{way}");
        ran["error"].clone()
    };
    let failed = error("fail", 10);
    assert_eq!(failed["message"], "python3 ended with exit code 3: the reason", "{failed:#}");
    assert_eq!((&failed["data"]["exit_code"], &failed["data"]["stderr"]), (&json!(3), &json!("the reason\n")));
    assert_eq!(error("sleep", 11)["message"], "limit `timeout_s`: stopped after 3000 ms");
    // The process that it left behind is gone as well.
    let left = std::process::Command::new("pgrep").args(["-f", "src/run.py sleep"]).output().expect("pgrep");
    assert!(left.stdout.is_empty(), "{}", String::from_utf8_lossy(&left.stdout));
    let memory = error("memory", 10);
    assert!(memory["message"].as_str().is_some_and(|m| m.contains("MemoryError")), "{memory:#}");
    let held = error("held", 10);
    assert_eq!(held["message"], "python3 ended and left a process behind that holds its stdout");
    let nothing = error("nothing", 10);
    assert!(nothing["message"].as_str().is_some_and(|m| m.contains("gave no good JSON")), "{nothing:#}");
    std::fs::write(bench.home().join("clamp.yaml"), "limits:\n  response_bytes: 1MiB\n").expect("write");
    let flood = error("flood", 11);
    let message = "limit `limits.response_bytes`: the answer of python3 has more than 1048576 bytes";
    assert_eq!(flood["message"], message, "{flood:#}");
}

#[test]
fn a_command_that_is_not_there_is_named_and_a_replay_wants_the_grant_of_today() {
    let bench = commanded();
    let ran = run(&bench, "echo", &json!({"a": 1})).expect(0).json();
    let folder = ran["run_dir"].as_str().expect("a folder").to_owned();
    let replayed = bench.run(&["replay", &folder, "--json"]).expect(0).json();
    assert_eq!((&replayed["verdict"], &replayed["compared"]), (&json!("identical"), &json!("outputs")));
    let _ = bench.run(&["overlay", "enable", "tool", "--grant", "config"]).expect(0);
    bench.run(&["replay", &folder]).expect(12).complains_of("has not the grant `proc` now");
    let folder = command(&bench);
    let manifest = folder.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).expect("read");
    std::fs::write(&manifest, text.replace("python3", "python-that-is-not-there")).expect("write");
    let _ = bench.run(&["overlay", "install", &folder.to_string_lossy(), "--enable", "--grant", "all"]).expect(0);
    let ran = bench.run(&["run", "tool.echo", "--mode", "fast"]).expect(13);
    ran.complains_of("the command `python-that-is-not-there` was not started: cannot start");
}

#[test]
fn a_command_is_not_run_without_its_grant_or_when_its_files_changed() {
    let bench = Bench::new();
    let folder = command(&bench);
    let _ = bench.run(&["overlay", "install", &folder.to_string_lossy(), "--enable"]).expect(0);
    bench.run(&["run", "tool.echo", "--mode", "fast"]).expect(12).complains_of("was not granted `proc`");
    let _ = bench.run(&["overlay", "enable", "tool", "--grant", "proc"]).expect(0);
    let ran = run(&bench, "echo", &json!({})).expect(0).json();
    let script = Path::new(ran["result"]["cwd"].as_str().expect("a folder")).join("src/run.py");
    let mut permissions = std::fs::metadata(&script).expect("a file").permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "a file of this test's own")]
    permissions.set_readonly(false);
    std::fs::set_permissions(&script, permissions).expect("permissions");
    std::fs::write(&script, format!("{SCRIPT}#")).expect("write");
    bench.run(&["run", "tool.echo", "--mode", "fast"]).expect(14).complains_of("was changed since it was installed");
}
