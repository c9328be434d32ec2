//! Runs the plans: warm-up, then rounds in which a kernel and its ceiling take turns, so that what else the machine does
//! meets both alike.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clamp_kernels::catalogue::{self, KernelSpec};

use super::ceiling::{self, Bound, Ceilings};
use super::figure::Figure;
use super::plan::{self, Plan};
use super::report::{CeilingRow, KernelRow, Report, Skipped};
use super::{arrays, calls};
use crate::backend::{Device, LaunchSpec, Queue, QueueOptions};
use crate::error::{Error, Result};

/// Rounds of a kernel, at least and at most; between them the time decides.
const LEAST_ROUNDS: usize = 5;
const MOST_ROUNDS: usize = 201;

/// A measurement is at least this long, of several launches if need be, so that the clock weighs nothing.
const LEAST_TIME: Duration = Duration::from_millis(2);

/// The part of the size on which is tried how slow a kernel is.
const TRIAL: u64 = 64;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// Kernel ids, or patterns with `*` and `?`; a word without a dot is a kernel's name. None means all.
    pub kernels: Vec<String>,
    /// Numbers of threads; each is a measurement of its own.
    pub threads: Vec<u32>,
    /// Bytes of a kernel's arrays together.
    pub size: u64,
    /// For each kernel and number of threads, about.
    pub time: Duration,
}

/// Who is told how far the measuring is.
pub trait Watch {
    /// `done` of `total` are measured, `now` is next.
    fn step(&mut self, done: usize, total: usize, now: &str);
}

/// Measures on a device.
///
/// # Errors
/// A pattern that no kernel fits, a size that the device has no memory for, a failing backend.
pub fn run(device: &Arc<Device>, options: &Options, watch: &mut dyn Watch) -> Result<Report> {
    let kernels = chosen(&options.kernels)?;
    let mut report = Report::new(&device.facts, device.backend_id(), device.backend_version(), options.size);
    let total = kernels.len() * options.threads.len();
    for (turn, &threads) in options.threads.iter().enumerate() {
        watch.step(turn * kernels.len(), total, "ceilings");
        let mut bench = Bench {
            device,
            queue: Queue::create(device, QueueOptions { strict: true, max_threads: threads, batch: 128 })?,
            threads,
            ceilings: ceiling::of(device, threads as usize, options.size)?,
            reached: Bound::ALL.map(|bound| (bound, Vec::new())),
            options,
        };
        report.ceiling_bytes = bench.ceilings.bytes();
        report.huge_page_bytes = bench.ceilings.huge_page_bytes();
        report.calls.extend(calls::measure(device, threads)?);
        for (position, spec) in kernels.iter().enumerate() {
            watch.step(turn * kernels.len() + position, total, spec.id);
            match bench.kernel(spec)? {
                Ok(row) => report.kernels.push(row),
                // What cannot be measured cannot at any number of threads.
                Err(_) if turn > 0 => {}
                Err(reason) => report.skipped.push(Skipped { kernel: spec.id.to_owned(), reason }),
            }
        }
        report.ceilings.extend(bench.ceiling_rows()?);
    }
    Ok(report)
}

/// What stays the same while one number of threads is measured.
struct Bench<'a> {
    device: &'a Arc<Device>,
    queue: Queue,
    threads: u32,
    ceilings: Box<dyn Ceilings>,
    /// Every measurement of each ceiling.
    reached: [(Bound, Vec<f64>); 4],
    options: &'a Options,
}

