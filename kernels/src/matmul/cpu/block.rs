//! A rectangle of one product on one thread: which parts of a and b a tile meets, in what order, and what is packed.
//! Where b meets many rows its columns are packed, a whole panel deep; where it meets few it is read where it lies, a
//! few rows at a time. It starts no thread.

use std::cell::RefCell;
use std::ops::Range;
use std::thread::LocalKey;

use super::lanes::Lanes;
use super::pack;
use super::tile::{After, Columns, Rows, Work};
use crate::float::Float;
use crate::matmul::Extents;

/// Consecutive k whose steps share one accumulator.
pub(super) const PANEL: usize = 1024;

/// The most rows for which b is read where it lies.
pub(super) const FEW_ROWS: usize = 64;

/// Rows of b that are read at a time where they lie: as many streams as the hardware follows.
const STREAMS: usize = 32;

/// The same where the rows of b are so short that they are one stream.
const NARROW: usize = 128;

/// Elements of the accumulators that are set aside at a time: half a MiB of f32.
const SET_ASIDE: usize = 128 * 1024;

/// Rows whose part of a transposed a is packed at a time.
const STRIP: usize = 64;

/// The registers across a tile at most.
pub(super) const REGISTERS: usize = 3;

/// The output of one batch. Threads write disjoint rectangles of it.
#[derive(Clone, Copy)]
pub(super) struct Out<T>(pub(super) *mut T);

// SAFETY: it is only written through a product's `rectangle`, whose callers give each thread its own.
unsafe impl<T: Send> Send for Out<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Out<T> {}

/// The product of one batch.
#[derive(Clone, Copy)]
pub(super) struct Product<'a, T> {
    pub(super) extents: Extents,
    pub(super) a: &'a [T],
    pub(super) b: &'a [T],
    pub(super) bias: Option<&'a [T]>,
    pub(super) out: Out<T>,
}

/// Memory that a thread keeps from one rectangle to the next.
pub(crate) struct Scratch<T> {
    b: Vec<T>,
    a: Vec<T>,
}

impl<T> Scratch<T> {
    pub(crate) const fn new() -> Scratch<T> {
        Scratch { b: Vec::new(), a: Vec::new() }
    }
}

/// A float whose scratch memory every thread keeps.
pub(super) trait Kept: Sized + 'static {
    /// This thread's; it is lent to one rectangle at a time.
    fn scratch() -> &'static LocalKey<RefCell<Scratch<Self>>>;
}

macro_rules! kept {
    ($($float:ty)+) => { $(
        impl Kept for $float {
            fn scratch() -> &'static LocalKey<RefCell<Scratch<Self>>> {
                thread_local! {
                    static SCRATCH: RefCell<Scratch<$float>> = const { RefCell::new(Scratch::new()) };
                }
                &SCRATCH
            }
        }
    )+ };
}

kept!(f32 f64);

