//! Canonical JSON (RFC 8785) and the digests taken over it. It never reads JSON; `json` does.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The RFC 8785 bytes of `value`: keys sorted by UTF-16 units, no spaces, numbers as ECMAScript writes 64-bit floats.
///
/// Integers beyond 2^53 become the nearest float, as the RFC demands; [`super::json::parse`] never yields one that
/// changes, and programs that build values themselves put 64-bit values into hex strings.
pub fn to_jcs(value: &Value) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("a serde_json::Value has string keys and finite numbers")
}

/// Lower-case hex SHA-256 of `bytes`.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hex SHA-256 of the RFC 8785 bytes of `value`.
pub fn sha256_jcs(value: &Value) -> String {
    sha256_hex(&to_jcs(value))
}

/// Lower-case hex of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}

/// Whether `text` is a SHA-256 as Clamp writes it: 64 lower-case hex digits.
pub fn is_sha256_hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_lower_case_hex() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256_hex(b""), empty);
        assert!(is_sha256_hex(empty));
        assert!(!is_sha256_hex(&empty.to_uppercase()));
        assert!(!is_sha256_hex(&empty[1..]));
        assert_eq!(hex(&[0, 0xab, 0x0f]), "00ab0f");
    }
}
