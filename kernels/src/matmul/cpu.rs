//! The matrix product on threads: the output is cut in rectangles, each computed by one thread from what it packs for
//! itself. Every element's steps keep their order, so neither the cut nor the threads change a bit.

mod block;
mod dots;
mod integer;
mod lanes;
mod pack;
mod tile;

use std::ops::Range;

use rayon::prelude::*;

pub(crate) use self::block::Scratch;
use self::block::{FEW_ROWS, Out, PANEL, Product};
use self::lanes::Registers;
use super::Extents;
use crate::blocks::PARALLEL_FROM;
use crate::catalogue::{Dtype, ParamValue};
use crate::dispatch::Level;
use crate::launch::{Launch, LaunchError};

/// Columns of the widest tile.
const TILE: usize = 48;

/// Rows of the highest tile.
const TALL: usize = 8;

/// Rows that one rectangle has at least, unless threads would have nothing to do.
const WORTH_PACKING: usize = 192;

/// Bytes of b that are packed at a time: most of a second-level cache.
const PACKED_BYTES: usize = 3 << 19;

/// a times b, plus bias if it is there.
pub(crate) fn matmul(
    level: Level,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), LaunchError> {
    let extents = Extents::of(launch, params);
    match launch.output_dtype() {
        Dtype::F32 => floats::<f32>(level, &extents, launch),
        Dtype::F64 => floats::<f64>(level, &extents, launch),
        _ => {
            let (a, b, bias) = (launch.slice(0)?, launch.slice(1)?, launch.optional_slice(2)?);
            integer::products(level, &extents, a, b, bias, launch.output()?);
            Ok(())
        }
    }
}

fn floats<T: Registers>(level: Level, extents: &Extents, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let (a, b, bias) = (launch.slice(0)?, launch.slice(1)?, launch.optional_slice(2)?);
    products::<T>(level, extents, a, b, bias, launch.output()?);
    Ok(())
}

/// The product of every batch, on threads where that pays. The slices hold what the extents say.
fn products<T: Registers>(level: Level, extents: &Extents, a: &[T], b: &[T], bias: Option<&[T]>, out: &mut [T]) {
    let Extents { m, n, k, shared_b, .. } = *extents;
    if out.is_empty() {
        return;
    }
    if k == 0 {
        return of_nothing(bias, n, out);
    }
    let steps = out.len().saturating_mul(k);
    let batches: Vec<Product<'_, T>> = out
        .chunks_exact_mut(m * n)
        .enumerate()
        .map(|(batch, out)| {
            let b = if shared_b { b } else { &b[batch * k * n..][..k * n] };
            Product { extents: *extents, a: &a[batch * m * k..][..m * k], b, bias, out: Out(out.as_mut_ptr()) }
        })
        .collect();
    let threads = if steps < PARALLEL_FROM { 1 } else { rayon::current_num_threads() };
    let cut = Cut::of(m, n, batches.len(), threads, most_columns::<T>(extents));
    let task = |index: usize| {
        let (batch, rows, columns) = cut.task(index, m, n);
        // SAFETY: `Kernel` lets in only levels that this CPU has; the tasks' rectangles are disjoint.
        T::scratch().with_borrow_mut(|scratch| unsafe {
            T::rectangle(level, &batches[batch], rows, columns, scratch);
        });
    };
    let tasks = batches.len() * cut.per_batch();
    if threads == 1 {
        (0..tasks).for_each(task);
    } else {
        (0..tasks).into_par_iter().with_max_len(cut.at_a_time(tasks)).for_each(task);
    }
}

/// The product of one batch on this thread alone. The slices hold what the extents say.
pub(crate) fn product_here(
    level: Level,
    extents: &Extents,
    a: &[f32],
    b: &[f32],
    out: &mut [f32],
    scratch: &mut Scratch<f32>,
) {
    let Extents { m, n, k, .. } = *extents;
    if out.is_empty() || k == 0 {
        return of_nothing(None, n.max(1), out);
    }
    let cut = Cut::of(m, n, 1, 1, most_columns::<f32>(extents));
    let product = Product { extents: *extents, a, b, bias: None, out: Out(out.as_mut_ptr()) };
    for index in 0..cut.per_batch() {
        let (_, rows, columns) = cut.task(index, m, n);
        // SAFETY: `Kernel` lets in only levels that this CPU has; nobody else has the output.
        unsafe { f32::rectangle(level, &product, rows, columns, scratch) };
    }
}

