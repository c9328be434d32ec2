//! A failed call of the library. What it means to the host is decided in the backend.

use crate::sys::{CL_SUCCESS, name_of};

/// Which call failed and with what number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call} failed: {} ({code}){}", name_of(*code), detail.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
pub(crate) struct ClError {
    /// The function's name.
    pub(crate) call: &'static str,
    /// The library's number.
    pub(crate) code: i32,
    /// What more is known, such as the first lines of a build log.
    pub(crate) detail: Option<String>,
}

/// Turns a returned number into a result.
pub(super) fn check(call: &'static str, code: i32) -> Result<(), ClError> {
    if code == CL_SUCCESS { Ok(()) } else { Err(ClError { call, code, detail: None }) }
}
