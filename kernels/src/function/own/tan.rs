//! tan: x less its nearest multiple of pi/2, in three parts, and a quotient of polynomials; of an odd multiple it is
//! upside down.

use super::turns::{LARGEST, far};
use super::wide::{Lone, MAGIC, Wide};
use super::{Curve, NAN};

/// Tangent of x.
pub(crate) struct Tan;

/// 2/pi.
pub(super) const INVERSE: f64 = std::f64::consts::FRAC_2_PI;
/// -pi/2 in three parts, the first of 29 bits.
pub(super) const LESS_HALF_PI: [f64; 3] = [-1.570796325802803, -9.920935796805404e-10, -1.6446256936324258e-26];

/// tan(r) = r (1 + r^2 N(r^2)) / (1 + r^2 D(r^2)) for |r| <= pi/4, exact at Chebyshev's points; the highest power first.
pub(super) const NUMERATOR: [f64; 3] = [-1.7847901486529974e-5, 0.0034240641918160974, -0.13337671332351492];
/// D.
pub(super) const DENOMINATOR: [f64; 4] =
    [4.975318406366403e-7, -0.0003116777857494834, 0.025660746410765527, -0.4667100466568483];

/// tan(r), of which the lowest bit of `shifted` says that it is to be inverted and negated.
#[inline(always)]
fn tangent<V: Wide>(r: V, shifted: V) -> V {
    let square = r.mul(r);
    let numerator = square.mul(r).fma(square.polynomial(&NUMERATOR), r);
    let denominator = square.fma(square.polynomial(&DENOMINATOR), r.of(1.0));
    let sign = shifted.shift_up::<63>();
    let odd = sign.is_negative();
    let above = V::select(odd, denominator, numerator);
    let below = V::select(odd, numerator, denominator);
    above.div(below).xor(sign)
}

impl Curve for Tan {
    #[inline(always)]
    fn main<V: Wide>(x: V) -> (V, V::Mask) {
        let shifted = x.step(INVERSE, MAGIC);
        let whole = shifted.sub(x.of(MAGIC));
        let r = whole.step_by(LESS_HALF_PI[0], x);
        let r = whole.step_by(LESS_HALF_PI[1], r);
        let r = whole.step_by(LESS_HALF_PI[2], r);
        // The steps lose the sign of a zero.
        let y = V::select(x.equals(x.of(0.0)), x, tangent(r, shifted));
        (y, x.magnitude().not_below(x.of(LARGEST)))
    }

    #[inline(always)]
    fn rare(x: f32, _: f32) -> f32 {
        match far(x, 1, 0) {
            Some((odd, r)) => tangent(Lone(r * 0.5), Lone::from_bits(u64::from(odd))).0 as f32,
            None => NAN,
        }
    }
}
