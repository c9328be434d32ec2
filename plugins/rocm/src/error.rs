//! A failed call of a library. What it means to the host is decided in `fault`.

use std::fmt;

use crate::sys::{HIP_SUCCESS, HIPRTC_SUCCESS, hip_name, hiprtc_name};

/// Which library a call went to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// HIP.
    Hip,
    /// hipRTC.
    HipRtc,
}

/// Which call failed and with what number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HipError {
    pub(crate) origin: Origin,
    /// The function's name.
    pub(crate) call: &'static str,
    /// The library's number.
    pub(crate) code: i32,
    /// What more is known, such as the first lines of a build log.
    pub(crate) detail: Option<String>,
}

impl HipError {
    /// With what more is known.
    pub(crate) fn with(self, detail: impl Into<String>) -> HipError {
        HipError { detail: Some(detail.into()), ..self }
    }
}

impl fmt::Display for HipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.origin {
            Origin::Hip => hip_name(self.code),
            Origin::HipRtc => hiprtc_name(self.code),
        };
        write!(f, "{} failed: {name} ({})", self.call, self.code)?;
        self.detail.as_ref().map_or(Ok(()), |detail| write!(f, ": {detail}"))
    }
}

/// Turns a number of HIP into a result.
pub(crate) fn check(call: &'static str, code: i32) -> Result<(), HipError> {
    if code == HIP_SUCCESS { Ok(()) } else { Err(HipError { origin: Origin::Hip, call, code, detail: None }) }
}

/// Turns a number of hipRTC into a result.
pub(crate) fn check_compiler(call: &'static str, code: i32) -> Result<(), HipError> {
    if code == HIPRTC_SUCCESS { Ok(()) } else { Err(HipError { origin: Origin::HipRtc, call, code, detail: None }) }
}
