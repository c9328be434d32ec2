//! The ROCm backend: the device sources of `clamp-kernels` on AMD GPUs through HIP, behind the backend ABI. HIP and hipRTC
//! are looked for at run time; without them, or without a device, the backend is there and says what is missing. Knows
//! nothing of overlays or runs, and never changes the process's environment.

mod compile;
mod device;
mod error;
mod fault;
mod find;
mod library;
mod runtime;
mod sys;
#[cfg(test)]
mod tests;

use clamp_driver::DeviceBackend;
use clamp_driver::gpu::GpuDriver;

use crate::runtime::Hip;

clamp_plugin_api::export_backend!(DeviceBackend<GpuDriver<Hip>>);
