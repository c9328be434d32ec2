//! Moves by place, in tiles and runs, on threads.

use bytemuck::Pod;
use rayon::prelude::*;

use super::reference::{Part, parts};
use crate::catalogue::ParamValue;
use crate::dispatch::{Level, levels};
use crate::launch::{Launch, LaunchError};

/// Output bytes from which threads are worth their start.
const PARALLEL_FROM_BYTES: usize = 256 * 1024;

/// Output bytes that one thread takes at a time.
const TASK_BYTES: usize = 256 * 1024;

/// Rows and columns that go through registers together; one row of them is a cache line of 4-byte words.
const TILE: usize = 16;

/// Output rows that one thread takes at a time: tiles side by side in the input, whose pages they share.
const BAND: usize = 4 * TILE;

/// The last two extents exchanged.
pub(crate) fn transpose(level: Level, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.output_dtype().size() {
        4 => transpose_words::<u32>(level, launch),
        _ => transpose_words::<u64>(level, launch),
    }
}

fn transpose_words<T: Pod + Send + Sync>(level: Level, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let [.., rows, columns] = *launch.shape(0).dims() else { return Ok(()) };
    let (rows, columns) = (rows as usize, columns as usize);
    let x = launch.slice::<T>(0)?;
    let out = launch.output::<T>()?;
    if out.is_empty() {
        return Ok(());
    }
    let matrices = x.chunks_exact(rows * columns).zip(out.chunks_exact_mut(rows * columns));
    if size_of_val(x) < PARALLEL_FROM_BYTES {
        matrices.for_each(|(x, out)| band(level, x, columns, 0, out));
    } else if rows * columns * size_of::<T>() < TASK_BYTES {
        let pairs = x.par_chunks_exact(rows * columns).zip(out.par_chunks_exact_mut(rows * columns));
        pairs.for_each(|(x, out)| band(level, x, columns, 0, out));
    } else {
        for (x, out) in matrices {
            let bands = out.par_chunks_mut(BAND * rows).enumerate();
            bands.for_each(|(index, out)| band(level, x, columns, index * BAND, out));
        }
    }
    Ok(())
}

levels! {
    /// The output rows that are the input's columns from `first` on, as many as `out` holds.
    fn band [T: Pod](x: &[T], columns: usize, first: usize, out: &mut [T]) {
        let rows = x.len() / columns;
        let width = out.len() / rows;
        for row in (0..rows).step_by(TILE) {
            for column in (0..width).step_by(TILE) {
                let (high, wide) = (TILE.min(rows - row), TILE.min(width - column));
                let from = &x[row * columns + first + column..];
                let to = &mut out[column * rows + row..];
                if high == TILE && wide == TILE {
                    full_tile(from, columns, to, rows);
                } else {
                    for i in 0..high {
                        for j in 0..wide {
                            to[j * rows + i] = from[i * columns + j];
                        }
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn full_tile<T: Pod>(from: &[T], columns: usize, to: &mut [T], rows: usize) {
    let mut tile = [[T::zeroed(); TILE]; TILE];
    for (i, line) in tile.iter_mut().enumerate() {
        line.copy_from_slice(&from[i * columns..][..TILE]);
    }
    for j in 0..TILE {
        let line: [T; TILE] = std::array::from_fn(|i| tile[i][j]);
        to[j * rows..][..TILE].copy_from_slice(&line);
    }
}

/// The parts one behind the other along the axis.
pub(crate) fn concat(launch: &mut Launch<'_, '_>, params: &[Option<ParamValue>]) -> Result<(), LaunchError> {
    let mut parts = parts(launch, params)?;
    parts.retain(|part| part.run > 0);
    let out = launch.output::<u8>()?;
    if out.len() < PARALLEL_FROM_BYTES {
        fill(&parts, 0, out);
    } else {
        out.par_chunks_mut(TASK_BYTES).enumerate().for_each(|(index, out)| fill(&parts, index * TASK_BYTES, out));
    }
    Ok(())
}

/// The output's bytes from `start` on. Each row of it has one run of every part.
fn fill(parts: &[Part<'_>], start: usize, out: &mut [u8]) {
    let width: usize = parts.iter().map(|part| part.run).sum();
    let (mut row, mut skip, mut rest) = match width {
        0 => return,
        _ => (start / width, start % width, out),
    };
    while !rest.is_empty() {
        for part in parts {
            if skip >= part.run {
                skip -= part.run;
                continue;
            }
            let from = &part.bytes[row * part.run..][skip..part.run];
            let len = from.len().min(rest.len());
            let (out, behind) = rest.split_at_mut(len);
            out.copy_from_slice(&from[..len]);
            (rest, skip) = (behind, 0);
            if rest.is_empty() {
                return;
            }
        }
        row += 1;
    }
}
