//! The ordered reductions of short rows, several rows side by side: a row has no more elements than lanes, so each is a
//! lane of its own, and only the fold is left.

use rayon::prelude::*;

use super::ordered::Chunked;
use crate::blocks::PARALLEL_FROM;
use crate::catalogue::Reduction;
use crate::dispatch::{Level, levels};
use crate::float::Float;

/// The longest row that counts as short.
pub(super) const LONGEST: usize = 64;

/// Rows side by side.
const GROUP: usize = 16;

/// Fills each output by its row of `columns` elements, 1 to [`LONGEST`]; of an ordered reduction.
pub(super) fn reduce<T: Chunked>(level: Level, reduction: Reduction, x: &[T], y: &[T], columns: usize, out: &mut [T]) {
    let rows_at_once = (PARALLEL_FROM / 8).div_ceil(columns).next_multiple_of(GROUP);
    let task = |(task, out): (usize, &mut [T])| {
        let elements = task * rows_at_once * columns..(task * rows_at_once + out.len()) * columns;
        let y = if y.is_empty() { y } else { &y[elements.clone()] };
        reduce_task(level, reduction, &x[elements], y, columns, out);
    };
    if x.len() < PARALLEL_FROM {
        task((0, out));
    } else {
        out.par_chunks_mut(rows_at_once).enumerate().for_each(task);
    }
}

fn reduce_task<T: Chunked>(level: Level, reduction: Reduction, x: &[T], y: &[T], columns: usize, out: &mut [T]) {
    let of_squares = |_: usize, x: T, _: T| x.fused(x, T::NEGATIVE_ZERO);
    let n = T::count(columns);
    match reduction {
        Reduction::Dot => fold_rows(level, x, y, columns, |_, x, y| x.fused(y, T::NEGATIVE_ZERO), out),
        Reduction::SumSq | Reduction::Norm2 => fold_rows(level, x, x, columns, of_squares, out),
        _ => fold_rows(level, x, x, columns, |_, x, _| T::NEGATIVE_ZERO + x, out),
    }
    match reduction {
        Reduction::Mean | Reduction::Var => out.iter_mut().for_each(|out| *out = *out / n),
        Reduction::Norm2 => out.iter_mut().for_each(|out| *out = out.root()),
        _ => {}
    }
    if reduction == Reduction::Var {
        let means = out.to_vec();
        let step = |row: usize, x: T, _: T| {
            let apart = x - means[row];
            apart.fused(apart, T::NEGATIVE_ZERO)
        };
        fold_rows(level, x, x, columns, step, out);
        out.iter_mut().for_each(|out| *out = *out / n);
    }
    out.iter_mut().for_each(|out| *out = out.canonical());
}

levels! {
    /// Folds each row of what `first` makes of its elements: the first and only step of each lane.
    fn fold_rows [T: Float, F: Fn(usize, T, T) -> T](x: &[T], y: &[T], columns: usize, first: F, out: &mut [T]) {
        let mut lanes = [[T::NEGATIVE_ZERO; GROUP]; LONGEST];
        let lanes = &mut lanes[..columns];
        for (group, out) in out.chunks_mut(GROUP).enumerate() {
            let start = group * GROUP * columns;
            // The last group may have fewer rows; its other lanes are folded for nothing.
            for (row, (x, y)) in x[start..].chunks_exact(columns).zip(y[start..].chunks_exact(columns)).enumerate().take(out.len()) {
                for ((lane, &x), &y) in lanes.iter_mut().zip(x).zip(y) {
                    lane[row] = first(group * GROUP + row, x, y);
                }
            }
            let mut half = LONGEST / 2;
            while half >= 1 {
                if half < columns {
                    let (low, high) = lanes.split_at_mut(half);
                    // A lane that is not there is -0 and changes nothing.
                    for (low, high) in low.iter_mut().zip(high.iter()) {
                        for (low, &high) in low.iter_mut().zip(high) {
                            *low = *low + high;
                        }
                    }
                }
                half /= 2;
            }
            out.copy_from_slice(&lanes[0][..out.len()]);
        }
    }
}
