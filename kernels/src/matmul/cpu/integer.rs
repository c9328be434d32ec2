//! The i8 product on threads, in the same rectangles and tiles as that of floats. All sums are exact; a bias saturates.

use std::ops::Range;

use rayon::prelude::*;

use super::Cut;
use super::block::{Out, REGISTERS, aligned, groups_of, tiles_of};
use super::dots::{Dots, Portable, Work};
#[cfg(target_arch = "x86_64")]
use super::dots::{Pairs256, Pairs512, Quads512};
use crate::blocks::PARALLEL_FROM;
use crate::dispatch::{self, Level};
use crate::matmul::Extents;

/// Groups of k that are packed at a time.
const DEPTH: usize = 1024;

/// Columns of b that are packed at a time.
const ACROSS: usize = 384;

/// Rows of a that are packed at a time.
const STRIP: usize = 64;

/// The product of one batch.
#[derive(Clone, Copy)]
struct Product<'a> {
    extents: Extents,
    a: &'a [i8],
    b: &'a [i8],
    bias: Option<&'a [i32]>,
    out: Out<i32>,
}

/// Memory that a thread keeps from one rectangle to the next.
#[derive(Default)]
struct Scratch {
    a: Vec<u32>,
    b: Vec<u32>,
    offsets: Vec<i32>,
}

/// The product of every batch, on threads where that pays. The slices hold what the extents say.
pub(super) fn products(level: Level, extents: &Extents, a: &[i8], b: &[i8], bias: Option<&[i32]>, out: &mut [i32]) {
    #[cfg(target_arch = "x86_64")]
    match level {
        Level::Portable => {}
        Level::Avx2 => return products_of::<Pairs256>(extents, a, b, bias, out),
        Level::Avx512 if dispatch::has_byte_dots() => return products_of::<Quads512>(extents, a, b, bias, out),
        Level::Avx512 => return products_of::<Pairs512>(extents, a, b, bias, out),
    }
    let _ = level;
    products_of::<Portable>(extents, a, b, bias, out);
}

fn products_of<D: Dots>(extents: &Extents, a: &[i8], b: &[i8], bias: Option<&[i32]>, out: &mut [i32]) {
    let Extents { m, n, k, shared_b, .. } = *extents;
    if out.is_empty() {
        return;
    }
    if k == 0 {
        match bias {
            Some(bias) => out.chunks_exact_mut(n).for_each(|row| row.copy_from_slice(bias)),
            None => out.fill(0),
        }
        return;
    }
    let steps = out.len().saturating_mul(k);
    let batches: Vec<Product<'_>> = out
        .chunks_exact_mut(m * n)
        .enumerate()
        .map(|(batch, out)| {
            let b = if shared_b { b } else { &b[batch * k * n..][..k * n] };
            Product { extents: *extents, a: &a[batch * m * k..][..m * k], b, bias, out: Out(out.as_mut_ptr()) }
        })
        .collect();
    let threads = if steps < PARALLEL_FROM { 1 } else { rayon::current_num_threads() };
    let cut = Cut::of(m, n, batches.len(), threads, ACROSS);
    let task = |scratch: &mut Scratch, index: usize| {
        let (batch, rows, columns) = cut.task(index, m, n);
        // SAFETY: `products` chose D for a level that this CPU has; the tasks' rectangles are disjoint.
        unsafe { batches[batch].rectangle::<D>(rows, columns, scratch) };
    };
    let tasks = batches.len() * cut.per_batch();
    if threads == 1 {
        let mut scratch = Scratch::default();
        (0..tasks).for_each(|index| task(&mut scratch, index));
    } else {
        (0..tasks).into_par_iter().with_max_len(cut.at_a_time(tasks)).for_each_init(Scratch::default, task);
    }
}