impl<T: Float> Product<'_, T> {
    /// Computes the elements of these rows and columns; k is not 0.
    ///
    /// # Safety
    /// The CPU has the level of `L`; the slices hold what the extents say, and nobody else reads or writes the rectangle.
    pub(super) unsafe fn rectangle<L: Lanes<T = T>>(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        scratch: &mut Scratch<T>,
    ) {
        // SAFETY: the caller's.
        unsafe {
            let Extents { k, transpose_a, transpose_b, .. } = self.extents;
            let worth_it = transpose_a || k * columns.len() > SMALL;
            if rows.len() <= FEW_ROWS && !transpose_b && worth_it {
                self.streamed::<L>(rows, columns, scratch);
            } else {
                self.packed::<L>(rows, columns, scratch);
            }
        }
    }

    /// Packs b a panel deep, and takes each tile's whole panel at once.
    unsafe fn packed<L: Lanes<T = T>>(&self, rows: Range<usize>, columns: Range<usize>, scratch: &mut Scratch<T>) {
        let Extents { m, k, transpose_a, .. } = self.extents;
        let width = columns.len().next_multiple_of(L::N);
        let b = aligned(&mut scratch.b, width * k.min(PANEL), T::ZERO);
        let pack_a = transpose_a && width > REGISTERS * L::N;
        let a = aligned(&mut scratch.a, if pack_a { STRIP * k.min(PANEL) } else { 0 }, T::ZERO);
        for first_k in (0..k).step_by(PANEL) {
            let steps = PANEL.min(k - first_k);
            for (first, registers) in tiles::<L>(columns.len()) {
                let tile = &mut b[first * steps..][..registers * L::N * steps];
                let columns = columns.start + first..columns.end.min(columns.start + first + registers * L::N);
                pack::columns(&self.extents, self.b, first_k..first_k + steps, columns, tile);
            }
            for strip in rows.clone().step_by(STRIP) {
                let strip = strip..rows.end.min(strip + STRIP);
                if pack_a {
                    let groups = groups::<L>(strip.len());
                    pack::rows_by_k(m, self.a, first_k..first_k + steps, strip.clone(), groups, a);
                }
                for (row, height) in groups::<L>(strip.len()) {
                    let a_rows = if pack_a {
                        Rows { first: a[row * steps..].as_ptr(), stride: height }
                    } else {
                        self.rows(strip.start + row, first_k)
                    };
                    for (index, (first, registers)) in tiles::<L>(columns.len()).enumerate() {
                        let tile = &b[first * steps..][..registers * L::N * steps];
                        let after = self.finish(strip.start + row, columns.start + first, first_k, steps, columns.end);
                        let stride = registers * L::N;
                        let b = Columns { first: tile.as_ptr(), stride, ahead: 8 * stride };
                        // One row of the next group in each tile, so that none has to wait for memory.
                        let next = match strip.start + row + height + index {
                            next if !transpose_a && index < L::ROWS && next < m => self.rows(next, first_k).first,
                            _ => a_rows.first,
                        };
                        // SAFETY: the tile lies in the rectangle, and what it reads was packed or lies in a.
                        unsafe {
                            L::work(
                                height,
                                registers,
                                transpose_a,
                                &Work { a: a_rows, next, b, steps, before: None, after },
                            );
                        }
                    }
                }
            }
        }
    }

    /// Reads b where it lies, a few of its rows at a time, with the accumulators set aside in between.
    unsafe fn streamed<L: Lanes<T = T>>(&self, rows: Range<usize>, columns: Range<usize>, scratch: &mut Scratch<T>) {
        let Extents { n, k, transpose_a, .. } = self.extents;
        let at_once = (SET_ASIDE / rows.len()).next_multiple_of(REGISTERS * L::N);
        let kept = aligned(&mut scratch.a, at_once.min(columns.len().next_multiple_of(L::N)) * rows.len(), T::ZERO);
        let edge = aligned(&mut scratch.b, REGISTERS * L::N * STREAMS.max(NARROW), T::ZERO);
        for chunk in columns.clone().step_by(at_once) {
            let chunk = chunk..columns.end.min(chunk + at_once);
            let at_a_time = if chunk.len() <= L::N { NARROW } else { STREAMS };
            let mut first_k = 0;
            while first_k < k {
                let panel = first_k / PANEL * PANEL;
                let panel_end = k.min(panel + PANEL);
                let steps = at_a_time.min(panel_end - first_k);
                for (first, registers) in tiles::<L>(chunk.len()) {
                    let column = chunk.start + first;
                    let width = registers * L::N;
                    let b = if column + width <= chunk.end {
                        Columns { first: self.b[first_k * n + column..].as_ptr(), stride: n, ahead: 2 * width }
                    } else {
                        let edge = &mut edge[..width * steps];
                        pack::columns(&self.extents, self.b, first_k..first_k + steps, column..chunk.end, edge);
                        Columns { first: edge.as_ptr(), stride: width, ahead: 0 }
                    };
                    for (row, height) in groups::<L>(rows.len()) {
                        let kept = kept[first * rows.len() + row * width..][..height * width].as_mut_ptr();
                        let after = if first_k + steps == panel_end {
                            self.finish(rows.start + row, column, panel, panel_end - panel, chunk.end)
                        } else {
                            After::Keep(kept)
                        };
                        let before = (first_k > panel).then_some(kept.cast_const());
                        let a = self.rows(rows.start + row, first_k);
                        // SAFETY: the tile lies in the rectangle; its accumulators have their own place.
                        unsafe {
                            L::work(height, registers, transpose_a, &Work { a, next: a.first, b, steps, before, after })
                        };
                    }
                }
                first_k += steps;
            }
        }
    }

    /// The rows of a from `row` on where they lie, from `first_k` on.
    fn rows(&self, row: usize, first_k: usize) -> Rows<T> {
        let Extents { m, k, transpose_a, .. } = self.extents;
        let first = self.a[self.extents.a_at(0, row, first_k)..].as_ptr();
        Rows { first, stride: if transpose_a { m } else { k } }
    }

    /// The end of a panel for the tile whose first element this is.
    fn finish(&self, row: usize, column: usize, first_k: usize, steps: usize, end: usize) -> After<T> {
        let Extents { n, k, .. } = self.extents;
        After::Finish {
            out: self.out.0.wrapping_add(row * n + column),
            stride: n,
            width: end - column,
            add: first_k > 0,
            bias: self.bias.filter(|_| first_k + steps == k).map(|bias| bias[column..].as_ptr()),
        }
    }
}

/// Elements of b below which packing costs less than setting accumulators aside.
const SMALL: usize = 16 * 1024;

/// The tiles across `columns`: the first column of each and its registers. Four registers are two tiles of two.
fn tiles<L: Lanes>(columns: usize) -> impl Iterator<Item = (usize, usize)> {
    tiles_of(columns, L::N)
}

/// [`tiles`] for registers of `lanes`.
pub(super) fn tiles_of(columns: usize, lanes: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut left = columns.div_ceil(lanes);
    let mut first = 0;
    std::iter::from_fn(move || {
        let registers = if left == 4 { 2 } else { left.min(REGISTERS) };
        let tile = (first, registers);
        left -= registers;
        first += registers * lanes;
        (registers > 0).then_some(tile)
    })
}

/// The tiles down `rows`: the first row of each and how many.
fn groups<L: Lanes>(rows: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    groups_of(rows, L::ROWS)
}

/// [`groups`] of at most `most` rows, a power of two.
pub(super) fn groups_of(rows: usize, most: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    let mut row = 0;
    std::iter::from_fn(move || {
        let left = rows - row;
        let height = if left >= most { most } else { left.checked_ilog2().map_or(0, |log| 1 << log) };
        let group = (row, height);
        row += height;
        (height > 0).then_some(group)
    })
}

/// The first `len` elements of `memory` that begin a cache line.
pub(super) fn aligned<T: Copy>(memory: &mut Vec<T>, len: usize, zero: T) -> &mut [T] {
    const LINE: usize = 64;
    let room = len + LINE / size_of::<T>();
    if memory.len() < room {
        *memory = vec![zero; room];
    }
    let first = memory.as_ptr().align_offset(LINE);
    &mut memory[first..first + len]
}
