//! What the functions are written in: f64 arithmetic and bits, over one element or several at once, with the same
//! result in each. A value exists only where its instructions do: all but the first come from another value, and the
//! first from an unsafe load.

/// One f64 in each of some lanes.
pub(crate) trait Wide: Copy {
    /// One truth value in each lane.
    type Mask: Copy;

    /// `value` in every lane.
    fn of(self, value: f64) -> Self;
    /// x + y.
    fn add(self, y: Self) -> Self;
    /// x - y.
    fn sub(self, y: Self) -> Self;
    /// x * y.
    fn mul(self, y: Self) -> Self;
    /// x / y.
    fn div(self, y: Self) -> Self;
    /// x * y + z, rounded once.
    fn fma(self, y: Self, z: Self) -> Self;
    /// x, with the magnitude of `limit` where that is less; of NaN anything.
    fn within(self, limit: f64) -> Self;
    /// The magnitude of x, or `limit` where that is less; of NaN anything.
    fn size_within(self, limit: f64) -> Self;

    /// The bits of both.
    fn and(self, y: Self) -> Self;
    /// The bits of either.
    fn or(self, y: Self) -> Self;
    /// The bits of one of them.
    fn xor(self, y: Self) -> Self;
    /// The sum of the bits as integers.
    fn add_bits(self, y: Self) -> Self;
    /// The difference of the bits as integers.
    fn sub_bits(self, y: Self) -> Self;
    /// The bits `N` places up.
    fn shift_up<const N: u32>(self) -> Self;
    /// The bits `N` places down.
    fn shift_down<const N: u32>(self) -> Self;
    /// The entry that the lowest four bits name.
    fn entry(self, table: &[f64; 16]) -> Self;

    /// The exponent field as a number, less 1023; it is neither all 0 nor all 1.
    fn exponent(self) -> Self;

    /// Where the sign bit is set.
    fn is_negative(self) -> Self::Mask;
    /// Where x is not below y, or either is NaN.
    fn not_below(self, y: Self) -> Self::Mask;
    /// Where x = y.
    fn equals(self, y: Self) -> Self::Mask;
    /// Where x has none of the bits of y.
    fn lacks(self, y: Self) -> Self::Mask;
    /// Where x is not a positive finite number.
    fn is_not_positive_finite(self) -> Self::Mask;
    /// Where x is NaN.
    fn is_nan(self) -> Self::Mask;
    /// Where either holds.
    fn either(one: Self::Mask, other: Self::Mask) -> Self::Mask;
    /// `one` where the mask holds, else `other`.
    fn select(mask: Self::Mask, one: Self, other: Self) -> Self;

    /// The value with these bits in every lane.
    #[inline(always)]
    fn of_bits(self, bits: u64) -> Self {
        self.of(f64::from_bits(bits))
    }

    /// x * y + z for constants.
    #[inline(always)]
    fn step(self, y: f64, z: f64) -> Self {
        self.fma(self.of(y), self.of(z))
    }

    /// x * y + z for a constant.
    #[inline(always)]
    fn step_by(self, y: f64, z: Self) -> Self {
        self.fma(self.of(y), z)
    }

    /// The sign cleared.
    #[inline(always)]
    fn magnitude(self) -> Self {
        self.and(self.of_bits(!SIGN))
    }

    /// The magnitude of x with the sign of y.
    #[inline(always)]
    fn with_sign(self, y: Self) -> Self {
        self.magnitude().or(y.and(self.of_bits(SIGN)))
    }

    /// The polynomial with these coefficients, the highest first, by Horner's rule.
    #[inline(always)]
    fn polynomial<const N: usize>(self, coefficients: &[f64; N]) -> Self {
        let mut value = self.of(coefficients[0]);
        for &coefficient in &coefficients[1..] {
            value = value.fma(self, self.of(coefficient));
        }
        value
    }

    /// Where the value lies so near the middle of two floats that its last bits could decide between them. That of a
    /// result below the normal floats is not seen.
    #[inline(always)]
    fn is_near_middle(self) -> Self::Mask {
        self.is_within_of_middle::<16>()
    }

    /// Where the value is less than `NEAR`, a power of 2, of its last units from the middle of two floats, or exactly as
    /// many below it.
    #[inline(always)]
    fn is_within_of_middle<const NEAR: u64>(self) -> Self::Mask {
        // Of the 29 bits below a float's last, from the middle less NEAR, only those below 2 * NEAR may be set.
        const MIDDLE: u64 = 1 << 28;
        self.sub_bits(self.of_bits(MIDDLE - NEAR)).lacks(self.of_bits((1 << 29) - 2 * NEAR))
    }
}

