//! An opened GPU and memory on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clamp_plugin_api::abi::{DlMemory, Fault, MemoryFigures};

use super::{Handle, Runtime};
use crate::driver::Memory;

/// An opened device, shared by everything on it.
pub struct Context<R: Runtime>(Arc<Shared<R>>);

struct Shared<R: Runtime> {
    device: R::Device,
    /// Whether it cannot be waited for any more, so that nobody knows what it still uses.
    is_lost: AtomicBool,
}

impl<R: Runtime> Clone for Context<R> {
    fn clone(&self) -> Context<R> {
        Context(Arc::clone(&self.0))
    }
}

impl<R: Runtime> Context<R> {
    pub(super) fn new(device: R::Device) -> Context<R> {
        Context(Arc::new(Shared { device, is_lost: AtomicBool::new(false) }))
    }

    pub(super) fn device(&self) -> &R::Device {
        &self.0.device
    }

    /// The device, which is that of this thread from here on.
    pub(super) fn entered(&self) -> Result<&R::Device, Fault> {
        R::enter(self.device())?;
        Ok(self.device())
    }

    /// Says that the device cannot be waited for: none of its memory and modules goes back from here on.
    pub(super) fn lose(&self) {
        self.0.is_lost.store(true, Ordering::Relaxed);
    }

    /// Whether it is so; then whatever is still there may be in use.
    pub(super) fn is_lost(&self) -> bool {
        self.0.is_lost.load(Ordering::Relaxed)
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
    /// Whether other libraries were told its address.
    is_shared: AtomicBool,
    /// Another library's, which gets it back when this is dropped; `None` where it is the device's own.
    lent: Option<DlMemory>,
}

/// What arrays that a plan takes for aligned are aligned to.
const ALIGNMENT: u64 = 64;

impl<R: Runtime> GpuMem<R> {
    pub(super) fn alloc(context: &Context<R>, bytes: u64) -> Result<GpuMem<R>, Fault> {
        let address = R::alloc(context.entered()?, bytes.max(1))?;
        Ok(GpuMem { context: context.clone(), address, bytes, is_shared: AtomicBool::new(false), lent: None })
    }

    /// Memory of another library where it lies.
    pub(super) fn lent(context: &Context<R>, memory: DlMemory) -> GpuMem<R> {
        let (address, bytes) = (memory.address().expose_provenance() as u64, memory.bytes());
        let (is_shared, lent) = (AtomicBool::new(false), Some(memory));
        GpuMem { context: context.clone(), address, bytes, is_shared, lent }
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

    fn skew(&self) -> u64 {
        self.address % ALIGNMENT
    }

    fn share(&self) -> Option<u64> {
        self.is_shared.store(true, Ordering::Relaxed);
        Some(self.address)
    }
}

impl<R: Runtime> Drop for GpuMem<R> {
    fn drop(&mut self) {
        let (address, lent) = (self.address, self.lent.take());
        if self.context.is_lost() {
            // Whoever it belongs to, the device may still write it.
            std::mem::forget(lent);
            return;
        }
        if !*self.is_shared.get_mut() {
            // Lent memory goes back by being dropped.
            if lent.is_none()
                && let Ok(device) = self.context.entered()
            {
                // SAFETY: allocated once, freed once; who drops it has waited for the commands that use it.
                unsafe { R::free(device, address) };
            }
            return;
        }
        // A library may let go of memory that its own queued work still uses; the pool, or whoever lent it, would give it to
        // the next. If the device cannot be waited for, the memory is never given back.
        let (device, mut is_idle) = (self.context.device(), false);
        let _ = R::visit(device, || {
            is_idle = R::idle(device).is_ok();
            if is_idle && lent.is_none() {
                // SAFETY: allocated once, freed once; nothing is queued that could use it.
                unsafe { R::free(device, address) };
            }
        });
        if !is_idle {
            std::mem::forget(lent);
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
