//! Each rule of the manifest: what passes, and the place and words of what does not.

use super::*;
use crate::manifest::jcs;
use proptest::prelude::*;
use serde_json::{Value, json};

const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn full() -> Value {
    json!({
        "name": "digits",
        "version": "1.2.0",
        "description": "Learns to read digits.",
        "entrypoints": {"wasm": {"path": "digits.wasm", "sha256": DIGEST}},
        "capabilities": {
            "train": {"runner": "wasm", "phases": ["ASCEND"], "timeout_s": 600, "default_profile": "PERFORMANCE"},
            "eval.top1": {"runner": "wasm", "phases": ["CLEAR", "OPEN"], "degradation": {"max_fraction": 0.25}}
        },
        "rights": ["analysis", "exec"],
        "phases": ["OPEN", "ASCEND", "CLEAR"],
        "grants": ["tensor", "compute", "assets", "random"],
        "kernels": ["matmul.f32.v1", "cast_i32.f32.v1"],
        "assets": [{"name": "train.bin", "path": "data/train.bin", "sha256": DIGEST, "bytes": 0}],
        "resources": {"prefers_gpu": true, "notes": "small"},
        "policy": {"deterministic": true},
        "host": ">=0.1, <2"
    })
}

fn parse(value: &Value) -> Result<Manifest, ManifestError> {
    ParsedManifest::parse(&serde_json::to_vec_pretty(value).expect("a value")).map(|parsed| parsed.manifest)
}

/// `full` with the value at a JSON pointer replaced (or added).
fn with(pointer: &str, value: Value) -> Value {
    let mut manifest = full();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    match manifest.pointer_mut(parent) {
        Some(Value::Object(members)) => drop(members.insert(key.to_owned(), value)),
        Some(Value::Array(items)) => items[key.parse::<usize>().expect("an index")] = value,
        _ => panic!("no {parent}"),
    }
    manifest
}

fn without(pointer: &str) -> Value {
    let mut manifest = full();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let members = manifest.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    assert!(members.remove(key).is_some(), "{pointer}");
    manifest
}

#[test]
fn a_full_manifest_is_read() {
    let manifest = parse(&full()).expect("a good manifest");
    assert_eq!(manifest.version, Version::new(1, 2, 0));
    let train = &manifest.capabilities["train"];
    assert_eq!(train.default_phase(), Phase::Ascend);
    assert_eq!(train.timeout.as_duration(), Duration::from_secs(600));
    assert_eq!(train.default_profile, ProfileName::Performance);
    let eval = &manifest.capabilities["eval.top1"];
    assert_eq!(eval.default_phase(), Phase::Clear, "the first in the manifest's order");
    assert_eq!(eval.degradation, Degradation { max_fraction: 0.25, disable_nonessential: true });
    assert_eq!(eval.timeout.as_millis(), 30_000);
    assert_eq!(manifest.capabilities_in(Phase::Open).collect::<Vec<_>>(), ["eval.top1"]);
    assert_eq!(manifest.asset("train.bin").map(|a| a.bytes), Some(0));
    assert!(manifest.grants.contains(&Grant::Random));
}

#[test]
fn what_is_left_out_gets_its_default() {
    let manifest = parse(&json!({
        "name": "x", "version": "0.1.0", "entrypoints": {"wasm": {"path": "x.wasm", "sha256": DIGEST}},
        "capabilities": {"go": {"runner": "wasm"}}
    }))
    .expect("the smallest manifest");
    assert_eq!(manifest.rights, BTreeSet::from([Right::Analysis]));
    assert_eq!(manifest.phases, [Phase::Open, Phase::Align, Phase::Clear, Phase::Seal]);
    assert_eq!(manifest.capabilities["go"].phases, manifest.phases);
    assert_eq!(manifest.capabilities["go"].default_profile, ProfileName::Balanced);
    assert!(!manifest.policy.deterministic);
    assert!(manifest.host.matches(&Version::new(9, 9, 9)));
    // The read form is itself a manifest that reads alike.
    let again = parse(&serde_json::to_value(&manifest).expect("a value")).expect("its own form");
    assert_eq!(again, manifest);
}

#[test]
fn the_documented_http_manifest_is_read() {
    let manifest = parse(&json!({
        "name": "overlay_name", "version": "0.1.0", "description": "...",
        "entrypoints": {"http": {"base_url": "http://127.0.0.1:8787"}, "proc": {"command": ["python", "-m", "cli"]}},
        "capabilities": {"capability_name": {
            "runner": "http", "path": "/endpoint", "method": "POST", "timeout_s": 30, "default_profile": "BALANCED",
            "degradation": {"max_fraction": 0.5, "disable_nonessential": true}
        }},
        "resources": {"prefers_gpu": false, "notes": "Optional notes"}, "policy": {"deterministic": true}
    }))
    .expect("the documented example");
    assert_eq!(manifest.capabilities["capability_name"].runner, Runner::Http);
}

