//! The ceilings of a CPU: the quickest of some loops each, on any number of threads, over memory like a backend's own.

use std::hint::black_box;
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant};

use super::level::{Loops, STEP, Way};
use super::region::Region;
use super::{Bound, Ceilings, Reached};
use crate::error::{Error, Result};

/// How long one measurement of multiply-adds takes, about.
const FMA_TIME: Duration = Duration::from_millis(5);

/// The loops, which of them are quickest here, and the memory that they go over.
pub(in crate::bench) struct HostLoops {
    threads: usize,
    loops: Loops,
    region: Region,
    huge_page_bytes: Option<u64>,
    /// Rounds of the multiply-add loop that take about [`FMA_TIME`].
    rounds: u64,
    read: usize,
    copy: usize,
    triad: usize,
}

impl HostLoops {
    /// Over `bytes` in all; tries every way and keeps the quickest.
    pub(super) fn new(threads: usize, bytes: u64) -> Result<Self> {
        let threads = threads.max(1);
        can_start(threads)?;
        // Each thread gets whole steps of each of the triad's three arrays.
        let least = (3 * threads * STEP * size_of::<f32>()) as u64;
        let region = Region::new(bytes.max(least))?;
        let huge_page_bytes = region.huge_page_bytes();
        let loops = Loops::best();
        let mut found = Self { threads, loops, region, huge_page_bytes, rounds: 1, read: 0, copy: 0, triad: 0 };
        found.read = quickest(found.loops.read.len(), |way| found.time_read(way));
        found.copy = quickest(found.loops.copy.len(), |way| found.time_copy(way));
        found.triad = quickest(found.loops.triad.len(), |way| found.time_triad(way));
        while found.time_fma().1 < FMA_TIME {
            found.rounds *= 2;
        }
        Ok(found)
    }

    fn time_read(&mut self, way: usize) -> (usize, Duration) {
        let Way { run, .. } = self.loops.read[way];
        let arrays = split(self.region.floats(), self.threads, 1);
        let bytes = arrays.iter().map(|[x, ..]| size_of_val(&**x)).sum();
        let time = together(arrays, |[x, ..]| {
            black_box(run(x));
        });
        (bytes, time)
    }

    fn time_copy(&mut self, way: usize) -> (usize, Duration) {
        let Way { run, .. } = self.loops.copy[way];
        let arrays = split(self.region.floats(), self.threads, 2);
        let bytes = arrays.iter().map(|[x, ..]| 2 * size_of_val(&**x)).sum();
        (bytes, together(arrays, |[x, out, _]| run(x, black_box(out))))
    }

    fn time_triad(&mut self, way: usize) -> (usize, Duration) {
        let Way { run, .. } = self.loops.triad[way];
        let arrays = split(self.region.floats(), self.threads, 3);
        let bytes = arrays.iter().map(|[x, ..]| 3 * size_of_val(&**x)).sum();
        (bytes, together(arrays, |[x, y, out]| run(x, y, black_box(out))))
    }

    fn time_fma(&self) -> (usize, Duration) {
        let (run, rounds) = (self.loops.fma.run, self.rounds);
        let time = together(vec![(); self.threads], |()| {
            black_box(run(black_box(rounds)));
        });
        ((self.loops.operations * rounds) as usize * self.threads, time)
    }
}

impl Ceilings for HostLoops {
    fn measure(&mut self, bound: Bound) -> Result<Option<Reached>> {
        let (amount, time) = match bound {
            Bound::Read => self.time_read(self.read),
            Bound::Copy => self.time_copy(self.copy),
            Bound::Triad => self.time_triad(self.triad),
            Bound::Fma => self.time_fma(),
        };
        Ok(Some(Reached { amount: amount as f64, time }))
    }

    fn how(&self, bound: Bound) -> String {
        let how = match bound {
            Bound::Read => self.loops.read[self.read].how,
            Bound::Copy => self.loops.copy[self.copy].how,
            Bound::Triad => self.loops.triad[self.triad].how,
            Bound::Fma => self.loops.fma.how,
        };
        how.to_owned()
    }

    fn bytes(&self) -> u64 {
        self.region.bytes()
    }

    fn huge_page_bytes(&self) -> Option<u64> {
        self.huge_page_bytes
    }
}

/// The way that takes the least time, each tried twice.
fn quickest(ways: usize, mut time: impl FnMut(usize) -> (usize, Duration)) -> usize {
    let mut best = |way: usize| time(way).1.min(time(way).1);
    let times: Vec<Duration> = (0..ways).map(&mut best).collect();
    (0..ways).min_by_key(|&way| times[way]).unwrap_or(0)
}

/// `arrays` arrays of equal length, each divided between the threads; arrays that are not asked for are empty.
fn split(memory: &mut [f32], threads: usize, arrays: usize) -> Vec<[&mut [f32]; 3]> {
    let piece = memory.len() / (arrays * threads) / STEP * STEP;
    let mut pieces = memory.chunks_exact_mut(piece.max(STEP));
    let mut own: Vec<[&mut [f32]; 3]> = (0..threads).map(|_| Default::default()).collect();
    for array in 0..arrays {
        for own in &mut own {
            own[array] = pieces.next().unwrap_or_default();
        }
    }
    own
}

/// Whether the system starts so many threads at a time: asked once, where an answer is still of use.
fn can_start(threads: usize) -> Result<()> {
    let (sender, waiting) = std::sync::mpsc::channel::<()>();
    let waiting = Mutex::new(waiting);
    std::thread::scope(|scope| {
        // Dropped at the end of this block, which ends the waiting.
        let _sender = sender;
        for number in 1..=threads {
            let wait = || drop(waiting.lock().map(|waiting| waiting.recv()));
            if let Err(error) = std::thread::Builder::new().spawn_scoped(scope, wait) {
                return Err(Error::limit(format!("cannot start {threads} threads: number {number}: {error}"))
                    .hint("give fewer --threads, or raise the limits of processes and address space (ulimit -u, -v)"));
            }
        }
        Ok(())
    })
}

/// From when all threads begin until the last has ended.
fn together<T: Send>(work: Vec<T>, run: impl Fn(T) + Sync) -> Duration {
    let [one] = match <[T; 1]>::try_from(work) {
        Ok(one) => one,
        Err(work) => {
            let barrier = Barrier::new(work.len() + 1);
            return std::thread::scope(|scope| {
                for work in work {
                    let (barrier, run) = (&barrier, &run);
                    scope.spawn(move || {
                        barrier.wait();
                        run(work);
                        barrier.wait();
                    });
                }
                barrier.wait();
                let start = Instant::now();
                barrier.wait();
                start.elapsed()
            });
        }
    };
    let start = Instant::now();
    run(one);
    start.elapsed()
}
