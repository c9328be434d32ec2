//! The functions of the OpenCL library, looked up by name when it is loaded. A library without one of them is refused.
#![expect(non_snake_case, reason = "the names are those of the headers")]

use std::ffi::{c_char, c_void};

use super::numbers::*;

macro_rules! library {
    ($($name:ident($($arg:ty),* $(,)?) $(-> $ret:ty)?;)+) => {
        /// The loaded library's functions; it is never unloaded, since drivers keep threads that run its code.
        pub(crate) struct Library {
            $(pub(crate) $name: unsafe extern "C" fn($($arg),*) $(-> $ret)?,)+
        }

        impl Library {
            /// Loads the library at `path`, or the first of that name where the system looks; gives the system's words
            /// where it cannot.
            pub(crate) fn load(path: &str) -> Result<&'static Library, String> {
                // SAFETY: an OpenCL loader's constructors may be run; that is what loading a driver means.
                let library = unsafe { libloading::Library::new(path) }.map_err(|error| {
                    // The system's own words are in the source.
                    std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
                })?;
                let library = Box::leak(Box::new(library));
                $(
                    // SAFETY: the type is the header's.
                    let $name = *unsafe { library.get(concat!(stringify!($name), "\0")) }
                        .map_err(|_| format!("{path} has no {}, it is no OpenCL 1.2 library", stringify!($name)))?;
                )+
                Ok(Box::leak(Box::new(Library { $($name),+ })))
            }
        }
    };
}

type Notify = Option<unsafe extern "C" fn(*const c_char, *const c_void, usize, *mut c_void)>;
type BuildNotify = Option<unsafe extern "C" fn(RawProgram, *mut c_void)>;

library! {
    clGetPlatformIDs(u32, *mut PlatformId, *mut u32) -> i32;
    clGetPlatformInfo(PlatformId, u32, usize, *mut c_void, *mut usize) -> i32;
    clGetDeviceIDs(PlatformId, u64, u32, *mut DeviceId, *mut u32) -> i32;
    clGetDeviceInfo(DeviceId, u32, usize, *mut c_void, *mut usize) -> i32;
    clCreateContext(*const isize, u32, *const DeviceId, Notify, *mut c_void, *mut i32) -> RawContext;
    clReleaseContext(RawContext) -> i32;
    clCreateCommandQueue(RawContext, DeviceId, u64, *mut i32) -> RawQueue;
    clReleaseCommandQueue(RawQueue) -> i32;
    clCreateBuffer(RawContext, u64, usize, *mut c_void, *mut i32) -> RawMem;
    clReleaseMemObject(RawMem) -> i32;
    clCreateProgramWithSource(RawContext, u32, *const *const c_char, *const usize, *mut i32) -> RawProgram;
    clCreateProgramWithBinary(
        RawContext, u32, *const DeviceId, *const usize, *const *const u8, *mut i32, *mut i32,
    ) -> RawProgram;
    clBuildProgram(RawProgram, u32, *const DeviceId, *const c_char, BuildNotify, *mut c_void) -> i32;
    clGetProgramBuildInfo(RawProgram, DeviceId, u32, usize, *mut c_void, *mut usize) -> i32;
    clGetProgramInfo(RawProgram, u32, usize, *mut c_void, *mut usize) -> i32;
    clReleaseProgram(RawProgram) -> i32;
    clCreateKernel(RawProgram, *const c_char, *mut i32) -> RawKernel;
    clReleaseKernel(RawKernel) -> i32;
    clSetKernelArg(RawKernel, u32, usize, *const c_void) -> i32;
    clEnqueueNDRangeKernel(
        RawQueue, RawKernel, u32, *const usize, *const usize, *const usize, u32, *const RawEvent, *mut RawEvent,
    ) -> i32;
    clEnqueueReadBuffer(
        RawQueue, RawMem, u32, usize, usize, *mut c_void, u32, *const RawEvent, *mut RawEvent,
    ) -> i32;
    clEnqueueWriteBuffer(
        RawQueue, RawMem, u32, usize, usize, *const c_void, u32, *const RawEvent, *mut RawEvent,
    ) -> i32;
    clEnqueueCopyBuffer(
        RawQueue, RawMem, RawMem, usize, usize, usize, u32, *const RawEvent, *mut RawEvent,
    ) -> i32;
    clEnqueueFillBuffer(
        RawQueue, RawMem, *const c_void, usize, usize, usize, u32, *const RawEvent, *mut RawEvent,
    ) -> i32;
    clEnqueueMarkerWithWaitList(RawQueue, u32, *const RawEvent, *mut RawEvent) -> i32;
    clWaitForEvents(u32, *const RawEvent) -> i32;
    clGetEventInfo(RawEvent, u32, usize, *mut c_void, *mut usize) -> i32;
    clGetEventProfilingInfo(RawEvent, u32, usize, *mut c_void, *mut usize) -> i32;
    clRetainEvent(RawEvent) -> i32;
    clReleaseEvent(RawEvent) -> i32;
    clFlush(RawQueue) -> i32;
    clFinish(RawQueue) -> i32;
}
