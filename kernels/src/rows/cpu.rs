//! Row-wise kernels with rows on threads and no memory beyond the output.

use rayon::prelude::*;

use crate::blocks::PARALLEL_FROM;
use crate::catalogue::Function;
use crate::dispatch::{Level, levels};
use crate::float::Float;
use crate::function::cpu::block_in_place;
use crate::launch::{DataError, Launch};
use crate::reduce::cpu::sum;

/// m = max(row); e = exp(x - m); s = sum(e); y = e / s.
pub(crate) fn softmax(level: Level, launch: &mut Launch<'_, '_>) -> Result<(), DataError> {
    let columns = launch.shape(0).dims().last().map_or(1, |&columns| columns as usize);
    if columns == 0 {
        return Ok(());
    }
    let x = launch.slice::<f32>(0)?;
    let out = launch.output::<f32>()?;
    let rows_at_once = (PARALLEL_FROM / 8).div_ceil(columns);
    if x.len() >= PARALLEL_FROM / 8 {
        x.par_chunks(columns * rows_at_once).zip(out.par_chunks_mut(columns * rows_at_once)).for_each(|(x, out)| {
            softmax_rows(level, x, out, columns);
        });
    } else {
        softmax_rows(level, x, out, columns);
    }
    Ok(())
}

fn softmax_rows(level: Level, x: &[f32], out: &mut [f32], columns: usize) {
    for (row, out) in x.chunks_exact(columns).zip(out.chunks_exact_mut(columns)) {
        let greatest = greatest(level, row);
        subtract(level, row, greatest, out);
        block_in_place(level, Function::Exp, out);
        let total = sum(level, out);
        divide(level, out, total);
    }
}

levels! {
    /// The greatest element; taken in lanes, since the order changes nothing.
    fn greatest [](row: &[f32]) -> f32 {
        const LANES: usize = 16;
        let mut lanes = [f32::NEG_INFINITY; LANES];
        let mut blocks = row.chunks_exact(LANES);
        for block in &mut blocks {
            for (lane, &x) in lanes.iter_mut().zip(block) {
                *lane = lane.greatest(x);
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(blocks.remainder()) {
            *lane = lane.greatest(x);
        }
        lanes.into_iter().fold(f32::NEG_INFINITY, f32::greatest)
    }
}

levels! {
    fn subtract [](row: &[f32], greatest: f32, out: &mut [f32]) {
        for (out, &x) in out.iter_mut().zip(row) {
            *out = x - greatest;
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
