//! The OpenCL backend: the device sources of `clamp-kernels` on any OpenCL 1.2 device, behind the backend ABI. The OpenCL
//! library is looked for at run time; without it, or without a device, the backend is there and says what is missing.
//! Knows nothing of overlays or runs, and never changes the process's environment.

mod cache;
mod cl;
mod device;
mod fault;
mod kernel;
mod modules;
mod points;
mod probe;
mod queue;
mod status;
mod sys;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};

use clamp_plugin_api::abi::{
    Backend, CLAMP_DEVICE_CPU, CLAMP_DEVICE_GPU, CLAMP_DEVICE_OTHER, CLAMP_LOG_INFO, DeviceDescription, Fault,
    HostHandle, LaunchRef, MemoryFigures, QueueSettings, Status, Timing,
};

use crate::cl::{FoundDevice, find_devices};
use crate::device::{Buffer, OpenClDevice};
use crate::kernel::OpenKernel;
use crate::queue::OpenClQueue;
use crate::sys::{CL_DEVICE_TYPE_CPU, CL_DEVICE_TYPE_GPU, Library};

/// The library where the setting `library` names none.
const LIBRARY: &str = "libOpenCL.so.1";

struct OpenCl {
    host: HostHandle,
    /// The devices, or what is missing for there to be any.
    devices: Result<Vec<FoundDevice>, String>,
}

clamp_plugin_api::export_backend!(OpenCl);

impl Backend for OpenCl {
    const ID: &'static str = "opencl";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Device = OpenClDevice;
    type Buffer = Buffer;
    type Queue = OpenClQueue;
    type Kernel = OpenKernel;

    fn create(host: HostHandle) -> Result<Self, Fault> {
        let path = host.config("library").unwrap_or_else(|| LIBRARY.to_owned());
        let devices = devices(host, &path);
        if let Err(missing) = &devices {
            host.log(CLAMP_LOG_INFO, &format!("opencl: {missing}"));
        }
        Ok(Self { host, devices })
    }

    /// What is missing is an error here, since that is where the host shows it.
    fn device_count(&self) -> Result<u32, Fault> {
        match &self.devices {
            Ok(devices) => Ok(devices.len() as u32),
            Err(missing) => Err(Fault::new(Status::NotFound, missing.clone())),
        }
    }

    fn device_info(&self, index: u32) -> Result<DeviceDescription, Fault> {
        let facts = &self.device(index)?.facts;
        Ok(DeviceDescription {
            kind: match facts.kind {
                kind if kind & CL_DEVICE_TYPE_GPU != 0 => CLAMP_DEVICE_GPU,
                kind if kind & CL_DEVICE_TYPE_CPU != 0 => CLAMP_DEVICE_CPU,
                _ => CLAMP_DEVICE_OTHER,
            },
            alignment: facts.alignment,
            memory_bytes: facts.memory_bytes,
            max_alloc_bytes: facts.max_alloc_bytes,
            compute_units: facts.compute_units,
            unified_memory: facts.unified_memory,
            name: facts.name.clone(),
            uuid: facts.uuid.clone(),
            driver: format!("{} {}", facts.platform, facts.driver_version),
            dispatch: facts.dispatch(),
        })
    }

    fn device_open(&self, index: u32) -> Result<OpenClDevice, Fault> {
        OpenClDevice::open(self.host, self.device(index)?)
    }

    fn device_memory(device: &OpenClDevice) -> Result<MemoryFigures, Fault> {
        Ok(device.memory())
    }

    fn device_status(device: &OpenClDevice) -> Result<(), Fault> {
        device.status()
    }

    fn buffer_alloc(device: &OpenClDevice, bytes: u64) -> Result<Buffer, Fault> {
        Buffer::alloc(device, bytes)
    }

    fn queue_create(device: &OpenClDevice, settings: QueueSettings) -> Result<OpenClQueue, Fault> {
        OpenClQueue::create(device, settings.host_call)
    }

    unsafe fn queue_upload(
        queue: &mut OpenClQueue,
        dst: &Buffer,
        dst_offset: u64,
        src: *const u8,
        len: u64,
    ) -> Result<(), Fault> {
        // SAFETY: the caller's contract is the same.
        unsafe { queue.upload(dst, dst_offset, src, len) }
    }

    unsafe fn queue_download(
        queue: &mut OpenClQueue,
        src: &Buffer,
        src_offset: u64,
        dst: *mut u8,
        len: u64,
    ) -> Result<(), Fault> {
        // SAFETY: the caller's contract is the same.
        unsafe { queue.download(src, src_offset, dst, len) }
    }

    fn queue_copy(
        queue: &mut OpenClQueue,
        dst: &Buffer,
        dst_offset: u64,
        src: &Buffer,
        src_offset: u64,
        len: u64,
    ) -> Result<(), Fault> {
        queue.copy(dst, dst_offset, src, src_offset, len)
    }

    fn queue_fill(
        queue: &mut OpenClQueue,
        dst: &Buffer,
        dst_offset: u64,
        bits: u64,
        width: u32,
        count: u64,
    ) -> Result<(), Fault> {
        queue.fill(dst, dst_offset, bits, width, count)
    }

    fn queue_submit(queue: &mut OpenClQueue, launches: &[LaunchRef<'_, Self>]) -> Result<u64, Fault> {
        queue.submit(launches)
    }

    fn queue_wait(queue: &mut OpenClQueue, point: u64, timeout_ns: u64) -> Result<Timing, Fault> {
        queue.wait(point, timeout_ns)
    }

    fn queue_signal(queue: &mut OpenClQueue) -> Result<u64, Fault> {
        queue.signal()
    }

    fn queue_poll(queue: &mut OpenClQueue) -> Result<u64, Fault> {
        queue.poll()
    }

    fn kernel_open(
        device: &OpenClDevice,
        id: &str,
        fixed: &[u64],
        present: u64,
        text: &str,
    ) -> Result<OpenKernel, Fault> {
        OpenKernel::open(device, id, fixed, present, text)
    }
}

impl OpenCl {
    fn device(&self, index: u32) -> Result<&FoundDevice, Fault> {
        let devices = self.devices.as_ref().map_err(|missing| Fault::new(Status::NotFound, missing.clone()))?;
        devices.get(index as usize).ok_or_else(|| {
            Fault::invalid(format!("device {index} does not exist, the devices are 0 to {}", devices.len() - 1))
        })
    }
}

fn devices(host: HostHandle, path: &str) -> Result<Vec<FoundDevice>, String> {
    // A driver initialises itself at the first question, and not every one (PoCL 3.1) bears two first questions.
    static FIRST_QUESTIONS: Mutex<()> = Mutex::new(());
    let _one_at_a_time = FIRST_QUESTIONS.lock().unwrap_or_else(PoisonError::into_inner);
    let library = Library::load(path).map_err(|reason| format!("no OpenCL library here: {reason}"))?;
    let (devices, passed_over) = find_devices(library).map_err(|error| format!("OpenCL has no answer: {error}"))?;
    for line in &passed_over {
        host.log(CLAMP_LOG_INFO, &format!("opencl: {line}"));
    }
    match (devices.is_empty(), passed_over.is_empty()) {
        (false, _) => Ok(devices),
        (true, true) => {
            Err(format!("{path} is here, but no platform has a device: is a driver's .icd file installed?"))
        }
        (true, false) => Err(format!("no OpenCL device can be used: {}", passed_over.join("; "))),
    }
}
