//! What is known of a plugin file that ended a host: one small JSON file for each digest, `CLAMP_HOME/quarantine/<sha256>.json`.
//! It decides nothing.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clamp_plugin_api::manifest::jcs::{is_sha256_hex, to_jcs};
use clamp_plugin_api::manifest::json;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Error, Result};
use crate::run::durable;

/// Changes when a field changes its meaning.
const SCHEMA: &str = "clamp.quarantine.v1";

/// The largest file that is read.
const MOST_BYTES: u64 = 1 << 16;

/// What a host does with a plugin before it is trusted to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The library is opened, which runs its constructors, and its table is read.
    Load,
    /// `instance_create`.
    Start,
    /// `device_count` and `device_info`.
    Devices,
    /// `device_open`.
    Open,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Load => "while it was loaded",
            Self::Start => "while it was started",
            Self::Devices => "while it was asked for its devices",
            Self::Open => "while a device of it was opened",
        })
    }
}

/// A step on the way of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Of the file.
    pub sha256: String,
    /// Where the file was found.
    pub path: PathBuf,
    /// The backend's id, once it is known.
    pub id: Option<String>,
    /// What was being done.
    pub step: Step,
    /// With which device, where it was one.
    pub device: Option<u32>,
}

/// How sure it is that the file was to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A host came to its end there; it may have been stopped from outside.
    Suspected,
    /// Tried in a process of its own afterwards, the file did no harm. A second end at it is believed.
    Cleared,
    /// It is not opened.
    Quarantined,
}

/// What is known of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it was doing.
    #[serde(flatten)]
    pub place: Place,
    /// How the process ended, where that was seen: `signal 11, SIGSEGV`.
    pub how: Option<String>,
    /// How sure that is.
    pub state: State,
}

impl Finding {
    /// One sentence, without times.
    pub fn reason(&self) -> String {
        let step = self.place.step;
        match &self.how {
            Some(how) => format!("quarantined: it ended the process that opened it {step} ({how})"),
            None => format!("quarantined: a host came to its end {step}"),
        }
    }

    pub(super) fn file(folder: &Path, sha256: &str) -> PathBuf {
        folder.join(format!("{sha256}.json"))
    }

    /// What is known of the file with this digest; the error says what is wrong with its note.
    pub(super) fn read(folder: &Path, sha256: &str) -> std::result::Result<Option<Self>, String> {
        let path = Self::file(folder, sha256);
        let wrong = |what: &str| format!("the note {} {what}", path.display());
        match fs::metadata(&path) {
            Ok(there) if there.len() <= MOST_BYTES => {}
            Ok(_) => return Err(wrong("is too large")),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
            Err(e) => return Err(wrong(&format!("cannot be read ({e})"))),
        }
        let bytes = fs::read(&path).map_err(|e| wrong(&format!("cannot be read ({e})")))?;
        let mut value = json::parse(&bytes).map_err(|e| wrong(&format!("is no JSON ({e})")))?;
        let schema = value.as_object_mut().and_then(|object| object.remove("schema"));
        if schema.is_none_or(|schema| schema != SCHEMA) {
            return Err(wrong(&format!("has not the schema {SCHEMA}")));
        }
        let finding: Self = serde_json::from_value(value).map_err(|e| wrong(&format!("is damaged ({e})")))?;
        if finding.place.sha256 == sha256 { Ok(Some(finding)) } else { Err(wrong("is of another file")) }
    }

    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        if !is_sha256_hex(&self.place.sha256) {
            return Err(Error::internal(format!("{:?} is no digest", self.place.sha256)));
        }
        fs::create_dir_all(folder)
            .map_err(|e| Error::io(format!("cannot make the folder {}", folder.display()), &e))?;
        let mut value = json!(self);
        value["schema"] = SCHEMA.into();
        let mut bytes = to_jcs(&value);
        bytes.push(b'\n');
        durable::write_file(&Self::file(folder, &self.place.sha256), &bytes)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn place(digit: char) -> Place {
        Place {
            sha256: digit.to_string().repeat(64),
            path: "/p/killer.so".into(),
            id: None,
            step: Step::Load,
            device: None,
        }
    }

    #[test]
    fn what_is_written_is_read_and_damage_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("quarantine");
        let finding =
            Finding { place: place('a'), how: Some("signal 6, SIGABRT".to_owned()), state: State::Quarantined };
        assert_eq!(Finding::read(&folder, &finding.place.sha256), Ok(None));
        finding.write(&folder).expect("written");
        assert_eq!(Finding::read(&folder, &finding.place.sha256), Ok(Some(finding.clone())));
        assert_eq!(
            finding.reason(),
            "quarantined: it ended the process that opened it while it was loaded (signal 6, SIGABRT)"
        );
        let file = Finding::file(&folder, &finding.place.sha256);
        let text = fs::read_to_string(&file).expect("text");
        for (damaged, what) in [
            ("{".to_owned(), "is no JSON"),
            (text.replace("quarantine.v1", "quarantine.v2"), "has not the schema"),
            (text.replace("\"load\"", "\"lod\""), "is damaged"),
            (text.replace("aaaa", "bbbb"), "is of another file"),
            (" ".repeat(70_000), "is too large"),
        ] {
            fs::write(&file, damaged).expect("write");
            let problem = Finding::read(&folder, &finding.place.sha256).expect_err("damaged");
            assert!(problem.contains(what) && problem.contains("aaaa"), "{problem}");
        }
    }
}
