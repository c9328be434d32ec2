//! OpenCL objects that release themselves, behind functions that are safe to call: sizes are checked, errors carry the
//! call's name. Which kernels run and in what order is the backend's.

mod error;
mod event;
mod memory;
mod platform;
mod program;
mod queue;

use std::ffi::c_void;
use std::sync::Arc;

use crate::sys::{DeviceId, Library, RawContext};

pub(crate) use error::ClError;
pub(crate) use event::Event;
pub(crate) use memory::Mem;
pub(crate) use platform::{Facts, FoundDevice, find_devices};
pub(crate) use program::{EntryPoint, Program};
pub(crate) use queue::CommandQueue;

/// A context of one device.
#[derive(Clone)]
pub(crate) struct Context(Arc<Inner>);

struct Inner {
    cl: &'static Library,
    device: DeviceId,
    raw: RawContext,
}

// SAFETY: OpenCL contexts and device ids may be used from any thread.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl Context {
    /// A context of this device.
    pub(crate) fn create(found: &FoundDevice) -> Result<Context, ClError> {
        let (cl, device) = (found.cl, found.id);
        let mut code = 0;
        // SAFETY: one device id of this library; no properties, no callback.
        let raw = unsafe {
            (cl.clCreateContext)(std::ptr::null(), 1, &raw const device, None, std::ptr::null_mut(), &raw mut code)
        };
        error::check("clCreateContext", code)?;
        Ok(Context(Arc::new(Inner { cl, device, raw })))
    }

    fn cl(&self) -> &'static Library {
        self.0.cl
    }

    fn device(&self) -> DeviceId {
        self.0.device
    }

    fn raw(&self) -> RawContext {
        self.0.raw
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: created once, released once; objects of the context hold it alive.
        unsafe { (self.cl.clReleaseContext)(self.raw) };
    }
}

/// Reads a fixed-size value that a query function writes.
fn value<T: Copy + Default>(
    call: &'static str,
    query: impl FnOnce(usize, *mut c_void, *mut usize) -> i32,
) -> Result<T, ClError> {
    let mut value = T::default();
    error::check(call, query(size_of::<T>(), (&raw mut value).cast(), std::ptr::null_mut()))?;
    Ok(value)
}

/// Reads a text that a query function writes, without its final NUL.
fn text(call: &'static str, query: impl Fn(usize, *mut c_void, *mut usize) -> i32) -> Result<String, ClError> {
    let mut len = 0;
    error::check(call, query(0, std::ptr::null_mut(), &raw mut len))?;
    let mut bytes = vec![0u8; len];
    error::check(call, query(len, bytes.as_mut_ptr().cast(), std::ptr::null_mut()))?;
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}
