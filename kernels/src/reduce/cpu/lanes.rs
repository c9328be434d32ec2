//! Blocks of terms summed in lanes of f64 without any loss, and when that is possible.
//!
//! A level of a lane is an f64 that starts at 1.5 * 2^(52 + unit) and stays between 2^(52 + unit) and 2^(53 + unit), where
//! the floats are the multiples of 2^unit. Adding x rounds x to such a multiple, what it grew by is exact, and what is
//! left of x, at most half a unit, is exact too and goes to the next level. The last level must leave nothing. So with
//! R = 256 rows in a block and a window of terms below 2^top:
//! - level 0 takes at most R * 2^top in sum; its unit is top - 42, so that this is 2^50 units, and a lane never leaves its
//!   binade;
//! - level 1 takes halves of that unit, R of them: its unit is top - 85, and these are 2^50 units again;
//! - a product of two f64 is two terms, the rounded product and its error. The error, at most 2^(top - 54), enters at
//!   level 1 and leaves a half unit of that level too: 2 * R halves enter level 2, whose unit is top - 127.
//!
//! Nothing is lost if every term is below 2^top and a multiple of the last unit. Both are read from the exponents of the
//! same block, and its lanes are thrown away where they do not hold. The bits of a lane, less those of its start, are
//! then what was added, in units.

use std::ops::Range as Indices;

use crate::ahead;
use crate::dispatch::{Level, levels};
use crate::reduce::reference::{Exact, Term};

/// Lanes of a block.
const LANES: usize = 16;

/// Rows of lanes in a block, at most.
const ROWS: usize = 256;

/// Terms of a block, at most.
pub(super) const BLOCK: usize = LANES * ROWS;

/// Levels of a lane, of which only products of f64 use the third.
const LEVELS: usize = 3;

/// How far below the top of a window the unit of each level is.
const UNITS: [i32; LEVELS] = [42, 85, 127];

/// What is summed.
pub(super) trait Terms: Copy + Send + Sync {
    /// What the sum is rounded to.
    type Float: Exact;
    /// How far below the top of a window the terms may reach.
    const SPAN: i32;
    /// Exponents that a term's significand may have.
    const BINS: usize;
    /// The first of them.
    const FIRST_BIN: i32;

    /// How many there are.
    fn len(self) -> usize;
    /// Some of them.
    fn part(self, indices: Indices<usize>) -> Self;
    /// One of them.
    fn term(self, index: usize) -> Term;
    /// Whether a term is -0.
    fn is_negative_zero(self, index: usize) -> bool;
    /// The lanes of at most a block of terms.
    fn lanes(self, level: Level, window: &Window) -> Lanes;
    /// Adds the significand of each term, which is finite, to the bin of its exponent.
    fn bin(self, bins: &mut [i128]);
}

/// The elements of an array.
#[derive(Clone, Copy)]
pub(super) struct Elements<'a, T>(pub(super) &'a [T]);

/// The products of the elements of two arrays.
#[derive(Clone, Copy)]
pub(super) struct Products<'a, T>(pub(super) &'a [T], pub(super) &'a [T]);

/// The terms are less than 2^top and multiples of 2^lowest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    top: i32,
    lowest: i32,
}

/// What lanes can hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    top: i32,
    lowest: i32,
}

impl Window {
    /// The window of terms below 2^top.
    pub(super) fn below<K: Terms>(top: i32) -> Window {
        Window { top, lowest: top - K::SPAN }
    }

    /// A window for a block and for others like it; `None` if there is none.
    pub(super) fn around<K: Terms>(range: Range) -> Option<Window> {
        /// No level may reach infinity, nor the unit of one the numbers below 2^-1074.
        const HIGHEST: i32 = 1000;
        let room = range.lowest.saturating_sub(range.top - K::SPAN);
        let top = (range.top + (room / 2).min(8)).max(K::SPAN + <f64 as Exact>::LOWEST);
        let window = Window::below::<K>(top);
        (top <= HIGHEST && window.holds(range)).then_some(window)
    }

