//! Detached Ed25519 signatures (RFC 8032) over plugin files. What is signed is one line with the file's SHA-256, so that a
//! check at every start costs no second pass over the file, and a signature made for something else never fits.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ed25519_dalek::Signature;

use crate::config::{TrustedKey, from_hex};

/// The line that is signed for a file of this digest.
pub fn statement(sha256: &str) -> String {
    format!("clamp-plugin-v1 sha256:{sha256}\n")
}

/// Where the signature of a plugin file lies, if it has one: `NAME.so.sig` beside `NAME.so`.
pub fn beside(plugin: &Path) -> PathBuf {
    let mut name = plugin.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// The signature in a file, 64 bytes as they are or in hex; `None` where there is no file.
pub(super) fn read(path: &Path) -> Result<Option<[u8; 64]>, String> {
    let cannot = |e: &io::Error| format!("{} cannot be read ({e})", path.display());
    match fs::metadata(path) {
        Ok(there) if there.len() <= 1024 => {}
        Ok(_) => return Err(format!("{} is no signature: it has more than 1024 bytes", path.display())),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(cannot(&e)),
    }
    let bytes = fs::read(path).map_err(|e| cannot(&e))?;
    let hex = || std::str::from_utf8(&bytes).ok().and_then(|text| from_hex(text.trim_end()));
    let signature = <[u8; 64]>::try_from(&bytes[..]).ok().or_else(hex);
    signature
        .map(Some)
        .ok_or_else(|| format!("{} is no signature: it has neither 64 bytes nor 128 hex digits", path.display()))
}

/// Which of the keys made the signature for a file of this digest.
pub(super) fn signer<'a>(keys: &'a [TrustedKey], sha256: &str, signature: &[u8; 64]) -> Option<&'a TrustedKey> {
    let (line, signature) = (statement(sha256), Signature::from_bytes(signature));
    keys.iter().find(|trusted| trusted.key.verify_strict(line.as_bytes(), &signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::VerifyingKey;

    /// Made by OpenSSL 3.0 with the commands of docs/book/backend-authors.md, for the file that holds `plugin`.
    const KEY: &str = "d1abca753d990b0e3cba94f201b0f60cbb3bfee66c4d29b299ed1fa02b75f9c4";
    const SHA256: &str = "5e689e2b01672bf33996e75d5e372ff60c536ce1599a1458e867cd8f4bef5160";
    const SIGNATURE: &str = "06a351880b8f7262eaeb21a799e5d6a1235930f62bd49e662f3b6325d7618f5a516ace9ed32064f39ce5084c25c60d58c5155e00f95884d0426f275e06733a05";

    fn key(name: &str, hex: &str) -> TrustedKey {
        let bytes = from_hex(hex).expect("hex");
        TrustedKey { name: name.to_owned(), key: VerifyingKey::from_bytes(&bytes).expect("a key") }
    }

    #[test]
    fn a_signature_of_openssl_is_known_by_its_key() {
        let other = key("lab", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let keys = [other.clone(), key("acme", KEY)];
        let signature = from_hex(SIGNATURE).expect("hex");
        assert_eq!(signer(&keys, SHA256, &signature).map(|key| key.name.as_str()), Some("acme"));
        assert_eq!(signer(&[other], SHA256, &signature), None, "another key");
        assert_eq!(signer(&keys, &SHA256.replace('7', "8"), &signature), None, "another file");
        for bit in [0, 255, 256, 511] {
            let mut changed: [u8; 64] = signature;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(signer(&keys, SHA256, &changed), None, "bit {bit}");
        }
    }

    #[test]
    fn files_hold_bytes_or_hex() {
        let folder = tempfile::tempdir().expect("a folder");
        let plugin = folder.path().join("mine.so");
        let path = beside(&plugin);
        assert!(path.ends_with("mine.so.sig"));
        assert_eq!(read(&path), Ok(None));
        let bytes: [u8; 64] = from_hex(SIGNATURE).expect("hex");
        for good in [bytes.to_vec(), SIGNATURE.into(), format!("{SIGNATURE}\n").into_bytes()] {
            fs::write(&path, good).expect("write");
            assert_eq!(read(&path), Ok(Some(bytes)));
        }
        for bad in [Vec::new(), vec![0; 63], b"-----BEGIN".to_vec(), vec![0; 2000]] {
            fs::write(&path, bad).expect("write");
            assert!(read(&path).expect_err("no signature").contains("mine.so.sig is no signature"));
        }
    }
}
