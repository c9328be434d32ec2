//! erf: sixteen intervals around the multiples of a step, each with its polynomial.

use super::erf_table::POLYNOMIALS;
use super::wide::{MAGIC, Wide};
use super::{Curve, NAN};

/// Error function of x.
pub(crate) struct Erf;

/// The distance of two intervals, and its inverse.
pub(super) const STEP: f64 = 0.2578125;
pub(super) const INVERSE: f64 = 3.878787878787879;

/// From here on the result is 1.
pub(super) const LARGEST: f64 = 3.9375;

impl Curve for Erf {
    #[inline(always)]
    fn main<V: Wide>(x: V) -> (V, V::Mask) {
        let near = x.size_within(LARGEST);
        let at = near.step(INVERSE, MAGIC);
        let r = at.sub(x.of(MAGIC)).fma(x.of(-STEP), near);
        let mut y = at.entry(&POLYNOMIALS[0]);
        for coefficients in &POLYNOMIALS[1..] {
            y = y.fma(r, at.entry(coefficients));
        }
        (y.with_sign(x), x.is_nan())
    }

    #[inline(always)]
    fn rare(_: f32, _: f32) -> f32 {
        NAN
    }
}
