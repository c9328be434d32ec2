//! Row-wise kernels with rows on threads. A row's steps follow one another while it is in the nearest caches, so memory
//! is read and written once.

use rayon::prelude::*;

use super::only_param;
use crate::ahead::prefetch;
use crate::blocks::{Aligned, PARALLEL_FROM};
use crate::catalogue::ParamValue;
use crate::dispatch::{Level, levels};
use crate::float::Float;
use crate::function::cpu::exp_in_place;
use crate::launch::{Launch, LaunchError};
use crate::reduce::cpu::{mean_of, sum, sum_sq_of, var_of};
use crate::stream::{self, STREAM_FROM_BYTES};

/// The longest row that is computed beside its place and then sent past the caches, where the output is large.
const STREAMED_COLUMNS: usize = 4096;

/// m = max(row); e = exp(x - m); s = sum(e); y = e / s.
pub(crate) fn softmax(level: Level, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    each_row(launch, |row, out| {
        subtract(level, row, greatest(level, row), out);
        normalise(level, out);
    })
}

/// The softmax of one row, which has an element or more, in its place.
pub(super) fn softmax_in_place(level: Level, row: &mut [f32]) {
    let greatest = greatest(level, row);
    subtract_in_place(level, row, greatest);
    normalise(level, row);
}

/// e = exp(x); y = e / sum(e).
fn normalise(level: Level, row: &mut [f32]) {
    exp_in_place(level, row);
    let total = sum(level, row);
    divide(level, row, total);
}