impl Product<'_> {
    /// Computes the elements of these rows and columns; k is not 0.
    ///
    /// # Safety
    /// The CPU has the instructions of `D`, and nobody else reads or writes the rectangle of the output.
    unsafe fn rectangle<D: Dots>(&self, rows: Range<usize>, columns: Range<usize>, scratch: &mut Scratch) {
        let Extents { n, k, .. } = self.extents;
        let deep = DEPTH * D::GROUP;
        let most_groups = k.min(deep).div_ceil(D::GROUP);
        let width = columns.len().next_multiple_of(D::N);
        let b = aligned(&mut scratch.b, width * most_groups, 0);
        let a = aligned(&mut scratch.a, STRIP.min(rows.len()) * most_groups, 0);
        let mut sums = [0i32; 8 * REGISTERS * 16];
        for first_k in (0..k).step_by(deep) {
            let ks = first_k..k.min(first_k + deep);
            let groups = ks.len().div_ceil(D::GROUP);
            scratch.offsets.clear();
            scratch.offsets.resize(columns.len(), 0);
            for (first, registers) in tiles_of(columns.len(), D::N) {
                let tile = &mut b[first * groups..][..registers * D::N * groups];
                let end = columns.len().min(first + registers * D::N);
                let offsets = &mut scratch.offsets[first..end];
                self.pack_columns::<D>(ks.clone(), columns.start + first, offsets, tile);
            }
            for strip in rows.clone().step_by(STRIP) {
                let strip = strip..rows.end.min(strip + STRIP);
                self.pack_rows::<D>(ks.clone(), strip.clone(), groups, a);
                for (row, height) in groups_of(strip.len(), D::ROWS) {
                    for (first, registers) in tiles_of(columns.len(), D::N) {
                        let tile_width = registers * D::N;
                        let b = &b[first * groups..][..tile_width * groups];
                        let a = &a[row * groups..][..height * groups];
                        // SAFETY: the caller's; the sums have room for the greatest tile.
                        unsafe {
                            D::work(height, registers, &Work { a, stride: groups, b, groups, sums: sums.as_mut_ptr() });
                        }
                        let end = columns.len().min(first + tile_width);
                        let bias = self.bias.filter(|_| ks.end == k).map(|bias| &bias[columns.start..][first..end]);
                        for (r, sums) in sums.chunks_exact(tile_width).take(height).enumerate() {
                            let place = (strip.start + row + r) * n + columns.start + first;
                            // SAFETY: these elements lie in the rectangle, which is this thread's alone.
                            let out =
                                unsafe { std::slice::from_raw_parts_mut(self.out.0.wrapping_add(place), end - first) };
                            finish(out, sums, &scratch.offsets[first..end], first_k > 0, bias);
                        }
                    }
                }
            }
        }
    }

    /// Packs some columns of b for some k, as many as the tile is wide, and what a's offset adds to their products.
    fn pack_columns<D: Dots>(&self, ks: Range<usize>, column: usize, offsets: &mut [i32], tile: &mut [u32]) {
        let Extents { n, k, transpose_b, .. } = self.extents;
        let groups = ks.len().div_ceil(D::GROUP);
        let width = tile.len() / groups;
        if transpose_b {
            tile.fill(0);
            for (index, offset) in offsets.iter_mut().enumerate() {
                let from = &self.b[(column + index) * k..][ks.clone()];
                for (to, group) in tile[index..].iter_mut().step_by(width).zip(from.chunks(D::GROUP)) {
                    *to = D::b(group);
                }
                *offset = D::OFFSET * from.iter().map(|&x| i32::from(x)).sum::<i32>();
            }
            return;
        }
        for (to, first_k) in tile.chunks_exact_mut(width).zip(ks.clone().step_by(D::GROUP)) {
            let count = D::GROUP.min(ks.end - first_k);
            let used = offsets.len();
            let row = |index: usize| &self.b[(first_k + index.min(count - 1)) * n + column..][..used];
            let (x0, x1, x2, x3) = (row(0), row(1), row(2), row(3));
            for (index, to) in to[..used].iter_mut().enumerate() {
                *to = D::b(&[x0[index], x1[index], x2[index], x3[index]][..count]);
            }
            to[used..].fill(0);
            if D::OFFSET != 0 {
                for row in (0..count).map(row) {
                    for (offset, &x) in offsets.iter_mut().zip(row) {
                        *offset += D::OFFSET * i32::from(x);
                    }
                }
            }
        }
    }

    /// Packs some rows of a for some k, one row after the other.
    fn pack_rows<D: Dots>(&self, ks: Range<usize>, rows: Range<usize>, groups: usize, packed: &mut [u32]) {
        let Extents { m, k, transpose_a, .. } = self.extents;
        if !transpose_a {
            for (to, row) in packed.chunks_exact_mut(groups).zip(rows) {
                let from = &self.a[row * k..][ks.clone()];
                for (to, group) in to.iter_mut().zip(from.chunks(D::GROUP)) {
                    *to = D::a(group);
                }
            }
            return;
        }
        for (group, first_k) in ks.clone().step_by(D::GROUP).enumerate() {
            let count = D::GROUP.min(ks.end - first_k);
            let line = |index: usize| &self.a[(first_k + index.min(count - 1)) * m..][rows.clone()];
            let (x0, x1, x2, x3) = (line(0), line(1), line(2), line(3));
            for (index, to) in packed[group..].iter_mut().step_by(groups).take(rows.len()).enumerate() {
                *to = D::a(&[x0[index], x1[index], x2[index], x3[index]][..count]);
            }
        }
    }
}

/// Sums of a panel into the output: after the first panel onto what is there, after the last one with bias.
fn finish(out: &mut [i32], sums: &[i32], offsets: &[i32], add: bool, bias: Option<&[i32]>) {
    for ((out, &sum), &offset) in out.iter_mut().zip(sums).zip(offsets) {
        let sum = sum.wrapping_sub(offset);
        *out = if add { out.wrapping_add(sum) } else { sum };
    }
    if let Some(bias) = bias {
        for (out, &bias) in out.iter_mut().zip(bias) {
            *out = out.saturating_add(bias);
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    /// The kernel takes the best of them; the others must give the same.
    #[test]
    fn every_kind_of_dots_agrees() {
        type Way = fn(&Extents, &[i8], &[i8], Option<&[i32]>, &mut [i32]);
        let here = |level: Level, way: Way| level.is_here().then_some(way);
        let fours = here(Level::Avx512, products_of::<Quads512>).filter(|_| dispatch::has_byte_dots());
        let ways = [
            here(Level::Portable, products_of::<Portable>),
            here(Level::Avx2, products_of::<Pairs256>),
            here(Level::Avx512, products_of::<Pairs512>),
            fours,
        ];
        let (m, k, n) = (19, 2051, 51);
        let element = |index: usize| (index.wrapping_mul(2_654_435_761) >> 7) as i8;
        let (a, b): (Vec<i8>, Vec<i8>) = ((0..m * k).map(element).collect(), (5..k * n + 5).map(element).collect());
        for (transpose_a, transpose_b) in [(false, false), (true, false), (false, true)] {
            let extents = Extents { m, n, k, shared_b: true, transpose_a, transpose_b };
            for way in ways.into_iter().flatten() {
                let mut out = vec![1; m * n];
                way(&extents, &a, &b, None, &mut out);
                for (index, sum) in out.into_iter().enumerate() {
                    let (i, j) = (index / n, index % n);
                    let product = |k| i32::from(a[extents.a_at(0, i, k)]) * i32::from(b[extents.b_at(0, k, j)]);
                    assert_eq!(sum, (0..k).map(product).sum::<i32>(), "{i}, {j}");
                }
            }
        }
    }
}
