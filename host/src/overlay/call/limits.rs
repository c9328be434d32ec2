//! The limits of one call. Each is a setting (`limits.*`) with a default; hitting one ends the call with its name.

use std::fmt;
use std::time::Duration;

/// Numbers of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// Wasm instructions, about.
    pub fuel: u64,
    /// Wall time; looked at where fuel yields and where host calls return.
    pub wall: Duration,
    /// Where `wall` comes from, for the message: a setting or the manifest's `timeout_s`.
    pub wall_name: &'static str,
    /// Elements of all tables together.
    pub table_elements: u64,
    /// Core instances.
    pub instances: u64,
    /// Lines in the log.
    pub log_records: u64,
    /// Bytes in the log.
    pub log_bytes: u64,
    /// Bytes of the reply.
    pub response_bytes: u64,
    /// Bytes of all artifacts together.
    pub artifact_bytes: u64,
    /// Artifacts.
    pub artifacts: u64,
    /// Bytes that one host call may take from or give to the guest.
    pub hostcall_bytes: u64,
    /// Bytes of the world's answers that are kept for a replay.
    pub answer_bytes: u64,
    /// Resource handles at one time.
    pub handles: u64,
    /// Launches gathered before they go to the backend.
    pub queued_launches: u64,
}

/// A limit that was hit: its setting's name and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitHit {
    /// `limits.fuel`, `profile HARD`, ...
    pub(crate) name: String,
    /// What happened.
    pub(crate) message: String,
}

impl LimitHit {
    pub(crate) fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: message.into() }
    }
}

impl fmt::Display for LimitHit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

impl std::error::Error for LimitHit {}
