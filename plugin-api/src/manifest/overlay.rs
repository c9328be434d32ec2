//! The overlay manifest, `manifest.json`: its fields, and reading it. A manifest that was read has passed every rule of
//! [`super::rules`]. It never looks at the files that a manifest names; the registry does.

use super::jcs::{sha256_hex, to_jcs};
use super::json::{self, JsonError};
use super::path::JsonPath;
use super::rules;
use super::words::{Grant, Phase, ProfileName, Right, Runner};
use semver::{Version, VersionReq};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What an overlay is, can do, and asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `[a-z0-9][a-z0-9_-]{0,63}`.
    pub name: String,
    /// Of the overlay itself.
    pub version: Version,
    /// One line for lists.
    #[serde(default)]
    pub description: String,
    /// What can be run.
    pub entrypoints: Entrypoints,
    /// What can be called, by bare name; a name may have dots.
    pub capabilities: BTreeMap<String, Capability>,
    /// `[analysis]` (the default) or `[analysis, exec]`.
    #[serde(default = "analysis_only", deserialize_with = "distinct_set")]
    pub rights: BTreeSet<Right>,
    /// The phases of the overlay. Left out of the file: all that its rights allow.
    #[serde(default, deserialize_with = "distinct_list")]
    pub phases: Vec<Phase>,
    /// The interfaces it asks for. The operator decides what it gets.
    #[serde(default, deserialize_with = "distinct_set")]
    pub grants: BTreeSet<Grant>,
    /// The kernel ids it may open.
    #[serde(default)]
    pub kernels: Vec<String>,
    /// Its read-only data.
    #[serde(default)]
    pub assets: Vec<Asset>,
    /// What it would like.
    #[serde(default)]
    pub resources: Resources,
    /// What it promises.
    #[serde(default)]
    pub policy: Policy,
    /// The host versions that it works with; any when left out.
    #[serde(default)]
    pub host: VersionReq,
}

/// What can be run; at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entrypoints {
    /// A component in the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wasm: Option<WasmEntry>,
    /// A service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpEntry>,
    /// A command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proc: Option<ProcEntry>,
}

/// The WebAssembly component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WasmEntry {
    /// Inside the package.
    pub path: String,
    /// Of the file, 64 lower-case hex digits.
    pub sha256: String,
}

/// An HTTP service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpEntry {
    /// `http://` or `https://`, to which a capability's path is added.
    pub base_url: String,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcEntry {
    /// Program and first arguments.
    pub command: Vec<String>,
}

/// One thing that can be called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capability {
    /// Which entrypoint carries it out.
    pub runner: Runner,
    /// The URL's path (http, where it is needed) or an argument (proc). A component gets the capability's name instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The HTTP method; POST when left out.
    #[serde(default = "post")]
    pub method: String,
    /// The phases in which it may be called, the first being its default. Left out of the file: the overlay's.
    #[serde(default, deserialize_with = "distinct_list")]
    pub phases: Vec<Phase>,
    /// Wall time for one call; 30 s when left out.
    #[serde(default, rename = "timeout_s")]
    pub timeout: Timeout,
    /// The memory profile when the caller names none; BALANCED when left out.
    #[serde(default = "balanced")]
    pub default_profile: ProfileName,
    /// How far it may be degraded.
    #[serde(default)]
    pub degradation: Degradation,
}

/// How far a call may be degraded under memory stress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Degradation {
    /// Of the cache, 0 to 1; kv_shrink_factor stays at or above 1 - max_fraction.
    pub max_fraction: f64,
    /// Whether features may be switched off.
    pub disable_nonessential: bool,
}

/// A read-only file of the package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// What the guest calls it.
    pub name: String,
    /// Inside the package.
    pub path: String,
    /// Of the file, 64 lower-case hex digits.
    pub sha256: String,
    /// The file's length.
    pub bytes: u64,
}

/// What the overlay would like of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resources {
    /// Puts GPU backends first in selection.
    pub prefers_gpu: bool,
    /// For people.
    pub notes: String,
}

/// What the overlay promises.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// True: it runs in strict mode and is refused in fast. False, also when left out: its runs are labelled.
    pub deterministic: bool,
}

/// A capability's wall time, in the manifest a number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timeout {
    ms: u64,
}

impl Timeout {
    /// The longest, one day.
    pub const MAX_S: u64 = 86_400;

    /// In milliseconds; never 0.
    pub const fn as_millis(self) -> u64 {
        self.ms
    }

