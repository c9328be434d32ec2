//! The given vectors: canonical JSON, payload hashes, run ids. Every case of every file.

use clamp_plugin_api::manifest::ids::{Payload, run_id};
use clamp_plugin_api::manifest::jcs::{hex, sha256_hex, to_jcs};
use clamp_plugin_api::manifest::json::{Integers, parse, parse_with};
use serde_json::Value;

/// The one case whose text has `-0` as an integer: RFC 8785 alone writes 0, Clamp refuses such a text where it hashes.
const INEXACT_INTEGER: &str = "jcs-037";

fn vectors(text: &str) -> Value {
    parse(text.as_bytes()).expect("the vector file is strict JSON")
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().expect("a list")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} of {value}"))
}

#[test]
fn canonical_json() {
    let file = vectors(include_str!("vectors/canonical_json.json"));
    let (mut from_text, mut from_bits) = (0, 0);
    for case in list(&file, "cases") {
        let id = text(case, "id");
        let value = match (case["input_text"].as_str(), case["input_f64_bits"].as_str()) {
            (Some(input), None) => {
                from_text += 1;
                let rounded = parse_with(input.as_bytes(), Integers::Nearest).unwrap_or_else(|e| panic!("{id}: {e}"));
                match parse(input.as_bytes()) {
                    Ok(exact) => assert_eq!(exact, rounded, "{id}"),
                    Err(refusal) => {
                        assert_eq!(id, INEXACT_INTEGER, "{refusal}");
                        assert!(refusal.message.starts_with("the integer -0 would become 0"), "{refusal}");
                    }
                }
                rounded
            }
            (None, Some(bits)) => {
                from_bits += 1;
                let bits = u64::from_str_radix(bits, 16).expect("hex");
                Value::from(f64::from_bits(bits))
            }
            _ => panic!("{id}: of an unknown kind"),
        };
        let canonical = to_jcs(&value);
        assert_eq!(String::from_utf8_lossy(&canonical), text(case, "canonical"), "{id}");
        if case.get("canonical_hex").is_some() {
            assert_eq!(hex(&canonical), text(case, "canonical_hex"), "{id}");
        }
        if case.get("sha256").is_some() {
            assert_eq!(sha256_hex(&canonical), text(case, "sha256"), "{id}");
        }
        // The strict reader takes every canonical text, and it is its own canonical form.
        let again = parse(&canonical).unwrap_or_else(|e| panic!("{id}: {e}"));
        assert_eq!(to_jcs(&again), canonical, "{id}");
    }
    assert_eq!((from_text, from_bits), (34, 26));
}

#[test]
fn texts_without_a_canonical_form_are_refused() {
    let file = vectors(include_str!("vectors/canonical_json.json"));
    let rejected = list(&file, "rejected");
    assert_eq!(rejected.len(), 4);
    for case in rejected {
        for integers in [Integers::Exact, Integers::Nearest] {
            let read = parse_with(text(case, "input_text").as_bytes(), integers);
            assert!(read.is_err(), "{}: {read:?}", text(case, "reason"));
        }
    }
}

#[test]
fn run_ids_and_payload_hashes() {
    let file = vectors(include_str!("vectors/overlay_run_id.json"));
    let cases = list(&file, "cases");
    assert_eq!(cases.len(), 40);
    for case in cases {
        let id = text(case, "id");
        let payload = Payload::json(&case["payload"]);
        assert_eq!(payload.jcs(), text(case, "payload_text").as_bytes(), "{id}");
        assert_eq!(payload.hash(), text(case, "payload_hash"), "{id}");
        let found = run_id(text(case, "overlay"), text(case, "capability"), &payload, text(case, "seed"));
        assert_eq!(found, text(case, "run_id"), "{id}");
        assert_eq!(found, sha256_hex(text(case, "run_id_text").as_bytes()), "{id}");
    }
}

#[test]
fn bus_payload_hashes() {
    let file = vectors(include_str!("vectors/bus_provenance.json"));
    let cases = list(&file, "cases");
    assert_eq!(cases.len(), 20);
    for case in cases {
        let payload = Payload::json(&case["payload"]);
        assert_eq!(payload.jcs(), text(case, "payload_text").as_bytes(), "{}", text(case, "id"));
        assert_eq!(payload.hash(), text(case, "payload_hash"), "{}", text(case, "id"));
    }
}
