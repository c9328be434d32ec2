//! An in-order queue that runs launches at once: small ones on the calling thread, batches with a large one on a thread
//! pool of its own. Remembers the first data error.

use std::time::Instant;

use clamp_kernels::catalogue::{Dtype, Shape};
use clamp_kernels::{Data, Input, Launch, LaunchError, Output};
use clamp_plugin_api::abi::{ArrayLayout, Fault, HostHandle, LaunchRef, Status, Timing};
use rayon::{ThreadPool, ThreadPoolBuilder};
use smallvec::SmallVec;

use crate::Cpu;
use crate::memory::Memory;

/// Elements of all arrays together up to which no kernel uses threads: even one that does work of the second power of
/// its elements stays below what a thread is worth.
const SMALL: u64 = 256;

/// The same where the work grows as the elements do.
const SMALL_ELEMENTWISE: u64 = 16 * 1024;

/// Elements after which the host is asked again whether to go on; some ten microseconds of elementwise work.
const ASK_AFTER: u64 = 64 * 1024;

pub(crate) struct CpuQueue {
    host: HostHandle,
    host_call: u64,
    threads: usize,
    /// Started at the first batch that needs it.
    pool: Option<ThreadPool>,
    launches: u64,
    error: Option<Fault>,
    epoch: Instant,
    timing: Option<Timing>,
}

impl CpuQueue {
    pub(crate) fn create(host: HostHandle, host_call: u64, threads: usize) -> Self {
        Self { host, host_call, threads, pool: None, launches: 0, error: None, epoch: Instant::now(), timing: None }
    }

    /// Everything queued has run, so the point is simply the count.
    pub(crate) fn point(&self) -> u64 {
        self.launches
    }

