//! Device sources and launch plans: what a GPU backend compiles and enqueues to get the specification's bits. One
//! source serves OpenCL C, CUDA and HIP; a plan is a list of entry points with their arguments. It knows no vendor, calls
//! no driver and allocates nothing on a device.
//!
//! A backend opens a [`DeviceKernel`] for its [`Target`], compiles the kernel's [`Module`] once per
//! [`key`](Module::key), and for each launch asks for a [`Plan`]: scratch to allocate, then steps to enqueue in order. The
//! launch was checked against the catalogue before.

mod kernel;
mod module;
mod modules;
mod plan;
mod probe;
mod target;
#[cfg(test)]
mod tests;

pub use kernel::{DeviceKernel, LaunchArrays, OpenError};
pub use module::Module;
pub use modules::modules;
pub use plan::{Arg, Place, Plan, STATUS_BYTES, Step};
pub use probe::{Probe, Verdict};
pub use target::{Dialect, Target};

pub(crate) use module::Source;
pub(crate) use plan::Call;

/// Steps that a work-group takes together, for sources that need them.
pub(crate) const GROUP_STEPS: &str = include_str!("group.h");

/// Floats as unsigned numbers in their order, for sources that compare them as such.
pub(crate) const ORDERED_KEYS: &str = include_str!("order.h");
