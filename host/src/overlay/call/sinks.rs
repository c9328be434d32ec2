//! Where a call's outputs go. The pipeline supplies these; grants only write to them.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// A finished artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedArtifact {
    /// Of its bytes, lower-case hex.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// Named outputs of the run.
pub trait ArtifactSink: Send {
    /// Begins an artifact; gives its handle. A name that is taken or not a plain file name is an error.
    fn create(&mut self, name: &str) -> Result<u64>;
    /// Adds bytes.
    fn append(&mut self, handle: u64, bytes: &[u8]) -> Result<()>;
    /// Makes it part of the run.
    fn finish(&mut self, handle: u64) -> Result<SavedArtifact>;
    /// Leaves nothing of it.
    fn discard(&mut self, handle: u64);
    /// All that were finished, by name.
    fn finished(&self) -> BTreeMap<String, SavedArtifact>;
}

/// Takes nothing; stands where a call has no run folder.
pub struct NoArtifacts;

impl ArtifactSink for NoArtifacts {
    fn create(&mut self, name: &str) -> Result<u64> {
        Err(Error::refused(format!("artifact `{name}`: this call keeps no artifacts")))
    }
    fn append(&mut self, _handle: u64, _bytes: &[u8]) -> Result<()> {
        Err(Error::internal("no such artifact"))
    }
    fn finish(&mut self, _handle: u64) -> Result<SavedArtifact> {
        Err(Error::internal("no such artifact"))
    }
    fn discard(&mut self, _handle: u64) {}
    fn finished(&self) -> BTreeMap<String, SavedArtifact> {
        BTreeMap::new()
    }
}

/// One sign of life of a long call.
#[derive(Clone, Debug, PartialEq)]
pub struct ProgressUpdate {
    /// Units done.
    pub done: u64,
    /// Units in all; 0 = unknown.
    pub total: u64,
    /// What the overlay says beside it (loss, rate); `Null` if nothing.
    pub data: serde_json::Value,
}

/// Who watches a call; must not block.
pub trait Progress: Send {
    /// Called at each sign of life.
    fn update(&mut self, update: &ProgressUpdate);
}

impl Progress for () {
    fn update(&mut self, _update: &ProgressUpdate) {}
}