#[test]
fn the_digest_is_of_the_text_not_of_its_spacing_or_order() {
    let one = ParsedManifest::parse(&serde_json::to_vec(&full()).expect("a value")).expect("compact");
    let two = ParsedManifest::parse(&serde_json::to_vec_pretty(&full()).expect("a value")).expect("pretty");
    assert_eq!(one.digest, two.digest);
    assert_eq!(one.digest, jcs::sha256_hex(&one.jcs));
    let other = ParsedManifest::parse(&serde_json::to_vec(&without("/policy")).expect("a value")).expect("shorter");
    assert_ne!(one.digest, other.digest);
}

#[test]
fn each_rule_names_its_field() {
    let long = "x".repeat(65);
    let cases: Vec<(Value, &str, &str)> = vec![
        (with("/grant", json!(["tensor"])), "$.grant", "unknown field"),
        (with("/capabilities/train/timeout", json!(3)), "$.capabilities.train.timeout", "unknown field"),
        (with("/entrypoints/wasm/sha", json!("")), "$.entrypoints.wasm.sha", "unknown field"),
        (with("/assets/0/size", json!(1)), "$.assets[0].size", "unknown field"),
        (without("/name"), "$", "missing field `name`"),
        (without("/capabilities/train/runner"), "$.capabilities.train", "missing field `runner`"),
        (with("/name", json!("Digits")), "$.name", "other characters"),
        (with("/name", json!("")), "$.name", "empty"),
        (with("/name", json!("_x")), "$.name", "letter or digit"),
        (with("/name", json!("a.b")), "$.name", "other characters"),
        (with("/name", json!(long)), "$.name", "longer than 64"),
        (with("/name", json!(7)), "$.name", "invalid type"),
        (with("/version", json!("1.2")), "$.version", "unexpected end"),
        (with("/host", json!("newest")), "$.host", "unexpected character"),
        (with("/phases", json!([])), "$.phases", "empty list"),
        (with("/phases", json!(["OPEN", "OPEN"])), "$.phases", "OPEN is listed twice"),
        (
            with("/phases", json!(["open"])),
            "$.phases[0]",
            "\"open\" is no phase; there are OPEN, ALIGN, ASCEND, CLEAR, SEAL",
        ),
        (with("/rights", json!(["exec"])), "$.rights", "[\"analysis\", \"exec\"]"),
        (with("/rights", json!([])), "$.rights", "[\"analysis\"]"),
        (with("/rights", json!(["analysis"])), "$.phases[1]", "ASCEND needs the right exec"),
        (
            with("/capabilities/train/phases", json!(["ALIGN"])),
            "$.capabilities.train.phases[0]",
            "not among the overlay's",
        ),
        (with("/capabilities/eval.top1/phases", json!([])), "$.capabilities[\"eval.top1\"].phases", "empty list"),
        (with("/grants", json!(["compute"])), "$.grants", "ask for tensor too"),
        (with("/grants", json!(["tensor", "tensor"])), "$.grants", "tensor is listed twice"),
        (with("/grants", json!(["log"])), "$.grants[0]", "\"log\" is no grant"),
        (with("/entrypoints", json!({})), "$.entrypoints", "give wasm, http or proc"),
        (with("/entrypoints/wasm/path", json!("../x.wasm")), "$.entrypoints.wasm.path", "`..`"),
        (with("/entrypoints/wasm/path", json!("/x.wasm")), "$.entrypoints.wasm.path", "absolute"),
        (with("/entrypoints/wasm/sha256", json!(DIGEST.to_uppercase())), "$.entrypoints.wasm.sha256", "64 lower-case"),
        (with("/entrypoints/http", json!({"base_url": "ftp://x"})), "$.entrypoints.http.base_url", "http://host"),
        (with("/entrypoints/http", json!({"base_url": "http://"})), "$.entrypoints.http.base_url", "http://host"),
        (with("/entrypoints/proc", json!({"command": []})), "$.entrypoints.proc.command", "program's name"),
        (with("/capabilities", json!({})), "$.capabilities", "at least one"),
        (with("/capabilities/Train", json!({"runner": "wasm"})), "$.capabilities.Train", "other characters"),
        (with("/capabilities/train/runner", json!("proc")), "$.capabilities.train.runner", "no entrypoint proc"),
        (with("/capabilities/train/runner", json!("native")), "$.capabilities.train.runner", "\"native\" is no runner"),
        (with("/capabilities/train/method", json!("GET")), "$.capabilities.train.method", "POST, PUT or PATCH"),
        (with("/capabilities/train/path", json!("")), "$.capabilities.train.path", "leave the key out"),
        (with("/capabilities/train/timeout_s", json!(0)), "$.capabilities.train.timeout_s", "from 0.001 to 86400"),
        (with("/capabilities/train/timeout_s", json!(1e9)), "$.capabilities.train.timeout_s", "from 0.001 to 86400"),
        (with("/capabilities/train/timeout_s", json!("30")), "$.capabilities.train.timeout_s", "invalid type"),
        (
            with("/capabilities/train/default_profile", json!("HUGE")),
            "$.capabilities.train.default_profile",
            "\"HUGE\" is no profile",
        ),
        (
            with("/capabilities/eval.top1/degradation", json!({"max_fraction": 1.5})),
            "$.capabilities[\"eval.top1\"].degradation.max_fraction",
            "from 0 to 1",
        ),
        (with("/kernels", json!(["matmul"])), "$.kernels[0]", "like sum.f32.v1"),
        (with("/kernels", json!(["Sum.f32.v1"])), "$.kernels[0]", "like sum.f32.v1"),
        (with("/kernels", json!(["a.v1", "a.v1"])), "$.kernels[1]", "listed twice"),
        (with("/assets/0/name", json!("a/b")), "$.assets[0].name", "an asset's name"),
        (with("/assets/0/path", json!("data/../../x")), "$.assets[0].path", "`..`"),
        (with("/assets/0/path", json!("manifest.json")), "$.assets[0].path", "the manifest itself"),
        (with("/assets/0/path", json!("digits.wasm")), "$.assets[0].path", "named twice"),
        (with("/assets/0/sha256", json!("00")), "$.assets[0].sha256", "64 lower-case"),
        (with("/assets/0/bytes", json!(-1)), "$.assets[0].bytes", "invalid value"),
        (
            with(
                "/assets",
                json!([
                    {"name": "a", "path": "a", "sha256": DIGEST, "bytes": 0},
                    {"name": "a", "path": "b", "sha256": DIGEST, "bytes": 0}
                ]),
            ),
            "$.assets[1].name",
            "two assets named a",
        ),
        (with("/resources/gpu", json!(1)), "$.resources.gpu", "unknown field"),
        (with("/policy/deterministic", json!("yes")), "$.policy.deterministic", "invalid type"),
    ];
    for (manifest, path, words) in cases {
        match parse(&manifest) {
            Err(ManifestError::Field { path: found, message }) => {
                assert_eq!(found.to_string(), path, "{message}");
                assert!(message.contains(words), "{path}: {message}");
            }
            other => panic!("{path}: {words}: {other:?}"),
        }
    }
}