    /// Whether such terms lose nothing.
    pub(super) fn holds(&self, range: Range) -> bool {
        range.top <= self.top && range.lowest >= self.lowest
    }

    /// The exponents of the levels' units.
    pub(super) fn units(&self) -> [i32; LEVELS] {
        UNITS.map(|below| self.top - below)
    }

    fn starts(&self) -> [f64; LEVELS] {
        // A level that is not used may have its unit below the least f64; its start is then of no account.
        self.units().map(|unit| f64::from_bits((((unit + 52 + 1023).max(1) as u64) << 52) + (1 << 51)))
    }
}

/// What a block leaves behind.
pub(super) struct Lanes {
    levels: [[f64; LANES]; LEVELS],
    /// `None` if a term is infinite or NaN.
    pub(super) range: Option<Range>,
}

/// What blocks of one window add up to, in the units of its levels.
#[derive(Clone, Default)]
pub(super) struct Sums([[i64; LANES]; LEVELS]);

impl Sums {
    /// Adds a block that the window holds: less than 2^51 in each lane.
    pub(super) fn add(&mut self, lanes: &Lanes, window: &Window) {
        for ((sums, lanes), start) in self.0.iter_mut().zip(&lanes.levels).zip(window.starts()) {
            for (sum, lane) in sums.iter_mut().zip(lanes) {
                *sum += lane.to_bits() as i64 - start.to_bits() as i64;
            }
        }
    }

    /// Each level over all lanes.
    pub(super) fn whole(&self) -> [i128; LEVELS] {
        self.0.map(|lanes| lanes.into_iter().map(i128::from).sum())
    }
}

/// The greatest and the least magnitude but zero, as the bits without their sign say them.
#[derive(Clone, Copy)]
struct Keys<U> {
    /// The bits, times two.
    greatest: [U; LANES],
    /// The bits, times two, less one: the greatest of all for a zero.
    least: [U; LANES],
}

macro_rules! keys {
    ($uint:ident, $float:ident, $width:literal) => {
        impl Keys<$uint> {
            const NONE: Keys<$uint> = Keys { greatest: [0; LANES], least: [$uint::MAX; LANES] };

            #[inline(always)]
            fn see(&mut self, lane: usize, x: $float) {
                let twice = x.to_bits() << 1;
                self.greatest[lane] = self.greatest[lane].max(twice);
                self.least[lane] = self.least[lane].min(twice.wrapping_sub(1));
            }

            #[inline(always)]
            fn range(&self) -> Option<Range> {
                let greatest = self.greatest.into_iter().max().unwrap_or(0);
                let least = self.least.into_iter().min().unwrap_or($uint::MAX).wrapping_add(1);
                if greatest == 0 {
                    return Some(Range { top: i32::MIN / 4, lowest: i32::MAX / 4 });
                }
                let field = |twice: $uint| (twice >> <$float as Exact>::PRECISION) as i32;
                if field(greatest) == $width {
                    return None;
                }
                let below_normal = <$float as Exact>::LOWEST + <$float as Exact>::PRECISION as i32 - 1;
                Some(Range {
                    top: below_normal + field(greatest),
                    lowest: <$float as Exact>::LOWEST + field(least).max(1) - 1,
                })
            }
        }
    };
}

keys!(u32, f32, 255);
keys!(u64, f64, 2047);

/// Adds to a level and gives what is left.
#[inline(always)]
fn add(level: &mut f64, x: f64) -> f64 {
    let sum = *level + x;
    let left = x - (sum - *level);
    *level = sum;
    left
}

