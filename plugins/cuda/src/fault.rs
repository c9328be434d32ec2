//! What a number of the driver means to the host. The only place that maps its numbers to statuses.

use std::ffi::{CStr, c_char};

use clamp_plugin_api::abi::{Fault, Status};

use crate::sys::{Driver, SUCCESS};

impl Driver {
    /// An error unless the call went well.
    pub(crate) fn check(&self, call: &str, number: u32) -> Result<(), Fault> {
        if number == SUCCESS { Ok(()) } else { Err(self.fault(call, number)) }
    }

    /// The fault that a number stands for: the call, the driver's name for it, and its words.
    pub(crate) fn fault(&self, call: &str, number: u32) -> Fault {
        let text = |ask: unsafe extern "C" fn(u32, *mut *const c_char) -> u32| {
            let mut text = std::ptr::null();
            // SAFETY: it gives a static text or null.
            let known = unsafe { ask(number, &raw mut text) } == SUCCESS && !text.is_null();
            // SAFETY: as above.
            known.then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
        };
        let name = text(self.error_name).unwrap_or_else(|| format!("error {number}"));
        let words = text(self.error_string).map(|words| format!(": {words}")).unwrap_or_default();
        Fault { code: i64::from(number), ..Fault::new(status(number), format!("{call}: {name}{words}")) }
    }
}

/// The status of a driver's number. After a fault of the device the context answers every call with it, until the
/// process ends.
fn status(number: u32) -> Status {
    match number {
        // OUT_OF_MEMORY.
        2 => Status::OutOfMemory,
        // DEVICE_UNAVAILABLE, DEVICE_NOT_LICENSED, ECC_UNCORRECTABLE, NVLINK_UNCORRECTABLE, CONTEXT_IS_DESTROYED, UNKNOWN.
        46 | 102 | 214 | 220 | 709 | 999 => Status::DeviceLost,
        // ILLEGAL_ADDRESS, LAUNCH_TIMEOUT, ASSERT, HARDWARE_STACK_ERROR to LAUNCH_FAILED.
        700 | 702 | 710 | 714..=719 => Status::Device,
        // NO_BINARY_FOR_GPU, UNSUPPORTED_PTX_VERSION, JIT_COMPILER_NOT_FOUND, UNSUPPORTED_DEVSIDE_SYNC, NOT_SUPPORTED.
        209 | 221 | 222 | 223 | 801 => Status::Unsupported,
        // What the driver calls invalid is this backend's own doing.
        _ => Status::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_the_device_end_its_use_and_lack_of_memory_does_not() {
        assert_eq!(status(2), Status::OutOfMemory);
        assert_eq!([700, 716, 719].map(status), [Status::Device; 3]);
        assert_eq!([214, 709, 999].map(status), [Status::DeviceLost; 3]);
        assert_eq!(status(1), Status::Internal);
        assert_eq!(status(222), Status::Unsupported);
    }
}
