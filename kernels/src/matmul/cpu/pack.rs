//! Copies of parts of a and b in the order in which tiles read them.

use std::ops::Range;

use crate::ahead::prefetch;
use crate::float::Float;
use crate::matmul::Extents;

/// Some columns of b for some k: for each k the columns, then +0 up to the width of the tile.
pub(super) fn columns<T: Float>(extents: &Extents, b: &[T], ks: Range<usize>, columns: Range<usize>, tile: &mut [T]) {
    let width = tile.len() / ks.len();
    if extents.transpose_b {
        return transposed_columns(extents.k, b, ks, columns, tile);
    }
    /// Rows of b between what is read and what is fetched.
    const AHEAD: usize = 12;
    for (to, k) in tile.chunks_exact_mut(width).zip(ks) {
        let from = &b[k * extents.n..][columns.clone()];
        for column in (0..width).step_by(64 / size_of::<T>()) {
            prefetch(from.as_ptr().wrapping_add(AHEAD * extents.n + column));
        }
        to[..from.len()].copy_from_slice(from);
        to[from.len()..].fill(T::ZERO);
    }
}

fn transposed_columns<T: Float>(b_stride: usize, b: &[T], ks: Range<usize>, columns: Range<usize>, tile: &mut [T]) {
    /// Values of k that go at a time, so that the lines read and the lines written both stay in the cache.
    const KS: usize = 16;
    let width = tile.len() / ks.len();
    let used = columns.len();
    for (tile, first_k) in tile.chunks_mut(KS * width).zip(ks.clone().step_by(KS)) {
        let count = tile.len() / width;
        for (column, b_column) in columns.clone().enumerate() {
            let from = &b[b_column * b_stride + first_k..][..count];
            for (to, &x) in tile[column..].iter_mut().step_by(width).zip(from) {
                *to = x;
            }
        }
        if used < width {
            tile.chunks_exact_mut(width).for_each(|to| to[used..].fill(T::ZERO));
        }
    }
}

/// Some rows of an a that is stored transposed, `m` of them in each k: group after group, and for each k of a group its
/// rows. `groups` gives the first row and the number of rows of each.
pub(super) fn rows_by_k<T: Float>(
    m: usize,
    a: &[T],
    ks: Range<usize>,
    rows: Range<usize>,
    groups: impl Iterator<Item = (usize, usize)> + Clone,
    packed: &mut [T],
) {
    /// Values of k between what is read and what is fetched.
    const AHEAD: usize = 12;
    let steps = ks.len();
    for (index, k) in ks.enumerate() {
        let from = &a[k * m..][rows.clone()];
        for row in (0..from.len()).step_by(64 / size_of::<T>()) {
            prefetch(from.as_ptr().wrapping_add(AHEAD * m + row));
        }
        for (row, height) in groups.clone() {
            let to = &mut packed[row * steps + index * height..][..height];
            // A copy of known length is one register.
            match (to.as_chunks_mut::<8>(), from[row..][..height].as_chunks::<8>()) {
                (([to], []), ([from], [])) => *to = *from,
                ((_, to), (_, from)) => to.copy_from_slice(from),
            }
        }
    }
}
