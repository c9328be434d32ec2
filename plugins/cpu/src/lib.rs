//! The CPU-reference backend: the kernels of `clamp-kernels` behind the backend ABI. Defines the bits that every other
//! backend is compared with. Knows nothing of overlays, runs or files.

mod memory;
mod queue;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clamp_kernels::catalogue::FixedParams;
use clamp_kernels::{Kernel, Level, OpenError};
use clamp_plugin_api::abi::{
    Backend, CLAMP_DEVICE_CPU, DeviceDescription, DlDevice, DlMemory, DlShare, Fault, HostHandle, LaunchRef,
    MemoryFigures, QueueSettings, Status, Timing,
};

use crate::memory::Memory;
use crate::queue::CpuQueue;

/// Buffers are aligned to a cache line, which is also the widest vector.
const ALIGNMENT: u32 = 64;

struct Cpu {
    host: HostHandle,
    level: Level,
}

/// The one device: all processors together.
struct CpuDevice {
    host: HostHandle,
    level: Level,
    allocated: Arc<AtomicU64>,
}

clamp_plugin_api::export_backend!(Cpu);

impl Backend for Cpu {
    const ID: &'static str = "cpu";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Device = CpuDevice;
    type Buffer = Memory;
    type Queue = CpuQueue;
    type Kernel = Kernel;

    fn create(host: HostHandle) -> Result<Self, Fault> {
        let level = level(host.config("dispatch").as_deref())?;
        Ok(Self { host, level })
    }

    fn device_count(&self) -> Result<u32, Fault> {
        Ok(1)
    }

    fn device_info(&self, index: u32) -> Result<DeviceDescription, Fault> {
        only_device(index)?;
        let memory = rustix::system::sysinfo();
        Ok(DeviceDescription {
            kind: CLAMP_DEVICE_CPU,
            alignment: ALIGNMENT,
            memory_bytes: memory.totalram * u64::from(memory.mem_unit),
            max_alloc_bytes: 0,
            compute_units: cores(),
            unified_memory: true,
            name: "cpu".into(),
            uuid: String::new(),
            driver: format!("clamp-cpu {}", Self::VERSION),
            dispatch: self.level.name().into(),
        })
    }

    fn device_open(&self, index: u32) -> Result<CpuDevice, Fault> {
        only_device(index)?;
        Ok(CpuDevice { host: self.host, level: self.level, allocated: Arc::default() })
    }

    fn device_memory(device: &CpuDevice) -> Result<MemoryFigures, Fault> {
        let memory = rustix::system::sysinfo();
        Ok(MemoryFigures {
            used: device.allocated.load(Ordering::Relaxed),
            total: memory.totalram * u64::from(memory.mem_unit),
        })
    }

    fn device_status(_device: &CpuDevice) -> Result<(), Fault> {
        Ok(())
    }

    fn buffer_alloc(device: &CpuDevice, bytes: u64) -> Result<Memory, Fault> {
        Memory::alloc(bytes, Arc::clone(&device.allocated))
    }

    fn queue_create(device: &CpuDevice, settings: QueueSettings) -> Result<CpuQueue, Fault> {
        let threads = if settings.max_threads == 0 { cores() } else { settings.max_threads };
        Ok(CpuQueue::create(device.host, settings.host_call, threads as usize))
    }

    unsafe fn queue_upload(_: &mut CpuQueue, dst: &Memory, offset: u64, src: *const u8, len: u64) -> Result<(), Fault> {
        let to = dst.range_to_write(offset, len)?;
        // SAFETY: `src` is readable for `len` bytes, `to` lies in the buffer, and a caller's memory is not ours.
        unsafe { std::ptr::copy_nonoverlapping(src, to, len as usize) };
        Ok(())
    }

    unsafe fn queue_download(_: &mut CpuQueue, src: &Memory, offset: u64, dst: *mut u8, len: u64) -> Result<(), Fault> {
        let from = src.range(offset, len)?;
        // SAFETY: as above with the sides exchanged.
        unsafe { std::ptr::copy_nonoverlapping(from.cast_const(), dst, len as usize) };
        Ok(())
    }

