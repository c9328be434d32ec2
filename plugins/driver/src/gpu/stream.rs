//! A stream of a GPU: copies go through pinned memory, marks are events, and a span is two events around launches.

use std::ffi::c_void;
use std::sync::Arc;

use clamp_plugin_api::abi::Fault;

use super::memory::{Context, GpuMem, OwnedEvent};
use super::program::GpuEntry;
use super::staging::{LARGEST, Staging};
use super::{Handle, Runtime};
use crate::driver::{Event, Span, Stream, Value};

/// One stream.
pub struct GpuStream<R: Runtime> {
    context: Context<R>,
    handle: Handle,
    staging: Staging<R>,
    /// The clock of this stream's times begins here.
    epoch: Arc<OwnedEvent<R>>,
    /// Before the first launch since the last span.
    first: Option<Arc<OwnedEvent<R>>>,
    /// Whether it may still be at work, so that it cannot be destroyed.
    is_abandoned: bool,
}

/// A place in a stream.
pub struct GpuEvent<R: Runtime> {
    event: Arc<OwnedEvent<R>>,
    staging: Staging<R>,
    /// The parts of the staging that lie before it.
    parts: u64,
}

/// Some launches of a stream.
pub struct GpuSpan<R: Runtime> {
    epoch: Arc<OwnedEvent<R>>,
    first: Arc<OwnedEvent<R>>,
    last: Arc<OwnedEvent<R>>,
}

impl<R: Runtime> GpuStream<R> {
    pub(super) fn create(context: &Context<R>) -> Result<GpuStream<R>, Fault> {
        let device = context.entered()?;
        let handle = R::stream(device)?;
        let epoch = OwnedEvent::record(context, handle).inspect_err(|_| {
            // SAFETY: made above, nothing was queued.
            unsafe { R::destroy_stream(device, handle) };
        })?;
        Ok(GpuStream {
            context: context.clone(),
            handle,
            staging: Staging::new(context),
            epoch,
            first: None,
            is_abandoned: false,
        })
    }

    fn record(&self) -> Result<Arc<OwnedEvent<R>>, Fault> {
        OwnedEvent::record(&self.context, self.handle)
    }
}

impl<R: Runtime> Stream for GpuStream<R> {
    type Mem = GpuMem<R>;
    type Entry = GpuEntry<R>;
    type Event = GpuEvent<R>;
    type Span = GpuSpan<R>;

    unsafe fn write(&mut self, dst: &GpuMem<R>, offset: u64, src: *const u8, len: u64) -> Result<(), Fault> {
        let device = self.context.entered()?;
        for at in (0..len).step_by(LARGEST) {
            let bytes = (len - at).min(LARGEST as u64);
            // SAFETY: the caller's promise about `src`, a piece at a time; the part has as many bytes.
            unsafe {
                let part = self.staging.part(bytes as usize, std::ptr::null_mut(), self.handle)?;
                std::ptr::copy_nonoverlapping(src.add(at as usize), part, bytes as usize);
                R::to_device(device, dst.address() + offset + at, part, bytes, self.handle)?;
            }
        }
        Ok(())
    }

    unsafe fn read(&mut self, src: &GpuMem<R>, offset: u64, dst: *mut u8, len: u64) -> Result<(), Fault> {
        let device = self.context.entered()?;
        for at in (0..len).step_by(LARGEST) {
            let bytes = (len - at).min(LARGEST as u64);
            // SAFETY: the caller's promise about `dst`, a piece at a time; the part has as many bytes.
            unsafe {
                let part = self.staging.part(bytes as usize, dst.add(at as usize), self.handle)?;
                R::to_host(device, part, src.address() + offset + at, bytes, self.handle)?;
            }
        }
        Ok(())
    }

    fn copy(&mut self, dst: &GpuMem<R>, to: u64, src: &GpuMem<R>, from: u64, len: u64) -> Result<(), Fault> {
        let device = self.context.entered()?;
        // SAFETY: both ranges lie in their buffers by the trait's contract.
        unsafe { R::on_device(device, dst.address() + to, src.address() + from, len, self.handle) }
    }

