//! exp, exp2 and expm1: the power of 2 with an exponent in sixteenths, of which the whole and the sixteenths come from
//! the exponent field and a table, and the rest, half a sixteenth at most, from a polynomial.

use super::wide::{MAGIC, Wide};
use super::{Curve, NAN, named};

/// e to the power x.
pub(crate) struct Exp;
/// 2 to the power x.
pub(crate) struct Exp2;
/// e to the power x, less 1.
pub(crate) struct Expm1;

/// 16/log(2) in 29 bits, so that a product with a float is exact.
pub(super) const SIXTEENTHS_HIGH: f64 = 23.08312064409256;
/// What is missing above.
pub(super) const SIXTEENTHS_LOW: f64 = 1.013085470330567e-8;

/// 2^(j/16), with j taken from the four bits above which the exponent field would otherwise count it.
pub(super) const POWERS: [f64; 16] = powers();

/// 2^(j/16), rounded to nearest.
const ROOTS: [f64; 16] = [
    1.0,
    1.0442737824274138,
    1.0905077326652577,
    1.1387886347566916,
    1.189207115002721,
    1.241857812073484,
    1.2968395546510096,
    1.3542555469368927,
    std::f64::consts::SQRT_2,
    1.4768261459394993,
    1.5422108254079407,
    1.6104903319492543,
    1.681792830507429,
    1.7562521603732995,
    1.8340080864093424,
    1.9152065613971474,
];

/// What is missing in 2^(j/16), over it.
pub(super) const POWERS_LOW: [f64; 16] = [
    0.0,
    8.189317638195515e-17,
    -2.7939114859515733e-17,
    7.826573258636076e-17,
    3.3484623336251524e-17,
    3.750854201303127e-17,
    1.9572585293112036e-17,
    5.68648095791174e-17,
    -6.835808657661922e-17,
    -2.3591094770850053e-17,
    5.1548301170786783e-17,
    1.5341410053603723e-17,
    4.875160526227062e-17,
    1.685487290628973e-17,
    1.790126907604513e-17,
    -5.545065618639427e-17,
];

/// (2^(r/16) - 1) / r for |r| <= 0.5, through Chebyshev's points; the highest power first.
pub(super) const POLYNOMIAL: [f64; 6] = [
    9.181335191798124e-12,
    1.2716085456725782e-9,
    1.467610032183334e-7,
    1.3550807777491827e-5,
    0.0009383847928089873,
    0.04332169878499661,
];

/// Inputs whose result lies too near the middle of two floats for the arithmetic here, and that result.
pub(super) const EXP2_HARD: [(u32, u32); 2] = [(0x3b42_9d37, 0x3f80_4385), (0xbcf3_a937, 0x3f7a_c6b1)];
pub(super) const EXPM1_HARD: [(u32, u32); 2] = [(0x33b5_04f3, 0x33b5_04f3), (0x34ca_62c1, 0x34ca_62c3)];

const fn powers() -> [f64; 16] {
    let mut powers = ROOTS;
    let mut j = 0;
    while j < 16 {
        powers[j] = f64::from_bits(ROOTS[j].to_bits() - ((j as u64) << 48));
        j += 1;
    }
    powers
}

/// The power of 2 with exponent `whole`/16, where MAGIC + `whole` is given.
#[inline(always)]
fn power<V: Wide>(shifted: V) -> V {
    shifted.entry(&POWERS).add_bits(shifted.shift_up::<48>())
}

/// MAGIC + the nearest integer to 16x/log(2), and the rest of that times the polynomial: 2^(rest/16) - 1.
#[inline(always)]
fn natural<V: Wide>(x: V) -> (V, V) {
    let shifted = x.step(SIXTEENTHS_HIGH, MAGIC);
    let less_whole = x.of(MAGIC).sub(shifted);
    let rest = x.fma(x.of(SIXTEENTHS_HIGH), less_whole);
    let rest = x.fma(x.of(SIXTEENTHS_LOW), rest);
    (shifted, rest.mul(rest.polynomial(&POLYNOMIAL)))
}

/// exp(x) - 1 for |x| below 700, with a wrong sign where it is 0.
#[inline(always)]
pub(super) fn less_one<V: Wide>(x: V) -> V {
    let (shifted, more) = natural(x);
    let power = power(shifted);
    let more = more.add(shifted.entry(&POWERS_LOW));
    power.fma(more, power.sub(x.of(1.0)))
}

impl Curve for Exp {
    #[inline(always)]
    fn main<V: Wide>(x: V) -> (V, V::Mask) {
        let near = x.within(105.0);
        let (shifted, more) = natural(near);
        let power = power(shifted);
        (power.fma(more, power), x.is_nan())
    }

    #[inline(always)]
    fn rare(_: f32, _: f32) -> f32 {
        NAN
    }
}

impl Curve for Exp2 {
    #[inline(always)]
    fn main<V: Wide>(x: V) -> (V, V::Mask) {
        let near = x.within(151.0);
        let shifted = near.step(16.0, MAGIC);
        let less_whole = x.of(MAGIC).sub(shifted);
        let rest = near.fma(x.of(16.0), less_whole);
        let more = rest.mul(rest.polynomial(&POLYNOMIAL));
        let power = power(shifted);
        let y = power.fma(more, power);
        (y, V::either(y.is_near_middle(), x.is_nan()))
    }

    #[inline(always)]
    fn rare(x: f32, y: f32) -> f32 {
        if x.is_nan() { NAN } else { named(&EXP2_HARD, x, y) }
    }
}

impl Curve for Expm1 {
    #[inline(always)]
    fn main<V: Wide>(x: V) -> (V, V::Mask) {
        let near = x.within(105.0);
        let y = less_one(near).with_sign(x);
        (y, V::either(y.is_near_middle(), x.is_nan()))
    }

    #[inline(always)]
    fn rare(x: f32, y: f32) -> f32 {
        if x.is_nan() { NAN } else { named(&EXPM1_HARD, x, y) }
    }
}
