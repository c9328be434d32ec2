//! Safe owners for what a backend hands out: device, buffer, kernel. Each keeps alive what it came from, so that the
//! ABI's order of ending holds whatever order the host drops them in.

use std::ffi::c_void;
use std::sync::Arc;

use clamp_kernels::catalogue::{FixedParams, KernelSpec, ParamValue};
use clamp_plugin_api::abi::{ClampStr, Status};

use super::instance::{Backend, DeviceFacts, entry};
use super::isolate::Step;
use super::meter::{Age, Meter};
use super::translate::{PluginFault, given};
use crate::error::{Error, Result};

/// An opened device.
pub struct Device {
    pub(super) backend: Arc<Backend>,
    pub(super) handle: *mut c_void,
    pub(super) meter: Arc<Meter>,
    /// Its facts.
    pub facts: DeviceFacts,
}

// SAFETY: the ABI says that a device's functions may be called from any thread; queues are separate and not shared.
unsafe impl Send for Device {}
// SAFETY: as above.
unsafe impl Sync for Device {}

/// What a device says when it is asked for a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It has it.
    Here,
    /// Its backend does not know it.
    Absent,
    /// Its backend knows it, but not on this device; in the plugin's words.
    Unsupported(String),
}

impl Device {
    /// Opens a device.
    pub fn open(backend: &Arc<Backend>, facts: &DeviceFacts) -> Result<Arc<Self>> {
        let mut handle = std::ptr::null_mut();
        let device_open = entry!(backend.table, device_open);
        // SAFETY: the instance is alive, `handle` is writable.
        let open = || backend.call(|err| unsafe { device_open(backend.handle, facts.index, &raw mut handle, err) });
        let opened = backend.watched.step(Step::Open, Some(facts.index), open);
        opened
            .and_then(|()| given(handle))
            .map_err(|fault| backend.error(fault, &format!("open device {}", facts.index)))?;
        let meter = Arc::new(Meter::default());
        Ok(Arc::new(Self { backend: Arc::clone(backend), handle, meter, facts: facts.clone() }))
    }

