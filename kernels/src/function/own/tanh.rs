//! tanh: with e = exp(2|x|) - 1 it is e / (e + 2).

use super::exp::less_one;
use super::wide::Wide;
use super::{Curve, NAN};

/// Hyperbolic tangent of x.
pub(crate) struct Tanh;

/// From here on the result is 1.
pub(super) const LARGEST: f64 = 10.0;

impl Curve for Tanh {
    #[inline(always)]
    fn main<V: Wide>(x: V) -> (V, V::Mask) {
        let near = x.size_within(LARGEST);
        let e = less_one(near.add(near));
        (e.div(e.add(x.of(2.0))).with_sign(x), x.is_nan())
    }

    #[inline(always)]
    fn rare(_: f32, _: f32) -> f32 {
        NAN
    }
}
