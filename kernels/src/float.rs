//! What the specification says of single operations on f32 and f64, once for both: the canonical NaN, the order of the
//! zeros in min and max, fused steps. It knows no arrays.

use std::ops::{Add, Div, Mul, Sub};

use bytemuck::Pod;

/// A binary floating-point type of the specification.
pub(crate) trait Float:
    Pod
    + Send
    + Sync
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + std::fmt::Debug
{
    /// +0, what a sum of nothing is.
    const ZERO: Self;
    /// -0, the start of a lane or of a product's accumulator: adding it changes no value.
    const NEGATIVE_ZERO: Self;
    /// How a computed NaN is stored.
    const CANONICAL_NAN: Self;
    /// Lanes of a reduction.
    const LANES: usize;

    /// The value as it is stored: a NaN in its canonical form.
    fn canonical(self) -> Self;
    /// `self * y + z`, rounded once.
    fn fused(self, y: Self, z: Self) -> Self;
    /// The square root, rounded once.
    fn root(self) -> Self;
    /// The sign flipped.
    fn negated(self) -> Self;
    /// The sign cleared.
    fn magnitude(self) -> Self;
    /// The lesser in the order -0 < +0; NaN if either is.
    fn least(self, y: Self) -> Self;
    /// The greater in the order -0 < +0; NaN if either is.
    fn greatest(self, y: Self) -> Self;
    /// A number of elements, rounded once.
    fn count(elements: usize) -> Self;
}

macro_rules! float {
    ($float:ident, $nan:literal, $lanes:literal) => {
        impl Float for $float {
            const ZERO: Self = 0.0;
            const NEGATIVE_ZERO: Self = -0.0;
            const CANONICAL_NAN: Self = $float::from_bits($nan);
            const LANES: usize = $lanes;

            #[inline(always)]
            fn canonical(self) -> Self {
                // On bits: LLVM takes `if y.is_nan() { NAN } else { y }` after a square root for a check without
                // meaning and drops it, and the sign of the hardware's NaN gets through.
                let bits = self.to_bits();
                let magnitude = bits & !(-0.0 as $float).to_bits();
                $float::from_bits(if magnitude > $float::INFINITY.to_bits() { $nan } else { bits })
            }

            #[inline(always)]
            fn fused(self, y: Self, z: Self) -> Self {
                self.mul_add(y, z)
            }

            #[inline(always)]
            fn root(self) -> Self {
                self.sqrt()
            }

            #[inline(always)]
            fn negated(self) -> Self {
                -self
            }

            #[inline(always)]
            fn magnitude(self) -> Self {
                self.abs()
            }

            // Equal operands have equal bits or are zeros, and of zeros the signs decide.
            #[inline(always)]
            fn least(self, y: Self) -> Self {
                let equal = $float::from_bits(self.to_bits() | y.to_bits());
                let least = if self < y {
                    self
                } else if y < self {
                    y
                } else {
                    equal
                };
                if self.is_nan() || y.is_nan() { Self::CANONICAL_NAN } else { least }
            }

            #[inline(always)]
            fn greatest(self, y: Self) -> Self {
                let equal = $float::from_bits(self.to_bits() & y.to_bits());
                let greatest = if self > y {
                    self
                } else if y > self {
                    y
                } else {
                    equal
                };
                if self.is_nan() || y.is_nan() { Self::CANONICAL_NAN } else { greatest }
            }

            #[inline(always)]
            fn count(elements: usize) -> Self {
                elements as $float
            }
        }
    };
}

float!(f32, 0x7fc0_0000, 128);
float!(f64, 0x7ff8_0000_0000_0000, 64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_ordered_and_nan_wins() {
        for (least, greatest) in [(-0.0f32, 0.0f32), (-1.0, 1.0), (f32::NEG_INFINITY, f32::INFINITY), (0.0, 0.0)] {
            for (x, y) in [(least, greatest), (greatest, least)] {
                assert_eq!(x.least(y).to_bits(), least.to_bits());
                assert_eq!(x.greatest(y).to_bits(), greatest.to_bits());
            }
        }
        let payload = f64::from_bits(0xfff0_0000_0000_0001);
        for (x, y) in [(payload, 1.0), (1.0, payload), (payload, f64::INFINITY)] {
            assert_eq!(x.least(y).to_bits(), 0x7ff8_0000_0000_0000);
            assert_eq!(x.greatest(y).to_bits(), 0x7ff8_0000_0000_0000);
        }
        assert_eq!(payload.negated().canonical().to_bits(), 0x7ff8_0000_0000_0000);
    }

    #[test]
    fn the_nan_of_a_square_root_is_canonical_too() {
        let negative: Vec<f32> = (1..200).map(|i| -(i as f32)).collect();
        assert!(negative.iter().all(|x| x.root().canonical().to_bits() == 0x7fc0_0000));
        let negative: Vec<f64> = (1..200).map(|i| -f64::from(i)).collect();
        assert!(negative.iter().all(|x| x.root().canonical().to_bits() == 0x7ff8_0000_0000_0000));
    }
}
