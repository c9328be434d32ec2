//! The matrix product in tiles of a few rows by 16 columns whose accumulators stay in registers along a panel. Columns of
//! b are packed into tiles once per launch; blocks of rows go to threads. Every element's steps keep their order.

use rayon::prelude::*;

use super::Extents;
use crate::blocks::PARALLEL_FROM;
use crate::catalogue::{Dtype, ParamValue};
use crate::dispatch::{Level, levels};
use crate::float::Float;
use crate::launch::{DataError, Launch};

/// Consecutive k whose steps share one accumulator.
const PANEL: usize = 1024;

/// Rows of a tile.
const ROWS: usize = 4;

/// Columns of a tile.
const COLUMNS: usize = 16;

/// The most rows that a thread takes at a time.
const TASK_ROWS: usize = 64;

/// a times b, plus bias if it is there.
pub(crate) fn matmul(
    level: Level,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), DataError> {
    if launch.output_dtype() != Dtype::F32 {
        return super::reference::matmul(launch, params);
    }
    let (a, b) = (launch.slice::<f32>(0)?, launch.slice::<f32>(1)?);
    let bias = if launch.inputs[2].is_some() { Some(launch.slice::<f32>(2)?) } else { None };
    let extents = Extents::of(launch, params);
    let Extents { m, n, k, .. } = extents;
    let out = launch.output::<f32>()?;
    if out.is_empty() {
        return Ok(());
    }
    let packed = pack(&extents, b);
    let batch_tiles = n.div_ceil(COLUMNS) * k;
    let block = |batch: usize, first_row: usize, out: &mut [f32]| {
        let tiles = if extents.shared_b { &packed[..] } else { &packed[batch * batch_tiles..][..batch_tiles] };
        multiply(level, &Block { extents, a, tiles, bias, batch, first_row }, out);
    };
    if out.len().saturating_mul(k.max(1)) < PARALLEL_FROM {
        for (batch, out) in out.chunks_exact_mut(m * n).enumerate() {
            block(batch, 0, out);
        }
        return Ok(());
    }
    let task_rows = m.div_ceil(4 * rayon::current_num_threads()).next_multiple_of(ROWS).min(TASK_ROWS);
    out.par_chunks_exact_mut(m * n).enumerate().for_each(|(batch, out)| {
        out.par_chunks_mut(task_rows * n).enumerate().for_each(|(task, out)| block(batch, task * task_rows, out));
    });
    Ok(())
}

/// The columns of b, or of each batch's b, in tiles of [`COLUMNS`]: a tile is k rows. Columns beyond n are 0 and what
/// comes of them is dropped.
fn pack(extents: &Extents, b: &[f32]) -> Vec<[f32; COLUMNS]> {
    let Extents { n, k, transpose_b, .. } = *extents;
    let tiles = n.div_ceil(COLUMNS);
    let batches = if k == 0 { 0 } else { b.len() / (k * n) };
    let mut packed = vec![[0.0; COLUMNS]; batches * tiles * k];
    for (index, tile) in packed.chunks_exact_mut(k.max(1)).enumerate() {
        let (batch, first) = (index / tiles, index % tiles * COLUMNS);
        let width = COLUMNS.min(n - first);
        let b = &b[batch * k * n..][..k * n];
        if transpose_b {
            for (column, b) in b[first * k..][..width * k].chunks_exact(k).enumerate() {
                for (row, &b) in tile.iter_mut().zip(b) {
                    row[column] = b;
                }
            }
        } else {
            for (row, b) in tile.iter_mut().zip(b.chunks_exact(n)) {
                row[..width].copy_from_slice(&b[first..first + width]);
            }
        }
    }
    packed
}

/// Some whole rows of one batch's product.
struct Block<'a> {
    extents: Extents,
    a: &'a [f32],
    /// The tiles of the batch's b.
    tiles: &'a [[f32; COLUMNS]],
    bias: Option<&'a [f32]>,
    batch: usize,
    first_row: usize,
}

levels! {
    fn multiply [](block: &Block<'_>, out: &mut [f32]) {
        let Extents { n, k, .. } = block.extents;
        let rows = out.len() / n;
        for first_k in (0..k.max(1)).step_by(PANEL) {
            let panel = first_k..k.min(first_k + PANEL);
            for column in (0..n).step_by(COLUMNS) {
                let b = &block.tiles[column / COLUMNS * k..][panel.clone()];
                let mut row = 0;
                while row + ROWS <= rows {
                    let acc = block.tile::<ROWS>(row, first_k, b);
                    block.store(&acc, row, column, panel.clone(), out);
                    row += ROWS;
                }
                while row < rows {
                    let acc = block.tile::<1>(row, first_k, b);
                    block.store(&acc, row, column, panel.clone(), out);
                    row += 1;
                }
            }
        }
    }
}

impl Block<'_> {
    /// One panel's accumulators of `R` rows from `row` on.
    #[inline(always)]
    fn tile<const R: usize>(&self, row: usize, first_k: usize, b: &[[f32; COLUMNS]]) -> [[f32; COLUMNS]; R] {
        let mut acc = [[-0.0f32; COLUMNS]; R];
        let row = self.first_row + row;
        if self.extents.transpose_a {
            for (k, b) in b.iter().enumerate() {
                let a = &self.a[self.extents.a_at(self.batch, row, first_k + k)..][..R];
                for r in 0..R {
                    for j in 0..COLUMNS {
                        acc[r][j] = a[r].fused(b[j], acc[r][j]);
                    }
                }
            }
        } else {
            let a: [&[f32]; R] =
                std::array::from_fn(|r| &self.a[self.extents.a_at(self.batch, row + r, first_k)..][..b.len()]);
            for (k, b) in b.iter().enumerate() {
                for r in 0..R {
                    for j in 0..COLUMNS {
                        acc[r][j] = a[r][k].fused(b[j], acc[r][j]);
                    }
                }
            }
        }
        acc
    }

    /// Adds a panel's accumulators to the output, or begins it with those of the first; bias comes after the last.
    #[inline(always)]
    fn store<const R: usize>(
        &self,
        acc: &[[f32; COLUMNS]; R],
        row: usize,
        column: usize,
        panel: std::ops::Range<usize>,
        out: &mut [f32],
    ) {
        let Extents { n, k, .. } = self.extents;
        let width = COLUMNS.min(n - column);
        for (r, acc) in acc.iter().enumerate() {
            let out = &mut out[(row + r) * n + column..][..width];
            let mut sums = *acc;
            if k == 0 {
                sums = [0.0; COLUMNS];
            }
            if panel.start > 0 {
                for (sum, &c) in sums.iter_mut().zip(out.iter()) {
                    *sum += c;
                }
            }
            if let Some(bias) = self.bias.filter(|_| panel.end == k) {
                for (sum, &bias) in sums.iter_mut().zip(&bias[column..column + width]) {
                    *sum += bias;
                }
            }
            for sum in &mut sums {
                *sum = sum.canonical();
            }
            out.copy_from_slice(&sums[..width]);
        }
    }
}
