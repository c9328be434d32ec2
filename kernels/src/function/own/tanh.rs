//! tanh: with e = exp(2|x|) - 1 it is e / (e + 2).

use super::exp::less_one;
use super::wide::Wide;
use super::{Curve, NAN, named};

/// Hyperbolic tangent of x.
pub(crate) struct Tanh;

/// From here on the result is 1.
const LARGEST: f64 = 10.0;

/// Inputs whose result lies too near the middle of two floats for the arithmetic here, and that result.
const HARD: [(u32, u32); 0] = [];

impl Curve for Tanh {
    #[inline(always)]
    fn main<V: Wide>(x: V) -> (V, V::Mask) {
        let near = x.size_within(LARGEST);
        let e = less_one(near.add(near));
        (e.div(e.add(x.of(2.0))).with_sign(x), x.is_nan())
    }

    #[inline(always)]
    fn rare(x: f32, y: f32) -> f32 {
        if x.is_nan() { NAN } else { named(&HARD, x, y) }
    }
}