#[test]
fn a_command_needs_its_grant_and_a_service_its_path() {
    let proc = |grants: Value| {
        let mut manifest = with("/entrypoints/proc", json!({"command": ["python3"]}));
        manifest["capabilities"]["train"]["runner"] = json!("proc");
        manifest["grants"] = grants;
        parse(&manifest)
    };
    assert!(proc(json!(["proc"])).is_ok());
    let refused = proc(json!([])).expect_err("no grant").to_string();
    assert_eq!(refused, "at $.capabilities.train.runner: a capability that runs a command asks for the grant proc");

    let http = |path: Value| {
        let mut manifest = with("/entrypoints/http", json!({"base_url": "https://example.org/api"}));
        manifest["capabilities"]["train"]["runner"] = json!("http");
        manifest["capabilities"]["train"]["path"] = path;
        parse(&manifest)
    };
    assert!(http(json!("/run")).is_ok());
    assert!(http(Value::Null).expect_err("no path").to_string().contains("needs a path"));
    assert!(http(json!("run")).expect_err("no slash").to_string().contains("starts with /"));
}

#[test]
fn broken_json_keeps_its_line() {
    let text = b"{\n \"name\": \"a\",\n \"name\": \"b\"\n}";
    let error = ParsedManifest::parse(text).expect_err("a key twice").to_string();
    assert_eq!(error, "line 3, column 2, at $.name: this key occurs twice in one object; remove one of the two");
}

#[test]
fn built_in_profiles_have_their_figures() {
    let figures = |name: ProfileName| {
        let p = name.profile();
        (p.name, p.soft_mb, p.hard_mb, p.volatility.name(), p.priority, p.tier.name())
    };
    assert_eq!(figures(ProfileName::Minimal), (ProfileName::Minimal, 512, 1024, "LOW", 3, "LOCAL"));
    assert_eq!(figures(ProfileName::Balanced), (ProfileName::Balanced, 2048, 4096, "MED", 5, "EXTENDED"));
    assert_eq!(figures(ProfileName::Performance), (ProfileName::Performance, 4096, 8192, "HIGH", 8, "LOCAL"));
    assert_eq!(ProfileName::Minimal.profile().hard_bytes(), 1 << 30);
}

proptest! {
    #[test]
    fn a_mangled_manifest_never_panics(at in 0_usize..900, byte in any::<u8>()) {
        let mut text = serde_json::to_vec(&full()).expect("a value");
        let at = at % text.len();
        text[at] = byte;
        if let Ok(parsed) = ParsedManifest::parse(&text) {
            prop_assert!(!parsed.manifest.phases.is_empty());
        }
    }
}