/// What no k at all gives: +0, plus bias if it is there.
fn of_nothing<T: Registers>(bias: Option<&[T]>, n: usize, out: &mut [T]) {
    for row in out.chunks_exact_mut(n) {
        match bias {
            Some(bias) => row.iter_mut().zip(bias).for_each(|(out, &bias)| *out = (T::ZERO + bias).canonical()),
            None => row.fill(T::ZERO),
        }
    }
}

/// How the output of a batch is cut in rectangles, alike to a tile, so that no thread waits long for another.
struct Cut {
    /// Rectangles from top to bottom, at most as many as there are tiles.
    down: usize,
    /// Rectangles from left to right, at most as many as there are tiles.
    across: usize,
}

impl Cut {
    /// Rectangles of about `most` columns or fewer, some more of them than threads where there are several. They are
    /// narrow rather than low: each packs its columns of b for itself, and that wants to be worth it.
    fn of(m: usize, n: usize, batches: usize, threads: usize, most: usize) -> Cut {
        // Tasks that even out what threads have to wait for each other.
        let wanted = if threads == 1 { 1 } else { (4 * threads).div_ceil(batches) };
        let across = n.div_ceil(most.max(TILE)).max(wanted.min(n / (2 * TILE)).max(1));
        let down = wanted.div_ceil(across).min(m / WORTH_PACKING).max(threads.div_ceil(across * batches));
        let down = if m <= FEW_ROWS { 1 } else { down.min(m.div_ceil(FEW_ROWS)).max(1) };
        Cut { down, across }
    }

    fn per_batch(&self) -> usize {
        self.down * self.across
    }

    /// The batch, rows and columns of a task.
    fn task(&self, index: usize, m: usize, n: usize) -> (usize, Range<usize>, Range<usize>) {
        let (batch, index) = (index / self.per_batch(), index % self.per_batch());
        (batch, share(m, TALL, index % self.down, self.down), share(n, TILE, index / self.down, self.across))
    }

    /// Tasks that a thread takes at a time: one, unless they are many and small.
    fn at_a_time(&self, tasks: usize) -> usize {
        tasks.div_ceil(64 * rayon::current_num_threads())
    }
}

/// The part of `len` that is the share `index` of `shares`, all of whole tiles but for the end.
fn share(len: usize, tile: usize, index: usize, shares: usize) -> Range<usize> {
    let tiles = len.div_ceil(tile);
    let at = |index: usize| len.min(tiles * index / shares * tile);
    at(index)..at(index + 1)
}

/// Columns of b that are packed at a time; where b is read in its place, all of them.
fn most_columns<T>(extents: &Extents) -> usize {
    let Extents { m, n, k, transpose_b, .. } = *extents;
    if m <= FEW_ROWS && !transpose_b { n } else { PACKED_BYTES / size_of::<T>() / k.min(PANEL) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_cover_the_output_once_and_are_alike() {
        for (m, n) in [(1, 1), (7, 49), (16, 4096), (64, 2000), (65, 10), (200, 96), (2048, 2048), (1437, 10)] {
            for (threads, most) in [(1, 384), (2, 384), (3, 48), (4, 100)] {
                let cut = Cut::of(m, n, 1, threads, most);
                let mut written = vec![0u8; m * n];
                let mut wide = Vec::new();
                for index in 0..cut.per_batch() {
                    let (batch, rows, columns) = cut.task(index, m, n);
                    assert!(batch == 0 && !rows.is_empty() && !columns.is_empty(), "{m}x{n} on {threads}");
                    wide.push(columns.len().div_ceil(TILE));
                    for row in rows {
                        written[row * n..][columns.clone()].iter_mut().for_each(|times| *times += 1);
                    }
                }
                assert!(written.iter().all(|&times| times == 1), "{m}x{n} on {threads}");
                assert!(wide.iter().max() <= wide.iter().min().map(|least| least + 1).as_ref(), "{m}x{n} on {threads}");
            }
        }
    }
}