    /// The backend's id.
    pub fn backend_id(&self) -> &'static str {
        self.backend.id()
    }

    /// The plugin's version.
    pub fn backend_version(&self) -> &'static str {
        self.backend.version()
    }

    /// SHA-256 of the plugin file.
    pub fn plugin_sha256(&self) -> &str {
        &self.backend.sha256
    }

    /// What was not verified of the plugin file, for records.
    pub fn plugin_unverified(&self) -> Option<&'static str> {
        self.backend.unverified
    }

    /// Bytes of its memory that are in use now, by whomever, and bytes in all.
    pub fn memory(&self) -> Result<(u64, u64)> {
        let (mut used, mut total) = (0, 0);
        let device_memory = entry!(self.backend.table, device_memory);
        // SAFETY: the device is alive, two numbers are written.
        let told = self.backend.call(|err| unsafe { device_memory(self.handle, &raw mut used, &raw mut total, err) });
        told.map(|()| (used, total)).map_err(|fault| self.backend.error(fault, "tell its memory"))
    }

    /// How messages name it: `cuda:0`.
    pub fn label(&self) -> String {
        format!("{}:{}", self.backend_id(), self.facts.index)
    }

    /// Allocates; contents are undefined.
    pub fn alloc(self: &Arc<Self>, bytes: u64) -> Result<Arc<Buffer>> {
        let age = self.meter.allocating(&self.label(), bytes)?;
        let mut handle = std::ptr::null_mut();
        let buffer_alloc = entry!(self.backend.table, buffer_alloc);
        // SAFETY: the device is alive, `handle` is writable.
        let made = self.backend.call(|err| unsafe { buffer_alloc(self.handle, bytes, &raw mut handle, err) });
        made.and_then(|()| given(handle)).map_err(|fault| {
            self.meter.freed(bytes, age);
            self.backend.error(fault, &format!("allocate {bytes} bytes"))
        })?;
        self.meter.allocated();
        Ok(Arc::new(Buffer { device: Arc::clone(self), handle, bytes, counted: bytes, age }))
    }

    /// Opens a kernel of the catalogue with its fixed parameters.
    pub fn open_kernel(self: &Arc<Self>, spec: &'static KernelSpec, fixed: &FixedParams) -> Result<Arc<Kernel>> {
        let fixed_values =
            spec.fixed_values(fixed).map_err(|e| Error::bad_input(format!("kernel {}: {e}", spec.id)))?;
        let handle = self.kernel_handle(spec.id, fixed).map_err(|fault| match fault.status {
            Status::NotFound => Error::not_found(format!("backend `{}` has no kernel {}", self.backend_id(), spec.id))
                .hint("choose another backend with --backend, or update the plugin"),
            _ => self.backend.error(fault, &format!("open kernel {}", spec.id)),
        })?;
        Ok(Arc::new(Kernel { device: Arc::clone(self), handle, spec, fixed: fixed_values }))
    }

    /// Whether it has a kernel at all, whatever parameters that wants. An error is about the plugin or the device.
    pub fn offer(self: &Arc<Self>, id: &str) -> Result<Offer> {
        match self.kernel_handle(id, &FixedParams::default()) {
            Ok(handle) => {
                let close = entry!(self.backend.table, kernel_close);
                // SAFETY: just opened, used nowhere.
                unsafe { close(handle) };
                Ok(Offer::Here)
            }
            // It knows the kernel, and misses the parameters.
            Err(fault) if fault.status == Status::Invalid => Ok(Offer::Here),
            Err(fault) if fault.status == Status::NotFound => Ok(Offer::Absent),
            Err(fault) if fault.status == Status::Unsupported => Ok(Offer::Unsupported(fault.text)),
            Err(fault) => Err(self.backend.error(fault, &format!("open kernel {id}"))),
        }
    }

    fn kernel_handle(&self, id: &str, fixed: &FixedParams) -> std::result::Result<*mut c_void, PluginFault> {
        let mut handle = std::ptr::null_mut();
        let kernel_open = entry!(self.backend.table, kernel_open);
        let text = fixed.text.as_deref().unwrap_or("");
        self.backend.call(|err| {
            // SAFETY: the device is alive; texts and values live through the call; `handle` is writable.
            unsafe {
                kernel_open(
                    self.handle,
                    ClampStr { ptr: id.as_ptr(), len: id.len() },
                    fixed.values.as_ptr(),
                    fixed.present,
                    fixed.values.len() as u32,
                    ClampStr { ptr: text.as_ptr(), len: text.len() },
                    &raw mut handle,
                    err,
                )
            }
        })?;
        given(handle)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let close = entry!(self.backend.table, device_close);
        // SAFETY: everything of the device holds an `Arc` of it and is gone.
        unsafe { close(self.handle) };
    }
}

/// Memory on a device.
pub struct Buffer {
    device: Arc<Device>,
    pub(super) handle: *mut c_void,
    /// Its size.
    pub bytes: u64,
    /// What of that the meter knows: 0 for memory that came from elsewhere.
    counted: u64,
    age: Age,
}

// SAFETY: a buffer is only named to queues; who may write it when is the queue's order.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Around a handle that the backend gave for memory whose size is not known yet.
    pub(super) fn of(device: &Arc<Device>, handle: *mut c_void) -> Self {
        Self { device: Arc::clone(device), handle, bytes: 0, counted: 0, age: Age::default() }
    }

    /// Where it lies.
    pub fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// Tells allocations apart; equal only for the same buffer.
    pub fn storage_id(&self) -> u64 {
        self.handle as usize as u64
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let free = entry!(self.device.backend.table, buffer_free);
        // SAFETY: queues keep an `Arc` of every buffer until its last use has passed.
        unsafe { free(self.handle) };
        self.device.meter.freed(self.counted, self.age);
    }
}

/// An opened kernel.
pub struct Kernel {
    device: Arc<Device>,
    pub(super) handle: *mut c_void,
    /// What it takes and gives.
    pub spec: &'static KernelSpec,
    /// What it was opened with, one value for each fixed parameter.
    pub(super) fixed: Vec<Option<ParamValue>>,
}

// SAFETY: the ABI says that a kernel may be used by several queues.
unsafe impl Send for Kernel {}
// SAFETY: as above.
unsafe impl Sync for Kernel {}

impl Drop for Kernel {
    fn drop(&mut self) {
        let close = entry!(self.device.backend.table, kernel_close);
        // SAFETY: queues keep an `Arc` of every kernel until its last launch has passed.
        unsafe { close(self.handle) };
    }
}
