//! Which devices there are, their facts, and what opening one takes.

use std::ffi::CStr;
use std::sync::Arc;

use clamp_driver::Facts;
use clamp_kernels::device::{Dialect, Target};
use clamp_plugin_api::abi::{CLAMP_DEVICE_GPU, DeviceDescription, Fault};

use crate::compile::Compiler;
use crate::sys::*;

/// A device that was found.
pub(crate) struct Found {
    pub(crate) driver: Arc<Driver>,
    pub(crate) compiler: Arc<Compiler>,
    pub(crate) id: DeviceId,
    pub(crate) ordinal: i32,
    /// Compute capability, `90` for 9.0.
    pub(crate) arch: i32,
    pub(crate) has_pools: bool,
    pub(crate) facts: Facts,
}

/// What to do where the driver has no device.
const REMEDY: &str = "see what nvidia-smi says, look at CUDA_VISIBLE_DEVICES, and give a container its GPUs";

/// Every device of the driver that can be used, in its order.
pub(crate) fn find(driver: &Arc<Driver>, compiler: &Arc<Compiler>) -> Result<Vec<Found>, String> {
    // SAFETY: the flags are 0, as they must be.
    let started = unsafe { (driver.init)(0) };
    let mut count = 0;
    let none = || format!("the NVIDIA driver is here, but it has no device; {REMEDY}");
    match started {
        SUCCESS => {}
        NO_DEVICE => return Err(none()),
        number => {
            let why = driver.fault("cuInit", number).message;
            return Err(format!("the NVIDIA driver does not start: {why}; {REMEDY}"));
        }
    }
    // SAFETY: it writes one number.
    let counted = driver.check("cuDeviceGetCount", unsafe { (driver.device_count)(&raw mut count) });
    counted.map_err(|fault| fault.message)?;
    // One that fails hides no other.
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for index in 0..count {
        match of(driver, compiler, index) {
            Ok(device) => found.push(device),
            Err(fault) => failed.push(format!("device {index}: {}", fault.message)),
        }
    }
    match (found.is_empty(), failed.is_empty()) {
        (true, true) => Err(none()),
        (true, false) => Err(format!("no NVIDIA GPU can be used: {}", failed.join("; "))),
        _ => Ok(found),
    }
}

fn of(driver: &Arc<Driver>, compiler: &Arc<Compiler>, index: i32) -> Result<Found, Fault> {
    let mut id = 0;
    // SAFETY: it writes one number.
    driver.check("cuDeviceGet", unsafe { (driver.device_get)(&raw mut id, index) })?;
    let attribute = |which: i32| -> Result<i32, Fault> {
        let mut value = 0;
        // SAFETY: it writes one number.
        driver.check("cuDeviceGetAttribute", unsafe { (driver.device_attribute)(&raw mut value, which, id) })?;
        Ok(value)
    };
    let mut name = [0; 256];
    // SAFETY: the text has room for 256 bytes with its NUL.
    driver.check("cuDeviceGetName", unsafe { (driver.device_name)(name.as_mut_ptr(), 255, id) })?;
    // SAFETY: the last byte is 0 whatever was written.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned();
    let (mut uuid, mut total, mut version) = ([0; 16], 0, 0);
    // SAFETY: it writes 16 bytes.
    driver.check("cuDeviceGetUuid", unsafe { (driver.device_uuid)(&raw mut uuid, id) })?;
    // SAFETY: it writes one number.
    driver.check("cuDeviceTotalMem", unsafe { (driver.device_total)(&raw mut total, id) })?;
    // SAFETY: it writes one number.
    driver.check("cuDriverGetVersion", unsafe { (driver.version)(&raw mut version) })?;
    let (major, minor) = (attribute(COMPUTE_CAPABILITY_MAJOR)?, attribute(COMPUTE_CAPABILITY_MINOR)?);
    let arch = 10 * major + minor;
    let units = attribute(MULTIPROCESSOR_COUNT)?.unsigned_abs();
    let driver_text = format!("CUDA {}.{}{}", version / 1000, version % 1000 / 10, kernel_module());
    let uuid = uuid_text(&uuid);
    let description = DeviceDescription {
        kind: CLAMP_DEVICE_GPU,
        alignment: 256,
        memory_bytes: total as u64,
        max_alloc_bytes: total as u64,
        compute_units: units,
        unified_memory: attribute(INTEGRATED)? != 0,
        name: name.clone(),
        uuid,
        driver: driver_text.clone(),
        dispatch: format!("sm_{major}{minor} {}", compiler.name(arch)),
    };
    let target = Target {
        dialect: Dialect::Cuda,
        max_group_size: attribute(MAX_THREADS_PER_BLOCK)?.unsigned_abs(),
        local_bytes: u64::from(attribute(MAX_SHARED_MEMORY_PER_BLOCK)?.unsigned_abs()),
        compute_units: units,
        subgroup_size: attribute(WARP_SIZE)?.unsigned_abs(),
        fp64: true,
        exact_div_sqrt: true,
        is_cpu: false,
    };
    let identity = format!("{name}\nsm_{major}{minor}\n{driver_text}\n{}", compiler.name(arch));
    Ok(Found {
        driver: Arc::clone(driver),
        compiler: Arc::clone(compiler),
        id,
        ordinal: index,
        arch,
        has_pools: attribute(MEMORY_POOLS_SUPPORTED).is_ok_and(|has| has != 0),
        facts: Facts { description, identity, target },
    })
}

/// `GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`, as the vendor's tools write it.
fn uuid_text(bytes: &[u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("GPU-{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The version of the kernel's module, `, driver 550.54`, where the system tells it.
fn kernel_module() -> String {
    let text = std::fs::read_to_string("/sys/module/nvidia/version").unwrap_or_default();
    let version = text.trim();
    if version.is_empty() { String::new() } else { format!(", driver {version}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_written_as_the_vendor_does() {
        let bytes = std::array::from_fn(|index| index as u8 * 17);
        assert_eq!(uuid_text(&bytes), "GPU-00112233-4455-6677-8899-aabbccddeeff");
    }
}
