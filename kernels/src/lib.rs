//! Clamp's kernels: the catalogue of what each takes and gives, and implementations whose every bit is specified.
//!
//! Without features there is only [`catalogue`] and the random words of [`random`]. `reference` adds plain scalar code,
//! the reading of the specification that everything else is compared with; `cpu` adds blocked and threaded code with
//! the same bits; `device` adds sources and launch plans for GPUs. This crate knows no driver, no file and no host.

pub mod catalogue;
#[cfg(feature = "reference")]
pub mod conformance;
#[cfg(feature = "device")]
pub mod device;
#[cfg(feature = "reference")]
pub mod launch;
pub mod map;
pub mod random;

mod cast;
mod compare;
mod elementwise;
mod function;
mod gather;
mod histogram;
mod layout;
mod matmul;
mod mirror;
mod reduce;
mod rows;
mod scan;
mod sort;

#[cfg(feature = "cpu")]
mod ahead;
#[cfg(feature = "cpu")]
mod blocks;
#[cfg(feature = "cpu")]
mod dispatch;
#[cfg(feature = "reference")]
mod float;
#[cfg(feature = "cpu")]
mod stream;

#[cfg(feature = "cpu")]
pub use dispatch::Level;
#[cfg(feature = "reference")]
pub use launch::{Data, Input, Kernel, Launch, LaunchError, OpenError, Output};