levels! {
    fn elements_f32 [](x: &[f32], window: &Window) -> Lanes {
        let mut levels = window.starts().map(|start| [start; LANES]);
        let mut keys = Keys::<u32>::NONE;
        let (rows, rest) = x.as_chunks::<LANES>();
        for row in rows {
            ahead::ask(row);
            for lane in 0..LANES {
                keys.see(lane, row[lane]);
                let left = add(&mut levels[0][lane], f64::from(row[lane]));
                levels[1][lane] += left;
            }
        }
        for (lane, &x) in rest.iter().enumerate() {
            keys.see(lane, x);
            let left = add(&mut levels[0][lane], f64::from(x));
            levels[1][lane] += left;
        }
        Lanes { levels, range: keys.range() }
    }
}

levels! {
    fn elements_f64 [](x: &[f64], window: &Window) -> Lanes {
        let mut levels = window.starts().map(|start| [start; LANES]);
        let mut keys = Keys::<u64>::NONE;
        let (rows, rest) = x.as_chunks::<LANES>();
        for row in rows {
            ahead::ask(row);
            for lane in 0..LANES {
                keys.see(lane, row[lane]);
                let left = add(&mut levels[0][lane], row[lane]);
                levels[1][lane] += left;
            }
        }
        for (lane, &x) in rest.iter().enumerate() {
            keys.see(lane, x);
            let left = add(&mut levels[0][lane], x);
            levels[1][lane] += left;
        }
        Lanes { levels, range: keys.range() }
    }
}

levels! {
    /// A product of two f32 is an f64, exactly, and none but that of a zero is zero.
    fn products_f32 [](x: &[f32], y: &[f32], window: &Window) -> Lanes {
        let mut levels = window.starts().map(|start| [start; LANES]);
        let mut keys = Keys::<u64>::NONE;
        let (x_rows, x_rest) = x.as_chunks::<LANES>();
        let (y_rows, y_rest) = y.as_chunks::<LANES>();
        for (x, y) in x_rows.iter().zip(y_rows) {
            ahead::ask(x);
            ahead::ask(y);
            for lane in 0..LANES {
                let product = f64::from(x[lane]) * f64::from(y[lane]);
                keys.see(lane, product);
                let left = add(&mut levels[0][lane], product);
                levels[1][lane] += left;
            }
        }
        for (lane, (&x, &y)) in x_rest.iter().zip(y_rest).enumerate() {
            let product = f64::from(x) * f64::from(y);
            keys.see(lane, product);
            let left = add(&mut levels[0][lane], product);
            levels[1][lane] += left;
        }
        Lanes { levels, range: keys.range() }
    }
}

levels! {
    fn products_f64 [](x: &[f64], y: &[f64], window: &Window) -> Lanes {
        let mut levels = window.starts().map(|start| [start; LANES]);
        let (mut x_keys, mut y_keys) = (Keys::<u64>::NONE, Keys::<u64>::NONE);
        let mut step = |lane: usize, x: f64, y: f64| {
            x_keys.see(lane, x);
            y_keys.see(lane, y);
            let product = x * y;
            // Exact where the window holds the product's last bit, which is then no lower than the least f64.
            let error = x.mul_add(y, -product);
            let left = add(&mut levels[0][lane], product);
            levels[2][lane] += add(&mut levels[1][lane], left);
            levels[2][lane] += add(&mut levels[1][lane], error);
        };
        let (x_rows, x_rest) = x.as_chunks::<LANES>();
        let (y_rows, y_rest) = y.as_chunks::<LANES>();
        for (x, y) in x_rows.iter().zip(y_rows) {
            ahead::ask(x);
            ahead::ask(y);
            for lane in 0..LANES {
                step(lane, x[lane], y[lane]);
            }
        }
        for (lane, (&x, &y)) in x_rest.iter().zip(y_rest).enumerate() {
            step(lane, x, y);
        }
        let range = x_keys.range().zip(y_keys.range());
        // Of a zero and anything the bounds lie far apart, and any window holds what is zero.
        let range = range.map(|(x, y)| Range { top: x.top + y.top, lowest: x.lowest + y.lowest });
        Lanes { levels, range }
    }
}