impl Bench<'_> {
    /// A row, or why there is none.
    fn kernel(&mut self, spec: &'static KernelSpec) -> Result<Result<KernelRow, String>> {
        let plan = match self.fitted(spec)? {
            Ok(plan) => plan,
            Err(reason) => return Ok(Err(reason)),
        };
        let Some(launch) = arrays::launch(self.device, &mut self.queue, &plan)? else {
            return Ok(Err(format!("backend `{}` does not have it", self.device.backend_id())));
        };
        let warm = self.time(&launch, 1)?;
        let times = (LEAST_TIME.as_nanos() / warm.as_nanos().max(1)).clamp(1, 1000) as usize;
        let (mut seconds, mut shares) = (Vec::new(), Vec::new());
        let start = Instant::now();
        while seconds.len() < LEAST_ROUNDS || (start.elapsed() < self.options.time && seconds.len() < MOST_ROUNDS) {
            let ceiling = self.reach(plan.bound)?;
            let one = self.time(&launch, times)?.as_secs_f64() / times as f64;
            seconds.push(one);
            let amount = if plan.bound == Bound::Fma { plan.operations } else { plan.bytes };
            shares.extend(ceiling.map(|rate| amount as f64 / one.max(1e-9) / (rate * plan.of_bound)));
        }
        let inputs: Vec<Vec<u64>> = plan.inputs.iter().flatten().map(|(shape, _)| shape.dims().to_vec()).collect();
        let outputs = || plan.outputs.iter().map(|shape| shape.dims().to_vec()).collect();
        Ok(Ok(KernelRow {
            kernel: spec.id.to_owned(),
            threads: self.threads,
            shapes: if inputs.is_empty() { outputs() } else { inputs },
            bytes: plan.bytes,
            operations: plan.operations,
            seconds: Figure::of(seconds).ok_or_else(|| Error::internal("no round was measured"))?,
            bound: plan.bound,
            share: Figure::of(shares),
        }))
    }

    /// The plan of the wanted size, or of a smaller one where a kernel is so slow that its rounds would take too long:
    /// such a kernel waits for its arithmetic and not for memory, wherever that is.
    fn fitted(&mut self, spec: &'static KernelSpec) -> Result<Result<Plan, String>> {
        let size = self.options.size;
        let whole = match Plan::of(spec, size) {
            Ok(plan) => plan,
            Err(reason) => return Ok(Err(reason)),
        };
        let Ok(trial) = Plan::of(spec, (size / TRIAL).max(1 << 16)) else { return Ok(Ok(whole)) };
        let Some(launch) = arrays::launch(self.device, &mut self.queue, &trial)? else { return Ok(Ok(whole)) };
        self.time(&launch, 1)?;
        let time = self.time(&launch, 1)?.as_secs_f64();
        let work = |plan: &Plan| if plan.bound == Bound::Fma { plan.operations } else { plan.bytes } as f64;
        let whole_time = time * work(&whole) / work(&trial).max(1.0);
        // Half of the time is the ceiling's.
        let allowed = self.options.time.as_secs_f64() / (2 * LEAST_ROUNDS) as f64;
        if whole_time <= 2.0 * allowed || plan::is_bounded(spec) {
            return Ok(Ok(whole));
        }
        let share = allowed / whole_time;
        Ok(Plan::of(spec, ((size as f64 * share) as u64).max(size / TRIAL).max(1 << 16)))
    }

    /// The time of `times` launches together.
    fn time(&mut self, launch: &LaunchSpec, times: usize) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..times {
            self.queue.launch(launch.clone())?;
        }
        self.queue.sync()?;
        Ok(start.elapsed())
    }

    /// Measures a ceiling once and keeps it; the rate.
    fn reach(&mut self, bound: Bound) -> Result<Option<f64>> {
        let rate = self.ceilings.measure(bound)?.map(ceiling::Reached::rate);
        if let Some((_, samples)) = self.reached.iter_mut().find(|(own, _)| *own == bound) {
            samples.extend(rate);
        }
        Ok(rate)
    }

    /// All ceilings; one that no kernel asked for is measured now.
    fn ceiling_rows(&mut self) -> Result<Vec<CeilingRow>> {
        for bound in Bound::ALL {
            while self.reached.iter().any(|(own, samples)| *own == bound && samples.len() < LEAST_ROUNDS) {
                if self.reach(bound)?.is_none() {
                    break;
                }
            }
        }
        let row = |(bound, samples): &(Bound, Vec<f64>)| CeilingRow {
            name: *bound,
            threads: self.threads,
            per_second: Figure::of(samples.clone()),
            how: self.ceilings.how(*bound),
        };
        Ok(self.reached.iter().map(row).collect())
    }
}

/// The kernels that the patterns name, in catalogue order.
fn chosen(patterns: &[String]) -> Result<Vec<&'static KernelSpec>> {
    let fits = |pattern: &str, spec: &KernelSpec| {
        let text = if pattern.contains('.') { spec.id } else { plan::name(spec) };
        matches(pattern.as_bytes(), text.as_bytes())
            || (pattern.contains('*') && matches(pattern.as_bytes(), spec.id.as_bytes()))
    };
    if let Some(stranger) = patterns.iter().find(|pattern| !catalogue::all().any(|spec| fits(pattern, spec))) {
        let near = catalogue::nearest(stranger).map(|near| format!("near is {near}; ")).unwrap_or_default();
        return Err(Error::not_found(format!("no kernel is called {stranger}"))
            .hint(format!("{near}`clamp-host kernel list` shows all; * and ? stand for any letters")));
    }
    let wanted = |spec: &&KernelSpec| patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern, spec));
    Ok(catalogue::all().filter(wanted).collect())
}

/// `*` is any letters, `?` is one.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) if matches(rest, text) => true,
        (Some((b'*', _)), Some((_, text))) => matches(pattern, text),
        (Some((b'?', rest)), Some((_, text))) => matches(rest, text),
        (Some((one, rest)), Some((other, text))) => one == other && matches(rest, text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_kernels() {
        let ids = |patterns: &[&str]| -> Vec<&str> {
            let patterns: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
            chosen(&patterns).expect("kernels").iter().map(|spec| spec.id).collect()
        };
        assert_eq!(ids(&["sum"]), ["sum.f32.v1", "sum.f64.v1"]);
        assert_eq!(ids(&["matmul.f32.v1", "dot.f6?.v1"]), ["dot.f64.v1", "matmul.f32.v1"]);
        assert_eq!(ids(&["gather*f64*"]), ["gather_rows.f64.v1"]);
        assert_eq!(ids(&[]).len(), catalogue::all().len());
        let error = chosen(&["smu.f32.v1".to_owned()]).expect_err("no such");
        assert!(error.message.contains("smu.f32.v1") && error.hint.is_some(), "{error:?}");
    }
}
