//! Named outputs of the run; needs the grant `artifacts` and the phase ASCEND. An artifact that is not finished leaves
//! nothing behind.

use serde::Serialize;

use crate::bindings::clamp::overlay::artifacts;
use crate::failure::{Failure, HostError};
use crate::tensor::Tensor;

/// An artifact that is being written piece by piece.
#[derive(Debug)]
pub struct Artifact(artifacts::Artifact);

impl Artifact {
    /// Begins the artifact `name`.
    ///
    /// # Errors
    /// `invalid` for a bad or repeated name and in every phase but ASCEND.
    pub fn create(name: &str) -> Result<Self, HostError> {
        artifacts::Artifact::create(name).map(Self)
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// `limit` when the run's artifacts are larger than allowed, `io` when the host cannot write.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), HostError> {
        self.0.append(bytes)
    }

    /// Makes the artifact part of the run.
    ///
    /// # Errors
    /// `io` when the host cannot write.
    pub fn finish(self) -> Result<(), HostError> {
        self.0.finish()
    }
}

/// Writes a whole artifact.
///
/// # Errors
/// As [`Artifact`]'s functions.
pub fn write(name: &str, bytes: &[u8]) -> Result<(), HostError> {
    let mut artifact = Artifact::create(name)?;
    artifact.append(bytes)?;
    artifact.finish()
}

/// Writes a whole artifact of JSON, with a line end.
///
/// # Errors
/// As [`write`], and `internal` when `value` has no JSON form.
pub fn write_json<T: Serialize + ?Sized>(name: &str, value: &T) -> Result<(), Failure> {
    let mut text = serde_json::to_vec(value)
        .map_err(|error| Failure::new("internal", format!("artifact `{name}` has no JSON form: {error}")))?;
    text.push(b'\n');
    Ok(write(name, &text)?)
}

/// Writes a tensor as a NumPy file, without copying it through the overlay. Waits for the queued work.
///
/// # Errors
/// As [`write`], and `data` when earlier work on the device failed.
pub fn save_npy(name: &str, tensor: &Tensor) -> Result<(), HostError> {
    artifacts::save_npy(name, tensor.raw())
}
