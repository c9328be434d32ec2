//! Buffers on a device. They know their size; ranges are checked here, once, for every use.

use clamp_driver::Memory;

use super::error::check;
use super::{ClError, Context};
use crate::sys::*;

/// One buffer.
pub(crate) struct Mem {
    context: Context,
    raw: RawMem,
    bytes: u64,
}

// SAFETY: memory objects may be used from any thread.
unsafe impl Send for Mem {}
// SAFETY: as above; contents are ordered by queues.
unsafe impl Sync for Mem {}

impl Mem {
    /// `bytes` of memory, contents undefined; where host and device share memory, such that it need not be copied.
    pub(crate) fn alloc(context: &Context, bytes: u64, shared: bool) -> Result<Mem, ClError> {
        let too_large = || ClError { call: "clCreateBuffer", code: CL_INVALID_BUFFER_SIZE, detail: None };
        let size = usize::try_from(bytes.max(1)).map_err(|_| too_large())?;
        let flags = CL_MEM_READ_WRITE | if shared { CL_MEM_ALLOC_HOST_PTR } else { 0 };
        let mut code = 0;
        // SAFETY: the context is alive; no host pointer is given.
        let raw =
            unsafe { (context.cl().clCreateBuffer)(context.raw(), flags, size, std::ptr::null_mut(), &raw mut code) };
        check("clCreateBuffer", code)?;
        Ok(Mem { context: context.clone(), raw, bytes })
    }

    pub(super) fn raw(&self) -> RawMem {
        self.raw
    }
}

impl Memory for Mem {
    fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Mem {
    fn drop(&mut self) {
        // SAFETY: created once, released once; commands that use it keep it until they have ended.
        unsafe { (self.context.cl().clReleaseMemObject)(self.raw) };
    }
}