    pub(crate) fn submit(&mut self, launches: &[LaunchRef<'_, Cpu>]) -> Result<u64, Fault> {
        // An error from here says that nothing was queued, so it comes before anything is run.
        launches.iter().flat_map(|launch| launch.outputs).try_for_each(|(buffer, _)| buffer.check_writable())?;
        let begin_ns = self.now();
        if launches.iter().all(is_small) {
            self.run_all(launches);
        } else {
            let pool = match self.pool.take() {
                Some(pool) => pool,
                None => start_pool(self.threads)?,
            };
            pool.install(|| self.run_all(launches));
            self.pool = Some(pool);
        }
        let end_ns = self.now();
        let begin_ns = self.timing.map_or(begin_ns, |t| t.begin_ns);
        self.timing = Some(Timing { begin_ns, end_ns });
        Ok(self.launches)
    }

    /// After a failure the results are not read any more, so there is nothing to compute. It is told at the next wait,
    /// since a submit that fails must have queued nothing.
    fn run_all(&mut self, launches: &[LaunchRef<'_, Cpu>]) {
        let mut since_asked = ASK_AFTER;
        for launch in launches {
            if self.error.is_none() {
                if since_asked >= ASK_AFTER {
                    since_asked = 0;
                    if self.host.cancelled(self.host_call) {
                        self.fail(Fault::new(Status::Cancelled, "the host asked to stop"));
                    }
                }
                // A launch over nothing counts too, so that the host is asked in bounded time.
                since_asked += elements(launch).max(64);
            }
            if self.error.is_none()
                && let Err(fault) = run(launch)
            {
                self.fail(fault);
            }
            self.launches += 1;
        }
    }

    fn fail(&mut self, fault: Fault) {
        self.error = Some(Fault { launch: self.launches, ..fault });
    }

    pub(crate) fn wait(&mut self, point: u64) -> Result<Timing, Fault> {
        if point > self.launches {
            return Err(Fault::invalid(format!("point {point} was never given out")));
        }
        match &self.error {
            Some(fault) => Err(fault.clone()),
            None => Ok(self.timing.take().unwrap_or_default()),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

fn start_pool(threads: usize) -> Result<ThreadPool, Fault> {
    ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("clamp-cpu-{i}")).build().map_err(|e| {
        let advice = "set backend.cpu.threads lower, or raise the limit on processes";
        Fault::new(Status::OutOfMemory, format!("cannot start {threads} threads ({e}): {advice}"))
    })
}

/// Elements of all arrays together.
fn elements(launch: &LaunchRef<'_, Cpu>) -> u64 {
    let count = |array: &ArrayLayout| array.dims().iter().fold(1_u64, |n, dim| n.saturating_mul(*dim));
    let inputs = launch.inputs.iter().flatten().map(|(_, array)| count(array));
    inputs.chain(launch.outputs.iter().map(|(_, array)| count(array))).fold(0, u64::saturating_add)
}

/// Whether the launch needs no thread but the caller's, which is quicker than to wake one of the pool's. A kernel that
/// asked for threads all the same would get them from the process's own pool: more than it may have, but the same bits.
fn is_small(launch: &LaunchRef<'_, Cpu>) -> bool {
    let most = if launch.kernel.is_elementwise() { SMALL_ELEMENTWISE } else { SMALL };
    elements(launch) <= most
}

fn run(launch: &LaunchRef<'_, Cpu>) -> Result<(), Fault> {
    // Filled where they lie: `collect` would copy all their room.
    let (mut targets, mut inputs) = (SmallVec::<[Place; 2]>::new(), SmallVec::<[Option<Input<'_>>; 4]>::new());
    for (buffer, array) in launch.outputs {
        targets.push(Place::of(buffer, array)?);
    }
    for input in launch.inputs {
        inputs.push(match input {
            Some((buffer, array)) => Some(input_of(Place::of(buffer, array)?, &targets)?),
            None => None,
        });
    }
    let output = |place: &Place| Output {
        dtype: place.dtype,
        shape: place.shape,
        // SAFETY: the range lies in its buffer; the host has checked that outputs overlap nothing else but an
        // input that is exactly the same array, which crosses as `Data::Output`; the queue's order keeps every
        // other use of the memory away while this launch runs.
        data: unsafe { std::slice::from_raw_parts_mut(place.start, place.len) },
    };
    let mut outputs = SmallVec::<[Output<'_>; 2]>::new();
    outputs.extend(targets.iter().map(output));
    let mut call = Launch { inputs: &inputs, outputs: &mut outputs, params: launch.params, present: launch.present };
    launch.kernel.run(&mut call).map_err(|error| fault(launch.kernel.spec().id, error))
}

/// What a launch's error is to the host; it names the kernel.
fn fault(id: &str, error: LaunchError) -> Fault {
    match error {
        LaunchError::Data { element, message } => Fault { element, ..Fault::new(Status::Data, message) },
        error @ LaunchError::OutOfMemory { .. } => Fault::new(Status::OutOfMemory, format!("kernel {id}: {error}")),
    }
}

/// Where an array lies.
struct Place {
    dtype: Dtype,
    shape: Shape,
    start: *mut u8,
    len: usize,
}

impl Place {
    fn of(buffer: &Memory, array: &ArrayLayout) -> Result<Self, Fault> {
        let dtype = Dtype::from_code(array.dtype)
            .ok_or_else(|| Fault::invalid(format!("element type {} is unknown", array.dtype)))?;
        let shape = Shape::new(array.dims()).map_err(|e| Fault::invalid(e.to_string()))?;
        let len = shape.bytes(dtype);
        let start = buffer.range(array.byte_offset, len)?;
        Ok(Self { dtype, shape, start, len: len as usize })
    }
}

fn input_of<'a>(place: Place, targets: &[Place]) -> Result<Input<'a>, Fault> {
    let same = targets.iter().position(|t| t.len > 0 && t.start == place.start && t.len == place.len);
    let data = match same {
        Some(output) => Data::Output(output),
        // SAFETY: the range lies in its buffer, and no output overlaps it but an equal one, which is the other arm.
        None => Data::Bytes(unsafe { std::slice::from_raw_parts(place.start.cast_const(), place.len) }),
    };
    Ok(Input { dtype: place.dtype, shape: place.shape, data })
}
