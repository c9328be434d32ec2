//! One tile of a product: some rows by one to three registers of columns whose accumulators stay in registers along
//! consecutive k. It knows neither panels nor threads.

use std::hint::black_box;

use super::lanes::Lanes;
use crate::ahead::prefetch;
use crate::float::Float;

/// The rows of a that a tile multiplies, from its first k on.
#[derive(Clone, Copy)]
pub(super) struct Rows<T> {
    pub(super) first: *const T,
    /// Elements from one row to the next, where the k of a row follow one another; else from one k to the next, where
    /// its rows do.
    pub(super) stride: usize,
}

/// The columns of b that a tile multiplies, from its first k on.
#[derive(Clone, Copy)]
pub(super) struct Columns<T> {
    pub(super) first: *const T,
    /// Elements from one k to the next.
    pub(super) stride: usize,
    /// Elements from what is read to what is fetched into the nearest cache meanwhile.
    pub(super) ahead: usize,
}

/// What is done to one tile, for consecutive k of one panel.
#[derive(Clone, Copy)]
pub(super) struct Work<T> {
    pub(super) a: Rows<T>,
    /// As many elements as there are k that are fetched into the second cache meanwhile: of a, for a tile to come.
    pub(super) next: *const T,
    pub(super) b: Columns<T>,
    /// How many k.
    pub(super) steps: usize,
    /// Where the accumulators lie that earlier k of the panel left, if there were any.
    pub(super) before: Option<*const T>,
    pub(super) after: After<T>,
}

/// What becomes of the accumulators.
#[derive(Clone, Copy)]
pub(super) enum After<T> {
    /// They are set aside: more k of the panel follow.
    Keep(*mut T),
    /// The panel ends, and its sums go to the output.
    Finish {
        out: *mut T,
        /// Elements from one row to the next.
        stride: usize,
        /// Columns that are stored.
        width: usize,
        /// Whether the output holds the sum of earlier panels.
        add: bool,
        /// What is added after the last panel.
        bias: Option<*const T>,
    },
}

/// Does the work for a tile of `rows` by `registers`; `by_k` says how a lies.
///
/// # Safety
/// The CPU has the level of `L`, and the pointers are those of a tile of this size.
#[inline(always)]
pub(super) unsafe fn work<L: Lanes>(rows: usize, registers: usize, by_k: bool, work: &Work<L::T>) {
    macro_rules! sizes {
        ($($rows:literal: $($registers:literal)+;)+) => {
            match (rows, registers, by_k) {
                $($(
                    // SAFETY: the caller's.
                    ($rows, $registers, false) if L::ROWS >= $rows => unsafe { sized::<L, $rows, $registers, false>(work) },
                    // SAFETY: as above.
                    ($rows, $registers, true) if L::ROWS >= $rows => unsafe { sized::<L, $rows, $registers, true>(work) },
                )+)+
                _ => unreachable!("there is no tile of {rows} rows by {registers} registers"),
            }
        };
    }
    sizes!(8: 3 2 1; 4: 3 2 1; 2: 3 2 1; 1: 3 2 1;);
}

#[inline(always)]
unsafe fn sized<L: Lanes, const R: usize, const V: usize, const BY_K: bool>(work: &Work<L::T>) {
    // SAFETY: the caller's.
    unsafe {
        let mut tile = match work.before {
            None => Tile::<L, R, V>::start(),
            Some(before) => Tile::again(before),
        };
        if let After::Finish { out, stride, .. } = work.after {
            for r in 0..R {
                for v in 0..V {
                    prefetch(out.wrapping_add(r * stride + v * L::N));
                }
            }
        }
        tile.step::<BY_K>(work.a, work.next, work.b, work.steps);
        match work.after {
            After::Keep(to) => tile.keep(to),
            After::Finish { out, stride, width, add, bias } => tile.finish(out, stride, width, add, bias),
        }
    }
}

/// Accumulators of `R` rows by `V` registers.
#[derive(Clone, Copy)]
struct Tile<L, const R: usize, const V: usize>([[L; V]; R]);

