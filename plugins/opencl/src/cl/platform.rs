//! Which devices there are, and their facts as the drivers tell them.

use std::ffi::c_void;

use super::error::check;
use super::{ClError, text, value};
use crate::sys::*;

/// A device that was found.
#[derive(Clone)]
pub(crate) struct FoundDevice {
    pub(super) cl: &'static Library,
    pub(super) id: DeviceId,
    /// What its driver says of it.
    pub(crate) facts: Facts,
}

// SAFETY: device ids may be used from any thread.
unsafe impl Send for FoundDevice {}
// SAFETY: as above.
unsafe impl Sync for FoundDevice {}

/// What a driver says of a device.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) platform: String,
    pub(crate) platform_version: String,
    pub(crate) name: String,
    pub(crate) vendor: String,
    /// `OpenCL 3.0 ...`.
    pub(crate) version: String,
    pub(crate) driver_version: String,
    /// Hexadecimal, empty where the driver has none.
    pub(crate) uuid: String,
    /// The bits `CL_DEVICE_TYPE_*`.
    pub(crate) kind: u64,
    pub(crate) compute_units: u32,
    pub(crate) max_group_size: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) max_alloc_bytes: u64,
    pub(crate) local_bytes: u64,
    /// Of the first byte of a buffer, in bytes.
    pub(crate) alignment: u32,
    pub(crate) unified_memory: bool,
    /// The bits `CL_FP_*` for binary32 and, 0 without it, for binary64.
    pub(crate) single: u64,
    pub(crate) double: u64,
}

/// Every device of every platform that can run compiled kernels, in the drivers' order, and a line for each that cannot.
pub(crate) fn find_devices(cl: &'static Library) -> Result<(Vec<FoundDevice>, Vec<String>), ClError> {
    let mut devices = Vec::new();
    let mut passed_over = Vec::new();
    for platform in platforms(cl)? {
        let platform_text = |which| {
            text("clGetPlatformInfo", |size, to, len| {
                // SAFETY: the id is this library's, `to` has room for `size` bytes.
                unsafe { (cl.clGetPlatformInfo)(platform, which, size, to, len) }
            })
        };
        let (name, version) = (platform_text(CL_PLATFORM_NAME)?, platform_text(CL_PLATFORM_VERSION)?);
        let ids = match devices_of(cl, platform) {
            Ok(ids) => ids,
            Err(error) => {
                passed_over.push(format!("platform {name}: {error}"));
                continue;
            }
        };
        for id in ids {
            match facts(cl, id, &name, &version) {
                Ok(facts) => devices.push(FoundDevice { cl, id, facts }),
                Err(reason) => passed_over.push(reason),
            }
        }
    }
    Ok((devices, passed_over))
}

fn platforms(cl: &'static Library) -> Result<Vec<PlatformId>, ClError> {
    let mut count = 0;
    // SAFETY: only the count is written.
    let code = unsafe { (cl.clGetPlatformIDs)(0, std::ptr::null_mut(), &raw mut count) };
    if code == CL_PLATFORM_NOT_FOUND_KHR || (code == CL_SUCCESS && count == 0) {
        return Ok(Vec::new());
    }
    check("clGetPlatformIDs", code)?;
    let mut ids = vec![std::ptr::null_mut(); count as usize];
    // SAFETY: there is room for `count` ids.
    check("clGetPlatformIDs", unsafe { (cl.clGetPlatformIDs)(count, ids.as_mut_ptr(), std::ptr::null_mut()) })?;
    Ok(ids)
}

fn devices_of(cl: &'static Library, platform: PlatformId) -> Result<Vec<DeviceId>, ClError> {
    let mut count = 0;
    // SAFETY: only the count is written.
    let code = unsafe { (cl.clGetDeviceIDs)(platform, CL_DEVICE_TYPE_ALL, 0, std::ptr::null_mut(), &raw mut count) };
    if code == CL_DEVICE_NOT_FOUND || (code == CL_SUCCESS && count == 0) {
        return Ok(Vec::new());
    }
    check("clGetDeviceIDs", code)?;
    let mut ids = vec![std::ptr::null_mut(); count as usize];
    // SAFETY: there is room for `count` ids.
    let code =
        unsafe { (cl.clGetDeviceIDs)(platform, CL_DEVICE_TYPE_ALL, count, ids.as_mut_ptr(), std::ptr::null_mut()) };
    check("clGetDeviceIDs", code)?;
    Ok(ids)
}

fn facts(cl: &'static Library, id: DeviceId, platform: &str, platform_version: &str) -> Result<Facts, String> {
    let query = |which| {
        move |size: usize, to: *mut c_void, len: *mut usize| {
            // SAFETY: the id is this library's, `to` has room for `size` bytes.
            unsafe { (cl.clGetDeviceInfo)(id, which, size, to, len) }
        }
    };
    let call = "clGetDeviceInfo";
    let name = text(call, query(CL_DEVICE_NAME)).map_err(|error| format!("a device of {platform}: {error}"))?;
    let word = |which| value::<u32>(call, query(which)).map_err(|error| format!("{name}: {error}"));
    let wide = |which| value::<u64>(call, query(which)).map_err(|error| format!("{name}: {error}"));
    let words = |which| text(call, query(which)).map_err(|error| format!("{name}: {error}"));
    if word(CL_DEVICE_AVAILABLE)? == 0 {
        return Err(format!("{name}: the driver says that it is not available"));
    }
    if word(CL_DEVICE_COMPILER_AVAILABLE)? == 0 {
        return Err(format!("{name}: the driver has no compiler for it"));
    }
    if word(CL_DEVICE_ENDIAN_LITTLE)? == 0 {
        return Err(format!("{name}: it is big-endian"));
    }
    let uuid: [u8; 16] = value(call, query(CL_DEVICE_UUID_KHR)).unwrap_or_default();
    Ok(Facts {
        platform: platform.to_owned(),
        platform_version: platform_version.to_owned(),
        vendor: words(CL_DEVICE_VENDOR)?,
        version: words(CL_DEVICE_VERSION)?,
        driver_version: words(CL_DRIVER_VERSION)?,
        uuid: if uuid == [0; 16] { String::new() } else { uuid.iter().map(|byte| format!("{byte:02x}")).collect() },
        kind: wide(CL_DEVICE_TYPE)?,
        compute_units: word(CL_DEVICE_MAX_COMPUTE_UNITS)?,
        max_group_size: value::<usize>(call, query(CL_DEVICE_MAX_WORK_GROUP_SIZE)).map_or(64, |size| size as u64),
        memory_bytes: wide(CL_DEVICE_GLOBAL_MEM_SIZE)?,
        max_alloc_bytes: wide(CL_DEVICE_MAX_MEM_ALLOC_SIZE)?,
        local_bytes: wide(CL_DEVICE_LOCAL_MEM_SIZE)?,
        alignment: (word(CL_DEVICE_MEM_BASE_ADDR_ALIGN)? / 8).max(64),
        unified_memory: word(CL_DEVICE_HOST_UNIFIED_MEMORY).is_ok_and(|unified| unified != 0),
        single: wide(CL_DEVICE_SINGLE_FP_CONFIG)?,
        double: wide(CL_DEVICE_DOUBLE_FP_CONFIG).unwrap_or(0),
        name,
    })
}
