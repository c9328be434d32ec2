//! The names that a call gets from its content: payload_hash, output_hash, run_id, and the number in a seed's text.
//! It never reads a clock: who has no seed passes the time as salt.

use super::jcs::{sha256_hex, to_jcs};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A call's input as it is hashed: the RFC 8785 bytes of the JSON value, or of what stands for raw input. The bytes
/// are made once; a JSON guest gets these very bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    jcs: Vec<u8>,
}

impl Payload {
    /// A JSON payload.
    pub fn json(value: &Value) -> Self {
        Self { jcs: to_jcs(value) }
    }

    /// Raw input: it counts as `{"bytes": n, "sha256": hex}`.
    pub fn raw(bytes: &[u8]) -> Self {
        Self::raw_digest(bytes.len() as u64, &sha256_hex(bytes))
    }

    /// Raw input that was hashed while it was read; `sha256` in lower-case hex.
    pub fn raw_digest(bytes: u64, sha256: &str) -> Self {
        Self::json(&json!({ "bytes": bytes, "sha256": sha256 }))
    }

    /// The canonical bytes.
    pub fn jcs(&self) -> &[u8] {
        &self.jcs
    }

    /// payload_hash: lower-case hex SHA-256 of the canonical bytes.
    pub fn hash(&self) -> String {
        sha256_hex(&self.jcs)
    }
}

/// run_id: what was asked of which overlay, with which salt (the seed as its text, or else the UTC time). The
/// overlay's version does not enter.
pub fn run_id(overlay: &str, capability: &str, payload: &Payload, salt: &str) -> String {
    let text = |s: &str| to_jcs(&Value::from(s));
    let mut hasher = Sha256::new();
    // Written by hand in key order, so that the payload is neither parsed nor copied again.
    for part in [
        b"{\"capability\":".as_slice(),
        &text(capability),
        b",\"overlay\":",
        &text(overlay),
        b",\"payload\":",
        payload.jcs(),
        b",\"salt\":",
        &text(salt),
        b"}",
    ] {
        hasher.update(part);
    }
    super::jcs::hex(&hasher.finalize())
}

/// output_hash: over the digests (lower-case hex) of the result's bytes and of each artifact by name.
pub fn output_hash(artifacts: &BTreeMap<String, String>, result_sha256: &str) -> String {
    super::jcs::sha256_jcs(&json!({ "artifacts": artifacts, "result": result_sha256 }))
}

/// The number that a seed's text stands for: decimal digits up to 2^64-1 are that number, any other text is the first
/// 8 bytes, little endian, of its SHA-256.
pub fn seed_from_text(text: &str) -> u64 {
    // `parse` alone would also take a plus sign.
    if text.bytes().all(|b| b.is_ascii_digit())
        && let Ok(number) = text.parse()
    {
        return number;
    }
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(8).rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_number_or_the_digest_of_its_text() {
        assert_eq!(seed_from_text("0"), 0);
        assert_eq!(seed_from_text("42"), 42);
        assert_eq!(seed_from_text("007"), 7);
        assert_eq!(seed_from_text("18446744073709551615"), u64::MAX);
        // SHA-256 of nothing starts e3b0c44298fc1c14.
        assert_eq!(seed_from_text(""), 0x141c_fc98_42c4_b0e3);
        for text in ["18446744073709551616", "+1", "-1", " 1", "0x10", "1.0", "fixed-seed", "٣"] {
            let first8: [u8; 8] = Sha256::digest(text.as_bytes())[..8].try_into().expect("8 bytes");
            assert_eq!(seed_from_text(text), u64::from_le_bytes(first8), "{text}");
        }
    }

    #[test]
    fn raw_input_counts_by_length_and_digest() {
        let raw = Payload::raw(b"abc");
        assert_eq!(
            String::from_utf8_lossy(raw.jcs()),
            r#"{"bytes":3,"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}"#
        );
        assert_eq!(raw.hash(), sha256_hex(raw.jcs()));
    }

    #[test]
    fn output_hash_is_over_the_sorted_names() {
        let artifacts = BTreeMap::from([("b.npy".to_owned(), "1".repeat(64)), ("a".to_owned(), "2".repeat(64))]);
        let text = format!(
            r#"{{"artifacts":{{"a":"{}","b.npy":"{}"}},"result":"{}"}}"#,
            "2".repeat(64),
            "1".repeat(64),
            "3".repeat(64)
        );
        assert_eq!(output_hash(&artifacts, &"3".repeat(64)), sha256_hex(text.as_bytes()));
    }
}
