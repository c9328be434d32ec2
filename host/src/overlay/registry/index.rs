//! A store's `index.json`. It looks at no overlay's files.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clamp_plugin_api::manifest::{Grant, jcs, json, overlay_name_problem};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::run::durable;

/// The version of the format.
const SCHEMA: u32 = 1;

/// The file's content, in order of installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Index {
    schema: u32,
    pub(super) overlays: Vec<Entry>,
}

/// One installed overlay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) version: Version,
    /// Names the folder; 64 lower-case hex digits.
    pub(super) digest: String,
    pub(super) enabled: bool,
    pub(super) grants: BTreeSet<Grant>,
}

impl Default for Index {
    fn default() -> Self {
        Self { schema: SCHEMA, overlays: Vec::new() }
    }
}

impl Index {
    pub(super) fn path(store: &Path) -> PathBuf {
        store.join("index.json")
    }

    /// The index of `store`; that of a folder without one, or of none, is empty.
    pub(super) fn read(store: &Path) -> Result<Self> {
        let path = Self::path(store);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Self::default());
            }
            Err(e) => return Err(Error::io(format!("cannot read {}", path.display()), &e)),
        };
        let wrong = |what: String| {
            Error::bad_input(format!("{}: {what}", path.display()))
                .hint("mend the file, or move it away and install the overlays again")
        };
        let value = json::parse(&bytes).map_err(|e| wrong(e.to_string()))?;
        if let Some(schema) =
            value.get("schema").and_then(serde_json::Value::as_u64).filter(|s| *s != u64::from(SCHEMA))
        {
            return Err(wrong(format!("at $.schema: this host knows schema {SCHEMA}, not {schema}"))
                .hint("a newer host wrote this store; use that one, or set CLAMP_HOME to another folder"));
        }
        let index: Self =
            serde_path_to_error::deserialize(value).map_err(|e| wrong(format!("at $.{}: {}", e.path(), e.inner())))?;
        index.check().map_err(|(entry, what)| wrong(format!("at $.overlays[{entry}]: {what}")))?;
        Ok(index)
    }

    fn check(&self) -> Result<(), (usize, String)> {
        let mut digests = BTreeSet::new();
        let mut enabled = BTreeSet::new();
        for (at, entry) in self.overlays.iter().enumerate() {
            if !jcs::is_sha256_hex(&entry.digest) {
                return Err((at, "the digest is not 64 lower-case hexadecimal digits".to_owned()));
            }
            if let Some(problem) = overlay_name_problem(&entry.name) {
                return Err((at, problem));
            }
            if !digests.insert(&entry.digest) {
                return Err((at, format!("the digest {} is listed twice", entry.digest)));
            }
            if entry.enabled && !enabled.insert(&entry.name) {
                return Err((at, format!("two versions of {} are enabled; only one can be", entry.name)));
            }
        }
        Ok(())
    }

    /// Puts the index in the place of the one that is there; the caller holds the lock.
    pub(super) fn write(&self, store: &Path) -> Result<()> {
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::internal(format!("cannot write the index of {}: {e}", store.display())))?;
        text.push(b'\n');
        durable::write_file(&Self::path(store), &text)
    }

    /// Puts `entry` at the end, or in its place when its digest is listed; enabling it disables others of its name.
    pub(super) fn put(&mut self, entry: Entry) {
        if entry.enabled {
            for other in self.overlays.iter_mut().filter(|other| other.name == entry.name) {
                other.enabled = false;
            }
        }
        match self.overlays.iter_mut().find(|other| other.digest == entry.digest) {
            Some(place) => *place = entry,
            None => self.overlays.push(entry),
        }
    }

    /// Moves an entry before all others of its name.
    pub(super) fn put_first(&mut self, digest: &str) {
        let Some(from) = self.overlays.iter().position(|entry| entry.digest == digest) else { return };
        let entry = self.overlays.remove(from);
        let to = self.overlays.iter().position(|other| other.name == entry.name).unwrap_or(self.overlays.len());
        self.overlays.insert(to, entry);
    }

    pub(super) fn find(&self, digest: &str) -> Option<&Entry> {
        self.overlays.iter().find(|entry| entry.digest == digest)
    }
}
