//! What a call costs that does next to nothing: one through the backend's table, the same with the host's looks at the
//! floating-point environment around it, and one of many small launches in a queue. The contract bounds the first and
//! the last on the CPU backend.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use clamp_kernels::catalogue::{self, LaunchParams, Shape};

use super::arrays;
use super::figure::Figure;
use super::report::Call;
use super::values::Values;
use crate::backend::{Device, DeviceKind, LaunchSpec, Offer, Queue, QueueOptions};
use crate::error::Result;

/// Measurements of each.
const ROUNDS: usize = 31;

/// Calls in one measurement.
const POLLS: u32 = 10_000;

/// Launches between two waits.
const LAUNCHES: usize = 1000;

/// Launches that go to the backend together, as `limits.queued_launches` has it.
const BATCH: usize = 128;

/// Elements of a small launch.
const ELEMENTS: u64 = 64;

/// Both costs at a number of threads.
pub(super) fn measure(device: &Arc<Device>, threads: u32) -> Result<Vec<Call>> {
    let options = QueueOptions { strict: true, max_threads: threads, batch: BATCH };
    let mut queue = Queue::create(device, options)?;
    let on_cpu = device.facts.kind == DeviceKind::Cpu && device.backend_id() == "cpu";
    let row = |name: &str, samples, most: Option<f64>| {
        let ns = Figure::of(samples)?;
        Some(Call { name: name.to_owned(), threads, ns, most_ns: most.filter(|_| on_cpu) })
    };
    let mut rows = Vec::new();
    rows.extend(row("table call", polls(|| queue.poll_bare(POLLS).map(drop))?, Some(10.0)));
    let checked = || (0..POLLS).try_for_each(|_| queue.poll().map(|point| _ = black_box(point)));
    rows.extend(row("checked call", polls(checked)?, None));
    if let Some(samples) = launches(device, &mut queue)? {
        rows.extend(row("small launch", samples, Some(1000.0)));
    }
    Ok(rows)
}

/// `queue_poll` does nothing but answer; `round` calls it [`POLLS`] times.
fn polls(round: impl Fn() -> Result<()>) -> Result<Vec<f64>> {
    let round = |_| {
        let start = Instant::now();
        round()?;
        Ok(start.elapsed().as_nanos() as f64 / f64::from(POLLS))
    };
    (0..ROUNDS).map(round).collect()
}

/// From the first launch to the end of the wait; `None` without the kernel.
fn launches(device: &Arc<Device>, queue: &mut Queue) -> Result<Option<Vec<f64>>> {
    let Some(spec) = catalogue::find("add.f32.v1") else { return Ok(None) };
    if device.offer(spec.id)? != Offer::Here {
        return Ok(None);
    }
    let kernel = device.open_kernel(spec, &catalogue::FixedParams::default())?;
    let Ok(shape) = Shape::new(&[ELEMENTS]) else { return Ok(None) };
    let x = arrays::alloc(device, spec.inputs[0].dtype, shape)?;
    let y = arrays::alloc(device, spec.inputs[1].dtype, shape)?;
    let out = arrays::alloc(device, spec.outputs[0].dtype, shape)?;
    arrays::fill(queue, &x, Values::Between(-1.0, 1.0), 1)?;
    arrays::fill(queue, &y, Values::Between(-1.0, 1.0), 2)?;
    let mut samples = Vec::new();
    for round in 0..=ROUNDS {
        let start = Instant::now();
        for _ in 0..LAUNCHES {
            queue.launch(LaunchSpec {
                kernel: Arc::clone(&kernel),
                inputs: vec![Some(x.clone()), Some(y.clone())],
                outputs: vec![out.clone()],
                params: LaunchParams::default(),
            })?;
        }
        queue.sync()?;
        // The first round warms caches and pages.
        if round > 0 {
            samples.push(start.elapsed().as_nanos() as f64 / LAUNCHES as f64);
        }
    }
    Ok(Some(samples))
}