    /// As a duration; never zero.
    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.ms)
    }
}

impl Default for Timeout {
    fn default() -> Self {
        Self { ms: 30_000 }
    }
}

impl Serialize for Timeout {
    #[expect(clippy::cast_precision_loss, reason = "at most 86,400,000")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.ms.is_multiple_of(1000) {
            serializer.serialize_u64(self.ms / 1000)
        } else {
            serializer.serialize_f64(self.ms as f64 / 1000.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timeout {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be within 0 and 86,400,000"
    )]
    #[expect(clippy::cast_precision_loss, reason = "86,400 is exact")]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        if !(seconds >= 0.001 && seconds <= Self::MAX_S as f64) {
            let message = format!("{seconds} s is no timeout; it is from 0.001 to {} seconds", Self::MAX_S);
            return Err(D::Error::custom(message));
        }
        Ok(Self { ms: (seconds * 1000.0).round() as u64 })
    }
}

impl Default for Degradation {
    fn default() -> Self {
        Self { max_fraction: 0.5, disable_nonessential: true }
    }
}

/// A manifest that cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is no acceptable JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A field breaks a rule.
    #[error("at {path}: {message}")]
    Field {
        /// The field.
        path: JsonPath,
        /// What is wrong with it, and what to write.
        message: String,
    },
}

/// A manifest with the exact bytes that stand for it.
#[derive(Clone, Debug, PartialEq)]
pub struct ParsedManifest {
    /// Its content, with everything that was left out filled in.
    pub manifest: Manifest,
    /// The RFC 8785 bytes of the text as it was given.
    pub jcs: Vec<u8>,
    /// SHA-256 of `jcs`: the overlay's identity, which pins the component and every asset by their digests.
    pub digest: String,
}

impl ParsedManifest {
    /// Reads and checks a `manifest.json`.
    ///
    /// # Errors
    /// The first thing that is not as it should be, with its JSON path (and line, when the JSON itself is wrong).
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let value = json::parse(bytes)?;
        let jcs = to_jcs(&value);
        let mut manifest: Manifest = serde_path_to_error::deserialize(value).map_err(|error| ManifestError::Field {
            path: JsonPath::of(error.path()),
            message: error.into_inner().to_string(),
        })?;
        rules::complete(&mut manifest);
        rules::check(&manifest)?;
        let digest = sha256_hex(&jcs);
        Ok(Self { manifest, jcs, digest })
    }
}

impl Manifest {
    /// Whether it has the right.
    pub fn has_right(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }

    /// The names of the capabilities that may be called in `phase`.
    pub fn capabilities_in(&self, phase: Phase) -> impl Iterator<Item = &str> {
        self.capabilities.iter().filter(move |(_, c)| c.phases.contains(&phase)).map(|(name, _)| name.as_str())
    }

    /// The asset of that name.
    pub fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.name == name)
    }
}

impl Capability {
    /// The phase of a call that names none: the first in the manifest's order.
    pub fn default_phase(&self) -> Phase {
        self.phases.first().copied().unwrap_or(Phase::Open)
    }
}

fn analysis_only() -> BTreeSet<Right> {
    BTreeSet::from([Right::Analysis])
}

fn post() -> String {
    "POST".to_owned()
}

fn balanced() -> ProfileName {
    ProfileName::Balanced
}

/// A list that is there has something in it, and nothing twice.
fn distinct_list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Ord + Copy + std::fmt::Display,
{
    let list = Vec::<T>::deserialize(deserializer)?;
    if list.is_empty() {
        return Err(D::Error::custom("an empty list allows nothing; leave the key out for the default"));
    }
    refuse_repeats(&list)?;
    Ok(list)
}

/// A set that may be empty, written as a list with nothing twice.
fn distinct_set<'de, D, T>(deserializer: D) -> Result<BTreeSet<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Ord + Copy + std::fmt::Display,
{
    let list = Vec::<T>::deserialize(deserializer)?;
    refuse_repeats(&list)?;
    Ok(list.into_iter().collect())
}

fn refuse_repeats<T: Ord + Copy + std::fmt::Display, E: serde::de::Error>(list: &[T]) -> Result<(), E> {
    let mut seen = BTreeSet::new();
    match list.iter().find(|&&item| !seen.insert(item)) {
        Some(twice) => Err(E::custom(format_args!("{twice} is listed twice"))),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "overlay_tests.rs"]
mod tests;
