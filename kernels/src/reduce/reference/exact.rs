//! Exact sums: every term is added to one integer that is wide enough for any of them, and that is rounded once.

use crate::float::Float;

/// A float taken apart and put together.
pub(crate) trait Exact: Float {
    /// Bits of a significand, the leading one included.
    const PRECISION: u32;
    /// The exponent of the lowest bit of a subnormal.
    const LOWEST: i32;
    /// The exponent of the leading bit of the largest finite value.
    const HIGHEST: i32;

    /// The bits, in the low ones of 64.
    fn bits(self) -> u64;
    /// The float of these bits.
    fn of_bits(bits: u64) -> Self;

    /// Whether the sign bit is set.
    #[inline(always)]
    fn is_negative(self) -> bool {
        self.bits() & Self::NEGATIVE_ZERO.bits() != 0
    }

    /// The significand and the exponent of its lowest bit; `None` of an infinity or a NaN.
    #[inline(always)]
    fn significand(self) -> Option<(u64, i32)> {
        let magnitude = self.magnitude().bits();
        let field = (magnitude >> (Self::PRECISION - 1)) as i32;
        let fraction = magnitude & ((1 << (Self::PRECISION - 1)) - 1);
        match field {
            0 => Some((fraction, Self::LOWEST)),
            _ if field > Self::HIGHEST - Self::LOWEST - Self::PRECISION as i32 + 2 => None,
            _ => Some((fraction | 1 << (Self::PRECISION - 1), Self::LOWEST + field - 1)),
        }
    }
}

impl Exact for f32 {
    const PRECISION: u32 = 24;
    const LOWEST: i32 = -149;
    const HIGHEST: i32 = 127;

    #[inline(always)]
    fn bits(self) -> u64 {
        u64::from(self.to_bits())
    }

    #[inline(always)]
    fn of_bits(bits: u64) -> f32 {
        f32::from_bits(bits as u32)
    }
}

impl Exact for f64 {
    const PRECISION: u32 = 53;
    const LOWEST: i32 = -1074;
    const HIGHEST: i32 = 1023;

    #[inline(always)]
    fn bits(self) -> u64 {
        self.to_bits()
    }

    #[inline(always)]
    fn of_bits(bits: u64) -> f64 {
        f64::from_bits(bits)
    }
}

/// What is added: a float, or a product of two that is not rounded.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Term {
    Nan,
    Infinite {
        negative: bool,
    },
    /// `magnitude` times two to the `exponent`.
    Finite {
        negative: bool,
        magnitude: u128,
        exponent: i32,
    },
}

impl Term {
    pub(crate) fn of<T: Exact>(x: T) -> Term {
        Term::of_product(x, T::count(1))
    }

    /// x times y, exactly.
    pub(crate) fn of_product<T: Exact>(x: T, y: T) -> Term {
        let is_nan = |x: T| x.partial_cmp(&x).is_none();
        let negative = x.is_negative() != y.is_negative();
        if is_nan(x) || is_nan(y) {
            return Term::Nan;
        }
        match (x.significand(), y.significand()) {
            (Some((x, x_exponent)), Some((y, y_exponent))) => {
                Term::Finite { negative, magnitude: u128::from(x) * u128::from(y), exponent: x_exponent + y_exponent }
            }
            (Some((0, _)), None) | (None, Some((0, _))) => Term::Nan,
            _ => Term::Infinite { negative },
        }
    }
}

/// The exact sum of `x`, rounded once; +0 of nothing.
pub(crate) fn sum_exact<T: Exact>(x: &[T]) -> T {
    exact(x.iter().map(|&x| Term::of(x)))
}

/// The exact sum of the exact products, rounded once; +0 of nothing.
pub(crate) fn dot_exact<T: Exact>(x: &[T], y: &[T]) -> T {
    exact(x.iter().zip(y).map(|(&x, &y)| Term::of_product(x, y)))
}

fn exact<T: Exact>(terms: impl ExactSizeIterator<Item = Term>) -> T {
    let mut total = Total::default();
    let mut only_negative_zeros = terms.len() > 0;
    let (mut nan, mut infinities) = (false, [false; 2]);
    for term in terms {
        only_negative_zeros &= matches!(term, Term::Finite { negative: true, magnitude: 0, .. });
        match term {
            Term::Nan => nan = true,
            Term::Infinite { negative } => infinities[usize::from(negative)] = true,
            Term::Finite { negative, magnitude, exponent } => {
                let value = magnitude as i128;
                total.add(if negative { -value } else { value }, exponent);
            }
        }
    }
    let infinity = T::count(1) / T::ZERO;
    match infinities {
        _ if nan => T::CANONICAL_NAN,
        [true, true] => T::CANONICAL_NAN,
        [true, false] => infinity,
        [false, true] => infinity.negated(),
        _ if only_negative_zeros => T::NEGATIVE_ZERO,
        _ => total.round(),
    }
}

