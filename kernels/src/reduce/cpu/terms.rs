//! What exact sums are of: the elements of one array or the products of two, how a block of them fills lanes, and bins for
//! terms that lie too far apart for lanes: one for each exponent, so that a sum of significands is an integer.

use std::ops::Range as Indices;

use super::lanes::{Lanes, UNITS, Window, elements_f32, elements_f32_in_one, elements_f64, products_f32, products_f64};
use crate::dispatch::Level;
use crate::reduce::reference::{Exact, Term};

/// What is summed.
pub(super) trait Terms: Copy + Send + Sync {
    /// What the sum is rounded to.
    type Float: Exact;
    /// How far below the top of a window the terms may reach.
    const SPAN: i32;
    /// How far above the terms of one block a window is made, for the next blocks.
    const ABOVE: i32;
    /// What the terms of one exponent add up to, of a task's 2^20 terms at most.
    type Bin: Copy + Default + Send;
    /// How many bins there are.
    const BINS: usize;

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
    /// Adds each term, which is finite, to the bin of its exponent.
    fn bin(self, bins: &mut [Self::Bin]);
    /// What a bin holds: an integer times two to a power.
    fn of_bin(index: usize, bin: Self::Bin) -> (i128, i32);
}

/// The elements of an array.
#[derive(Clone, Copy)]
pub(super) struct Elements<'a, T>(pub(super) &'a [T]);

/// The products of the elements of two arrays.
#[derive(Clone, Copy)]
pub(super) struct Products<'a, T>(pub(super) &'a [T], pub(super) &'a [T]);

/// The bin of a float's bits, by sign and exponent, and what it adds there: its fraction and, above the bits that 2^20
/// fractions may take, a 1 for the count. This spares the leading bit and the sign of every term.
macro_rules! counted {
    ($float:ident, $bin:ident, $bits:expr) => {{
        let (bits, fraction) = ($bits, <$float as Exact>::PRECISION - 1);
        ((bits >> fraction) as usize, $bin::from(bits & ((1 << fraction) - 1)) + (1 << (fraction + COUNT_FROM)))
    }};
}

/// Where the count begins, above the bits of a fraction.
const COUNT_FROM: u32 = 20;

/// What such a bin holds.
fn of_counted<T: Exact>(index: usize, bin: u128) -> (i128, i32) {
    let fraction = T::PRECISION - 1;
    let fields = (T::HIGHEST - T::LOWEST) as usize + 3 - T::PRECISION as usize;
    let (negative, field) = (index > fields, index as i32 & fields as i32);
    let fractions = (bin & ((1 << (fraction + COUNT_FROM)) - 1)) as i128;
    let leading = if field == 0 { 0 } else { ((bin >> (fraction + COUNT_FROM)) << fraction) as i128 };
    let value = fractions + leading;
    (if negative { -value } else { value }, T::LOWEST + field.max(1) - 1)
}

macro_rules! elements {
    ($float:ident, $lanes:expr, $bin:ident, $bins:literal, $above:literal) => {
        impl Terms for Elements<'_, $float> {
            type Float = $float;
            const SPAN: i32 = UNITS[1];
            const ABOVE: i32 = $above;
            type Bin = $bin;
            const BINS: usize = $bins;

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

            fn bin(self, bins: &mut [$bin]) {
                for x in self.0 {
                    let (index, value) = counted!($float, $bin, x.to_bits());
                    bins[index] += value;
                }
            }

            fn of_bin(index: usize, bin: $bin) -> (i128, i32) {
                of_counted::<$float>(index, u128::from(bin))
            }
        }
    };
}

elements!(f32, one_or_both_f32, u64, 512, 1);
elements!(f64, elements_f64, u128, 4096, 8);

/// Level 0 alone where its unit is low enough for the block.
fn one_or_both_f32(level: Level, x: &[f32], window: &Window) -> Lanes {
    let lanes = elements_f32_in_one(level, x, window);
    match lanes.range {
        Some(range) if window.holds(range) && range.lowest < window.units()[0] => elements_f32(level, x, window),
        _ => lanes,
    }
}

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
    const ABOVE: i32 = 8;
    type Bin = u128;
    const BINS: usize = 4096;

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

    fn bin(self, bins: &mut [u128]) {
        for (&x, &y) in self.0.iter().zip(self.1) {
            let product = f64::from(x) * f64::from(y);
            let (index, value) = counted!(f64, u128, product.to_bits());
            bins[index] += value;
        }
    }

    fn of_bin(index: usize, bin: u128) -> (i128, i32) {
        of_counted::<f64>(index, bin)
    }
}

impl Terms for Products<'_, f64> {
    type Float = f64;
    const SPAN: i32 = UNITS[3];
    const ABOVE: i32 = 8;
    type Bin = i128;
    const BINS: usize = 4096;

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

    fn of_bin(index: usize, bin: i128) -> (i128, i32) {
        (bin, 2 * (<f64 as Exact>::LOWEST - 1) + index as i32)
    }
}
