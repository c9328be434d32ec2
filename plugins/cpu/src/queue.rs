//! An in-order queue that runs launches at once, on a thread pool of its own. Remembers the first data error.

use std::time::Instant;

use clamp_kernels::catalogue::{Dtype, Shape};
use clamp_kernels::{Data, Input, Launch, Output};
use clamp_plugin_api::abi::{ArrayLayout, Fault, HostHandle, LaunchRef, Status, Timing};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::Cpu;
use crate::memory::Memory;

pub(crate) struct CpuQueue {
    host: HostHandle,
    host_call: u64,
    pool: ThreadPool,
    launches: u64,
    error: Option<Fault>,
    epoch: Instant,
    timing: Option<Timing>,
}

impl CpuQueue {
    pub(crate) fn create(host: HostHandle, host_call: u64, threads: usize) -> Result<Self, Fault> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("clamp-cpu-{i}"))
            .build()
            .map_err(|e| Fault::new(Status::Internal, format!("cannot start {threads} threads: {e}")))?;
        Ok(Self { host, host_call, pool, launches: 0, error: None, epoch: Instant::now(), timing: None })
    }

    /// Everything queued has run, so the point is simply the count.
    pub(crate) fn point(&self) -> u64 {
        self.launches
    }

    pub(crate) fn submit(&mut self, launches: &[LaunchRef<'_, Cpu>]) -> Result<u64, Fault> {
        let begin_ns = self.now();
        let Self { pool, host, host_call, launches: count, error, .. } = self;
        pool.install(|| {
            for launch in launches {
                // After a failure the results are not read any more, so there is nothing to compute. It is told at the
                // next wait, since a submit that fails must have queued nothing.
                if error.is_none() {
                    let outcome = match host.cancelled(*host_call) {
                        true => Err(Fault::new(Status::Cancelled, "the host asked to stop")),
                        false => run(launch),
                    };
                    *error = outcome.err().map(|fault| Fault { launch: *count, ..fault });
                }
                *count += 1;
            }
        });
        let end_ns = self.now();
        let begin_ns = self.timing.map_or(begin_ns, |t| t.begin_ns);
        self.timing = Some(Timing { begin_ns, end_ns });
        Ok(self.launches)
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

fn run(launch: &LaunchRef<'_, Cpu>) -> Result<(), Fault> {
    let targets =
        launch.outputs.iter().map(|(buffer, array)| Place::of(buffer, array)).collect::<Result<Vec<_>, _>>()?;
    let inputs = launch
        .inputs
        .iter()
        .map(|input| input.as_ref().map(|(buffer, array)| input_of(Place::of(buffer, array)?, &targets)).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let mut outputs: Vec<Output<'_>> = targets
        .iter()
        .map(|place| Output {
            dtype: place.dtype,
            shape: place.shape,
            // SAFETY: the range lies in its buffer; the host has checked that outputs overlap nothing else but an
            // input that is exactly the same array, which crosses as `Data::Output`; the queue's order keeps every
            // other use of the memory away while this launch runs.
            data: unsafe { std::slice::from_raw_parts_mut(place.start, place.len) },
        })
        .collect();
    let mut call = Launch { inputs: &inputs, outputs: &mut outputs, params: launch.params, present: launch.present };
    launch
        .kernel
        .run(&mut call)
        .map_err(|error| Fault { element: error.element, ..Fault::new(Status::Data, error.message) })
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
