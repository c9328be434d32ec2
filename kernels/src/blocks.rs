//! Walks an output in blocks, on several threads where that pays, and gives each block the operands' elements at the
//! same places, also where an operand is the output itself. What is computed in a block is the caller's.

use bytemuck::Pod;
use rayon::prelude::*;

use crate::ahead;
use crate::dispatch::{Level, levels};
use crate::launch::Operand;
use crate::stream::{self, Keep, Line, STREAM_FROM_BYTES, streamed_levels};

/// Elements, or steps of like cost, from which threads are worth their start.
pub(crate) const PARALLEL_FROM: usize = 64 * 1024;

/// Elements that one thread takes at a time.
const TASK: usize = 32 * 1024;

/// Elements that are copied aside at a time, where an operand is the output or the results are streamed.
const BLOCK: usize = 512;

/// Elements near which are computed together.
const PIECE: usize = 64;

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

/// The elements of the output, each from the operands' at the same place; large outputs go past the caches.
pub(crate) fn walk_each<T: Pod + Sync, R: Pod + Send, const N: usize>(
    level: Level,
    operands: [Operand<'_, T>; N],
    out: &mut [R],
    f: impl Fn([T; N]) -> R + Copy + Sync,
) {
    let is_apart = operands.iter().all(|operand| matches!(operand, Operand::Slice(_)));
    let keep = if is_apart { Keep::of(out) } else { Keep::Near };
    walk_in_place(operands, out, |_, x, out| {
        each(level, keep, f, x, out);
        stream::fence();
    });
}

/// The elements of a block, each from the operands' at the same place. Where they are sent far, call [`stream::fence`]
/// before another thread may read them.
pub(crate) fn each<T: Pod, R: Pod, const N: usize>(
    level: Level,
    keep: Keep,
    f: impl Fn([T; N]) -> R,
    x: [&[T]; N],
    out: &mut [R],
) {
    match keep {
        Keep::Near => each_near(level, f, x, out),
        Keep::Far => {
            let (head, lines, tail) = Line::all(out);
            let (lines_from, tail_from) = (head.len(), head.len() + size_of_val(lines) / size_of::<R>());
            each_near(level, &f, x.map(|x| &x[..lines_from]), head);
            each_near(level, &f, x.map(|x| &x[tail_from..]), tail);
            each_far(level, f, x.map(|x| &x[lines_from..tail_from]), lines);
        }
    }
}

/// As `each`, near. The last elements are a whole piece too, filled up with one of their own: a loop over single elements
/// would take the canonical NaN by a masked load, which costs a thousand cycles each time as long as the page of that
/// constant was never touched, and small launches have no other elements.
fn each_near<T: Pod, R: Pod, const N: usize>(level: Level, f: impl Fn([T; N]) -> R, x: [&[T]; N], out: &mut [R]) {
    let whole = out.len() / PIECE * PIECE;
    let (pieces, rest) = out.split_at_mut(whole);
    each_whole(level, &f, x.map(|x| &x[..whole]), pieces);
    if !rest.is_empty() {
        let last = x.map(|x| {
            let x = &x[whole..][..rest.len()];
            let mut piece = [x[0]; PIECE];
            piece[..x.len()].copy_from_slice(x);
            piece
        });
        let mut results = [R::zeroed(); PIECE];
        each_whole(level, &f, last.each_ref().map(<[T; PIECE]>::as_slice), &mut results);
        rest.copy_from_slice(&results[..rest.len()]);
    }
}

levels! {
    /// Of a multiple of [`PIECE`] elements, so that the compiler makes no loop over single ones.
    fn each_whole [T: Copy, R, F: Fn([T; N]) -> R, const N: usize](f: &F, x: [&[T]; N], out: &mut [R]) {
        assert!(out.len().is_multiple_of(PIECE) && x.iter().all(|x| x.len() == out.len()));
        for index in 0..out.len() / PIECE * PIECE {
            // SAFETY: every operand was found to be as long as the output. (The compiler would keep the check.)
            let result = f(x.map(|x| unsafe { *x.get_unchecked(index) }));
            out[index] = result;
        }
    }
}

/// As many lines as the operands have elements for. One line's elements are a number that the compiler knows.
fn each_far<T: Pod, R: Pod, const N: usize>(level: Level, f: impl Fn([T; N]) -> R, x: [&[T]; N], lines: &mut [Line]) {
    match size_of::<R>() {
        1 => each_line(level, f, x.map(|x| &x.as_chunks::<64>().0[..lines.len()]), lines),
        2 => each_line(level, f, x.map(|x| &x.as_chunks::<32>().0[..lines.len()]), lines),
        4 => each_line(level, f, x.map(|x| &x.as_chunks::<16>().0[..lines.len()]), lines),
        _ => each_line(level, f, x.map(|x| &x.as_chunks::<8>().0[..lines.len()]), lines),
    }
}

streamed_levels! {
    fn each_line [T: Pod, R: Pod, F: Fn([T; N]) -> R, const N: usize, const E: usize](
        put: P, f: F, x: [&[[T; E]]; N], lines: &mut [Line]
    ) {
        let x = x.map(|x| &x[..lines.len()]);
        for (index, line) in lines.iter_mut().enumerate() {
            let from = x.map(|x| &x[index]);
            let mut results = Aligned::<R, E>::filled(R::zeroed());
            for place in 0..E {
                results.0[place] = f(from.map(|x| x[place]));
            }
            from.iter().for_each(|x| ahead::ask(x.as_slice()));
            put.put(bytemuck::from_bytes(bytemuck::cast_slice(&results.0)), line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits<T: Pod + PartialEq, R: Pod + PartialEq + std::fmt::Debug, const N: usize>(
        numbers: [&[T]; N],
        f: impl Fn([T; N]) -> R + Copy,
    ) {
        let room = numbers[0].len();
        for level in Level::ALL.into_iter().filter(|level| level.is_here()) {
            for start in 0..Line::BYTES / size_of::<R>() + 1 {
                for len in [0, 1, 7, 8, 63, 64, 65, 200, room - start] {
                    let x = numbers.map(|x| &x[room - start - len..][..len]);
                    let wanted: Vec<R> = (0..len).map(|index| f(x.map(|x| x[index]))).collect();
                    for keep in [Keep::Near, Keep::Far] {
                        let mut out = vec![R::zeroed(); room];
                        each(level, keep, f, x, &mut out[start..start + len]);
                        stream::fence();
                        assert!(out[start..start + len] == wanted, "{level}, {keep:?}, {len} from {start}");
                        assert!(
                            out[..start].iter().chain(&out[start + len..]).all(|&untouched| untouched == R::zeroed())
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn elements_are_the_same_near_and_far_at_every_alignment() {
        let floats: Vec<f32> = (1..700u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 8) as f32).collect();
        let doubles: Vec<f64> = floats.iter().map(|&x| f64::from(x) / 3.0).collect();
        let bytes: Vec<u8> = (0..699u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
        fits([&floats], |[x]| -x);
        fits([&floats, &doubles.iter().map(|&x| x as f32).collect::<Vec<_>>()], |[x, y]| x + y);
        fits([&doubles, &doubles, &doubles], |[x, y, z]| x * y + z);
        fits([&doubles], |[x]| u8::from(x > 1e6));
        fits([&bytes], |[x]| f64::from(x) + 1.0);
        fits([&bytes, &bytes], |[x, y]| u16::from(x) * u16::from(y) + 1);
    }
}
