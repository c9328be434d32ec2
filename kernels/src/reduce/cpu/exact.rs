//! Exact sums at the speed of memory: blocks whose terms lie close enough together are summed in lanes of f64 that lose
//! nothing (`lanes`), others in one bin per exponent; both end in one wide integer that is rounded once. Integers add up to
//! the same in any order, so tasks and threads change nothing.

use rayon::prelude::*;

use super::lanes::{BLOCK, Lanes, Range, Sums, Terms, Window};
use crate::blocks::PARALLEL_FROM;
use crate::dispatch::Level;
use crate::float::Float;
use crate::reduce::reference::{Exact, Term, Total};

/// Terms that one thread takes at a time; few enough that no bin overflows.
const TASK: usize = 1 << 20;

/// Blocks that the integer lanes have room for: each adds less than 2^51.
const BLOCKS: usize = 4000;

/// Terms from which bins are worth their memory.
const BINS_FROM: usize = 1 << 14;

/// The exact sum of the terms, rounded once; +0 of nothing.
pub(super) fn exact<K: Terms>(level: Level, terms: K) -> K::Float {
    let n = terms.len();
    // The sign of a zero needs every term; where not all are -0 the first that is not comes soon, or they add nothing.
    if (0..n).all(|index| terms.is_negative_zero(index)) {
        return if n == 0 { K::Float::ZERO } else { K::Float::NEGATIVE_ZERO };
    }
    let task = |first: usize| {
        let mut part = Part::new(level, n);
        part.take(terms.part(first..n.min(first + TASK)));
        part.settle();
        part
    };
    let whole = if n < PARALLEL_FROM {
        task(0)
    } else {
        let tasks = (0..n.div_ceil(TASK)).into_par_iter().map(|index| task(index * TASK));
        tasks.reduce(|| Part::new(level, 0), Part::merged)
    };
    whole.value()
}

/// The exact sum of some of the terms.
struct Part<K: Terms> {
    level: Level,
    window: Window,
    /// What the lanes of the window hold, in its units.
    sums: Sums,
    /// Blocks in them.
    blocks: usize,
    /// The sums of the significands at each exponent, once they are used.
    bins: Vec<i128>,
    use_bins: bool,
    total: Total,
    nan: bool,
    /// Whether there is +Inf, and -Inf.
    infinities: [bool; 2],
    terms: std::marker::PhantomData<K>,
}

impl<K: Terms> Part<K> {
    fn new(level: Level, n: usize) -> Part<K> {
        Part {
            level,
            window: Window::below::<K>(0),
            sums: Sums::default(),
            blocks: 0,
            bins: Vec::new(),
            use_bins: n >= BINS_FROM,
            total: Total::default(),
            nan: false,
            infinities: [false; 2],
            terms: std::marker::PhantomData,
        }
    }

    fn take(&mut self, terms: K) {
        let n = terms.len();
        for first in (0..n).step_by(BLOCK) {
            if self.nan {
                return;
            }
            self.take_block(terms.part(first..n.min(first + BLOCK)));
        }
    }

    fn take_block(&mut self, terms: K) {
        let lanes = terms.lanes(self.level, &self.window);
        let range = match lanes.range {
            None => return self.take_one_by_one(terms),
            Some(range) => range,
        };
        if self.window.holds(range) {
            return self.take_lanes(&lanes);
        }
        match Window::around::<K>(range) {
            Some(window) => {
                self.empty_lanes();
                self.window = window;
                let lanes = terms.lanes(self.level, &self.window);
                self.take_lanes(&lanes);
            }
            None if self.use_bins => {
                self.bins.resize(K::BINS, 0);
                terms.bin(&mut self.bins);
            }
            None => self.take_one_by_one(terms),
        }
    }

    fn take_lanes(&mut self, lanes: &Lanes) {
        self.sums.add(lanes, &self.window);
        self.blocks += 1;
        if self.blocks == BLOCKS {
            self.empty_lanes();
        }
    }

    /// Takes terms that may be infinite or NaN, or too few for bins.
    fn take_one_by_one(&mut self, terms: K) {
        for index in 0..terms.len() {
            match terms.term(index) {
                Term::Nan => self.nan = true,
                Term::Infinite { negative } => self.infinities[usize::from(negative)] = true,
                Term::Finite { negative, magnitude, exponent } => {
                    let value = magnitude as i128;
                    self.total.add(if negative { -value } else { value }, exponent);
                }
            }
        }
    }

    fn empty_lanes(&mut self) {
        for (sum, unit) in self.sums.whole().into_iter().zip(self.window.units()) {
            if sum != 0 {
                self.total.add(sum, unit);
            }
        }
        self.sums = Sums::default();
        self.blocks = 0;
    }

    /// Brings all that is held into the total.
    fn settle(&mut self) {
        self.empty_lanes();
        for (index, bin) in std::mem::take(&mut self.bins).into_iter().enumerate() {
            if bin != 0 {
                self.total.add(bin, K::FIRST_BIN + index as i32);
            }
        }
    }

    fn merged(mut self, other: Part<K>) -> Part<K> {
        self.total.merge(&other.total);
        self.nan |= other.nan;
        for (infinity, other) in self.infinities.iter_mut().zip(other.infinities) {
            *infinity |= other;
        }
        self
    }

    fn value(&self) -> K::Float {
        let infinity = K::Float::count(1) / K::Float::ZERO;
        match self.infinities {
            _ if self.nan => K::Float::CANONICAL_NAN,
            [true, true] => K::Float::CANONICAL_NAN,
            [true, false] => infinity,
            [false, true] => infinity.negated(),
            [false, false] => self.total.round(),
        }
    }
}
