//! plugins.lock as a file: a first line with the schema, then one line of JSON for each pin, sorted by id. A line that is
//! not what it has to be is an error with its number; nothing in it is skipped.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clamp_plugin_api::manifest::jcs::{is_sha256_hex, to_jcs};
use clamp_plugin_api::manifest::json;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::from_hex;
use crate::error::{Error, Result};
use crate::run::durable::{self, FolderLock};

/// Changes when a field changes its meaning.
const SCHEMA: &str = "clamp.plugins-lock.v1";

/// The largest lock that is read; one pin has about 500 bytes.
const MOST_BYTES: u64 = 1 << 20;

/// One plugin file that the user trusts: these bytes, under this id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The backend's id. No two pins have the same.
    pub id: String,
    /// Where the file was when it was pinned; only to say that what is there now is something else.
    pub path: PathBuf,
    /// Of the file.
    pub sha256: String,
    /// The public key of who signed it, in hex; the pin holds as long as that key is trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The signature by that key, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// The first line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    schema: String,
}

/// The pins of the lock at `path`; none where there is no file.
///
/// # Errors
/// A line that cannot be accepted, with its number; a file that cannot be read.
pub fn read(path: &Path) -> Result<Vec<Pin>> {
    let cannot = |e: &io::Error| Error::io(format!("cannot read {}", path.display()), e);
    match fs::metadata(path) {
        Ok(there) if there.len() > MOST_BYTES => {
            return Err(Error::bad_input(format!("{} has more than {MOST_BYTES} bytes", path.display())).hint(MEND));
        }
        Ok(_) => {}
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(e) => return Err(cannot(&e)),
    }
    let bytes = fs::read(path).map_err(|e| cannot(&e))?;
    parse(&bytes).map_err(|(line, what)| Error::bad_input(format!("{}:{line}: {what}", path.display())).hint(MEND))
}

const MEND: &str = "mend that line, or move the file away and pin the plugins again with `clamp-host backend trust`";

/// Changes the lock at `path` while no other process does.
///
/// # Errors
/// As [`read`]; those of `change`, after which the file is as it was; the disk's.
pub fn change<T>(path: &Path, change: impl FnOnce(&mut Vec<Pin>) -> Result<T>) -> Result<T> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(|e| Error::io(format!("cannot make the folder {}", folder.display()), &e))?;
    let held = FolderLock::take(folder)?;
    let mut pins = read(path)?;
    let done = change(&mut pins)?;
    durable::write_file(path, &text(pins))?;
    drop(held);
    Ok(done)
}

fn text(mut pins: Vec<Pin>) -> Vec<u8> {
    pins.sort_by(|a, b| a.id.cmp(&b.id));
    let mut bytes = to_jcs(&json!({"schema": SCHEMA}));
    for pin in &pins {
        bytes.push(b'\n');
        bytes.extend(to_jcs(&json!(pin)));
    }
    bytes.push(b'\n');
    bytes
}

/// A line's number and what is wrong with it.
type Wrong = (usize, String);

fn parse(bytes: &[u8]) -> Result<Vec<Pin>, Wrong> {
    let lines: Vec<&[u8]> = bytes.split(|&b| b == b'\n').collect();
    let Some(([], lines)) = lines.split_last() else {
        return Err((lines.len(), "the last line is cut short: it has no end".to_owned()));
    };
    let Some((head, rest)) = lines.split_first() else { return Err((1, "the file is empty".to_owned())) };
    let head: Head = line(1, head)?;
    if head.schema != SCHEMA {
        return Err((1, format!("this host knows the schema {SCHEMA}, not {:?}", head.schema)));
    }
    let mut pins: Vec<Pin> = Vec::new();
    let mut seen = BTreeMap::new();
    for (number, text) in rest.iter().enumerate().map(|(at, text)| (at + 2, text)) {
        let pin: Pin = line(number, text)?;
        pin.check().map_err(|what| (number, what))?;
        for (word, name) in [("id", &pin.id), ("sha256", &pin.sha256)] {
            if let Some(first) = seen.insert((word, name.clone()), number) {
                return Err((number, format!("the {word} {name} stands in line {first}, too")));
            }
        }
        pins.push(pin);
    }
    Ok(pins)
}

fn line<T: serde::de::DeserializeOwned>(number: usize, bytes: &[u8]) -> Result<T, Wrong> {
    if bytes.is_empty() {
        return Err((number, "the line is empty".to_owned()));
    }
    let value: Value =
        json::parse(bytes).map_err(|e| (number, format!("column {}, at {}: {}", e.column, e.path, e.message)))?;
    serde_path_to_error::deserialize(value).map_err(|e| match e.path().to_string().as_str() {
        "." => (number, e.inner().to_string()),
        path => (number, format!("at $.{path}: {}", e.inner())),
    })
}

