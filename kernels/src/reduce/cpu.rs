//! The reductions in whole rows of lanes, chunks and rows on threads. The order within a chunk and over the partials is
//! the specification's, so who computes a chunk changes nothing.

use rayon::prelude::*;

use crate::blocks::PARALLEL_FROM;
use crate::catalogue::{Dtype, ParamValue, Reduction, rule};
use crate::dispatch::{Level, levels};
use crate::float::Float;
use crate::launch::{DataError, Launch};

/// All elements, or those of each row, to one value.
pub(crate) fn reduce(
    level: Level,
    reduction: Reduction,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), DataError> {
    match launch.output_dtype() {
        Dtype::F32 => reduce_of::<f32>(level, reduction, launch, params),
        _ => reduce_of::<f64>(level, reduction, launch, params),
    }
}

fn reduce_of<T: Chunked>(
    level: Level,
    reduction: Reduction,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), DataError> {
    let x = launch.slice::<T>(0)?;
    let y = if reduction == Reduction::Dot { launch.slice::<T>(1)? } else { &[] };
    let columns = if rule::flag(params, 0) { launch.shape(0).dims()[1] as usize } else { x.len() };
    let one = |(row, out): (usize, &mut T)| {
        let row = row * columns..(row + 1) * columns;
        let value = match reduction {
            Reduction::Sum => sum(level, &x[row]),
            Reduction::Dot => dot(level, &x[row.clone()], &y[row]),
        };
        *out = value.canonical();
    };
    let out = launch.output::<T>()?;
    if x.len() >= PARALLEL_FROM && out.len() > 1 {
        let rows_at_once = (PARALLEL_FROM / 8).div_ceil(columns.max(1));
        out.par_iter_mut().with_min_len(rows_at_once).enumerate().for_each(one);
    } else {
        out.iter_mut().enumerate().for_each(one);
    }
    Ok(())
}

/// A float with its chunk steps, each compiled for its number of lanes.
pub(crate) trait Chunked: Float {
    /// Elements of a chunk.
    const CHUNK: usize = Self::LANES * 64;

    /// The partial of one chunk, of [`CHUNK`](Chunked::CHUNK) elements or fewer.
    fn chunk_sum(level: Level, chunk: &[Self]) -> Self;
    /// The partial of the products of one chunk.
    fn chunk_dot(level: Level, x: &[Self], y: &[Self]) -> Self;
}

impl Chunked for f32 {
    fn chunk_sum(level: Level, chunk: &[f32]) -> f32 {
        sum_lanes::<f32, 128>(level, chunk, [-0.0; 128])
    }

    fn chunk_dot(level: Level, x: &[f32], y: &[f32]) -> f32 {
        dot_lanes::<f32, 128>(level, x, y, [-0.0; 128])
    }
}

impl Chunked for f64 {
    fn chunk_sum(level: Level, chunk: &[f64]) -> f64 {
        sum_lanes::<f64, 64>(level, chunk, [-0.0; 64])
    }

    fn chunk_dot(level: Level, x: &[f64], y: &[f64]) -> f64 {
        dot_lanes::<f64, 64>(level, x, y, [-0.0; 64])
    }
}

/// The sum of `x` in the specification's order; +0 of nothing. A NaN may have any bits.
pub(crate) fn sum<T: Chunked>(level: Level, x: &[T]) -> T {
    match x.len() {
        0 => T::ZERO,
        n if n <= T::CHUNK => T::chunk_sum(level, x),
        n if n < PARALLEL_FROM => sum(level, &x.chunks(T::CHUNK).map(|x| T::chunk_sum(level, x)).collect::<Vec<T>>()),
        _ => sum(level, &x.par_chunks(T::CHUNK).map(|x| T::chunk_sum(level, x)).collect::<Vec<T>>()),
    }
}

/// The sum of the products of `x` and `y` in the specification's order; +0 of nothing. A NaN may have any bits.
pub(crate) fn dot<T: Chunked>(level: Level, x: &[T], y: &[T]) -> T {
    let step = |(x, y): (&[T], &[T])| T::chunk_dot(level, x, y);
    match x.len() {
        0 => T::ZERO,
        n if n <= T::CHUNK => T::chunk_dot(level, x, y),
        n if n < PARALLEL_FROM => sum(level, &x.chunks(T::CHUNK).zip(y.chunks(T::CHUNK)).map(step).collect::<Vec<T>>()),
        _ => sum(level, &x.par_chunks(T::CHUNK).zip(y.par_chunks(T::CHUNK)).map(step).collect::<Vec<T>>()),
    }
}

levels! {
    fn sum_lanes [T: Float, const L: usize](chunk: &[T], start: [T; L]) -> T {
        let mut lanes = start;
        let mut rows = chunk.chunks_exact(L);
        for row in &mut rows {
            for (lane, &x) in lanes.iter_mut().zip(row) {
                *lane = *lane + x;
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(rows.remainder()) {
            *lane = *lane + x;
        }
        fold(lanes, chunk.len())
    }
}

levels! {
    fn dot_lanes [T: Float, const L: usize](x: &[T], y: &[T], start: [T; L]) -> T {
        let mut lanes = start;
        let (mut x_rows, mut y_rows) = (x.chunks_exact(L), y.chunks_exact(L));
        for (x, y) in (&mut x_rows).zip(&mut y_rows) {
            for ((lane, &x), &y) in lanes.iter_mut().zip(x).zip(y) {
                *lane = x.fused(y, *lane);
            }
        }
        for ((lane, &x), &y) in lanes.iter_mut().zip(x_rows.remainder()).zip(y_rows.remainder()) {
            *lane = x.fused(y, *lane);
        }
        fold(lanes, x.len())
    }
}

/// Folds the lanes of a chunk of `elements`. Lanes beyond them hold -0, and adding that changes nothing, so the first
/// halvings of a short chunk are left out.
#[inline(always)]
fn fold<T: Float, const L: usize>(mut lanes: [T; L], elements: usize) -> T {
    let mut half = L / 2;
    while half >= 1 {
        if half < elements {
            let (low, high) = lanes.split_at_mut(half);
            for (low, &high) in low.iter_mut().zip(high.iter()) {
                *low = *low + high;
            }
        }
        half /= 2;
    }
    lanes[0]
}
