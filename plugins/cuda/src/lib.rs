//! The CUDA backend: the device sources of `clamp-kernels` on NVIDIA GPUs, behind the backend ABI. The driver's library
//! and NVRTC are looked for at run time; without them, or without a device, the backend is there and says what is missing.
//! Knows nothing of overlays or runs, and never changes the process's environment.

mod compile;
mod device;
mod fault;
mod prebuilt;
mod runtime;
mod sys;

use clamp_driver::DeviceBackend;
use clamp_driver::gpu::GpuDriver;

use crate::runtime::Cuda;

clamp_plugin_api::export_backend!(DeviceBackend<GpuDriver<Cuda>>);
