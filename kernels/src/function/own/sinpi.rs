//! sinpi and cospi: x less its nearest integer, which is exact, and a polynomial; an odd integer turns the sign.

use super::wide::{MAGIC, Wide};
use super::{Curve, NAN};

/// Sine of x half turns.
pub(crate) struct Sinpi;
/// Cosine of x half turns.
pub(crate) struct Cospi;

/// From here on every float is an even integer.
pub(super) const LARGEST: f64 = 16_777_216.0;

/// pi, and what is missing in it.
pub(super) const PI: [f64; 2] = [std::f64::consts::PI, 1.2246467991473532e-16];

/// (sin(pi r) - pi r) / r^3 in r^2 for |r| <= 1/2, through Chebyshev's points; the highest power first.
pub(super) const POLYNOMIAL: [f64; 8] = [
    7.725743030789876e-7,
    -2.1906201655131958e-5,
    0.00046630087411496363,
    -0.007370430719634586,
    0.08214588659675232,
    -0.599264529320343,
    2.55016403987734,
    -5.16771278004997,
];

/// sin(pi r) for |r| <= 1/2.
#[inline(always)]
fn sine<V: Wide>(r: V) -> V {
    let square = r.mul(r);
    let low = r.mul(square.fma(square.polynomial(&POLYNOMIAL), r.of(PI[1])));
    r.fma(r.of(PI[0]), low)
}

impl Curve for Sinpi {
    #[inline(always)]
    fn main<V: Wide>(x: V) -> (V, V::Mask) {
        let shifted = x.add(x.of(MAGIC));
        let r = x.sub(shifted.sub(x.of(MAGIC)));
        let y = sine(r).xor(shifted.shift_up::<63>());
        // Of an integer it is a zero with the sign of x.
        let y = V::select(r.equals(x.of(0.0)), x.of(0.0).with_sign(x), y);
        (y, x.magnitude().not_below(x.of(LARGEST)))
    }

    #[inline(always)]
    fn rare(x: f32, _: f32) -> f32 {
        if x.is_finite() { 0f32.copysign(x) } else { NAN }
    }
}

impl Curve for Cospi {
    #[inline(always)]
    fn main<V: Wide>(x: V) -> (V, V::Mask) {
        let later = x.add(x.of(0.5));
        let shifted = later.add(x.of(MAGIC));
        let r = later.sub(shifted.sub(x.of(MAGIC)));
        let y = sine(r).xor(shifted.shift_up::<63>());
        // Half between two integers it is +0.
        (y.add(x.of(0.0)), x.magnitude().not_below(x.of(LARGEST)))
    }

    #[inline(always)]
    fn rare(x: f32, _: f32) -> f32 {
        if x.is_finite() { 1.0 } else { NAN }
    }
}
