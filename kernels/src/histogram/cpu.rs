//! Histograms with counts of its own for each thread, added at the end. A bin is guessed from the place between the first
//! and the last edge where the edges are evenly spaced, else found by halving; either way the edges alone decide.

use rayon::prelude::*;

use super::reference::check_edges;
use crate::blocks::PARALLEL_FROM;
use crate::catalogue::Dtype;
use crate::dispatch::{Level, levels};
use crate::float::Float;
use crate::launch::{Launch, LaunchError, aside};

/// Elements whose bins are found before they are counted.
const BLOCK: usize = 256;

/// A float that can guess a bin.
trait Guess: Float {
    /// The count as a float.
    fn from_count(count: usize) -> Self;
    /// The whole part; 0 for what is below 0 and for a NaN.
    fn whole(self) -> usize;
}

macro_rules! guess {
    ($($float:ident)+) => { $(
        impl Guess for $float {
            #[inline(always)]
            fn from_count(count: usize) -> Self {
                count as $float
            }

            #[inline(always)]
            fn whole(self) -> usize {
                self as usize
            }
        }
    )+ };
}

guess!(f32 f64);

/// Counts of the bins, then below, above and NaN.
pub(crate) fn histogram(level: Level, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.input_dtype() {
        Dtype::F32 => histogram_of::<f32>(level, launch),
        _ => histogram_of::<f64>(level, launch),
    }
}

fn histogram_of<T: Guess>(level: Level, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let (x, edges) = (launch.slice::<T>(0)?, launch.slice::<T>(1)?);
    check_edges(edges)?;
    let out = launch.output::<i64>()?;
    let scale = even_scale(edges);
    let count = |x: &[T]| {
        let mut counts = aside(out.len(), 0i64)?;
        match scale {
            Some(scale) => count_even(level, x, edges, scale, &mut counts),
            None => count_any(level, x, edges, &mut counts),
        }
        Ok::<_, LaunchError>(counts)
    };
    let counts = if x.len() < PARALLEL_FROM {
        count(x)?
    } else {
        let add = |mut counts: Vec<i64>, more: Vec<i64>| {
            counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
            counts
        };
        let part = x.len().div_ceil(rayon::current_num_threads());
        let both = |one: Result<Vec<i64>, _>, more: Result<Vec<i64>, _>| Ok(add(one?, more?));
        x.par_chunks(part).map(count).reduce_with(both).unwrap_or_else(|| Ok(Vec::new()))?
    };
    out.copy_from_slice(&counts);
    Ok(())
}

/// Bins per unit, if a guess by it is off by one bin at most at every edge.
fn even_scale<T: Guess>(edges: &[T]) -> Option<T> {
    let bins = edges.len() - 1;
    let scale = T::from_count(bins) / (edges[bins] - edges[0]);
    let near = |(bin, &edge): (usize, &T)| ((edge - edges[0]) * scale).whole().abs_diff(bin) <= 1;
    edges.iter().enumerate().all(near).then_some(scale)
}

/// The place of the count of `x`, whose bin is `bin` if it is between the first and the last edge.
#[inline(always)]
fn place<T: Guess>(x: T, bin: usize, edges: &[T]) -> usize {
    let bins = edges.len() - 1;
    if x < edges[0] {
        bins
    } else if x > edges[bins] {
        bins + 1
    } else if x.partial_cmp(&x).is_none() {
        bins + 2
    } else {
        bin
    }
}

levels! {
    fn count_even [T: Guess](x: &[T], edges: &[T], scale: T, counts: &mut [i64]) {
        let last = edges.len() - 2;
        let mut guesses = [0; BLOCK];
        for x in x.chunks(BLOCK) {
            for (guess, &x) in guesses.iter_mut().zip(x) {
                *guess = ((x - edges[0]) * scale).whole().min(last);
            }
            for (&guess, &x) in guesses.iter().zip(x) {
                let mut bin = guess;
                while bin > 0 && x < edges[bin] {
                    bin -= 1;
                }
                while bin < last && x >= edges[bin + 1] {
                    bin += 1;
                }
                counts[place(x, bin, edges)] += 1;
            }
        }
    }
}

levels! {
    fn count_any [T: Guess](x: &[T], edges: &[T], counts: &mut [i64]) {
        let lower = &edges[..edges.len() - 1];
        for &x in x {
            // The last lower edge that is not above x, in as many steps for every x.
            let (mut bin, mut width) = (0, lower.len());
            while width > 1 {
                let half = width / 2;
                bin = if lower[bin + half] <= x { bin + half } else { bin };
                width -= half;
            }
            counts[place(x, bin, edges)] += 1;
        }
    }
}
