//! The backend of any driver behind the trait of `plugin-api`.

use clamp_plugin_api::abi::{
    Backend, CLAMP_LOG_INFO, DeviceDescription, DlDevice, DlMemory, DlShare, Fault, HostHandle, LaunchRef,
    MemoryFigures, QueueSettings, Status, Timing,
};

use crate::device::{Buffer, Device};
use crate::driver::Driver;
use crate::kernel::OpenKernel;
use crate::queue::Queue;
use crate::settings::Settings;

/// A backend over a vendor's driver.
pub struct DeviceBackend<D: Driver> {
    host: HostHandle,
    settings: Settings,
    /// The devices, or what is missing for there to be any.
    devices: Result<Vec<D::Found>, String>,
}

impl<D: Driver> Backend for DeviceBackend<D> {
    const ID: &'static str = D::ID;
    const VERSION: &'static str = D::VERSION;
    type Device = Device<D>;
    type Buffer = Buffer<D>;
    type Queue = Queue<D>;
    type Kernel = OpenKernel<D>;

    fn create(host: HostHandle) -> Result<Self, Fault> {
        // Asked for at once: the host refuses a setting that no plugin has asked for by then.
        let settings = Settings::read(host)?;
        let devices = D::find(host);
        if let Err(missing) = &devices {
            host.log(CLAMP_LOG_INFO, &format!("{}: {missing}", D::ID));
        }
        Ok(Self { host, settings, devices })
    }

    /// What is missing is an error here, since that is where the host shows it.
    fn device_count(&self) -> Result<u32, Fault> {
        match &self.devices {
            Ok(devices) => Ok(devices.len() as u32),
            Err(missing) => Err(Fault::new(Status::NotFound, missing.clone())),
        }
    }

    fn device_info(&self, index: u32) -> Result<DeviceDescription, Fault> {
        let mut description = D::facts(self.device(index)?).description;
        // What other code runs under is another device to a certificate.
        description.dispatch.push_str(&self.settings.in_dispatch());
        Ok(description)
    }

    fn device_open(&self, index: u32) -> Result<Device<D>, Fault> {
        Device::open(self.host, &self.settings, self.device(index)?)
    }

    fn device_memory(device: &Device<D>) -> Result<MemoryFigures, Fault> {
        Ok(device.memory())
    }

    fn device_status(device: &Device<D>) -> Result<(), Fault> {
        device.status()
    }

    fn buffer_alloc(device: &Device<D>, bytes: u64) -> Result<Buffer<D>, Fault> {
        Buffer::alloc(device, bytes)
    }

    fn queue_create(device: &Device<D>, settings: QueueSettings) -> Result<Queue<D>, Fault> {
        Queue::create(device, settings.host_call)
    }

    unsafe fn queue_upload(
        queue: &mut Queue<D>,
        dst: &Buffer<D>,
        dst_offset: u64,
        src: *const u8,
        len: u64,
    ) -> Result<(), Fault> {
        // SAFETY: the caller's contract is the same.
        unsafe { queue.upload(dst, dst_offset, src, len) }
    }

    unsafe fn queue_download(
        queue: &mut Queue<D>,
        src: &Buffer<D>,
        src_offset: u64,
        dst: *mut u8,
        len: u64,
    ) -> Result<(), Fault> {
        // SAFETY: the caller's contract is the same.
        unsafe { queue.download(src, src_offset, dst, len) }
    }

    fn queue_copy(
        queue: &mut Queue<D>,
        dst: &Buffer<D>,
        dst_offset: u64,
        src: &Buffer<D>,
        src_offset: u64,
        len: u64,
    ) -> Result<(), Fault> {
        queue.copy(dst, dst_offset, src, src_offset, len)
    }

    fn queue_fill(
        queue: &mut Queue<D>,
        dst: &Buffer<D>,
        dst_offset: u64,
        bits: u64,
        width: u32,
        count: u64,
    ) -> Result<(), Fault> {
        queue.fill(dst, dst_offset, bits, width, count)
    }

    fn queue_submit(queue: &mut Queue<D>, launches: &[LaunchRef<'_, Self>]) -> Result<u64, Fault> {
        queue.submit(launches)
    }

    fn queue_wait(queue: &mut Queue<D>, point: u64, timeout_ns: u64) -> Result<Timing, Fault> {
        queue.wait(point, timeout_ns)
    }

    fn queue_signal(queue: &mut Queue<D>) -> Result<u64, Fault> {
        queue.signal()
    }

    fn queue_poll(queue: &mut Queue<D>) -> Result<u64, Fault> {
        queue.poll()
    }

    fn kernel_open(
        device: &Device<D>,
        id: &str,
        fixed: &[u64],
        present: u64,
        text: &str,
    ) -> Result<OpenKernel<D>, Fault> {
        OpenKernel::open(device, id, fixed, present, text)
    }

    fn dlpack_device(device: &Device<D>) -> Option<DlDevice> {
        D::dlpack_device(&device.0.context)
    }

    fn dlpack_export(device: &Device<D>, buffer: &Buffer<D>) -> Result<DlShare, Fault> {
        buffer.share(device)
    }

    fn dlpack_import(device: &Device<D>, memory: DlMemory) -> Result<Buffer<D>, Fault> {
        Buffer::lent(device, memory)
    }
}

impl<D: Driver> DeviceBackend<D> {
    fn device(&self, index: u32) -> Result<&D::Found, Fault> {
        let devices = self.devices.as_ref().map_err(|missing| Fault::new(Status::NotFound, missing.clone()))?;
        devices.get(index as usize).ok_or_else(|| match devices.len() {
            0 => Fault::invalid(format!("device {index} does not exist, there is none")),
            count => Fault::invalid(format!("device {index} does not exist, the devices are 0 to {}", count - 1)),
        })
    }
}