    fn queue_copy(
        _: &mut CpuQueue,
        dst: &Memory,
        dst_offset: u64,
        src: &Memory,
        src_offset: u64,
        len: u64,
    ) -> Result<(), Fault> {
        let (to, from) = (dst.range_to_write(dst_offset, len)?, src.range(src_offset, len)?);
        // SAFETY: both lie in their buffers; `copy` allows overlap.
        unsafe { std::ptr::copy(from.cast_const(), to, len as usize) };
        Ok(())
    }

    fn queue_fill(
        _: &mut CpuQueue,
        dst: &Memory,
        dst_offset: u64,
        bits: u64,
        width: u32,
        count: u64,
    ) -> Result<(), Fault> {
        memory::fill(dst, dst_offset, bits, width, count)
    }

    fn queue_submit(queue: &mut CpuQueue, launches: &[LaunchRef<'_, Self>]) -> Result<u64, Fault> {
        queue.submit(launches)
    }

    fn queue_wait(queue: &mut CpuQueue, point: u64, _timeout_ns: u64) -> Result<Timing, Fault> {
        queue.wait(point)
    }

    fn queue_signal(queue: &mut CpuQueue) -> Result<u64, Fault> {
        Ok(queue.point())
    }

    fn queue_poll(queue: &mut CpuQueue) -> Result<u64, Fault> {
        Ok(queue.point())
    }

    fn kernel_open(device: &CpuDevice, id: &str, fixed: &[u64], present: u64, text: &str) -> Result<Kernel, Fault> {
        let text = (!text.is_empty()).then(|| text.to_owned());
        let opened = Kernel::open(id, &FixedParams { values: fixed.to_vec(), present, text }).map_err(|error| {
            let status = match error {
                OpenError::Unknown { .. } => Status::NotFound,
                OpenError::Param { .. } => Status::Invalid,
            };
            Fault::new(status, error.to_string())
        });
        opened.map(|kernel| kernel.at_level(device.level))
    }

    fn dlpack_device(_device: &CpuDevice) -> Option<DlDevice> {
        Some(DlDevice::CPU)
    }

    fn dlpack_export(_device: &CpuDevice, buffer: &Memory) -> Result<DlShare, Fault> {
        Ok(buffer.share())
    }

    fn dlpack_import(device: &CpuDevice, memory: DlMemory) -> Result<Memory, Fault> {
        Memory::lent(memory, Arc::clone(&device.allocated))
    }
}

/// The level that the setting `dispatch` names, or the best that this CPU has.
fn level(setting: Option<&str>) -> Result<Level, Fault> {
    let best = Level::best();
    let Some(name) = setting else { return Ok(best) };
    match Level::from_name(name) {
        Some(level) if level.is_here() => Ok(level),
        Some(level) => {
            let message = format!("the setting plugins.cpu.dispatch is {level}, which this CPU lacks; it has {best}");
            Err(Fault::new(Status::Unsupported, message))
        }
        None => {
            let names = Level::ALL.map(Level::name).join(", ");
            Err(Fault::invalid(format!("the setting plugins.cpu.dispatch is `{name}`; there are {names}")))
        }
    }
}

fn only_device(index: u32) -> Result<(), Fault> {
    if index == 0 { Ok(()) } else { Err(Fault::invalid(format!("device {index} does not exist, there is only 0"))) }
}

fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| n.get() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dispatch_level_is_the_best_or_the_one_that_is_named() {
        assert_eq!(level(None), Ok(Level::best()));
        for wanted in Level::ALL {
            match level(Some(wanted.name())) {
                Ok(found) => assert!(found == wanted && wanted.is_here()),
                Err(fault) => assert!(fault.message.contains("which this CPU lacks") && !wanted.is_here()),
            }
        }
        let fault = level(Some("avx3")).expect_err("no such level");
        assert_eq!(fault.message, "the setting plugins.cpu.dispatch is `avx3`; there are portable, avx2, avx512");
    }
}
