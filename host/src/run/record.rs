//! What a run's `manifest.json` says. Everything outside `volatile` is the same bytes for the same command with the
//! same seeds; docs/records.md lists the fields.

use std::collections::BTreeMap;
use std::time::SystemTime;

use clamp_plugin_api::manifest::jcs::to_jcs;
use serde_json::{Map, Value, json};

use super::program::Program;
use super::source::WorkingTree;
use crate::overlay::SavedArtifact;

/// Changes when a field changes its meaning.
pub const MANIFEST_SCHEMA: &str = "clamp.run.v1";

/// The fields of a manifest; `runs verify` wants exactly these.
pub(super) const FIELDS: &[&str] = &[
    "schema",
    "program",
    "git_sha",
    "dirty",
    "git_reason",
    "environment",
    "environment_reason",
    "determinism",
    "command",
    "hints",
    "overlay",
    "capability",
    "phase",
    "input",
    "assets",
    "backend",
    "kernels",
    "memory",
    "limits",
    "engine",
    "usage",
    "artifacts",
    "result",
    "ok",
    "error",
    "output_hash",
    "files",
    "trust",
    "volatile",
];

/// The facts of one run.
pub struct Record {
    /// The working folder's commit.
    pub working_tree: WorkingTree,
    /// `strict` or `fast`.
    pub mode: &'static str,
    /// The number that the seed stands for.
    pub seed: u64,
    /// The floating-point environment, as `FpEnvironment::describe` gives it.
    pub fp_env: Value,
    /// What can change results, normalised.
    pub command: Vec<String>,
    /// Name, version, digest, component, grants.
    pub overlay: Value,
    /// Bare name.
    pub capability: String,
    /// The phase of the call.
    pub phase: String,
    /// How the call was asked to get by with less memory; empty if it was not.
    pub hints: Value,
    /// Content type, size, payload_hash.
    pub input: Value,
    /// Assets by name.
    pub assets: BTreeMap<String, String>,
    /// Id, version, device, driver, so_sha256; `Null` for an overlay without compute.
    pub backend: Value,
    /// Each kernel that the overlay may open with its certificate; `Null` where none is demanded.
    pub kernels: BTreeMap<String, Value>,
    /// Profile and its bounds.
    pub memory: Value,
    /// The call's limits by setting name.
    pub limits: Map<String, Value>,
    /// Engine and settings that the guest's behaviour depends on.
    pub engine: Value,
    /// What the call used; `Null` if the clock ended it, since it then differs from run to run.
    pub usage: Value,
    /// Finished artifacts.
    pub artifacts: BTreeMap<String, SavedArtifact>,
    /// SHA-256 and size of the result, if there is one.
    pub result: Option<(String, u64)>,
    /// Code, kind and message if there is no result.
    pub error: Value,
    /// `None` if there is no result.
    pub output_hash: Option<String>,
    /// Files of the record that hold input and result: `{"input": "input.json", "result": "result.json"}`.
    pub files: Map<String, Value>,
    /// What was not checked.
    pub trust: Vec<String>,
    /// Everything that may differ between two equal runs.
    pub volatile: Map<String, Value>,
}

impl Record {
    /// The manifest without the fields that only `publish` knows.
    pub fn manifest(&self) -> Value {
        let artifacts: Map<String, Value> =
            self.artifacts.iter().map(|(name, a)| (name.clone(), a.sha256.clone().into())).collect();
        let tree = &self.working_tree;
        json!({
            "schema": MANIFEST_SCHEMA,
            "program": Program::CURRENT,
            "git_sha": tree.sha,
            "dirty": tree.dirty,
            "git_reason": tree.reason,
            "environment": Value::Null,
            "environment_reason": "environment capture is not part of this version",
            "determinism": {
                "mode": self.mode,
                "seeds": {"run": format!("{:016x}", self.seed)},
                "fp_env": self.fp_env,
                "backend_settings": {},
            },
            "command": self.command,
            "hints": self.hints,
            "overlay": self.overlay,
            "capability": self.capability,
            "phase": self.phase,
            "input": self.input,
            "assets": self.assets,
            "backend": self.backend,
            "kernels": self.kernels,
            "memory": self.memory,
            "limits": self.limits,
            "engine": self.engine,
            "usage": self.usage,
            "artifacts": artifacts,
            "result": self.result.as_ref().map(|(sha256, bytes)| json!({"sha256": sha256, "bytes": bytes})),
            "ok": self.result.is_some(),
            "error": self.error,
            "output_hash": self.output_hash,
            "files": self.files,
            "trust": self.trust,
            "volatile": self.volatile,
        })
    }
}

/// The bytes of `manifest.json`: RFC 8785 and a newline.
pub fn manifest_bytes(manifest: &Value) -> Vec<u8> {
    let mut bytes = to_jcs(manifest);
    bytes.push(b'\n');
    bytes
}

/// `2026-01-31T12:00:00.000Z`.
pub fn utc_millis(time: SystemTime) -> String {
    match jiff::Timestamp::try_from(time) {
        Ok(stamp) => format!("{stamp:.3}"),
        // A clock before year -9999 or after 9999 is broken; the record still has to be written.
        Err(_) => "9999-12-31T23:59:59.999Z".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn times_have_milliseconds_and_a_z() {
        assert_eq!(utc_millis(UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc_millis(UNIX_EPOCH + Duration::from_micros(1_500_999)), "1970-01-01T00:00:01.500Z");
    }
}
