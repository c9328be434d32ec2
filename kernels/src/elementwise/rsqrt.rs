//! 1/sqrt(x): for f64 a square root and a division, for f32 rounded once. That the f32 form below is rounded once is
//! proved in the test over every significand, not argued.

use crate::float::Float;

/// A type with the specification's rsqrt. Of +0 it is +Inf, of -0 -Inf, of less than that NaN.
pub(crate) trait Rsqrt: Float {
    /// 1/sqrt(x).
    fn rsqrt(self) -> Self;
}

impl Rsqrt for f64 {
    #[inline(always)]
    fn rsqrt(self) -> f64 {
        1.0 / self.sqrt()
    }
}

impl Rsqrt for f32 {
    /// Root and quotient in f64, then rounded to f32: no quotient lies so near the middle of two floats that the
    /// roundings in f64 carry it across.
    #[inline(always)]
    fn rsqrt(self) -> f32 {
        (1.0 / f64::from(self).sqrt()) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A positive finite float as an integer of at most 24 bits times a power of two.
    fn decompose(x: f32) -> (u64, i32) {
        let bits = x.to_bits();
        match bits >> 23 {
            0 => (u64::from(bits), -149),
            exponent => (u64::from(bits & 0x007f_ffff | 0x0080_0000), exponent as i32 - 150),
        }
    }

    /// Whether the middle between `root` and the next float lies above 1/sqrt(x), in integers: m * m * x > 1.
    fn middle_is_above(root: f32, x: f32) -> bool {
        let (significand, exponent) = decompose(root);
        let (middle, exponent) = (2 * significand + 1, exponent - 1);
        let (x_significand, x_exponent) = decompose(x);
        let product = u128::from(middle) * u128::from(middle) * u128::from(x_significand);
        product > 1 << -(2 * exponent + x_exponent)
    }

    /// Scaling x by 4 scales every step by a power of two, and no result is subnormal, so [1, 4) stands for all x.
    #[test]
    fn every_significand_is_rounded_once() {
        for bits in 1f32.to_bits()..4f32.to_bits() {
            let x = f32::from_bits(bits);
            let root = x.rsqrt();
            assert!(middle_is_above(root, x) && !middle_is_above(root.next_down(), x), "{x:?} gives {root:?}");
        }
        for bits in (1..0x0080_0000).step_by(997).chain(0x7f00_0000..0x7f00_0100) {
            let x = f32::from_bits(bits);
            let root = x.rsqrt();
            assert!(middle_is_above(root, x) && !middle_is_above(root.next_down(), x), "{x:?} gives {root:?}");
        }
    }

    #[test]
    fn the_ends_follow_ieee() {
        assert_eq!(0f32.rsqrt(), f32::INFINITY);
        assert_eq!((-0f32).rsqrt(), f32::NEG_INFINITY);
        assert_eq!(f32::INFINITY.rsqrt().to_bits(), 0);
        assert!((-1f32).rsqrt().is_nan() && f32::NEG_INFINITY.rsqrt().is_nan() && f32::NAN.rsqrt().is_nan());
        assert_eq!((-0f64).rsqrt(), f64::NEG_INFINITY);
        // Two roundings: the root of 3 is rounded before it is inverted.
        assert_eq!(3f64.rsqrt(), 1.0 / 3f64.sqrt());
    }
}