/// The sign bit.
pub(crate) const SIGN: u64 = 1 << 63;

/// Added to a number below 2^51 it leaves the nearest integer in the lowest bits; taken away again, as a number.
pub(crate) const MAGIC: f64 = 6_755_399_441_055_744.0;

/// One lane, in plain Rust: the meaning of the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lone(pub(crate) f64);

impl Lone {
    #[inline(always)]
    pub(super) fn from_bits(bits: u64) -> Lone {
        Lone(f64::from_bits(bits))
    }
}

impl Wide for Lone {
    type Mask = bool;

    #[inline(always)]
    fn of(self, value: f64) -> Self {
        Lone(value)
    }
    #[inline(always)]
    fn add(self, y: Self) -> Self {
        Lone(self.0 + y.0)
    }
    #[inline(always)]
    fn sub(self, y: Self) -> Self {
        Lone(self.0 - y.0)
    }
    #[inline(always)]
    fn mul(self, y: Self) -> Self {
        Lone(self.0 * y.0)
    }
    #[inline(always)]
    fn div(self, y: Self) -> Self {
        Lone(self.0 / y.0)
    }
    #[inline(always)]
    fn fma(self, y: Self, z: Self) -> Self {
        Lone(self.0.mul_add(y.0, z.0))
    }
    #[inline(always)]
    fn within(self, limit: f64) -> Self {
        if self.0.abs() < limit { self } else { Lone(limit.copysign(self.0)) }
    }
    #[inline(always)]
    fn size_within(self, limit: f64) -> Self {
        if self.0.abs() < limit { Lone(self.0.abs()) } else { Lone(limit) }
    }
    #[inline(always)]
    fn and(self, y: Self) -> Self {
        Lone::from_bits(self.0.to_bits() & y.0.to_bits())
    }
    #[inline(always)]
    fn or(self, y: Self) -> Self {
        Lone::from_bits(self.0.to_bits() | y.0.to_bits())
    }
    #[inline(always)]
    fn xor(self, y: Self) -> Self {
        Lone::from_bits(self.0.to_bits() ^ y.0.to_bits())
    }
    #[inline(always)]
    fn add_bits(self, y: Self) -> Self {
        Lone::from_bits(self.0.to_bits().wrapping_add(y.0.to_bits()))
    }
    #[inline(always)]
    fn sub_bits(self, y: Self) -> Self {
        Lone::from_bits(self.0.to_bits().wrapping_sub(y.0.to_bits()))
    }
    #[inline(always)]
    fn shift_up<const N: u32>(self) -> Self {
        Lone::from_bits(self.0.to_bits() << N)
    }
    #[inline(always)]
    fn shift_down<const N: u32>(self) -> Self {
        Lone::from_bits(self.0.to_bits() >> N)
    }
    #[inline(always)]
    fn entry(self, table: &[f64; 16]) -> Self {
        Lone(table[self.0.to_bits() as usize & 15])
    }
    #[inline(always)]
    fn exponent(self) -> Self {
        Lone((self.0.to_bits() >> 52) as i32 as f64 - 1023.0)
    }
    #[inline(always)]
    fn is_negative(self) -> bool {
        self.0.is_sign_negative()
    }
    #[inline(always)]
    fn not_below(self, y: Self) -> bool {
        !matches!(self.0.partial_cmp(&y.0), Some(std::cmp::Ordering::Less))
    }
    #[inline(always)]
    fn equals(self, y: Self) -> bool {
        self.0 == y.0
    }
    #[inline(always)]
    fn lacks(self, y: Self) -> bool {
        self.0.to_bits() & y.0.to_bits() == 0
    }
    #[inline(always)]
    fn is_not_positive_finite(self) -> bool {
        !(self.0 > 0.0 && self.0 < f64::INFINITY)
    }
    #[inline(always)]
    fn is_nan(self) -> bool {
        self.0.is_nan()
    }
    #[inline(always)]
    fn either(one: bool, other: bool) -> bool {
        one | other
    }
    #[inline(always)]
    fn select(mask: bool, one: Self, other: Self) -> Self {
        if mask { one } else { other }
    }
}
