//! A backend with a few kernels over the host's own memory. It runs every launch at once, on the thread that submits it.
//! Here is what the host asks for; memory, queue and kernels have a file each.

mod kernels;
mod memory;
mod queue;

use clamp_plugin_api::abi::{
    Backend, CLAMP_DEVICE_CPU, DeviceDescription, DlDevice, DlMemory, DlShare, Fault, HostHandle, LaunchRef,
    MemoryFigures, QueueSettings, Status, Timing,
};

use crate::kernels::Kernel;
use crate::memory::{Allocated, Memory};
use crate::queue::Queue;

// Writes the two symbols that the host looks for, and the table behind them. A panic in any function below becomes a
// status, and the plugin is not asked again.
clamp_plugin_api::export_backend!(Plain);

/// The live backend: what is known of the host.
struct Plain {
    host: HostHandle,
}

/// The one device. A backend with several finds them in `create` and opens the one that it is asked for.
struct Device {
    host: HostHandle,
    allocated: Allocated,
}

impl Backend for Plain {
    const ID: &'static str = "rust-example";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Device = Device;
    type Buffer = Memory;
    type Queue = Queue;
    type Kernel = Kernel;

    /// The place to look for a driver, and to ask for all settings (`host.config("key")`, which operators write as
    /// plugins.ID.key). Without a driver it is no error; there are no devices then.
    fn create(host: HostHandle) -> Result<Self, Fault> {
        Ok(Self { host })
    }

    fn device_count(&self) -> Result<u32, Fault> {
        Ok(1)
    }

    /// Name, uuid, driver and dispatch are what a certificate is bound to: the same at every start, and another driver
    /// text with another driver.
    fn device_info(&self, index: u32) -> Result<DeviceDescription, Fault> {
        only_device(index)?;
        Ok(DeviceDescription {
            kind: CLAMP_DEVICE_CPU,
            alignment: 64,
            compute_units: 1,
            unified_memory: true,
            name: "plain Rust".to_owned(),
            driver: format!("{} {}", Self::ID, Self::VERSION),
            dispatch: "portable".to_owned(),
            ..DeviceDescription::default()
        })
    }

    fn device_open(&self, index: u32) -> Result<Device, Fault> {
        only_device(index)?;
        Ok(Device { host: self.host, allocated: Allocated::default() })
    }

    fn device_memory(device: &Device) -> Result<MemoryFigures, Fault> {
        Ok(MemoryFigures { used: device.allocated.bytes(), total: 0 })
    }

    fn device_status(_device: &Device) -> Result<(), Fault> {
        Ok(())
    }

    fn buffer_alloc(device: &Device, bytes: u64) -> Result<Memory, Fault> {
        Memory::alloc(bytes, device.allocated.clone())
    }

    /// `settings.strict` asks for nothing here: these kernels have no bits but those of the specification.
    fn queue_create(device: &Device, settings: QueueSettings) -> Result<Queue, Fault> {
        Ok(Queue::new(device.host, settings.host_call))
    }

    unsafe fn queue_upload(_: &mut Queue, dst: &Memory, offset: u64, src: *const u8, len: u64) -> Result<(), Fault> {
        let to = dst.to_write(offset, len)?;
        // SAFETY: `src` is readable for `len` bytes, and `to` is a place for as many in memory of our own.
        unsafe { to.copy_from_nonoverlapping(src, len as usize) };
        Ok(())
    }

    unsafe fn queue_download(_: &mut Queue, src: &Memory, offset: u64, dst: *mut u8, len: u64) -> Result<(), Fault> {
        let from = src.to_read(offset, len)?;
        // SAFETY: as above with the sides exchanged.
        unsafe { dst.copy_from_nonoverlapping(from, len as usize) };
        Ok(())
    }

    fn queue_copy(_: &mut Queue, dst: &Memory, to: u64, src: &Memory, from: u64, len: u64) -> Result<(), Fault> {
        let (to, from) = (dst.to_write(to, len)?, src.to_read(from, len)?);
        // SAFETY: both are places for `len` bytes; `copy_from` allows them to overlap.
        unsafe { to.copy_from(from, len as usize) };
        Ok(())
    }

    fn queue_fill(_: &mut Queue, dst: &Memory, to: u64, bits: u64, width: u32, count: u64) -> Result<(), Fault> {
        memory::fill(dst, to, bits, width, count)
    }

    fn queue_submit(queue: &mut Queue, launches: &[LaunchRef<'_, Self>]) -> Result<u64, Fault> {
        queue.submit(launches)
    }

    fn queue_wait(queue: &mut Queue, point: u64, _timeout_ns: u64) -> Result<Timing, Fault> {
        queue.wait(point)
    }

    fn queue_signal(queue: &mut Queue) -> Result<u64, Fault> {
        Ok(queue.point())
    }

    fn queue_poll(queue: &mut Queue) -> Result<u64, Fault> {
        Ok(queue.point())
    }

    /// A kernel that is not there is `NotFound`: the host then passes the backend over where it is needed.
    fn kernel_open(_: &Device, id: &str, _fixed: &[u64], _present: u64, _text: &str) -> Result<Kernel, Fault> {
        Kernel::find(id).ok_or_else(|| Fault::new(Status::NotFound, format!("this backend has no kernel {id}")))
    }

    // Arrays of other libraries, without a copy. A device whose memory has no addresses leaves these three out.
    fn dlpack_device(_device: &Device) -> Option<DlDevice> {
        Some(DlDevice::CPU)
    }

    fn dlpack_export(_device: &Device, buffer: &Memory) -> Result<DlShare, Fault> {
        Ok(buffer.share())
    }

    fn dlpack_import(_device: &Device, memory: DlMemory) -> Result<Memory, Fault> {
        Ok(Memory::lent(memory))
    }
}

fn only_device(index: u32) -> Result<(), Fault> {
    if index == 0 { Ok(()) } else { Err(Fault::invalid(format!("device {index} does not exist, there is only 0"))) }
}
