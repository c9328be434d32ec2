//! The kinds of settings that say which plugin files may be opened: the policy of plugins.lock, and the public keys whose
//! signatures count. It reads no lock and checks no signature.

use clamp_plugin_api::manifest::jcs::hex;
use ed25519_dalek::VerifyingKey;

use super::value::{Kind, Raw};

/// What becomes of a plugin file that plugins.lock does not vouch for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LockPolicy {
    /// It is opened; the lock is not looked at.
    #[default]
    Off,
    /// It is opened with a warning, and the record says so.
    Warn,
    /// It is not opened.
    Require,
}

impl LockPolicy {
    /// The word in settings and replies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Require => "require",
        }
    }
}

/// Somebody whose signature counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey {
    /// What the operator calls them.
    pub name: String,
    /// Their public key.
    pub key: VerifyingKey,
}

impl TrustedKey {
    /// The key as it is written.
    pub fn hex(&self) -> String {
        hex(self.key.as_bytes())
    }
}

/// The bytes behind `2 * N` lower-case or upper-case hex digits.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// `off`, `warn` or `require`.
pub(super) struct PolicyWord;

impl Kind for PolicyWord {
    type Value = LockPolicy;
    const WORDS: &'static str = "off, warn or require";

    fn read(raw: &Raw) -> Result<LockPolicy, String> {
        match raw {
            Raw::Text(text) => [LockPolicy::Off, LockPolicy::Warn, LockPolicy::Require]
                .into_iter()
                .find(|policy| policy.name() == text.trim())
                .ok_or_else(|| format!("{:?} is no policy; there are {}", text.trim(), Self::WORDS)),
            Raw::List(_) => Err("one word is wanted, not a list".to_owned()),
        }
    }

    fn show(value: &LockPolicy) -> String {
        value.name().to_owned()
    }
}

/// Public keys with names.
pub(super) struct Keys;

impl Kind for Keys {
    type Value = Vec<TrustedKey>;
    const WORDS: &'static str = "NAME=KEY, a key in 64 hex digits, in a variable with `,` between them";
    const LIST: bool = true;

    fn read(raw: &Raw) -> Result<Vec<TrustedKey>, String> {
        let parts: Vec<&str> = match raw {
            Raw::Text(text) => text.split(',').collect(),
            Raw::List(items) => items.iter().map(String::as_str).collect(),
        };
        let mut keys: Vec<TrustedKey> = Vec::new();
        for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
            let key = read_key(part)?;
            if let Some(same) = keys.iter().find(|known| known.name == key.name || known.key == key.key) {
                return Err(format!("{part:?} has the name or the key of {:?}", same.name));
            }
            keys.push(key);
        }
        Ok(keys)
    }

    fn show(value: &Vec<TrustedKey>) -> String {
        value.iter().map(|key| format!("{}={}", key.name, key.hex())).collect::<Vec<_>>().join(",")
    }
}

fn read_key(text: &str) -> Result<TrustedKey, String> {
    let (name, digits) = text.split_once('=').ok_or_else(|| format!("{text:?} is not NAME=KEY"))?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'@');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return Err(format!("{name:?} is no name of a key; it has letters, digits and _ - . @, at most 64"));
    }
    let bytes = from_hex(digits).ok_or_else(|| format!("the key of {name} has not 64 hex digits"))?;
    // A weak key would accept signatures that nobody made.
    let key = VerifyingKey::from_bytes(&bytes).ok().filter(|key| !key.is_weak());
    let key = key.ok_or_else(|| format!("the key of {name} is no Ed25519 public key"))?;
    Ok(TrustedKey { name: name.to_owned(), key })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    #[test]
    fn policies_are_words() {
        let read = |text: &str| PolicyWord::read(&Raw::Text(text.to_owned()));
        assert_eq!(read("require"), Ok(LockPolicy::Require));
        assert_eq!(read("on"), Err("\"on\" is no policy; there are off, warn or require".to_owned()));
        assert!(PolicyWord::read(&Raw::List(vec!["off".to_owned()])).is_err());
    }

    #[test]
    fn keys_have_names_and_are_points() {
        let read = |text: &str| Keys::read(&Raw::Text(text.to_owned()));
        let keys = read(&format!("acme={KEY}")).expect("a key");
        assert_eq!((keys.len(), Keys::show(&keys)), (1, format!("acme={KEY}")));
        assert_eq!(read(""), Ok(Vec::new()));
        let other = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        assert_eq!(read(&format!("acme={KEY},lab={}", other.to_uppercase())).expect("two").len(), 2);
        let weak = format!("01{}", "0".repeat(62));
        for (text, problem) in [
            (KEY.to_owned(), "is not NAME=KEY"),
            (format!("a b={KEY}"), "is no name of a key"),
            (format!("acme={}", &KEY[1..]), "has not 64 hex digits"),
            (format!("acme={}zz", &KEY[2..]), "has not 64 hex digits"),
            (format!("acme=02{}", "0".repeat(62)), "is no Ed25519 public key"),
            (format!("acme={weak}"), "is no Ed25519 public key"),
            (format!("acme={KEY},lab={KEY}"), "has the name or the key of \"acme\""),
        ] {
            let error = read(&text).expect_err(&text);
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn hex_has_its_length() {
        assert_eq!(from_hex::<2>("0aF0"), Some([0x0a, 0xf0]));
        assert_eq!(from_hex::<2>("0aF"), None);
        assert_eq!(from_hex::<2>("0a+0"), None);
        assert_eq!(from_hex::<2>("0a\u{e9}"), None);
    }
}
