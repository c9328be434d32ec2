//! Why an overlay says no: its own [`Failure`], and the host's errors, which become one with `?`.

use std::fmt;

use serde_json::Value;

use crate::bindings;

/// Why a call into the host failed; the text names the argument or the limit.
pub type HostError = bindings::clamp::overlay::types::Error;

/// The overlay's "no": a short code for programs, a sentence for people, and optional data.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Lower case words joined by hyphens, such as `bad-input`; part of the overlay's interface.
    pub code: String,
    /// One sentence that names the thing and the remedy.
    pub message: String,
    /// Anything a program can use, such as the line and column of a mistake.
    pub data: Option<Value>,
}

impl Failure {
    /// A failure without data.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), data: None }
    }

    /// Adds data for programs.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}

/// The host's error keeps its kind as the code: `invalid`, `not-found`, `limit`, `data`, `backend` or `io`.
impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Invalid(text) => Self::new("invalid", text),
            HostError::NotFound(text) => Self::new("not-found", text),
            HostError::Limit(text) => Self::new("limit", text),
            HostError::Data(text) => Self::new("data", text),
            HostError::Backend(text) => Self::new("backend", text),
            HostError::Io(text) => Self::new("io", text),
        }
    }
}

impl From<Failure> for bindings::Failure {
    fn from(failure: Failure) -> Self {
        let data = failure.data.map(|value| value.to_string().into_bytes()).unwrap_or_default();
        Self { code: failure.code, message: failure.message, data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks_the_host() -> Result<(), Failure> {
        Err(HostError::Limit("tensor bytes".to_owned()))?;
        Ok(())
    }

    #[test]
    fn a_host_error_becomes_a_failure_of_its_kind() {
        assert_eq!(asks_the_host(), Err(Failure::new("limit", "tensor bytes")));
    }

    #[test]
    fn data_crosses_as_json_and_none_as_nothing() {
        let plain: bindings::Failure = Failure::new("no", "because").into();
        assert!(plain.data.is_empty());
        let rich: bindings::Failure = Failure::new("no", "because").with_data(serde_json::json!({"line": 3})).into();
        assert_eq!(rich.data, br#"{"line":3}"#);
    }
}
