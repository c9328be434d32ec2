//! An opened device: its context, its modules, its memory account, and the fault that ends its use if there is one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use clamp_kernels::device::{Dialect, Target};
use clamp_plugin_api::abi::{Fault, HostHandle, MemoryFigures};

use crate::cl::{Context, Facts, FoundDevice, Mem};
use crate::fault::poisons;
use crate::modules::Modules;
use crate::probe::{Probed, probed};
use crate::sys::{
    CL_DEVICE_TYPE_CPU, CL_DEVICE_TYPE_GPU, CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT, CL_FP_DENORM, CL_FP_FMA,
};

/// A device in use.
#[derive(Clone)]
pub(crate) struct OpenClDevice(pub(crate) Arc<Opened>);

/// What all queues, buffers and kernels of a device share.
pub(crate) struct Opened {
    pub(crate) host: HostHandle,
    pub(crate) context: Context,
    pub(crate) facts: Facts,
    pub(crate) probed: Probed,
    pub(crate) modules: Modules,
    allocated: AtomicU64,
    broken: OnceLock<Fault>,
}

impl OpenClDevice {
    pub(crate) fn open(host: HostHandle, found: &FoundDevice) -> Result<OpenClDevice, Fault> {
        let context = Context::create(found)?;
        let facts = found.facts.clone();
        if facts.max_group_size < LEAST_GROUP {
            let most = facts.max_group_size;
            return Err(Fault::unsupported(format!(
                "{}: work-groups of {most} items, {LEAST_GROUP} are needed",
                facts.name
            )));
        }
        let modules = Modules::new(host, &context, &facts);
        let probed = probed(host, &context, &facts, &modules)?;
        Ok(OpenClDevice(Arc::new(Opened {
            host,
            context,
            probed,
            facts,
            modules,
            allocated: AtomicU64::new(0),
            broken: OnceLock::new(),
        })))
    }

    pub(crate) fn memory(&self) -> MemoryFigures {
        MemoryFigures { used: self.0.allocated.load(Ordering::Relaxed), total: self.0.facts.memory_bytes }
    }

    pub(crate) fn status(&self) -> Result<(), Fault> {
        self.0.status()
    }
}

impl Opened {
    /// The fault that ended the device's use, if one did.
    pub(crate) fn status(&self) -> Result<(), Fault> {
        self.broken.get().map_or(Ok(()), |fault| Err(fault.clone()))
    }

    /// Remembers a fault that leaves the device of no use, and gives it back.
    pub(crate) fn note(&self, fault: Fault) -> Fault {
        if poisons(&fault) {
            let _ = self.broken.set(fault.clone());
        }
        fault
    }
}

/// Items of the largest work-group that a plan may ask for.
const LEAST_GROUP: u64 = 256;

/// Compiler options: nothing that would loosen arithmetic, and exact binary32 division where the driver has it.
pub(crate) fn options(target: &Target) -> &'static str {
    if target.exact_div_sqrt { "-cl-std=CL1.2 -cl-fp32-correctly-rounded-divide-sqrt" } else { "-cl-std=CL1.2" }
}

impl Facts {
    /// Device, driver and platform with their versions: what decides how a text is compiled.
    pub(crate) fn identity(&self) -> String {
        let Facts { platform, platform_version, name, vendor, version, driver_version, .. } = self;
        [platform, platform_version, name, vendor, version, driver_version].map(String::as_str).join("\n")
    }

    /// `opencl 3.0 pocl`.
    pub(crate) fn dispatch(&self) -> String {
        let version = self.version.split_whitespace().nth(1).unwrap_or("1.2");
        let platform = self.platform.to_lowercase();
        let short = match platform.as_str() {
            name if name.contains("portable computing") => "pocl",
            name => name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or(""),
        };
        format!("opencl {version} {short}")
    }

    /// The device as plans see it.
    pub(crate) fn target(&self) -> Target {
        let fp64 = CL_FP_DENORM | CL_FP_FMA;
        Target {
            dialect: Dialect::OpenCl,
            max_group_size: u32::try_from(self.max_group_size).unwrap_or(u32::MAX),
            local_bytes: self.local_bytes,
            compute_units: self.compute_units,
            subgroup_size: 0,
            fp64: self.double & fp64 == fp64,
            exact_div_sqrt: self.single & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT != 0,
            is_cpu: self.kind & CL_DEVICE_TYPE_CPU != 0 && self.kind & CL_DEVICE_TYPE_GPU == 0,
        }
    }
}

/// Memory of a device.
pub(crate) struct Buffer {
    pub(crate) mem: Mem,
    device: OpenClDevice,
}

impl Buffer {
    pub(crate) fn alloc(device: &OpenClDevice, bytes: u64) -> Result<Buffer, Fault> {
        device.status()?;
        let mem = Mem::alloc(&device.0.context, bytes, device.0.facts.unified_memory)
            .map_err(|error| Fault { message: format!("cannot allocate {bytes} bytes: {error}"), ..error.into() })?;
        device.0.allocated.fetch_add(bytes, Ordering::Relaxed);
        Ok(Buffer { mem, device: device.clone() })
    }

    /// Refuses a range that leaves the buffer.
    pub(crate) fn check(&self, offset: u64, len: u64) -> Result<(), Fault> {
        if self.mem.holds(offset, len) {
            return Ok(());
        }
        let size = self.mem.bytes();
        Err(Fault::invalid(format!("{len} bytes from byte {offset} leave a buffer of {size} bytes")))
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.device.0.allocated.fetch_sub(self.mem.bytes(), Ordering::Relaxed);
    }
}
