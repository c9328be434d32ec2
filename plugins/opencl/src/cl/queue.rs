//! An in-order command queue. Every call returns at once with an event; none waits for the device.

use std::ffi::c_void;

use super::error::check;
use super::{ClError, Context, EntryPoint, Event, Mem};
use crate::sys::*;

/// One queue; its commands run in the order in which they were given.
pub(crate) struct CommandQueue {
    context: Context,
    raw: RawQueue,
}

// SAFETY: queues may be used from any thread.
unsafe impl Send for CommandQueue {}

impl CommandQueue {
    /// A new queue, with times for its events.
    pub(crate) fn create(context: &Context) -> Result<CommandQueue, ClError> {
        let mut code = 0;
        // SAFETY: device and context belong together.
        let raw = unsafe {
            (context.cl().clCreateCommandQueue)(
                context.raw(),
                context.device(),
                CL_QUEUE_PROFILING_ENABLE,
                &raw mut code,
            )
        };
        check("clCreateCommandQueue", code)?;
        Ok(CommandQueue { context: context.clone(), raw })
    }

    /// Runs an entry point with the arguments it has now.
    pub(crate) fn run(&self, entry: &EntryPoint, groups: u32, group_size: u32) -> Result<Event, ClError> {
        let (local, global) = (group_size as usize, groups as usize * group_size as usize);
        self.event("clEnqueueNDRangeKernel", |event| {
            // SAFETY: one dimension; the kernel's arguments are set and its memory objects alive, and the command
            // keeps them until it has ended.
            unsafe {
                (self.context.cl().clEnqueueNDRangeKernel)(
                    self.raw,
                    entry.raw(),
                    1,
                    std::ptr::null(),
                    &raw const global,
                    &raw const local,
                    0,
                    std::ptr::null(),
                    event,
                )
            }
        })
    }

    /// Host to device.
    ///
    /// # Safety
    /// `src` is readable for `len` bytes until the event has ended; the range lies in the buffer.
    pub(crate) unsafe fn write(&self, dst: &Mem, offset: u64, src: *const u8, len: u64) -> Result<Event, ClError> {
        self.event("clEnqueueWriteBuffer", |event| {
            // SAFETY: by this function's contract.
            unsafe {
                (self.context.cl().clEnqueueWriteBuffer)(
                    self.raw,
                    dst.raw(),
                    0,
                    offset as usize,
                    len as usize,
                    src.cast::<c_void>(),
                    0,
                    std::ptr::null(),
                    event,
                )
            }
        })
    }

    /// Device to host.
    ///
    /// # Safety
    /// `dst` is writable for `len` bytes and not touched until the event has ended; the range lies in the buffer.
    pub(crate) unsafe fn read(&self, src: &Mem, offset: u64, dst: *mut u8, len: u64) -> Result<Event, ClError> {
        self.event("clEnqueueReadBuffer", |event| {
            // SAFETY: by this function's contract.
            unsafe {
                (self.context.cl().clEnqueueReadBuffer)(
                    self.raw,
                    src.raw(),
                    0,
                    offset as usize,
                    len as usize,
                    dst.cast::<c_void>(),
                    0,
                    std::ptr::null(),
                    event,
                )
            }
        })
    }

    /// Device to device; both ranges lie in their buffers and do not overlap, else the library refuses.
    pub(crate) fn copy(&self, dst: &Mem, to: u64, src: &Mem, from: u64, len: u64) -> Result<Event, ClError> {
        self.event("clEnqueueCopyBuffer", |event| {
            // SAFETY: both handles are alive; the library checks the ranges.
            unsafe {
                (self.context.cl().clEnqueueCopyBuffer)(
                    self.raw,
                    src.raw(),
                    dst.raw(),
                    from as usize,
                    to as usize,
                    len as usize,
                    0,
                    std::ptr::null(),
                    event,
                )
            }
        })
    }

    /// Repeats a pattern of 1, 2, 4 or 8 bytes over `len` bytes; offset and length are multiples of it.
    pub(crate) fn fill(&self, dst: &Mem, offset: u64, pattern: &[u8], len: u64) -> Result<Event, ClError> {
        self.event("clEnqueueFillBuffer", |event| {
            // SAFETY: the library copies the pattern and checks the range.
            unsafe {
                (self.context.cl().clEnqueueFillBuffer)(
                    self.raw,
                    dst.raw(),
                    pattern.as_ptr().cast(),
                    pattern.len(),
                    offset as usize,
                    len as usize,
                    0,
                    std::ptr::null(),
                    event,
                )
            }
        })
    }

    /// An event behind everything queued so far.
    pub(crate) fn marker(&self) -> Result<Event, ClError> {
        self.event("clEnqueueMarkerWithWaitList", |event| {
            // SAFETY: no list of events; the queue is alive.
            unsafe { (self.context.cl().clEnqueueMarkerWithWaitList)(self.raw, 0, std::ptr::null(), event) }
        })
    }

    /// Hands what is queued to the device.
    pub(crate) fn flush(&self) -> Result<(), ClError> {
        // SAFETY: the queue is alive.
        check("clFlush", unsafe { (self.context.cl().clFlush)(self.raw) })
    }

    /// Waits for all that is queued.
    pub(crate) fn finish(&self) -> Result<(), ClError> {
        // SAFETY: the queue is alive.
        check("clFinish", unsafe { (self.context.cl().clFinish)(self.raw) })
    }

    fn event(&self, call: &'static str, enqueue: impl FnOnce(*mut RawEvent) -> i32) -> Result<Event, ClError> {
        let mut raw = std::ptr::null_mut();
        check(call, enqueue(&raw mut raw))?;
        Ok(Event::of(self.context.cl(), raw))
    }
}

impl Drop for CommandQueue {
    fn drop(&mut self) {
        // SAFETY: created once, released once; the release waits for nothing, so the backend finishes first.
        unsafe { (self.context.cl().clReleaseCommandQueue)(self.raw) };
    }
}