macro_rules! elements {
    ($float:ident, $lanes:ident, $bins:literal) => {
        impl Terms for Elements<'_, $float> {
            type Float = $float;
            const SPAN: i32 = UNITS[1];
            const BINS: usize = $bins;
            const FIRST_BIN: i32 = <$float as Exact>::LOWEST - 1;

            fn len(self) -> usize {
                self.0.len()
            }

            fn part(self, indices: Indices<usize>) -> Self {
                Elements(&self.0[indices])
            }

            fn term(self, index: usize) -> Term {
                Term::of(self.0[index])
            }

            fn is_negative_zero(self, index: usize) -> bool {
                self.0[index].to_bits() == (-0.0 as $float).to_bits()
            }

            fn lanes(self, level: Level, window: &Window) -> Lanes {
                $lanes(level, self.0, window)
            }

            fn bin(self, bins: &mut [i128]) {
                for &x in self.0 {
                    let (field, significand) = parts(x);
                    bins[field] += i128::from(significand);
                }
            }
        }
    };
}

elements!(f32, elements_f32, 256);
elements!(f64, elements_f64, 2048);

/// The exponent field, 1 for a subnormal too, and the significand with its sign.
#[inline(always)]
fn parts<T: Exact>(x: T) -> (usize, i64) {
    let bits = x.bits();
    let field = (x.magnitude().bits() >> (T::PRECISION - 1)) as usize;
    let fraction = bits & ((1 << (T::PRECISION - 1)) - 1);
    let significand = (fraction | u64::from(field != 0) << (T::PRECISION - 1)) as i64;
    (field.max(1), if x.is_negative() { -significand } else { significand })
}

impl Terms for Products<'_, f32> {
    type Float = f32;
    const SPAN: i32 = UNITS[1];
    const BINS: usize = 512;
    const FIRST_BIN: i32 = 2 * <f32 as Exact>::LOWEST - 2;

    fn len(self) -> usize {
        self.0.len()
    }

    fn part(self, indices: Indices<usize>) -> Self {
        Products(&self.0[indices.clone()], &self.1[indices])
    }

    fn term(self, index: usize) -> Term {
        Term::of_product(self.0[index], self.1[index])
    }

    fn is_negative_zero(self, index: usize) -> bool {
        (self.0[index] * self.1[index]).to_bits() == 1 << 31 && (self.0[index] == 0.0 || self.1[index] == 0.0)
    }

    fn lanes(self, level: Level, window: &Window) -> Lanes {
        products_f32(level, self.0, self.1, window)
    }

    fn bin(self, bins: &mut [i128]) {
        for (&x, &y) in self.0.iter().zip(self.1) {
            let ((x_field, x), (y_field, y)) = (parts(x), parts(y));
            bins[x_field + y_field] += i128::from(x * y);
        }
    }
}

impl Terms for Products<'_, f64> {
    type Float = f64;
    const SPAN: i32 = UNITS[2];
    const BINS: usize = 4096;
    const FIRST_BIN: i32 = 2 * <f64 as Exact>::LOWEST - 2;

    fn len(self) -> usize {
        self.0.len()
    }

    fn part(self, indices: Indices<usize>) -> Self {
        Products(&self.0[indices.clone()], &self.1[indices])
    }

    fn term(self, index: usize) -> Term {
        Term::of_product(self.0[index], self.1[index])
    }

    fn is_negative_zero(self, index: usize) -> bool {
        (self.0[index] * self.1[index]).to_bits() == 1 << 63 && (self.0[index] == 0.0 || self.1[index] == 0.0)
    }

    fn lanes(self, level: Level, window: &Window) -> Lanes {
        products_f64(level, self.0, self.1, window)
    }

    fn bin(self, bins: &mut [i128]) {
        for (&x, &y) in self.0.iter().zip(self.1) {
            let ((x_field, x), (y_field, y)) = (parts(x), parts(y));
            bins[x_field + y_field] += i128::from(x) * i128::from(y);
        }
    }
}
