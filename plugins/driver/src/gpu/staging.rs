//! Pinned memory on the way between the caller's memory and the device: copies from and to pageable memory would make
//! the runtime wait. It is a ring; a part is used again when the event behind its copy has passed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clamp_plugin_api::abi::Fault;

use super::memory::{Context, OwnedEvent};
use super::{Handle, Runtime};

/// Bytes of the ring.
const RING: usize = 16 << 20;

/// The largest part, a quarter of the ring, so that copies overlap.
pub(super) const LARGEST: usize = RING / 4;

/// Parts begin at multiples of it.
const ALIGNMENT: usize = 256;

/// A stream's staging; its events share what is still to be copied out.
pub(super) struct Staging<R: Runtime>(Arc<Mutex<Ring<R>>>);

impl<R: Runtime> Clone for Staging<R> {
    fn clone(&self) -> Staging<R> {
        Staging(Arc::clone(&self.0))
    }
}

struct Ring<R: Runtime> {
    context: Context<R>,
    /// Null until it is wanted.
    memory: *mut u8,
    /// Where the next part begins.
    next: usize,
    parts: VecDeque<Part<R>>,
    /// How many parts have been taken out of `parts`.
    gone: u64,
}

// SAFETY: the pinned memory is the ring's own; the caller's memory that a part names stays valid until the part is settled.
unsafe impl<R: Runtime> Send for Ring<R> {}

struct Part<R: Runtime> {
    first: usize,
    bytes: usize,
    /// Where the bytes go when the copy has ended; null for the way to the device.
    landing: *mut u8,
    /// Behind the copy; none until the stream was marked.
    event: Option<Arc<OwnedEvent<R>>>,
}

impl<R: Runtime> Staging<R> {
    pub(super) fn new(context: &Context<R>) -> Staging<R> {
        let (memory, parts) = (std::ptr::null_mut(), VecDeque::new());
        Staging(Arc::new(Mutex::new(Ring { context: context.clone(), memory, next: 0, parts, gone: 0 })))
    }

    /// Pinned room for a copy of at most [`LARGEST`] bytes, which is queued before the next [`Staging::mark`]. Waits for
    /// earlier copies where the ring is full.
    ///
    /// # Safety
    /// `landing`, if not null, is writable for as many bytes until the part is settled.
    pub(super) unsafe fn part(&self, bytes: usize, landing: *mut u8, stream: Handle) -> Result<*mut u8, Fault> {
        let mut ring = self.ring();
        if ring.memory.is_null() {
            ring.memory = R::alloc_pinned(ring.context.entered()?, RING)?;
        }
        let room = bytes.next_multiple_of(ALIGNMENT);
        let first = loop {
            match ring.place(room) {
                Some(first) => break first,
                None => {
                    if ring.parts.front().is_some_and(|part| part.event.is_none()) {
                        let event = OwnedEvent::record(&ring.context, stream)?;
                        ring.mark(&event);
                    }
                    let oldest = ring.parts.front().and_then(|part| part.event.clone());
                    if let Some(event) = oldest {
                        event.wait()?;
                    }
                    ring.settle_passed()?;
                }
            }
        };
        ring.next = first + room;
        ring.parts.push_back(Part { first, bytes, landing, event: None });
        // SAFETY: the part lies in the ring.
        Ok(unsafe { ring.memory.add(first) })
    }

    /// Says that an event is behind all copies so far; gives a number for [`Staging::settle`].
    pub(super) fn mark(&self, event: &Arc<OwnedEvent<R>>) -> u64 {
        let mut ring = self.ring();
        ring.mark(event);
        ring.gone + ring.parts.len() as u64
    }

    /// Copies out all parts before `number`, whose copies have ended.
    pub(super) fn settle(&self, number: u64) {
        let mut ring = self.ring();
        while ring.gone < number && ring.settle_first() {}
    }

    /// Copies out everything: the stream is empty.
    pub(super) fn settle_all(&self) {
        while self.ring().settle_first() {}
    }

    /// Gives up the pinned memory, for good: copies may be on their way that nobody can wait for.
    pub(super) fn abandon(&self) {
        let mut ring = self.ring();
        ring.memory = std::ptr::null_mut();
        ring.gone += ring.parts.len() as u64;
        ring.parts.clear();
    }

    fn ring(&self) -> MutexGuard<'_, Ring<R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Runtime> Ring<R> {
    /// Where a part of this size can be now.
    fn place(&mut self, room: usize) -> Option<usize> {
        let Some(oldest) = self.parts.front() else {
            self.next = 0;
            return Some(0);
        };
        let oldest = oldest.first;
        if self.next > oldest {
            if self.next + room <= RING {
                return Some(self.next);
            }
            return (room < oldest).then_some(0);
        }
        (self.next + room < oldest).then_some(self.next)
    }

    fn mark(&mut self, event: &Arc<OwnedEvent<R>>) {
        for part in self.parts.iter_mut().rev().take_while(|part| part.event.is_none()) {
            part.event = Some(Arc::clone(event));
        }
    }

    fn settle_passed(&mut self) -> Result<(), Fault> {
        while let Some(event) = self.parts.front().and_then(|part| part.event.clone()) {
            if !event.has_passed()? {
                break;
            }
            self.settle_first();
        }
        Ok(())
    }

    /// Copies the oldest part out; false where there is none.
    fn settle_first(&mut self) -> bool {
        let Some(part) = self.parts.pop_front() else { return false };
        self.gone += 1;
        if !part.landing.is_null() {
            // SAFETY: the part lies in the ring, and the landing is writable by the contract of `part`.
            unsafe { std::ptr::copy_nonoverlapping(self.memory.add(part.first), part.landing, part.bytes) };
        }
        true
    }
}

impl<R: Runtime> Drop for Ring<R> {
    fn drop(&mut self) {
        if let (false, Ok(device)) = (self.memory.is_null(), self.context.entered()) {
            // SAFETY: allocated once; the stream has finished before its staging goes.
            unsafe { R::free_pinned(device, self.memory) };
        }
    }
}
