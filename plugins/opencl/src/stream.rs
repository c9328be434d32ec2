//! A command queue as a stream: it remembers the events of what was queued last, of which marks and spans are made.

use clamp_driver::{Span, Stream, Value};
use clamp_plugin_api::abi::Fault;

use crate::cl::{CommandQueue, Context, EntryPoint, Event, Mem};

/// One stream.
pub(crate) struct ClStream {
    queue: CommandQueue,
    /// The event of the last command.
    last: Option<Event>,
    /// Those of the first and the last launch since the last span.
    launches: Option<(Event, Event)>,
}

/// The first and the last of some launches.
pub(crate) struct ClSpan(Event, Event);

impl ClStream {
    pub(crate) fn create(context: &Context) -> Result<ClStream, Fault> {
        Ok(ClStream { queue: CommandQueue::create(context)?, last: None, launches: None })
    }
}

impl Stream for ClStream {
    type Mem = Mem;
    type Entry = EntryPoint;
    type Event = Event;
    type Span = ClSpan;

    unsafe fn write(&mut self, dst: &Mem, offset: u64, src: *const u8, len: u64) -> Result<(), Fault> {
        // SAFETY: the caller's promise is the same.
        self.last = Some(unsafe { self.queue.write(dst, offset, src, len) }?);
        Ok(())
    }

    unsafe fn read(&mut self, src: &Mem, offset: u64, dst: *mut u8, len: u64) -> Result<(), Fault> {
        // SAFETY: the caller's promise is the same.
        self.last = Some(unsafe { self.queue.read(src, offset, dst, len) }?);
        Ok(())
    }

    fn copy(&mut self, dst: &Mem, to: u64, src: &Mem, from: u64, len: u64) -> Result<(), Fault> {
        self.last = Some(self.queue.copy(dst, to, src, from, len)?);
        Ok(())
    }

    fn fill(&mut self, dst: &Mem, offset: u64, pattern: &[u8], len: u64) -> Result<(), Fault> {
        self.last = Some(self.queue.fill(dst, offset, pattern, len)?);
        Ok(())
    }

    fn launch(
        &mut self,
        entry: &mut EntryPoint,
        groups: u32,
        group_size: u32,
        values: &[Value<'_, Mem>],
    ) -> Result<(), Fault> {
        for (index, value) in values.iter().enumerate() {
            entry.set(index as u32, value)?;
        }
        let event = self.queue.run(entry, groups, group_size)?;
        self.launches = Some(match self.launches.take() {
            Some((first, _)) => (first, event.clone()),
            None => (event.clone(), event.clone()),
        });
        self.last = Some(event);
        Ok(())
    }

    fn mark(&mut self) -> Result<Event, Fault> {
        match &self.last {
            Some(event) => Ok(event.clone()),
            None => Ok(self.queue.marker()?),
        }
    }

    fn span(&mut self) -> Result<Option<ClSpan>, Fault> {
        Ok(self.launches.take().map(|(first, last)| ClSpan(first, last)))
    }

    fn flush(&mut self) -> Result<(), Fault> {
        Ok(self.queue.flush()?)
    }

    fn finish(&mut self) -> Result<(), Fault> {
        Ok(self.queue.finish()?)
    }
}

impl clamp_driver::Event for Event {
    fn has_ended(&self) -> Result<bool, Fault> {
        Ok(self.ended()?)
    }

    fn wait(&self) -> Result<(), Fault> {
        Ok(self.wait_for()?)
    }
}

impl Span for ClSpan {
    fn times(&self) -> Option<(u64, u64)> {
        Some((self.0.times()?.0, self.1.times()?.1))
    }
}
