//! What a failed call of the library means to the host. The only place that maps its numbers to statuses.

use clamp_plugin_api::abi::{Fault, Status};

use crate::cl::ClError;
use crate::sys::*;

impl From<ClError> for Fault {
    fn from(error: ClError) -> Fault {
        let status = match error.code {
            CL_MEM_OBJECT_ALLOCATION_FAILURE | CL_OUT_OF_HOST_MEMORY | CL_INVALID_BUFFER_SIZE => Status::OutOfMemory,
            // Drivers say so where memory is short at the time of use, and where a kernel needs more than there is.
            CL_OUT_OF_RESOURCES => Status::OutOfMemory,
            CL_DEVICE_NOT_AVAILABLE | CL_INVALID_CONTEXT | CL_INVALID_COMMAND_QUEUE => Status::DeviceLost,
            CL_COMPILER_NOT_AVAILABLE => Status::Unsupported,
            CL_BUILD_PROGRAM_FAILURE => Status::Internal,
            // What the library calls invalid is this backend's own doing.
            -72..=-30 => Status::Internal,
            _ => Status::Device,
        };
        Fault { code: i64::from(error.code), ..Fault::new(status, error.to_string()) }
    }
}
