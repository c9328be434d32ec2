//! Sorts integers, or integers with a place, on threads: each thread a piece by its digits, lowest first, then the
//! pieces are merged in pairs. It knows nothing of floats.

use rayon::prelude::*;

use crate::blocks::PARALLEL_FROM;
use crate::launch::{LaunchError, aside};

/// Something to sort. The order by digits, equal ones as they came, is the order by `Ord`.
pub(super) trait Item: Copy + Ord + Default + Send + Sync {
    /// Its digits, each one byte.
    const DIGITS: usize;

    /// Digit `index`, the lowest first.
    fn digit(self, index: usize) -> usize;
}

impl Item for u32 {
    const DIGITS: usize = 4;

    #[inline(always)]
    fn digit(self, index: usize) -> usize {
        (self >> (8 * index) & 0xff) as usize
    }
}

/// A key and a place in one word; the places ascend where the sort begins, so they need no digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Placed(u64);

impl Placed {
    pub(super) fn new(key: u32, place: u32) -> Placed {
        Placed(u64::from(key) << 32 | u64::from(place))
    }

    pub(super) fn place(self) -> u32 {
        self.0 as u32
    }
}

impl Item for Placed {
    const DIGITS: usize = 4;

    #[inline(always)]
    fn digit(self, index: usize) -> usize {
        self.0.digit(index + 4)
    }
}

impl Item for u64 {
    const DIGITS: usize = 8;

    #[inline(always)]
    fn digit(self, index: usize) -> usize {
        (self >> (8 * index) & 0xff) as usize
    }
}

/// A key and a place, as in [`Placed`].
impl Item for (u64, u64) {
    const DIGITS: usize = 8;

    #[inline(always)]
    fn digit(self, index: usize) -> usize {
        self.0.digit(index)
    }
}

/// Below this the standard library is faster.
const SMALL: usize = 512;

/// Items that one thread merges at a time.
const MERGE: usize = 64 * 1024;

/// Sorts the items, which hold no two that are equal and differ.
pub(super) fn sort_items<I: Item>(items: &mut [I]) -> Result<(), LaunchError> {
    if items.len() < SMALL {
        items.sort_unstable();
        return Ok(());
    }
    let mut spare = aside(items.len(), I::default())?;
    if items.len() < PARALLEL_FROM {
        sort_piece(items, &mut spare);
        return Ok(());
    }
    let piece = items.len().div_ceil(rayon::current_num_threads());
    items.par_chunks_mut(piece).zip(spare.par_chunks_mut(piece)).for_each(|(items, spare)| sort_piece(items, spare));
    let (mut from, mut to) = (&mut *items, &mut *spare);
    let (mut sorted, mut merges) = (piece, 0);
    while sorted < from.len() {
        merge_pairs(from, to, sorted);
        (from, to) = (to, from);
        sorted *= 2;
        merges += 1;
    }
    if merges % 2 == 1 {
        to.par_chunks_mut(MERGE).zip(from.par_chunks(MERGE)).for_each(|(to, from)| to.copy_from_slice(from));
    }
    Ok(())
}

/// Sorts by digits, from one array to the other and back.
fn sort_piece<I: Item>(items: &mut [I], spare: &mut [I]) {
    let mut counts = vec![[0usize; 256]; I::DIGITS];
    for item in &*items {
        for (index, counts) in counts.iter_mut().enumerate() {
            counts[item.digit(index)] += 1;
        }
    }
    let len = items.len();
    let (mut from, mut to) = (items, spare);
    let mut passes = 0;
    for (index, counts) in counts.iter().enumerate() {
        if counts.contains(&len) {
            // All have one digit here.
            continue;
        }
        let mut next = [0; 256];
        let mut total = 0;
        for (next, count) in next.iter_mut().zip(counts) {
            *next = total;
            total += count;
        }
        for &item in &*from {
            let digit = item.digit(index);
            to[next[digit]] = item;
            next[digit] += 1;
        }
        (from, to) = (to, from);
        passes += 1;
    }
    if passes % 2 == 1 {
        to.copy_from_slice(from);
    }
}

/// Merges each two neighbours of `sorted` items.
fn merge_pairs<I: Item>(from: &[I], to: &mut [I], sorted: usize) {
    from.par_chunks(2 * sorted).zip(to.par_chunks_mut(2 * sorted)).for_each(|(from, to)| {
        let (left, right) = from.split_at(sorted.min(from.len()));
        to.par_chunks_mut(MERGE).enumerate().for_each(|(index, to)| {
            let first = index * MERGE;
            let of_left = rank(left, right, first);
            merge(&left[of_left..], &right[first - of_left..], to);
        });
    });
}

/// How many of the first `count` merged items come from the left.
fn rank<I: Item>(left: &[I], right: &[I], count: usize) -> usize {
    let (mut low, mut high) = (count.saturating_sub(right.len()), count.min(left.len()));
    while low < high {
        let middle = low.midpoint(high);
        if left[middle] <= right[count - middle - 1] {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// The first items of both together, as many as `out` holds.
fn merge<I: Item>(left: &[I], right: &[I], out: &mut [I]) {
    let (mut i, mut j) = (0, 0);
    let mut filled = 0;
    while filled < out.len() && i < left.len() && j < right.len() {
        let is_left = left[i] <= right[j];
        out[filled] = if is_left { left[i] } else { right[j] };
        i += usize::from(is_left);
        j += usize::from(!is_left);
        filled += 1;
    }
    let rest = &mut out[filled..];
    let of_left = rest.len().min(left.len() - i);
    let (from_left, from_right) = rest.split_at_mut(of_left);
    from_left.copy_from_slice(&left[i..i + of_left]);
    from_right.copy_from_slice(&right[j..j + from_right.len()]);
}
