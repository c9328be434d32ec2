//! What a failed call means to the host. The only place that maps the libraries' numbers to statuses.

use clamp_plugin_api::abi::{Fault, Status};

use crate::error::{HipError, Origin};

impl From<HipError> for Fault {
    fn from(error: HipError) -> Fault {
        let status = match error.origin {
            Origin::Hip => of_runtime(error.code),
            Origin::HipRtc => of_compiler(error.code),
        };
        Fault { code: i64::from(error.code), ..Fault::new(status, error.to_string()) }
    }
}

/// By number of `hipError_t`.
pub(crate) fn of_runtime(code: i32) -> Status {
    match code {
        // OutOfMemory, LaunchOutOfResources (no room for what a launch needs besides its arguments), RuntimeMemory.
        2 | 701 | 1052 => Status::OutOfMemory,
        // NotInitialized, Deinitialized, NoDevice, InvalidDevice, InvalidContext, ContextIsDestroyed: of a device that was
        // opened, they say that it or the runtime is gone.
        3 | 4 | 100 | 101 | 201 | 709 => Status::DeviceLost,
        // PriorLaunchFailure, ECCNotCorrectable, OperatingSystem, IllegalAddress, LaunchTimeOut, Assert, LaunchFailure,
        // Unknown, RuntimeOther: what is in the device's memory is not known any more, and most of them come again at
        // every later call.
        53 | 214 | 304 | 700 | 702 | 710 | 719 | 999 | 1053 => Status::Device,
        // InsufficientDriver, InvalidDeviceFunction, NoBinaryForGpu, UnsupportedLimit, NotSupported.
        35 | 98 | 209 | 215 | 801 => Status::Unsupported,
        // What the runtime calls invalid, or what this backend never asks for, is its own doing.
        1 | 5..=9 | 12 | 13 | 17 | 21 | 52 | 200 | 202 | 205..=208 | 210..=213 | 216..=219 | 300..=303 => {
            Status::Internal
        }
        400 | 401 | 500 | 600 | 704 | 705 | 708 | 712 | 713 | 720 | 900..=908 | 910..=912 | 914..=916 | 1054 => {
            Status::Internal
        }
        // Numbers that no header has yet: believe nothing of the device after them.
        _ => Status::Device,
    }
}

/// By number of `hiprtcResult`. Compiling does not touch the device.
pub(crate) fn of_compiler(code: i32) -> Status {
    match code {
        1 => Status::OutOfMemory,
        _ => Status::Internal,
    }
}
