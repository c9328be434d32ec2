//! One call's in-order queue. Checks each launch against the catalogue once, gathers launches into batches, keeps
//! alive what the device may still use, and turns data errors into sentences that name the launch and the kernel.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clamp_plugin_api::abi::{
    CLAMP_MODE_FAST, CLAMP_MODE_STRICT, ClampArray, ClampError, ClampLaunch, ClampQueueDesc, ClampTiming, Status,
};

use super::arguments::{ABSENT, LaunchSpec, check, in_bounds, raw};
use super::instance::entry;
use super::meter::Way;
use super::session::{Buffer, Device};
use super::translate::{PluginFault, given};
use crate::error::{Error, ErrorKind, Result};

/// What a queue is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueOptions {
    /// Only the bits of the specification.
    pub strict: bool,
    /// Host threads it may use; 0 = the backend's choice.
    pub max_threads: u32,
    /// Launches gathered before they are handed to the backend; at least 1.
    pub batch: usize,
}

/// What the device may still use.
enum Used {
    Launches(#[expect(dead_code, reason = "held, not read: dropping is the point")] Vec<LaunchSpec>),
    Buffer(#[expect(dead_code, reason = "held, not read: dropping is the point")] Arc<Buffer>),
}

/// A point that never passes: what is held until the queue is gone.
const NEVER: u64 = u64::MAX;

/// An in-order queue; one thread at a time.
pub struct Queue {
    device: Arc<Device>,
    handle: *mut c_void,
    batch: usize,
    pending: Vec<LaunchSpec>,
    /// What the device may still use, until the point has passed.
    in_flight: VecDeque<(u64, Used)>,
    /// Launches submitted before the names below begin.
    named_from: u64,
    /// Kernel ids of the launches since the last clean wait, for messages.
    names: Vec<&'static str>,
    launches: u64,
    waits: u64,
    busy: Duration,
    /// The arrays of the batch that is being handed over, kept for its memory.
    arrays: Vec<ClampArray>,
}

// SAFETY: the ABI lets any thread use a queue as long as only one does at a time, which `&mut self` ensures.
unsafe impl Send for Queue {}

impl Queue {
    /// A new queue on a device.
    pub fn create(device: &Arc<Device>, options: QueueOptions) -> Result<Self> {
        let desc = ClampQueueDesc {
            mode: if options.strict { CLAMP_MODE_STRICT } else { CLAMP_MODE_FAST },
            max_threads: options.max_threads,
            host_call: 0,
        };
        let mut handle = std::ptr::null_mut();
        let create = entry!(device.backend.table, queue_create);
        let backend = &device.backend;
        // SAFETY: the device is alive, `desc` is readable, `handle` is writable.
        let created = backend.call(|err| unsafe { create(device.handle, &raw const desc, &raw mut handle, err) });
        created.and_then(|()| given(handle)).map_err(|fault| backend.error(fault, "create a queue"))?;
        Ok(Self {
            device: Arc::clone(device),
            handle,
            batch: options.batch.max(1),
            pending: Vec::new(),
            in_flight: VecDeque::new(),
            named_from: 0,
            names: Vec::new(),
            launches: 0,
            waits: 0,
            busy: Duration::ZERO,
            arrays: Vec::new(),
        })
    }

    /// The queue's device.
    pub fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// Launches queued so far.
    pub fn launches(&self) -> u64 {
        self.launches
    }

    /// Times that the host has waited for the device.
    pub fn waits(&self) -> u64 {
        self.waits
    }

    /// Time spent inside the backend's queue functions.
    pub fn busy(&self) -> Duration {
        self.busy
    }

    /// Checks a launch against the catalogue and queues it. A shape, dtype, range or aliasing problem comes back here
    /// and queues nothing.
    pub fn launch(&mut self, launch: LaunchSpec) -> Result<()> {
        check(&launch)?;
        self.names.push(launch.kernel.spec.id);
        self.launches += 1;
        self.pending.push(launch);
        if self.pending.len() >= self.batch { self.flush() } else { Ok(()) }
    }

    /// Host to device. Waits until the bytes have been taken.
    pub fn upload(&mut self, dst: &Arc<Buffer>, dst_offset: u64, src: &[u8]) -> Result<()> {
        in_bounds(dst, dst_offset, src.len() as u64, "upload")?;
        self.device.meter.moving(&self.device.label(), "upload", Way::Up, src.len() as u64)?;
        self.flush()?;
        let handle = self.handle;
        let upload = entry!(self.device.backend.table, queue_upload);
        // SAFETY: handles are alive; `src` lives until `settle` has waited, or has ended the queue.
        let moved =
            self.timed(|err| unsafe { upload(handle, dst.handle, dst_offset, src.as_ptr(), src.len() as u64, err) });
        match self.settle(moved) {
            // A data error of an earlier launch does not concern the upload; it stays for the next read.
            Err(Waited::Data(_)) | Ok(()) => Ok(()),
            Err(Waited::Fault(fault)) => Err(self.error(fault, "upload")),
        }
    }

    /// Device to host. A sync point.
    pub fn download(&mut self, src: &Arc<Buffer>, src_offset: u64, dst: &mut [u8]) -> Result<()> {
        in_bounds(src, src_offset, dst.len() as u64, "download")?;
        self.device.meter.moving(&self.device.label(), "download", Way::Down, dst.len() as u64)?;
        self.flush()?;
        let handle = self.handle;
        let download = entry!(self.device.backend.table, queue_download);
        // SAFETY: handles are alive; `dst` lives until `settle` has waited, or has ended the queue.
        let moved = self
            .timed(|err| unsafe { download(handle, src.handle, src_offset, dst.as_mut_ptr(), dst.len() as u64, err) });
        let outcome = self.settle(moved);
        self.told(outcome, "download")
    }

    /// Sets `count` elements of `width` bytes to the low bytes of `bits`.
    pub fn fill(&mut self, dst: &Arc<Buffer>, dst_offset: u64, bits: u64, width: u32, count: u64) -> Result<()> {
        in_bounds(dst, dst_offset, count.saturating_mul(u64::from(width)), "fill")?;
        self.flush()?;
        let handle = self.handle;
        let fill = entry!(self.device.backend.table, queue_fill);
        // SAFETY: handles are alive.
        let filled = self.timed(|err| unsafe { fill(handle, dst.handle, dst_offset, bits, width, count, err) });
        // Whatever the answer, the device may use the buffer until a later point has passed.
        let point = self.signal().unwrap_or(NEVER);
        self.in_flight.push_back((point, Used::Buffer(Arc::clone(dst))));
        filled.map_err(|fault| self.error(fault, "fill"))?;
        self.retire()
    }

    /// Waits for all queued work. After a data error every sync gives it again.
    pub fn sync(&mut self) -> Result<()> {
        self.flush()?;
        let outcome = self.wait();
        self.told(outcome, "finish the queued work")
    }

    /// What a wait at a sync point means to the caller; a clean one begins the launches' names anew.
    fn told(&mut self, outcome: std::result::Result<(), Waited>, doing: &str) -> Result<()> {
        match outcome {
            Ok(()) => {
                self.named_from += self.names.len() as u64;
                self.names.clear();
                Ok(())
            }
            Err(Waited::Data(fault)) => Err(self.data_error(&fault)),
            Err(Waited::Fault(fault)) => Err(self.error(fault, doing)),
        }
    }

    /// Waits until the device is done with the caller's memory; where that cannot be known, ends the queue, which drains
    /// it.
    fn settle(&mut self, moved: std::result::Result<(), PluginFault>) -> std::result::Result<(), Waited> {
        let outcome = moved.map_err(Waited::Fault).and_then(|()| self.wait());
        if matches!(outcome, Err(Waited::Fault(_))) {
            self.abandon();
        }
        outcome
    }

    fn wait(&mut self) -> std::result::Result<(), Waited> {
        self.waits += 1;
        let point = self.signal().map_err(Waited::Fault)?;
        let mut timing = ClampTiming::default();
        let handle = self.handle;
        let wait = entry!(self.device.backend.table, queue_wait);
        // SAFETY: as above.
        let waited = self.timed(|err| unsafe { wait(handle, point, u64::MAX, &raw mut timing, err) });
        match waited {
            Ok(()) => {
                self.in_flight.clear();
                Ok(())
            }
            Err(fault) if fault.status == Status::Data => {
                self.in_flight.clear();
                Err(Waited::Data(fault))
            }
            Err(fault) => Err(Waited::Fault(fault)),
        }
    }

    /// A point after everything queued so far.
    fn signal(&mut self) -> std::result::Result<u64, PluginFault> {
        let mut point = 0;
        let signal = entry!(self.device.backend.table, queue_signal);
        // SAFETY: the queue is alive, `point` is writable.
        self.device.backend.call(|err| unsafe { signal(self.handle, &raw mut point, err) })?;
        Ok(point)
    }

    fn timed(&mut self, f: impl FnOnce(*mut ClampError) -> i32) -> std::result::Result<(), PluginFault> {
        let at = Instant::now();
        let outcome = self.device.backend.call(f);
        self.busy += at.elapsed();
        outcome
    }

    fn flush(&mut self) -> Result<()> {
        self.alive()?;
        if self.pending.is_empty() {
            return Ok(());
        }
        // The next batch is as long as this one, most often.
        let next = Vec::with_capacity(self.pending.len());
        let batch = std::mem::replace(&mut self.pending, next);
        self.arrays.clear();
        for launch in &batch {
            self.arrays.extend(launch.inputs.iter().map(|array| array.as_ref().map_or(ABSENT, raw)));
            self.arrays.extend(launch.outputs.iter().map(raw));
        }
        let mut rest = &*self.arrays;
        let launch = |l: &LaunchSpec| {
            let (inputs, later) = rest.split_at(l.inputs.len());
            let (outputs, later) = later.split_at(l.outputs.len());
            rest = later;
            ClampLaunch {
                kernel: l.kernel.handle,
                inputs: inputs.as_ptr(),
                outputs: outputs.as_ptr(),
                params: l.params.values.as_ptr(),
                present: l.params.present,
                n_in: inputs.len() as u32,
                n_out: outputs.len() as u32,
                n_params: l.params.values.len() as u32,
                reserved: 0,
            }
        };
        let launches: Vec<ClampLaunch> = batch.iter().map(launch).collect();
        let mut point = 0;
        let handle = self.handle;
        let submit = entry!(self.device.backend.table, queue_submit);
        // SAFETY: all handles are alive and stay so until the point has passed (`in_flight`); the descriptors live
        // through the call, which copies them.
        let submitted =
            self.timed(|err| unsafe { submit(handle, launches.as_ptr(), launches.len() as u64, &raw mut point, err) });
        let (count, first) = (batch.len(), batch.first().map_or("", |l| l.kernel.spec.id));
        // A plugin that failed may have begun all the same; then what it was given stays until the queue is gone.
        let passes_at = if submitted.is_ok() { point } else { NEVER };
        self.in_flight.push_back((passes_at, Used::Launches(batch)));
        submitted.map_err(|fault| self.error(fault, &format!("queue {count} launches beginning with {first}")))?;
        self.retire()
    }

    /// The last point that has passed. Waits for nothing.
    pub fn poll(&self) -> Result<u64> {
        self.alive()?;
        let mut passed = 0;
        let poll = entry!(self.device.backend.table, queue_poll);
        // SAFETY: the queue is alive, `passed` is writable.
        let polled = self.device.backend.call(|err| unsafe { poll(self.handle, &raw mut passed, err) });
        polled.map_err(|fault| self.error(fault, "poll"))?;
        Ok(passed)
    }

    /// [`Queue::poll`] so many times in one go, without what the host does around each call: what the table itself costs.
    pub fn poll_bare(&self, times: u32) -> Result<u64> {
        self.alive()?;
        let mut passed = 0;
        let poll = entry!(self.device.backend.table, queue_poll);
        let polled = self.device.backend.call(|err| {
            // SAFETY: the queue is alive, `passed` is writable.
            (0..times).fold(0, |worst: i32, _| worst.max(unsafe { poll(self.handle, &raw mut passed, err) }))
        });
        polled.map_err(|fault| self.error(fault, "poll"))?;
        Ok(passed)
    }

    /// Lets go of what has passed.
    fn retire(&mut self) -> Result<()> {
        let passed = self.poll()?;
        while self.in_flight.front().is_some_and(|(point, _)| *point <= passed) {
            self.in_flight.pop_front();
        }
        Ok(())
    }

    fn data_error(&self, fault: &PluginFault) -> Error {
        let name = fault
            .launch
            .checked_sub(self.named_from)
            .and_then(|i| self.names.get(usize::try_from(i).ok()?))
            .copied()
            .unwrap_or("unknown kernel");
        let message = format!("launch {} ({name}), element {}: {}", fault.launch, fault.element, fault.text);
        Error::new(ErrorKind::Data, message).hint("correct the values that were given to this kernel")
    }

    fn error(&self, fault: PluginFault, doing: &str) -> Error {
        self.device.backend.error(fault, doing)
    }
}

impl Queue {
    /// Ends the queue, which drains it: after a wait that failed, the only way to know that the device is done with the
    /// caller's memory. Every later call is refused.
    fn abandon(&mut self) {
        if self.handle.is_null() {
            return;
        }
        let destroy = entry!(self.device.backend.table, queue_destroy);
        // SAFETY: destroying drains the queue first; only then are the buffers in `in_flight` let go.
        unsafe { destroy(self.handle) };
        self.handle = std::ptr::null_mut();
        self.in_flight.clear();
        self.pending.clear();
    }

    fn alive(&self) -> Result<()> {
        if self.handle.is_null() {
            return Err(Error::backend(format!("backend `{}` failed before in this call", self.device.backend_id())));
        }
        Ok(())
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.abandon();
    }
}

enum Waited {
    Data(PluginFault),
    Fault(PluginFault),
}
