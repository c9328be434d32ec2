//! Walks an output in blocks, on several threads where that pays, and gives each block the operands' elements at the
//! same places, also where an operand is the output itself. What is computed in a block is the caller's.

use bytemuck::Pod;
use rayon::prelude::*;

use crate::dispatch::levels;
use crate::launch::Operand;
use crate::stream::{self, STREAM_FROM_BYTES};

/// Elements, or steps of like cost, from which threads are worth their start.
pub(crate) const PARALLEL_FROM: usize = 64 * 1024;

/// Elements that one thread takes at a time.
const TASK: usize = 32 * 1024;

/// Elements that are copied aside at a time, where an operand is the output or the results are streamed.
const BLOCK: usize = 512;

/// A block that begins with a cache line, so that no vector lies across two.
#[derive(Clone)]
#[repr(C, align(64))]
pub(crate) struct Aligned<T, const N: usize>(pub(crate) [T; N]);

impl<T: Pod, const N: usize> Aligned<T, N> {
    /// All elements this one.
    pub(crate) fn filled(element: T) -> Aligned<T, N> {
        Aligned([element; N])
    }
}

/// Calls `body` with the first element's index, the operands' elements and the output's, until the output is filled.
pub(crate) fn walk<T: Pod + Sync, R: Pod + Send, const N: usize>(
    operands: [Operand<'_, T>; N],
    out: &mut [R],
    body: impl Fn(usize, [&[T]; N], &mut [R]) + Sync,
) {
    let is_apart = operands.iter().all(|operand| matches!(operand, Operand::Slice(_)));
    if is_apart && size_of_val(out) >= STREAM_FROM_BYTES {
        out.par_chunks_mut(TASK).enumerate().for_each(|(index, out)| stream_task(index * TASK, operands, out, &body));
    } else {
        walk_in_place(operands, out, body);
    }
}

/// The same for a body that itself sends large results past the caches: it always gets the output's own elements.
pub(crate) fn walk_in_place<T: Pod + Sync, R: Pod + Send, const N: usize>(
    operands: [Operand<'_, T>; N],
    out: &mut [R],
    body: impl Fn(usize, [&[T]; N], &mut [R]) + Sync,
) {
    if out.len() < PARALLEL_FROM {
        return walk_task(0, operands, out, &body);
    }
    out.par_chunks_mut(TASK).enumerate().for_each(|(index, out)| walk_task(index * TASK, operands, out, &body));
}

/// One task whose results leave the caches as soon as they are there.
fn stream_task<T: Pod, R: Pod, const N: usize>(
    start: usize,
    operands: [Operand<'_, T>; N],
    out: &mut [R],
    body: &impl Fn(usize, [&[T]; N], &mut [R]),
) {
    let mut results = Aligned::<R, BLOCK>::filled(R::zeroed());
    for (position, block) in out.chunks_mut(BLOCK).enumerate() {
        let start = start + position * BLOCK;
        let results = &mut results.0[..block.len()];
        body(start, operands.map(|operand| at(operand, start..start + block.len(), &[])), results);
        stream::store(results, block);
    }
    stream::fence();
}

fn walk_task<T: Pod, R: Pod, const N: usize>(
    start: usize,
    operands: [Operand<'_, T>; N],
    out: &mut [R],
    body: &impl Fn(usize, [&[T]; N], &mut [R]),
) {
    if operands.iter().all(|operand| matches!(operand, Operand::Slice(_))) {
        let end = start + out.len();
        return body(start, operands.map(|operand| at(operand, start..end, &[])), out);
    }
    let mut held = [T::zeroed(); BLOCK];
    for (position, block) in out.chunks_mut(BLOCK).enumerate() {
        let held = &mut held[..block.len()];
        // An operand can be the output only where both have one dtype, so these are as many bytes.
        bytemuck::cast_slice_mut::<T, u8>(held).copy_from_slice(bytemuck::cast_slice(block));
        let start = start + position * BLOCK;
        let end = start + block.len();
        body(start, operands.map(|operand| at(operand, start..end, held)), block);
    }
}

fn at<'a, T>(operand: Operand<'a, T>, range: std::ops::Range<usize>, held: &'a [T]) -> &'a [T] {
    match operand {
        Operand::Slice(slice) => &slice[range],
        Operand::Output => held,
    }
}

levels! {
    /// One operand, element by element.
    pub(crate) fn map1 [T: Copy, R, F: Fn(T) -> R](f: F, x: &[T], out: &mut [R]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = f(x);
        }
    }
}

levels! {
    /// Two operands, element by element.
    pub(crate) fn map2 [T: Copy, R, F: Fn(T, T) -> R](f: F, x: &[T], y: &[T], out: &mut [R]) {
        for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
            *out = f(x, y);
        }
    }
}

levels! {
    /// Three operands, element by element.
    pub(crate) fn map3 [T: Copy, R, F: Fn(T, T, T) -> R](f: F, x: &[T], y: &[T], z: &[T], out: &mut [R]) {
        for (((out, &x), &y), &z) in out.iter_mut().zip(x).zip(y).zip(z) {
            *out = f(x, y, z);
        }
    }
}