impl Pin {
    fn check(&self) -> Result<(), String> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        if self.id.is_empty() || self.id.len() > 64 || !self.id.bytes().all(plain) {
            return Err(format!("`id` {:?} is no backend's id", self.id));
        }
        if !self.path.is_absolute() {
            return Err("`path` is not absolute".to_owned());
        }
        if !is_sha256_hex(&self.sha256) {
            return Err("`sha256` has not 64 lower-case hex digits".to_owned());
        }
        match (&self.key, &self.signature) {
            (None, None) => Ok(()),
            (Some(key), _) if from_hex::<32>(key).is_none() => Err("`key` has not 64 hex digits".to_owned()),
            (_, Some(text)) if from_hex::<64>(text).is_none() => Err("`signature` has not 128 hex digits".to_owned()),
            (Some(_), Some(_)) => Ok(()),
            _ => Err("`key` and `signature` stand together or not at all".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn pin(id: &str, digit: char) -> Pin {
        Pin {
            id: id.to_owned(),
            path: format!("/p/{id}.so").into(),
            sha256: digit.to_string().repeat(64),
            key: None,
            signature: None,
        }
    }

    #[test]
    fn pins_are_kept_sorted_and_an_empty_lock_is_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("home/plugins.lock");
        assert_eq!(read(&path), Ok(Vec::new()));
        let put = |pin: Pin| {
            change(&path, |pins| {
                pins.push(pin);
                Ok(())
            })
        };
        put(pin("cuda", 'b')).expect("written");
        put(Pin { key: Some("c".repeat(64)), signature: Some("d".repeat(128)), ..pin("cpu", 'a') }).expect("written");
        let ids: Vec<String> = read(&path).expect("read").into_iter().map(|pin| pin.id).collect();
        assert_eq!(ids, ["cpu", "cuda"]);
        let text = fs::read_to_string(&path).expect("text");
        assert_eq!(text.lines().next(), Some(r#"{"schema":"clamp.plugins-lock.v1"}"#));
        assert_eq!(
            text.lines().nth(2).map(|line| line.starts_with(r#"{"id":"cuda","path":"/p/cuda.so","sha256":"b"#)),
            Some(true)
        );
        // A change that fails changes nothing; one that takes the last away leaves an empty lock.
        assert!(change(&path, |_| Err::<(), _>(Error::refused("no"))).is_err());
        assert_eq!(fs::read_to_string(&path).expect("text"), text);
        change(&path, |pins| {
            pins.clear();
            Ok(())
        })
        .expect("written");
        assert_eq!(read(&path), Ok(Vec::new()));
    }

    #[test]
    fn every_damage_is_named_with_its_line() {
        let whole = String::from_utf8(text(vec![pin("cpu", 'a'), pin("cuda", 'b')])).expect("text");
        assert_eq!(parse(whole.as_bytes()).map(|pins| pins.len()), Ok(2));
        let long = format!(
            "{whole}{{\"id\":\"x\",\"path\":\"/x\",\"sha256\":\"{}\",\"key\":\"{}\"}}\n",
            "c".repeat(64),
            "d".repeat(64)
        );
        for (damaged, line, what) in [
            (String::new(), 1, "the file is empty"),
            ("\n".to_owned(), 1, "the line is empty"),
            (whole.replace("lock.v1", "lock.v2"), 1, "this host knows the schema"),
            (whole.replace("\"path\":\"/p/cpu.so\",", ""), 2, "missing field `path`"),
            (whole.replace("\"id\":\"cpu\"", "\"id\":\"cpu\",\"id\":\"cpu\""), 2, "column 13"),
            (whole.replace("\"id\":\"cpu\"", "\"id\":\"CPU\""), 2, "is no backend's id"),
            (whole.replace("/p/cuda.so", "p/cuda.so"), 3, "`path` is not absolute"),
            (whole.replace("bb\"", "b\""), 3, "`sha256` has not 64"),
            (whole.replace("\"id\":\"cuda\"", "\"id\":\"cpu\""), 3, "the id cpu stands in line 2"),
            (whole.replace(&"b".repeat(64), &"a".repeat(64)), 3, "stands in line 2"),
            (whole.replace("\"id\":\"cuda\"", "\"id\":7"), 3, "at $.id"),
            (whole.replace("\"id\":\"cuda\"", "\"idd\":\"cuda\""), 3, "unknown field `idd`"),
            (whole.replace("\n{\"id\":\"cuda\"", "\n\n{\"id\":\"cuda\""), 3, "the line is empty"),
            (whole.trim_end().to_owned(), 3, "has no end"),
            (whole[..whole.len() - 9].to_owned(), 3, "has no end"),
            (long, 4, "stand together"),
        ] {
            let (at, message) = parse(damaged.as_bytes()).expect_err(&damaged);
            assert!(at == line && message.contains(what), "{damaged}: {at}: {message}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plugins.lock");
        fs::write(&path, whole.replace("bb\"", "b\"")).expect("write");
        let error = read(&path).expect_err("damaged");
        assert_eq!(error.kind, ErrorKind::BadInput);
        assert!(error.message.starts_with(&format!("{}:3: `sha256`", path.display())), "{error}");
        fs::write(&path, vec![b' '; 1 << 20 | 1]).expect("write");
        assert!(read(&path).expect_err("too large").message.contains("more than 1048576 bytes"));
    }
}
