//! What a run comes to, as every door hands it on.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::error::ErrorKind;

/// A run that left a record, with or without a result.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The result's bytes, or why there is none.
    pub reply: Result<Vec<u8>, Failure>,
    /// The run's id.
    pub run_id: String,
    /// Its folder.
    pub run_dir: PathBuf,
    /// Of result and artifacts.
    pub output_hash: Option<String>,
    /// The backend's id, if one was used.
    pub backend: Option<String>,
    /// Why that one.
    pub backend_reason: Option<String>,
    /// Where the backend stands with the bits of the kernels, if any were used.
    pub certificate: Option<String>,
    /// What was wrong with the certificate's file, if anything was.
    pub certificate_notes: Vec<String>,
    /// `strict` or `fast`.
    pub mode: &'static str,
    /// As given or chosen.
    pub seed: String,
    /// Names of the artifacts.
    pub artifacts: Vec<String>,
    /// Where the time went, in order: name and duration.
    pub durations: Vec<(&'static str, Duration)>,
    /// Whether memory pressure changed the call.
    pub degraded: bool,
}

/// Why a run gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Decides the exit code.
    pub kind: ErrorKind,
    /// The overlay's own code, `trap`, `limit`, ...
    pub code: String,
    /// One line.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The overlay's own data as JSON, `Null` if there is none.
    pub data: Value,
}

impl Outcome {
    /// From beginning to end.
    pub fn total(&self) -> Duration {
        self.durations.iter().find(|(name, _)| *name == "total").map_or(Duration::ZERO, |(_, d)| *d)
    }

    /// The result as JSON where it is, else `{"bytes": n}`.
    pub fn result_json(&self) -> Value {
        match &self.reply {
            Ok(bytes) => serde_json::from_slice(bytes).unwrap_or_else(|_| serde_json::json!({"bytes": bytes.len()})),
            Err(_) => Value::Null,
        }
    }
}
