//! HIP and hipRTC as their headers declare them: numbers, names and the functions of the libraries, found at run time.
//! Nothing here is safe and nothing decides anything.

mod codes;
mod functions;
mod numbers;

#[cfg(test)]
pub(crate) use codes::{HIP_CODES, HIPRTC_CODES};
pub(crate) use codes::{hip_name, hiprtc_name};
pub(crate) use functions::{Compiler, Functions};
pub(crate) use numbers::*;
