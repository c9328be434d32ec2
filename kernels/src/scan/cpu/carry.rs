//! The scan of the totals of blocks, one total at a time as they come. It holds a few hundred values however many blocks
//! there were.

use super::TILE;
use super::block::Sums;
use crate::float::Float;
use crate::scan::{BLOCK, SEGMENT, SEGMENTS};

/// Doublings of the distance over the totals of a block's segments.
const DOUBLINGS: usize = SEGMENTS.ilog2() as usize;

/// What is before the next block.
pub(super) struct Carry<T> {
    /// The scanned total of the last block; `None` before the first.
    before: Option<T>,
    /// The scan of the totals, then the scan of the totals of its blocks, and so on.
    scans: Vec<Scan<T>>,
}

impl<T> Default for Carry<T> {
    fn default() -> Carry<T> {
        Carry { before: None, scans: Vec::new() }
    }
}

impl<T: Float> Carry<T> {
    /// Passes some blocks: what is before each of them.
    pub(super) fn pass(&mut self, blocks: &[Sums<T>]) -> [Option<T>; TILE] {
        let mut before = [None; TILE];
        for (block, before) in blocks.iter().zip(&mut before) {
            *before = self.before;
            self.before = Some(scanned(&mut self.scans, 0, block.total()));
        }
        before
    }
}

/// The scan at `depth`, of one more total: its value there.
fn scanned<T: Float>(scans: &mut Vec<Scan<T>>, depth: usize, total: T) -> T {
    if scans.len() == depth {
        scans.push(Scan::new());
    }
    let scan = &mut scans[depth];
    let before = scan.before;
    let (value, full) = scan.push(total);
    if full {
        let before = scanned(scans, depth + 1, value);
        scans[depth].before = Some(before);
    }
    before.map_or(value, |before| before + value)
}

/// A scan as far as it has come in its block.
struct Scan<T> {
    /// What the scan above says of the blocks before this one.
    before: Option<T>,
    /// Elements of the block so far.
    count: usize,
    /// The sum in the segment so far.
    local: T,
    /// The totals of the segments so far, after 0, 1, 2, ... doublings.
    totals: [[T; SEGMENTS]; DOUBLINGS + 1],
}

impl<T: Float> Scan<T> {
    fn new() -> Scan<T> {
        let totals = [[T::NEGATIVE_ZERO; SEGMENTS]; DOUBLINGS + 1];
        Scan { before: None, count: 0, local: T::NEGATIVE_ZERO, totals }
    }

    /// The next element's value within the block, and whether the block is full by it.
    fn push(&mut self, x: T) -> (T, bool) {
        let (segment, place) = (self.count / SEGMENT, self.count % SEGMENT);
        self.local = if place == 0 { x } else { self.local + x };
        let value = if segment == 0 { self.local } else { self.totals[DOUBLINGS][segment - 1] + self.local };
        if place == SEGMENT - 1 {
            self.totals[0][segment] = self.local;
            for doubling in 0..DOUBLINGS {
                let total = self.totals[doubling][segment];
                self.totals[doubling + 1][segment] = match segment.checked_sub(1 << doubling) {
                    Some(earlier) => self.totals[doubling][earlier] + total,
                    None => total,
                };
            }
        }
        self.count = (self.count + 1) % BLOCK;
        (value, self.count == 0)
    }
}