/// An integer in two's complement, counted in units of 2^-2148, the lowest bit that a product of two f64 can have. It
/// holds 2^40 products of the greatest f64: 2^2048 each, so 2^2088 and a sign, in 4237 bits.
#[derive(Clone, Debug)]
pub(crate) struct Total {
    limbs: [u64; LIMBS],
}

const LIMBS: usize = 67;

/// The exponent of the lowest bit.
const UNIT: i32 = 2 * <f64 as Exact>::LOWEST;

impl Default for Total {
    fn default() -> Total {
        Total { limbs: [0; LIMBS] }
    }
}

impl Total {
    /// Adds `value` times two to the `exponent`, exactly; |value| is less than 2^126.
    pub(crate) fn add(&mut self, value: i128, exponent: i32) {
        let position = (exponent - UNIT) as usize;
        let (first, shift) = (position / 64, position % 64);
        let sign = (value >> 127) as u64;
        let low = (value as u128) << shift;
        // Bits 64 to 191 of the shifted value: two halves, so that no shift is by 128.
        let high = ((value >> 64) << shift) | ((value as u128 & u128::from(u64::MAX)) << shift >> 64) as i128;
        let words = [low as u64, high as u64, (high >> 64) as u64];
        let mut carry = false;
        for (index, limb) in self.limbs[first..].iter_mut().enumerate() {
            let word = words.get(index).copied().unwrap_or(sign);
            if index >= words.len() && carry == (sign != 0) {
                // What is left adds 0, or all ones and a carry: no change.
                return;
            }
            let (sum, over) = limb.overflowing_add(word);
            let (sum, over_again) = sum.overflowing_add(u64::from(carry));
            *limb = sum;
            carry = over || over_again;
        }
    }

    /// Adds another total.
    #[cfg(feature = "cpu")]
    pub(crate) fn merge(&mut self, other: &Total) {
        let mut carry = false;
        for (limb, &word) in self.limbs.iter_mut().zip(&other.limbs) {
            let (sum, over) = limb.overflowing_add(word);
            let (sum, over_again) = sum.overflowing_add(u64::from(carry));
            *limb = sum;
            carry = over || over_again;
        }
    }

    /// The nearest float, of two equally near the even one; an exact zero is +0.
    pub(crate) fn round<T: Exact>(&self) -> T {
        let negative = self.limbs[LIMBS - 1] >> 63 == 1;
        let mut magnitude = self.limbs;
        if negative {
            let mut carry = true;
            for limb in &mut magnitude {
                (*limb, carry) = (!*limb).overflowing_add(u64::from(carry));
            }
        }
        let Some(top) = magnitude.iter().rposition(|&limb| limb != 0) else { return T::ZERO };
        let leading = top * 64 + 63 - magnitude[top].leading_zeros() as usize;
        let exponent = leading as i32 + UNIT;
        let bits = if exponent > T::HIGHEST {
            (T::count(1) / T::ZERO).bits()
        } else {
            // The lowest bit that the float has room for; at the bottom it stays where the subnormals have it.
            let lowest = (exponent - (T::PRECISION as i32 - 1)).max(T::LOWEST);
            let last = (lowest - UNIT) as usize;
            let limb = |index: usize| magnitude.get(index).copied().unwrap_or(0);
            let (index, shift) = (last / 64, last % 64);
            // Nothing is above the leading bit, so this is the whole significand.
            let significand = ((u128::from(limb(index + 1)) << 64 | u128::from(limb(index))) >> shift) as u64;
            let (half_index, half) = ((last - 1) / 64, 1 << ((last - 1) % 64));
            let more = magnitude[half_index] & (half - 1) != 0 || magnitude[..half_index].iter().any(|&limb| limb != 0);
            let up = magnitude[half_index] & half != 0 && (more || significand & 1 == 1);
            // A significand with its leading bit adds one to the exponent field, and one that was rounded up to the next
            // power of two adds another: up to infinity, where the bits of the floats end.
            (((lowest - T::LOWEST) as u64) << (T::PRECISION - 1)) + significand + u64::from(up)
        };
        let value = T::of_bits(bits);
        if negative { value.negated() } else { value }
    }
}
