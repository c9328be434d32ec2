//! Row-wise kernels with rows on threads. A row's steps follow one another while it is in the nearest caches, so memory
//! is read and written once.

use std::ops::Range;

use rayon::prelude::*;

use super::only_param;
use crate::ahead::prefetch;
use crate::blocks::{Aligned, PARALLEL_FROM, each};
use crate::catalogue::ParamValue;
use crate::dispatch::{Level, levels};
use crate::float::Float;
use crate::function::cpu::exp_in_place;
use crate::launch::{Launch, LaunchError};
use crate::reduce::cpu::{mean_of, sum, sum_sq_of, var_of};
use crate::stream::{self, Keep, STREAM_FROM_BYTES};

/// The longest row that is computed beside its place and then sent past the caches, where the output is large.
const STREAMED_COLUMNS: usize = 4096;

/// m = max(row); e = exp(x - m); s = sum(e); y = e / s.
pub(crate) fn softmax(level: Level, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    each_row(launch, |row, held, out| {
        // A part at a time, since memory is asked for so many lines together and no more.
        fetch_next(row, 0..1, 3);
        let greatest = greatest(level, row);
        let Some(held) = held else {
            fetch_next(row, 1..3, 3);
            subtract(level, row, greatest, out);
            return normalise(level, out);
        };
        subtract(level, row, greatest, held);
        fetch_next(row, 1..2, 3);
        exp_in_place(level, held);
        fetch_next(row, 2..3, 3);
        let total = sum(level, held);
        quotients(level, held, total, out);
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
    each_row(launch, |row, held, out| {
        fetch_next(row, 0..1, 1);
        let mean = mean_of(level, row);
        let root = (var_of(level, row, mean) + eps).sqrt();
        let keep = kept(&held);
        match (gamma, beta) {
            (Some(gamma), Some(beta)) => {
                let f = |[x, gamma, beta]: [f32; 3]| ((x - mean) / root).fused(gamma, beta).canonical();
                each(level, keep, f, [row, gamma, beta], out);
            }
            (Some(gamma), None) => {
                let f = |[x, gamma]: [f32; 2]| ((x - mean) / root * gamma).canonical();
                each(level, keep, f, [row, gamma], out);
            }
            (None, Some(beta)) => {
                let f = |[x, beta]: [f32; 2]| ((x - mean) / root + beta).canonical();
                each(level, keep, f, [row, beta], out);
            }
            (None, None) => each(level, keep, |[x]: [f32; 1]| ((x - mean) / root).canonical(), [row], out),
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
    each_row(launch, |row, held, out| {
        fetch_next(row, 0..1, 1);
        let root = (sum_sq_of(level, row) / row.len() as f32 + eps).sqrt();
        let keep = kept(&held);
        match gamma {
            Some(gamma) => each(level, keep, |[x, gamma]: [f32; 2]| (x / root * gamma).canonical(), [row, gamma], out),
            None => each(level, keep, |[x]: [f32; 1]| (x / root).canonical(), [row], out),
        }
    })
}

/// Room for a row on the way to an output that is sent past the caches; without it the output stays in them.
type Held<'a> = Option<&'a mut [f32]>;

/// Where the output's elements are to stay.
fn kept(held: &Held<'_>) -> Keep {
    if held.is_some() { Keep::Far } else { Keep::Near }
}

/// Gives `f` each row of the last dimension, perhaps room for it, and its place in the output, on threads where that pays.
fn each_row(launch: &mut Launch<'_, '_>, f: impl Fn(&[f32], Held<'_>, &mut [f32]) + Sync) -> Result<(), LaunchError> {
    let columns = launch.shape(0).dims().last().map_or(1, |&columns| columns as usize);
    if columns == 0 {
        return Ok(());
    }
    let x = launch.slice::<f32>(0)?;
    let out = launch.output::<f32>()?;
    let rows = |(x, out): (&[f32], &mut [f32])| {
        for (x, out) in x.chunks_exact(columns).zip(out.chunks_exact_mut(columns)) {
            fetch_next(out, 0..1, 1);
            f(x, None, out);
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
                f(x, Some(held), out);
            }
            stream::fence();
        });
    } else {
        let at_once = columns * (PARALLEL_FROM / 8).div_ceil(columns);
        x.par_chunks(at_once).zip(out.par_chunks_mut(at_once)).for_each(rows);
    }
    Ok(())
}

/// Asks for some parts, of `of`, of a row after this one, so that memory works while this one is computed. A long row
/// brings its own.
fn fetch_next(row: &[f32], parts: Range<usize>, of: usize) {
    const LONG: usize = 2048;
    const LINE: usize = 16;
    /// As far ahead as memory takes to come, in rows that are short.
    const AHEAD: usize = 1024;
    if row.len() <= LONG {
        let at = |part: usize| (row.len() * part / of).next_multiple_of(LINE);
        for at in (at(parts.start)..at(parts.end)).step_by(LINE) {
            prefetch(row.as_ptr().wrapping_add(row.len().max(AHEAD) + at));
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

/// The powers over their sum, as [`divide`], sent past the caches; call [`stream::fence`] before another thread may read them.
fn quotients(level: Level, row: &[f32], total: f32, out: &mut [f32]) {
    let limit = (total * SMALL).to_bits();
    if total.is_nan() {
        return out.fill(f32::CANONICAL_NAN);
    }
    if any_under(level, row, limit) {
        let total = f64::from(total);
        let inverse = 1.0 / total;
        return each(level, Keep::Far, |[x]| quotient_small(x, total, inverse), [row], out);
    }
    let inverse = 1.0 / total;
    each(level, Keep::Far, |[x]| quotient(x, total, inverse), [row], out);
}

levels! {
    /// Whether one is neither 0 nor has bits from `limit` on.
    fn any_under [](row: &[f32], limit: u32) -> bool {
        row.iter().fold(false, |any, x| any | (x.to_bits().wrapping_sub(1) < limit))
    }
}

/// 2^-90: remainders of powers that are this much smaller than their sum would lose bits.
const SMALL: f32 = f32::from_bits((127 - 90) << 23);

/// By fused steps, which take less time than a division and round as it does. The first quotient is within two units of
/// its last place, the second within one, as its remainder is nearly exact; the remainder of that is exact, and so the
/// third is rounded correctly, since the inverse is (Markstein). Remainders of very small powers would lose bits.
#[inline(always)]
fn quotient(power: f32, total: f32, inverse: f32) -> f32 {
    let first = power * inverse;
    let second = (-first).fused(total, power).fused(inverse, first);
    (-second).fused(total, power).fused(inverse, second)
}

#[inline(always)]
fn divide_block(block: &mut [f32], total: f32, inverse: f32) {
    let limit = (total * SMALL).to_bits();
    let is_small = |x: &f32| x.to_bits().wrapping_sub(1) < limit;
    if block.iter().fold(false, |any, x| any | is_small(x)) {
        return divide_small(block, total);
    }
    for x in block {
        *x = quotient(*x, total, inverse);
    }
}

/// By steps in f64. A quotient of two f32 is either the middle between two f32, and then an f64, which the last step
/// finds exactly, or at least 2^-49 of itself away from every middle, and the last step is nearer.
#[inline(always)]
fn quotient_small(power: f32, total: f64, inverse: f64) -> f32 {
    let power = f64::from(power);
    let first = power * inverse;
    let rest = (-first).fused(total, power);
    rest.fused(inverse, first) as f32
}

#[inline(always)]
fn divide_small(block: &mut [f32], total: f32) {
    let total = f64::from(total);
    let inverse = 1.0 / total;
    for x in block {
        *x = quotient_small(*x, total, inverse);
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
                let mut streamed = [0.0; 80];
                super::quotients(level, &powers, total, &mut streamed);
                stream::fence();
                divide(level, &mut quotients, total);
                assert_eq!(streamed.map(f32::to_bits), quotients.map(f32::to_bits), "over {total:e}, {level}");
                for (quotient, power) in quotients.iter().zip(powers) {
                    assert_eq!(quotient.to_bits(), (power / total).to_bits(), "{power:e} / {total:e}, {level}");
                }
            }
        }
    }
}