impl<L: Lanes, const R: usize, const V: usize> Tile<L, R, V> {
    /// Before the first k of a panel.
    ///
    /// # Safety
    /// The CPU has the level of `L`, here and below.
    #[inline(always)]
    unsafe fn start() -> Self {
        // SAFETY: the caller's.
        Tile([[unsafe { L::splat(L::T::NEGATIVE_ZERO) }; V]; R])
    }

    /// As [`Tile::keep`] left them.
    ///
    /// # Safety
    /// `from` holds a tile.
    #[inline(always)]
    unsafe fn again(from: *const L::T) -> Self {
        // SAFETY: the caller's.
        unsafe {
            let mut tile = Self::start();
            for r in 0..R {
                for v in 0..V {
                    tile.0[r][v] = L::load(from.add((r * V + v) * L::N));
                }
            }
            tile
        }
    }

    /// Sets the accumulators aside within a panel.
    ///
    /// # Safety
    /// `to` has room for a tile.
    #[inline(always)]
    unsafe fn keep(self, to: *mut L::T) {
        for r in 0..R {
            for v in 0..V {
                // SAFETY: the caller's.
                unsafe { self.0[r][v].store(to.add((r * V + v) * L::N)) };
            }
        }
    }

    /// One fused step for each of `steps` consecutive k.
    ///
    /// # Safety
    /// `a` has `R` rows and `b` `V` registers of columns for all these k. With `BY_K` the rows of each k of a follow one
    /// another, else the k of each row.
    #[inline(always)]
    unsafe fn step<const BY_K: bool>(&mut self, a: Rows<L::T>, next: *const L::T, b: Columns<L::T>, steps: usize) {
        // The places of four rows from two registers, of which the compiler does not know that they are multiples: it
        // would add them up in a chain, and every addition takes a slot from a fused step.
        let [two, three] = black_box([2 * a.stride, 3 * a.stride]);
        let four = black_box(4 * a.stride);
        let places = [0, a.stride, two, three];
        // SAFETY: the caller's.
        unsafe {
            let (mut a_k, mut b_k) = ([a.first, a.first.wrapping_add(if BY_K { 4 } else { four })], b.first);
            for k in 0..steps {
                prefetch_far(next.wrapping_add(k));
                let mut columns = [L::splat(*a.first); V];
                for (v, column) in columns.iter_mut().enumerate() {
                    *column = L::load(b_k.add(v * L::N));
                    prefetch(b_k.wrapping_add(b.ahead + v * L::N));
                }
                for r in 0..R {
                    let x = L::splat(*a_k[r / 4].add(if BY_K { r % 4 } else { places[r % 4] }));
                    for (acc, &column) in self.0[r].iter_mut().zip(&columns) {
                        *acc = x.fused(column, *acc);
                    }
                }
                a_k = a_k.map(|at| at.wrapping_add(if BY_K { a.stride } else { 1 }));
                b_k = b_k.add(b.stride);
            }
        }
    }

    /// Stores the first `width` columns: after the first panel the sum with what is there, after the last one plus bias.
    ///
    /// # Safety
    /// `out` has `R` rows of `width` columns, `stride` apart; a bias has `width` elements.
    #[inline(always)]
    unsafe fn finish(self, out: *mut L::T, stride: usize, width: usize, add: bool, bias: Option<*const L::T>) {
        // SAFETY: the caller's; a register that is not full goes by its first lanes.
        unsafe {
            for v in 0..V {
                let first = v * L::N;
                let lanes = width.saturating_sub(first).min(L::N);
                let bias = bias.map(|bias| L::load_first(bias.wrapping_add(first), lanes));
                for r in 0..R {
                    let out = out.wrapping_add(r * stride + first);
                    let full = lanes == L::N;
                    let mut sum = self.0[r][v];
                    if add {
                        sum = if full { L::load(out) } else { L::load_first(out, lanes) }.plus(sum);
                    }
                    if let Some(bias) = bias {
                        sum = sum.plus(bias);
                    }
                    let sum = sum.canonical();
                    if full { sum.store(out) } else { sum.store_first(out, lanes) }
                }
            }
        }
    }
}

/// Fetches a line into the second cache.
#[inline(always)]
fn prefetch_far<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults nowhere.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
