//! Attention in blocks of rows of q, on threads: a block's scores, their softmax and the product with v follow one
//! another in the cache, and there is never memory for all scores at once.

use rayon::prelude::*;

use super::Attention;
use crate::blocks::PARALLEL_FROM;
use crate::catalogue::ParamValue;
use crate::dispatch::{Level, levels};
use crate::launch::{Launch, LaunchError, aside};
use crate::matmul::Extents;
use crate::matmul::cpu::{Scratch, product_here};
use crate::rows::cpu::softmax_in_place;

/// Scores that one thread holds at a time, if a row is not longer: half a MiB.
const SCORES: usize = 128 * 1024;

/// The most rows of q in a block.
const MOST_ROWS: usize = 256;

/// s = matmul(q, k^T) * scale + mask; softmax; matmul with v.
pub(crate) fn attention(
    level: Level,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), LaunchError> {
    let attention = Attention::of(launch, params)?;
    let Attention { s, t, d, e, .. } = attention;
    let out = launch.output::<f32>()?;
    if out.is_empty() {
        return Ok(());
    }
    let batches = out.len() / (s * e);
    let steps = (batches * s).saturating_mul(t.saturating_mul(d + e));
    let threads = if steps < PARALLEL_FROM { 1 } else { rayon::current_num_threads() };
    let fair = if threads == 1 { s } else { (batches * s).div_ceil(4 * threads) };
    let rows = (SCORES / t.max(1)).min(MOST_ROWS).min(fair).min(s).max(1).next_multiple_of(8);
    let block = |room: &mut Room, batch: usize, index: usize, out: &mut [f32]| {
        rows_of_q(level, &attention.batch(batch), index * rows, out, room)
    };
    let new = || Room { scratch: Scratch::new(), scores: Vec::new() };
    if threads == 1 {
        let mut held = new();
        for (batch, out) in out.chunks_mut(s * e).enumerate() {
            out.chunks_mut(rows * e).enumerate().try_for_each(|(index, out)| block(&mut held, batch, index, out))?;
        }
        return Ok(());
    }
    out.par_chunks_mut(s * e).enumerate().try_for_each(|(batch, out)| {
        let blocks = out.par_chunks_mut(rows * e).enumerate();
        blocks.try_for_each_init(new, |held, (index, out)| block(held, batch, index, out))
    })
}

/// What a thread holds from one block to the next.
struct Room {
    scratch: Scratch<f32>,
    scores: Vec<f32>,
}

/// The output's rows from `first` on, of one batch.
fn rows_of_q(
    level: Level,
    batch: &Attention<'_>,
    first: usize,
    out: &mut [f32],
    room: &mut Room,
) -> Result<(), LaunchError> {
    let Room { scratch, scores } = room;
    let Attention { t, d, e, q, k, v, mask, scale, .. } = *batch;
    let m = out.len() / e;
    let extents = |k, n, transpose_b| Extents { m, n, k, shared_b: true, transpose_a: false, transpose_b };
    if scores.len() < m * t {
        *scores = Vec::new();
        *scores = aside(m * t, 0.0)?;
    }
    let scores = &mut scores[..m * t];
    product_here(level, &extents(d, t, true), &q[first * d..][..m * d], k, scores, scratch);
    if t > 0 {
        for (row, scores) in scores.chunks_exact_mut(t).enumerate() {
            match mask {
                Some(mask) => scaled_and_masked(level, scores, scale, &mask[(first + row) * t..][..t]),
                None => scaled(level, scores, scale),
            }
            softmax_in_place(level, scores);
        }
    }
    product_here(level, &extents(t, e, false), scores, v, out, scratch);
    Ok(())
}

levels! {
    fn scaled [](scores: &mut [f32], scale: f32) {
        for score in scores {
            *score *= scale;
        }
    }
}

levels! {
    fn scaled_and_masked [](scores: &mut [f32], scale: f32, mask: &[f32]) {
        for (score, &mask) in scores.iter_mut().zip(mask) {
            *score = *score * scale + mask;
        }
    }
}