/// m = mean, v = var, r = sqrt(v + eps); y = fma((x - m) / r, gamma, beta), less what is absent.
pub(crate) fn layernorm(
    level: Level,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), LaunchError> {
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
) -> Result<(), LaunchError> {
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
fn each_row(launch: &mut Launch<'_, '_>, f: impl Fn(&[f32], &mut [f32]) + Sync) -> Result<(), LaunchError> {
    let columns = launch.shape(0).dims().last().map_or(1, |&columns| columns as usize);
    if columns == 0 {
        return Ok(());
    }
    let x = launch.slice::<f32>(0)?;
    let out = launch.output::<f32>()?;
    let rows = |(x, out): (&[f32], &mut [f32])| {
        for (x, out) in x.chunks_exact(columns).zip(out.chunks_exact_mut(columns)) {
            fetch_next(x);
            fetch_next(out);
            f(x, out);
        }
    };
    if x.len() < PARALLEL_FROM / 8 {
        rows((x, out));
    } else if columns <= STREAMED_COLUMNS && size_of_val(out) >= STREAM_FROM_BYTES {
        let at_once = columns * (PARALLEL_FROM / 2).div_ceil(columns);
        x.par_chunks(at_once).zip(out.par_chunks_mut(at_once)).for_each(|(x, out)| {
            let mut held = Aligned::<f32, STREAMED_COLUMNS>::filled(0.0);
            let held = &mut held.0[..columns];
            for (x, out) in x.chunks_exact(columns).zip(out.chunks_exact_mut(columns)) {
                fetch_next(x);
                f(x, held);
                stream::store(held, out);
            }
            stream::fence();
        });
    } else {
        let at_once = columns * (PARALLEL_FROM / 8).div_ceil(columns);
        x.par_chunks(at_once).zip(out.par_chunks_mut(at_once)).for_each(rows);
    }
    Ok(())
}

/// Asks for the row after this one, so that memory works while this one is computed. A long row brings its own.
fn fetch_next(row: &[f32]) {
    const LONG: usize = 2048;
    const LINE: usize = 16;
    if row.len() <= LONG {
        for at in (0..row.len()).step_by(LINE) {
            prefetch(row.as_ptr().wrapping_add(row.len().max(2 * LINE) + at));
        }
    }
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
        let lanes: [f32; 32] = std::array::from_fn(|lane| greater(lanes[lane], lanes[lane + 32]));
        let lanes: [f32; 16] = std::array::from_fn(|lane| greater(lanes[lane], lanes[lane + 16]));
        let lanes: [f32; 8] = std::array::from_fn(|lane| greater(lanes[lane], lanes[lane + 8]));
        let lanes: [f32; 4] = std::array::from_fn(|lane| greater(lanes[lane], lanes[lane + 4]));
        greater(greater(lanes[0], lanes[2]), greater(lanes[1], lanes[3]))
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
    fn subtract_in_place [](row: &mut [f32], from_each: f32) {
        for x in row {
            *x -= from_each;
        }
    }
}

levels! {
    /// The powers, at most 1, over their sum, at least 1 or NaN.
    fn divide [](row: &mut [f32], total: f32) {
        /// Elements that are tried together.
        const BLOCK: usize = 64;
        if total.is_nan() {
            return row.fill(f32::CANONICAL_NAN);
        }
        let inverse = 1.0 / total;
        let (blocks, rest) = row.as_chunks_mut::<BLOCK>();
        for block in blocks {
            divide_block(block, total, inverse);
        }
        divide_block(rest, total, inverse);
    }
}

/// By fused steps, which take less time than a division and round as it does. The first quotient is within two units of
/// its last place, the second within one, as its remainder is nearly exact; the remainder of that is exact, and so the
/// third is rounded correctly, since the inverse is (Markstein). Remainders of very small powers would lose bits.
#[inline(always)]
fn divide_block(block: &mut [f32], total: f32, inverse: f32) {
    /// 2^-90
    const SMALL: f32 = f32::from_bits((127 - 90) << 23);
    let limit = (total * SMALL).to_bits();
    let is_small = |x: &f32| x.to_bits().wrapping_sub(1) < limit;
    if block.iter().fold(false, |any, x| any | is_small(x)) {
        return divide_small(block, total);
    }
    for x in block {
        let first = *x * inverse;
        let second = (-first).fused(total, *x).fused(inverse, first);
        *x = (-second).fused(total, *x).fused(inverse, second);
    }
}

/// By steps in f64. A quotient of two f32 is either the middle between two f32, and then an f64, which the last step
/// finds exactly, or at least 2^-49 of itself away from every middle, and the last step is nearer.
#[inline(always)]
fn divide_small(block: &mut [f32], total: f32) {
    let total = f64::from(total);
    let inverse = 1.0 / total;
    for x in block {
        let power = f64::from(*x);
        let first = power * inverse;
        let rest = (-first).fused(total, power);
        *x = rest.fused(inverse, first) as f32;
    }
}

levels! {
    fn scale [F: Fn(f32, f32, f32) -> f32](f: F, row: &[f32], gamma: &[f32], beta: &[f32], out: &mut [f32]) {
        for (((out, &x), &gamma), &beta) in out.iter_mut().zip(row).zip(gamma).zip(beta) {
            *out = f(x, gamma, beta).canonical();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_divided_as_by_one_division() {
        // Subnormal quotients that are a middle: 3 * 2^-149 * odd over 6; and every kind beside them.
        let mut word = 1u32;
        let mut next = || {
            word = word.wrapping_mul(0x915f_77f5).wrapping_add(0x3c6e_f372);
            word >> 8
        };
        for round in 0..20_000 {
            let total = match round % 4 {
                0 => 6.0,
                1 => 1.0 + (next() % 64) as f32,
                2 => 1.0 + next() as f32 / 4096.0,
                _ => f32::from_bits(0x3f80_0000 + next()),
            };
            // Small ones go another way, so half of the rounds have none: from 2^-80 to 1.
            let small_too = round % 8 < 4;
            let mut power = |index: usize| match index % 4 {
                0 if small_too => f32::from_bits(next() & 0xffff),
                1 if small_too => f32::from_bits((next() << 7) % 0x3f80_0001),
                2 if small_too => f32::from_bits(next() & 0x00ff_ffff),
                3 => f32::from_bits(0x3f80_0000 - (next() & 0x3f_ffff)),
                _ => f32::from_bits(0x3f80_0000 - (next() << 7) % (80 << 23)),
            };
            let powers: [f32; 80] = std::array::from_fn(&mut power);
            for level in Level::ALL.into_iter().filter(|level| level.is_here()) {
                let mut quotients = powers;
                divide(level, &mut quotients, total);
                for (quotient, power) in quotients.iter().zip(powers) {
                    assert_eq!(quotient.to_bits(), (power / total).to_bits(), "{power:e} / {total:e}, {level}");
                }
            }
        }
    }
}
