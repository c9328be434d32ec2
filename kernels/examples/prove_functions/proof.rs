//! The comparison: every input through every form, on threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::forms::Form;
use super::inputs::{CHUNK, Inputs};
use super::oracle::Function;

/// What came of one function in one form.
#[derive(Clone, Default)]
pub struct Outcome {
    /// Inputs whose result is wrong.
    pub differences: u64,
    /// The lowest input that differs: its bits, what is right, what came.
    pub first: Option<[u32; 3]>,
    /// Over all threads.
    pub time: Duration,
}

/// The outcome in each form, and the number of inputs; `progress` is told the chunks done and all of them.
pub fn prove(
    inputs: Inputs,
    function: &Function,
    forms: &[Form],
    threads: usize,
    progress: impl Fn(u64, u64) + Sync,
) -> (Vec<Outcome>, u64) {
    let chunks = inputs.chunks();
    let (next, count) = (AtomicU64::new(0), AtomicU64::new(0));
    let outcomes = Mutex::new(vec![Outcome::default(); forms.len()]);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut mine = vec![Outcome::default(); forms.len()];
                let (mut x, mut y) = (Vec::with_capacity(CHUNK), vec![0f32; CHUNK]);
                loop {
                    let chunk = next.fetch_add(1, Ordering::Relaxed);
                    if chunk >= chunks {
                        break;
                    }
                    inputs.fill(chunk, &mut x);
                    count.fetch_add(x.len() as u64, Ordering::Relaxed);
                    let right: Vec<u32> = x.iter().map(|&x| (function.right)(x).to_bits()).collect();
                    for (form, outcome) in forms.iter().zip(&mut mine) {
                        let started = Instant::now();
                        form.run(function, &x, &mut y[..x.len()]);
                        outcome.time += started.elapsed();
                        outcome.compare(&x, &right, &y);
                    }
                    progress(chunk, chunks);
                }
                let mut outcomes = outcomes.lock().expect("no thread panics while it holds this");
                outcomes.iter_mut().zip(mine).for_each(|(outcome, mine)| outcome.join(mine));
            });
        }
    });
    (outcomes.into_inner().expect("the threads have ended"), count.into_inner())
}

impl Outcome {
    fn compare(&mut self, x: &[f32], right: &[u32], y: &[f32]) {
        for ((x, &right), y) in x.iter().zip(right).zip(y) {
            if y.to_bits() != right {
                self.differences += 1;
                let found = [x.to_bits(), right, y.to_bits()];
                self.first = Some(self.first.map_or(found, |first| first.min(found)));
            }
        }
    }

    fn join(&mut self, other: Outcome) {
        self.differences += other.differences;
        self.time += other.time;
        self.first = self.first.into_iter().chain(other.first).min();
    }
}
