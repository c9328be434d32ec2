//! log, log2, log10 and log1p: x = 2^k * z, z times a near inverse from a table is 1 + r, and the logarithm is that of
//! 2^k, that of the inverse and a polynomial in r. Around 1 the inverse is 1 and k is 0, so that nothing cancels.

#[cfg(feature = "cpu")]
use super::log_tables::LOG_QUICK;
use super::log_tables::{LOG, LOG2, LOG2_E, LOG10, LOG10_E};
use super::wide::Wide;
use super::{Curve, NAN, named};

/// Natural logarithm of x.
pub(crate) struct Log;
/// Logarithm of x to base 2.
pub(crate) struct Log2;
/// Logarithm of x to base 10.
pub(crate) struct Log10;
/// Natural logarithm of 1 + x.
pub(crate) struct Log1p;

/// Inputs whose result lies too near the middle of two floats for the arithmetic here, and that result.
pub(super) const LOG_HARD: [(u32, u32); 5] = [
    (0x3c41_3d3a, 0xc08e_158f),
    (0x4117_8feb, 0x400f_e5e7),
    (0x4c5d_65a5, 0x418f_034b),
    (0x65d8_90d3, 0x4254_d1f9),
    (0x6f31_a8ec, 0x4284_5a89),
];
pub(super) const LOG10_HARD: [(u32, u32); 1] = [(0x0efe_ee7a, 0xc1e9_9d23)];
pub(super) const LOG1P_HARD: [(u32, u32); 9] = [
    (0x3540_0003, 0x353f_ffff),
    (0x3710_001b, 0x370f_fff3),
    (0x3efd_81ad, 0x3ecd_eee1),
    (0x4107_8feb, 0x400f_e5e7),
    (0x65d8_90d3, 0x4254_d1f9),
    (0x6f31_a8ec, 0x4284_5a89),
    (0xb53f_fffd, 0xb540_0001),
    (0xb70f_ffe5, 0xb710_000d),
    (0xbb0e_c8c4, 0xbb0e_f0a5),
];

#[cfg(feature = "cpu")]
/// More than the units of the last place by which a polynomial of [`LOG_QUICK`] is wrong: its error is 2^-37 of the result.
const LOG_QUICK_ERROR: u64 = 1 << 17;

/// The bits of the least z: the table's steps are even in the bits above it, and one has 1 in its middle.
pub(super) const LEAST: u64 = 0x3fe5_8000_0000_0000;
/// The exponent field and the sign.
const EXPONENT: u64 = 0xfff0_0000_0000_0000;
/// 0 as an exponent field has it.
const BIAS: u64 = 1023 << 52;

/// x apart: the bits of k, as an exponent field, and of z above the least; z; k.
#[inline(always)]
fn apart<V: Wide>(x: V) -> (V, V, V) {
    let bits = x.add_bits(x.of_bits(BIAS.wrapping_sub(LEAST)));
    let z = bits.and(x.of_bits(!EXPONENT)).add_bits(x.of_bits(LEAST));
    (bits, z, bits.exponent())
}

/// -Inf of a zero, NaN below, Inf of itself.
fn outside(x: f32) -> f32 {
    match x {
        0.0 => f32::NEG_INFINITY,
        f32::INFINITY => x,
        _ => NAN,
    }
}

impl Curve for Log {
    #[inline(always)]
    fn main<V: Wide>(x: V) -> (V, V::Mask) {
        let (bits, z, k) = apart(x);
        let at = bits.shift_down::<48>();
        let r = z.fma(at.entry(&LOG.inverses), x.of(-1.0));
        let y = natural(k, at, r);
        (y, V::either(y.is_near_middle(), x.is_not_positive_finite()))
    }

    #[cfg(feature = "cpu")]
    const HAS_QUICK: bool = true;

    #[cfg(feature = "cpu")]
    #[inline(always)]
    fn quick<V: Wide>(x: V) -> (V, V::Mask) {
        let (bits, z, k) = apart(x);
        let at = bits.shift_down::<48>();
        let r = z.fma(at.entry(&LOG.inverses), x.of(-1.0));
        let high = k.fma(k.of(LOG.two_high), at.entry(&LOG.logarithms));
        let y = high.add(r.mul(r).fma(r.polynomial(&LOG_QUICK), r));
        (y, V::either(y.is_within_of_middle::<LOG_QUICK_ERROR>(), x.is_not_positive_finite()))
    }

    #[inline(always)]
    fn rare(x: f32, y: f32) -> f32 {
        if x > 0.0 && x < f32::INFINITY { named(&LOG_HARD, x, y) } else { outside(x) }
    }
}

/// log(2^k / inverse * (1 + r)).
#[inline(always)]
fn natural<V: Wide>(k: V, at: V, r: V) -> V {
    let high = k.fma(k.of(LOG.two_high), at.entry(&LOG.logarithms));
    let low = k.fma(k.of(LOG.two_low), r);
    high.add(r.mul(r).fma(r.polynomial(&LOG.polynomial), low))
}

impl Curve for Log1p {
    #[inline(always)]
    fn main<V: Wide>(x: V) -> (V, V::Mask) {
        // 1 + x is exact but for small x, where k is 0 and the inverse 1, and for great ones, where 1 is nothing.
        let (bits, _, k) = apart(x.add(x.of(1.0)));
        let at = bits.shift_down::<48>();
        // The inverse over 2^k.
        let down = bits.and(x.of_bits(EXPONENT)).sub_bits(x.of_bits(BIAS));
        let scale = at.entry(&LOG.inverses).sub_bits(down);
        let r = x.fma(scale, scale.sub(x.of(1.0)));
        let y = natural(k, at, r).with_sign(x);
        (y, V::either(y.is_near_middle(), x.add(x.of(1.0)).is_not_positive_finite()))
    }

    #[inline(always)]
    fn rare(x: f32, y: f32) -> f32 {
        if x > -1.0 && x < f32::INFINITY { named(&LOG1P_HARD, x, y) } else { outside(x + 1.0) }
    }
}

impl Curve for Log2 {
    #[inline(always)]
    fn main<V: Wide>(x: V) -> (V, V::Mask) {
        let (bits, z, k) = apart(x);
        let at = bits.shift_down::<48>();
        let r = z.fma(at.entry(&LOG2.inverses), x.of(-1.0));
        let high = k.add(at.entry(&LOG2.logarithms));
        let low = r.mul(r.fma(r.polynomial(&LOG2.polynomial), r.of(LOG2_E[1])));
        (high.add(r.fma(r.of(LOG2_E[0]), low)), x.is_not_positive_finite())
    }

    #[inline(always)]
    fn rare(x: f32, _: f32) -> f32 {
        outside(x)
    }
}

impl Curve for Log10 {
    #[inline(always)]
    fn main<V: Wide>(x: V) -> (V, V::Mask) {
        let (bits, z, k) = apart(x);
        let at = bits.shift_down::<48>();
        let r = z.fma(at.entry(&LOG10.inverses), x.of(-1.0));
        let high = k.fma(k.of(LOG10.two_high), at.entry(&LOG10.logarithms));
        let low = r.fma(r.polynomial(&LOG10.polynomial), r.of(LOG10_E[1]));
        let low = r.fma(low, k.mul(k.of(LOG10.two_low)));
        let y = high.add(r.fma(r.of(LOG10_E[0]), low));
        (y, V::either(y.is_near_middle(), x.is_not_positive_finite()))
    }

    #[inline(always)]
    fn rare(x: f32, y: f32) -> f32 {
        if x > 0.0 && x < f32::INFINITY { named(&LOG10_HARD, x, y) } else { outside(x) }
    }
}
