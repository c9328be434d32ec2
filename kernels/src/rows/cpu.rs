//! Row-wise kernels with rows on threads. A row's steps follow one another while it is in the nearest caches, so memory
//! is read and written once.

use rayon::prelude::*;

use super::only_param;
use crate::blocks::PARALLEL_FROM;
use crate::catalogue::{Function, ParamValue};
use crate::dispatch::{Level, levels};
use crate::float::Float;
use crate::function;
use crate::launch::{DataError, Launch};
use crate::reduce::cpu::{mean_of, sum, sum_sq_of, var_of};

/// Elements of a row that go through a step at a time.
const PIECE: usize = 1024;

/// m = max(row); e = exp(x - m); s = sum(e); y = e / s.
pub(crate) fn softmax(level: Level, launch: &mut Launch<'_, '_>) -> Result<(), DataError> {
    each_row(launch, |row, out| softmax_row(level, row, out))
}

fn softmax_row(level: Level, row: &[f32], out: &mut [f32]) {
    let greatest = greatest(level, row);
    let mut below = [0.0; PIECE];
    for (row, out) in row.chunks(PIECE).zip(out.chunks_mut(PIECE)) {
        let below = &mut below[..row.len()];
        subtract(level, row, greatest, below);
        function::cpu::block(level, Function::Exp, below, out);
    }
    let total = sum(level, out);
    divide(level, out, total);
}

/// The softmax of one row, which has an element or more, in its place.
pub(super) fn softmax_in_place(level: Level, row: &mut [f32]) {
    let greatest = greatest(level, row);
    let mut below = [0.0; PIECE];
    for row in row.chunks_mut(PIECE) {
        let below = &mut below[..row.len()];
        subtract(level, row, greatest, below);
        function::cpu::block(level, Function::Exp, below, row);
    }
    let total = sum(level, row);
    divide(level, row, total);
}

/// m = mean, v = var, r = sqrt(v + eps); y = fma((x - m) / r, gamma, beta), less what is absent.
pub(crate) fn layernorm(
    level: Level,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), DataError> {
    let eps = only_param(params);
    let (gamma, beta) = (launch.optional_slice::<f32>(1)?, launch.optional_slice::<f32>(2)?);
    each_row(launch, |row, out| {
        let mean = mean_of(level, row);
        let root = (var_of(level, row, mean) + eps).sqrt();
        match (gamma, beta) {
            (Some(gamma), Some(beta)) => {
                scale(level, |x, gamma, beta| ((x - mean) / root).fused(gamma, beta), row, gamma, beta, out);
            }
            (Some(gamma), None) => scale(level, |x, gamma, _| (x - mean) / root * gamma, row, gamma, row, out),
            (None, Some(beta)) => scale(level, |x, beta, _| (x - mean) / root + beta, row, beta, row, out),
            (None, None) => scale(level, |x, _, _| (x - mean) / root, row, row, row, out),
        }
    })
}

/// r = sqrt(sum_sq / n + eps); y = (x / r) * gamma, less what is absent.
pub(crate) fn rmsnorm(
    level: Level,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), DataError> {
    let eps = only_param(params);
    let gamma = launch.optional_slice::<f32>(1)?;
    each_row(launch, |row, out| {
        let root = (sum_sq_of(level, row) / row.len() as f32 + eps).sqrt();
        match gamma {
            Some(gamma) => scale(level, |x, gamma, _| x / root * gamma, row, gamma, row, out),
            None => scale(level, |x, _, _| x / root, row, row, row, out),
        }
    })
}

/// Gives `f` each row of the last dimension and its place in the output, on threads where that pays.
fn each_row(launch: &mut Launch<'_, '_>, f: impl Fn(&[f32], &mut [f32]) + Sync) -> Result<(), DataError> {
    let columns = launch.shape(0).dims().last().map_or(1, |&columns| columns as usize);
    if columns == 0 {
        return Ok(());
    }
    let x = launch.slice::<f32>(0)?;
    let out = launch.output::<f32>()?;
    let rows = |(x, out): (&[f32], &mut [f32])| {
        x.chunks_exact(columns).zip(out.chunks_exact_mut(columns)).for_each(|(x, out)| f(x, out));
    };
    if x.len() < PARALLEL_FROM / 8 {
        rows((x, out));
    } else {
        let at_once = columns * (PARALLEL_FROM / 8).div_ceil(columns);
        x.par_chunks(at_once).zip(out.par_chunks_mut(at_once)).for_each(rows);
    }
    Ok(())
}

levels! {
    /// The greatest element that is no NaN; of zeros either one. A NaN comes back in the sum of the powers, and the
    /// powers of both zeros are 1.
    fn greatest [](row: &[f32]) -> f32 {
        const LANES: usize = 64;
        let greater = |x: f32, y: f32| if x > y { x } else { y };
        let mut lanes = [f32::NEG_INFINITY; LANES];
        let (blocks, rest) = row.as_chunks::<LANES>();
        for block in blocks {
            for (lane, &x) in lanes.iter_mut().zip(block) {
                *lane = greater(x, *lane);
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(rest) {
            *lane = greater(x, *lane);
        }
        let mut width = LANES;
        while width > 1 {
            width /= 2;
            for lane in 0..width {
                lanes[lane] = greater(lanes[lane], lanes[lane + width]);
            }
        }
        lanes[0]
    }
}

levels! {
    fn subtract [](row: &[f32], from_each: f32, out: &mut [f32]) {
        for (out, &x) in out.iter_mut().zip(row) {
            *out = x - from_each;
        }
    }
}

levels! {
    fn divide [](row: &mut [f32], total: f32) {
        for x in row {
            *x = (*x / total).canonical();
        }
    }
}

levels! {
    fn scale [F: Fn(f32, f32, f32) -> f32](f: F, row: &[f32], gamma: &[f32], beta: &[f32], out: &mut [f32]) {
        for (((out, &x), &gamma), &beta) in out.iter_mut().zip(row).zip(gamma).zip(beta) {
            *out = f(x, gamma, beta).canonical();
        }
    }
}
