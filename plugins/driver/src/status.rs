//! The statuses that launches write about their data: one slot a launch in a buffer on the device, read back behind the
//! launches, judged when their point has passed. The lowest launch's error stays.

use std::sync::Arc;

use clamp_kernels::device::{DeviceKernel, LaunchArrays, Place, STATUS_BYTES};
use clamp_plugin_api::abi::{Fault, Status};

use crate::driver::{Driver, Event, Stream};

/// Slots of the buffer; a batch with more statuses is read back in parts.
const SLOTS: u64 = 256;

/// What a status is about.
pub(crate) struct Subject {
    pub(crate) launch: u64,
    pub(crate) kernel: Arc<DeviceKernel>,
    pub(crate) inputs: Vec<Option<Place>>,
    pub(crate) outputs: Vec<Place>,
    pub(crate) params: Vec<u64>,
    pub(crate) present: u64,
}

/// Statuses that are on their way to the host.
struct Reading<E> {
    event: E,
    /// Two words a subject; the device writes them until the event has ended.
    words: Box<[u64]>,
    subjects: Vec<Subject>,
}

/// A queue's statuses.
pub(crate) struct Statuses<D: Driver> {
    mem: Option<D::Mem>,
    waiting: Vec<Subject>,
    readings: Vec<Reading<<D::Stream as Stream>::Event>>,
}

impl<D: Driver> Statuses<D> {
    pub(crate) const fn new() -> Statuses<D> {
        Statuses { mem: None, waiting: Vec::new(), readings: Vec::new() }
    }

    /// A slot for one launch: the byte offset in the buffer. Where all are taken, they are read back first.
    pub(crate) fn slot(
        &mut self,
        context: &D::Context,
        stream: &mut D::Stream,
        subject: Subject,
    ) -> Result<u64, Fault> {
        if self.mem.is_none() {
            self.mem = Some(D::alloc(context, SLOTS * STATUS_BYTES, false)?);
        }
        if self.waiting.len() as u64 == SLOTS {
            self.read_back(stream)?;
        }
        self.waiting.push(subject);
        Ok((self.waiting.len() as u64 - 1) * STATUS_BYTES)
    }

    /// The buffer of the slots.
    pub(crate) fn mem(&self) -> Option<&D::Mem> {
        self.mem.as_ref()
    }

    /// Queues the way back of all slots that were written.
    pub(crate) fn read_back(&mut self, stream: &mut D::Stream) -> Result<(), Fault> {
        let Some(mem) = self.mem.as_ref().filter(|_| !self.waiting.is_empty()) else { return Ok(()) };
        let mut words = vec![u64::MAX; 2 * self.waiting.len()].into_boxed_slice();
        // SAFETY: the words live in `readings` until the event has ended, and the queue waits for it when it goes; where
        // there is no event, below, it has ended.
        let queued = unsafe { stream.read(mem, 0, words.as_mut_ptr().cast(), 8 * words.len() as u64) };
        let event = match queued.and_then(|()| stream.mark()) {
            Ok(event) => event,
            Err(fault) => {
                // A device that cannot be waited for may still write them.
                if stream.finish().is_err() {
                    std::mem::forget(words);
                }
                return Err(fault);
            }
        };
        let subjects = std::mem::take(&mut self.waiting);
        self.readings.push(Reading { event, words, subjects });
        Ok(())
    }

    /// Gives up all memory that the device may still write, for good.
    pub(crate) fn abandon(&mut self) {
        std::mem::forget(self.mem.take());
        std::mem::forget(std::mem::take(&mut self.readings));
    }

    /// The data error of the lowest launch among those whose status has come back.
    pub(crate) fn judge(&mut self) -> Result<Option<Fault>, Fault> {
        let mut found = None;
        while let Some(first) = self.readings.first() {
            if !first.event.has_ended()? {
                break;
            }
            let reading = self.readings.remove(0);
            for (subject, status) in reading.subjects.iter().zip(reading.words.chunks_exact(2)) {
                if status[0] != u64::MAX && found.is_none() {
                    found = Some(subject.fault(status[0], status[1]));
                }
            }
        }
        Ok(found)
    }
}

impl Subject {
    fn fault(&self, element: u64, detail: u64) -> Fault {
        let launch =
            LaunchArrays { inputs: &self.inputs, outputs: &self.outputs, params: &self.params, present: self.present };
        let message = self.kernel.message(&launch, element, detail);
        Fault { launch: self.launch, element, ..Fault::new(Status::Data, message) }
    }
}
