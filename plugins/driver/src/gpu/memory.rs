//! An opened GPU and memory on it.

use std::sync::Arc;

use clamp_plugin_api::abi::{Fault, MemoryFigures};

use super::{Handle, Runtime};
use crate::driver::Memory;

/// An opened device, shared by everything on it.
pub struct Context<R: Runtime>(pub(super) Arc<R::Device>);

impl<R: Runtime> Clone for Context<R> {
    fn clone(&self) -> Context<R> {
        Context(Arc::clone(&self.0))
    }
}

impl<R: Runtime> Context<R> {
    /// The device, which is that of this thread from here on.
    pub(super) fn entered(&self) -> Result<&R::Device, Fault> {
        R::enter(&self.0)?;
        Ok(&self.0)
    }

    pub(super) fn memory(&self) -> Option<MemoryFigures> {
        let (free, total) = self.entered().and_then(R::memory).ok()?;
        Some(MemoryFigures { used: total.saturating_sub(free), total })
    }
}

/// One range of a device's memory.
pub struct GpuMem<R: Runtime> {
    context: Context<R>,
    address: u64,
    bytes: u64,
}

impl<R: Runtime> GpuMem<R> {
    pub(super) fn alloc(context: &Context<R>, bytes: u64) -> Result<GpuMem<R>, Fault> {
        let address = R::alloc(context.entered()?, bytes.max(1))?;
        Ok(GpuMem { context: context.clone(), address, bytes })
    }

    /// The address of its first byte.
    pub(super) fn address(&self) -> u64 {
        self.address
    }
}

impl<R: Runtime> Memory for GpuMem<R> {
    fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl<R: Runtime> Drop for GpuMem<R> {
    fn drop(&mut self) {
        if let Ok(device) = self.context.entered() {
            // SAFETY: allocated once, freed once; who drops it has waited for the commands that use it.
            unsafe { R::free(device, self.address) };
        }
    }
}

/// An event of the runtime; the last of its owners destroys it.
pub(super) struct OwnedEvent<R: Runtime> {
    context: Context<R>,
    pub(super) handle: Handle,
}

impl<R: Runtime> OwnedEvent<R> {
    /// A new event, recorded in the stream.
    pub(super) fn record(context: &Context<R>, stream: Handle) -> Result<Arc<OwnedEvent<R>>, Fault> {
        let device = context.entered()?;
        let event = Arc::new(OwnedEvent { context: context.clone(), handle: R::event(device)? });
        // SAFETY: both are alive and of this device.
        unsafe { R::record(device, event.handle, stream) }?;
        Ok(event)
    }

    pub(super) fn has_passed(&self) -> Result<bool, Fault> {
        // SAFETY: it was recorded when it was made.
        unsafe { R::has_passed(self.context.entered()?, self.handle) }
    }

    pub(super) fn wait(&self) -> Result<(), Fault> {
        // SAFETY: it was recorded when it was made.
        unsafe { R::wait(self.context.entered()?, self.handle) }
    }

    /// Nanoseconds from an earlier event; both have passed. `None` where the runtime does not tell.
    pub(super) fn ns_since(&self, earlier: &OwnedEvent<R>) -> Option<u64> {
        // SAFETY: both are alive and were recorded.
        let ms = unsafe { R::elapsed_ms(self.context.entered().ok()?, earlier.handle, self.handle) }.ok()?;
        (ms >= 0.0).then_some((f64::from(ms) * 1e6) as u64)
    }
}

impl<R: Runtime> Drop for OwnedEvent<R> {
    fn drop(&mut self) {
        if let Ok(device) = self.context.entered() {
            // SAFETY: created once, destroyed once.
            unsafe { R::destroy_event(device, self.handle) };
        }
    }
}
