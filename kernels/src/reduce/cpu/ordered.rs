//! Sums, products and squares in whole rows of lanes, with chunks on threads. The order within a chunk and over the
//! partials is the specification's, so who computes a chunk changes nothing.

use rayon::prelude::*;

use crate::ahead;
use crate::blocks::PARALLEL_FROM;
use crate::dispatch::{Level, levels};
use crate::float::Float;

/// A float with its chunk steps, each compiled for its number of lanes.
pub(crate) trait Chunked: Float {
    /// Elements of a chunk.
    const CHUNK: usize = Self::LANES * 64;

    /// The partial of each chunk of `x`.
    fn sums(level: Level, x: &[Self], partials: &mut [Self]);
    /// The partial of each chunk of the products.
    fn dots(level: Level, x: &[Self], y: &[Self], partials: &mut [Self]);
    /// The partial of each chunk of the squares of the distances from `mean`.
    fn squares(level: Level, x: &[Self], mean: Self, partials: &mut [Self]);
}

macro_rules! chunked {
    ($float:ident, $lanes:literal) => {
        impl Chunked for $float {
            fn sums(level: Level, x: &[$float], partials: &mut [$float]) {
                chunks(level, x, x, [-0.0; $lanes], |lane, x, _| lane + x, partials);
            }

            fn dots(level: Level, x: &[$float], y: &[$float], partials: &mut [$float]) {
                chunks(level, x, y, [-0.0; $lanes], |lane, x, y| x.fused(y, lane), partials);
            }

            fn squares(level: Level, x: &[$float], mean: $float, partials: &mut [$float]) {
                let step = |lane, x, _| {
                    let apart: $float = x - mean;
                    apart.fused(apart, lane)
                };
                chunks(level, x, x, [-0.0; $lanes], step, partials);
            }
        }
    };
}

chunked!(f32, 128);
chunked!(f64, 64);

/// Chunks that one thread takes at a time.
const TASK: usize = 64;

/// The sum of `x` in the specification's order; +0 of nothing. A NaN may have any bits.
pub(crate) fn sum<T: Chunked>(level: Level, x: &[T]) -> T {
    over_chunks(level, x.len(), |elements, partials| T::sums(level, &x[elements], partials))
}

/// The sum of the products, each a fused step of its lane; +0 of nothing. A NaN may have any bits.
pub(crate) fn dot<T: Chunked>(level: Level, x: &[T], y: &[T]) -> T {
    over_chunks(level, x.len(), |elements, partials| T::dots(level, &x[elements.clone()], &y[elements], partials))
}

/// The sum of the squares.
pub(crate) fn sum_sq_of<T: Chunked>(level: Level, x: &[T]) -> T {
    over_chunks(level, x.len(), |elements, partials| T::dots(level, &x[elements.clone()], &x[elements], partials))
}

/// The sum over the number of elements, of which there is one at least.
pub(crate) fn mean_of<T: Chunked>(level: Level, x: &[T]) -> T {
    sum(level, x) / T::count(x.len())
}

/// The population variance about `mean`, which is that of `x`; there is one element at least.
pub(crate) fn var_of<T: Chunked>(level: Level, x: &[T], mean: T) -> T {
    let squares = over_chunks(level, x.len(), |elements, partials| T::squares(level, &x[elements], mean, partials));
    squares / T::count(x.len())
}

/// Fills the partials of `n` elements by `step`, which gets some whole chunks or the last ones, and sums them.
fn over_chunks<T: Chunked>(level: Level, n: usize, step: impl Fn(std::ops::Range<usize>, &mut [T]) + Sync) -> T {
    if n <= T::CHUNK {
        let mut partial = [T::ZERO];
        if n > 0 {
            step(0..n, &mut partial);
        }
        return partial[0];
    }
    let mut partials = vec![T::ZERO; n.div_ceil(T::CHUNK)];
    if n < PARALLEL_FROM {
        step(0..n, &mut partials);
    } else {
        partials.par_chunks_mut(TASK).enumerate().for_each(|(task, partials)| {
            let first = task * TASK * T::CHUNK;
            step(first..n.min(first + TASK * T::CHUNK), partials);
        });
    }
    sum(level, &partials)
}

levels! {
    /// The partial of each chunk, where `step` adds a pair of elements to their lane; `start` is -0 in every lane.
    fn chunks [T: Float, const L: usize, F: Fn(T, T, T) -> T](x: &[T], y: &[T], start: [T; L], step: F, partials: &mut [T]) {
        let two = !std::ptr::eq(x, y);
        for ((x, y), partial) in x.chunks(L * 64).zip(y.chunks(L * 64)).zip(partials) {
            let mut lanes = start;
            let (x_rows, x_rest) = x.as_chunks::<L>();
            let (y_rows, y_rest) = y.as_chunks::<L>();
            for (x, y) in x_rows.iter().zip(y_rows) {
                ahead::ask(x);
                if two {
                    ahead::ask(y);
                }
                for ((lane, &x), &y) in lanes.iter_mut().zip(x).zip(y) {
                    *lane = step(*lane, x, y);
                }
            }
            for ((lane, &x), &y) in lanes.iter_mut().zip(x_rest).zip(y_rest) {
                *lane = step(*lane, x, y);
            }
            *partial = fold(lanes);
        }
    }
}

/// Folds the lanes of a chunk. Lanes without an element hold -0, and adding that changes nothing.
#[inline(always)]
fn fold<T: Float, const L: usize>(mut lanes: [T; L]) -> T {
    halve::<T, L, 64>(&mut lanes);
    halve::<T, L, 32>(&mut lanes);
    halve::<T, L, 16>(&mut lanes);
    halve::<T, L, 8>(&mut lanes);
    halve::<T, L, 4>(&mut lanes);
    halve::<T, L, 2>(&mut lanes);
    halve::<T, L, 1>(&mut lanes);
    lanes[0]
}

/// One halving, of a length that the compiler knows: the lanes stay in registers.
#[inline(always)]
fn halve<T: Float, const L: usize, const HALF: usize>(lanes: &mut [T; L]) {
    if HALF < L {
        for lane in 0..HALF {
            lanes[lane] = lanes[lane] + lanes[lane + HALF];
        }
    }
}
