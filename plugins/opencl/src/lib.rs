//! The OpenCL backend: the device sources of `clamp-kernels` on any OpenCL 1.2 device, behind the backend ABI. The OpenCL
//! library is looked for at run time; without it, or without a device, the backend is there and says what is missing.
//! Knows nothing of overlays or runs, and never changes the process's environment.

mod cl;
mod driver;
mod fault;
mod stream;
mod sys;
#[cfg(test)]
mod tests;

use clamp_driver::DeviceBackend;

use crate::driver::ClDriver;

clamp_plugin_api::export_backend!(DeviceBackend<ClDriver>);