    fn fill(&mut self, dst: &GpuMem<R>, offset: u64, pattern: &[u8], len: u64) -> Result<(), Fault> {
        let device = self.context.entered()?;
        let (width, to) = (pattern.len(), dst.address() + offset);
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte));
        match width {
            1 | 2 | 4 => {
                // SAFETY: the range lies in the buffer by the trait's contract.
                unsafe { R::set(device, to, word(pattern), width as u32, len / width as u64, self.handle) }
            }
            _ if pattern[..4] == pattern[4..] => {
                // SAFETY: as above.
                unsafe { R::set(device, to, word(&pattern[..4]), 4, len / 4, self.handle) }
            }
            // Eight bytes whose halves differ: one pattern, then what is there doubles.
            _ => {
                // SAFETY: all ranges lie in the first `len` bytes from `to`; those of a copy do not overlap.
                unsafe {
                    R::set(device, to, word(&pattern[..4]), 4, 1, self.handle)?;
                    R::set(device, to + 4, word(&pattern[4..]), 4, 1, self.handle)?;
                    let mut done = 8;
                    while done < len {
                        let more = done.min(len - done);
                        R::on_device(device, to + done, to, more, self.handle)?;
                        done += more;
                    }
                }
                Ok(())
            }
        }
    }

    fn launch(
        &mut self,
        entry: &mut GpuEntry<R>,
        groups: u32,
        group_size: u32,
        values: &[Value<'_, GpuMem<R>>],
    ) -> Result<(), Fault> {
        if self.first.is_none() {
            self.first = Some(self.record()?);
        }
        let device = self.context.entered()?;
        // Four bytes are the first four of eight here, on a little-endian host.
        let mut words: Vec<u64> = values
            .iter()
            .map(|value| match *value {
                Value::Mem(mem) => mem.address(),
                Value::Word(word) => u64::from(word),
                Value::Wide(wide) => wide,
            })
            .collect();
        let mut arguments: Vec<*mut c_void> =
            words.iter_mut().map(|word| std::ptr::from_mut(word).cast::<c_void>()).collect();
        // SAFETY: the plan's arguments are those of the entry point; the memory they name is alive until the stream has
        // passed the launch.
        unsafe { R::launch(device, entry.function(), groups, group_size, &mut arguments, self.handle) }
    }

    fn mark(&mut self) -> Result<GpuEvent<R>, Fault> {
        let event = self.record()?;
        let parts = self.staging.mark(&event);
        Ok(GpuEvent { event, staging: self.staging.clone(), parts })
    }

    fn span(&mut self) -> Result<Option<GpuSpan<R>>, Fault> {
        let Some(first) = self.first.take() else { return Ok(None) };
        Ok(Some(GpuSpan { epoch: Arc::clone(&self.epoch), first, last: self.record()? }))
    }

    /// The runtime hands commands over by itself.
    fn flush(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Fault> {
        // SAFETY: the stream is alive.
        unsafe { R::synchronize(self.context.entered()?, self.handle) }?;
        self.staging.settle_all();
        Ok(())
    }

    fn abandon(&mut self) {
        self.is_abandoned = true;
        self.context.lose();
        self.staging.abandon();
    }
}

impl<R: Runtime> Drop for GpuStream<R> {
    fn drop(&mut self) {
        if self.is_abandoned {
            return;
        }
        if let Ok(device) = self.context.entered() {
            // SAFETY: created once; the queue over it has finished.
            unsafe { R::destroy_stream(device, self.handle) };
        }
    }
}

impl<R: Runtime> Clone for GpuEvent<R> {
    fn clone(&self) -> GpuEvent<R> {
        GpuEvent { event: Arc::clone(&self.event), staging: self.staging.clone(), parts: self.parts }
    }
}

impl<R: Runtime> Event for GpuEvent<R> {
    fn has_ended(&self) -> Result<bool, Fault> {
        let passed = self.event.has_passed()?;
        if passed {
            self.staging.settle(self.parts);
        }
        Ok(passed)
    }

    fn wait(&self) -> Result<(), Fault> {
        self.event.wait()?;
        self.staging.settle(self.parts);
        Ok(())
    }
}

impl<R: Runtime> Span for GpuSpan<R> {
    fn times(&self) -> Option<(u64, u64)> {
        let begin = self.first.ns_since(&self.epoch)?;
        Some((begin, begin + self.last.ns_since(&self.first)?))
    }
}
