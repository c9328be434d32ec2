//! Functions one element at a time: the definition of their bits.

use super::own::{self, Cos, Cospi, Erf, Exp, Exp2, Expm1, Log, Log1p, Log2, Log10, Sin, Sinpi, Tan, Tanh};
use crate::catalogue::Function;
use crate::elementwise::reference::each1;
use crate::float::Float;
use crate::launch::{Launch, LaunchError};

/// The function of every element.
pub(crate) fn function(function: Function, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    each1(launch, |x| value(function, x))
}

/// The function of one element.
pub(crate) fn value(function: Function, x: f32) -> f32 {
    match function {
        Function::Exp => exp(x),
        Function::Log => log(x),
        Function::Exp2 => own::value::<Exp2>(x),
        Function::Expm1 => own::value::<Expm1>(x),
        Function::Log2 => own::value::<Log2>(x),
        Function::Log10 => own::value::<Log10>(x),
        Function::Log1p => own::value::<Log1p>(x),
        Function::Sin => own::value::<Sin>(x),
        Function::Cos => own::value::<Cos>(x),
        Function::Tan => own::value::<Tan>(x),
        Function::Sinpi => own::value::<Sinpi>(x),
        Function::Cospi => own::value::<Cospi>(x),
        Function::Tanh => own::value::<Tanh>(x),
        Function::Erf => own::value::<Erf>(x),
        Function::Sigmoid => sigmoid(x),
        Function::Silu => (x * sigmoid(x)).canonical(),
        Function::Gelu => gelu(x),
    }
}

/// e to the power x, correctly rounded.
pub(crate) fn exp(x: f32) -> f32 {
    own::value::<Exp>(x)
}

/// Natural logarithm of x, correctly rounded; -Inf for both zeros, NaN below.
pub(crate) fn log(x: f32) -> f32 {
    own::value::<Log>(x)
}

/// 1 / (1 + exp(-x)), each operation rounded once.
fn sigmoid(x: f32) -> f32 {
    (1.0 / (1.0 + exp(-x))).canonical()
}

/// (0.5*x) * (1 + erf(x * 0x1.6a09e6p-1)), each operation rounded once.
fn gelu(x: f32) -> f32 {
    ((0.5 * x) * (1.0 + own::value::<Erf>(x * HALF_ROOT))).canonical()
}

/// 0x1.6a09e6p-1, half the square root of 2.
pub(super) const HALF_ROOT: f32 = f32::from_bits(0x3f35_04f3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_follow_ieee() {
        assert_eq!((exp(f32::INFINITY), exp(f32::NEG_INFINITY).to_bits()), (f32::INFINITY, 0));
        assert_eq!((exp(0.0), exp(-0.0)), (1.0, 1.0));
        assert_eq!(exp(f32::from_bits(0xff80_0001)).to_bits(), 0x7fc0_0000);
        assert_eq!((log(0.0), log(-0.0)), (f32::NEG_INFINITY, f32::NEG_INFINITY));
        assert_eq!((log(1.0).to_bits(), log(f32::INFINITY)), (0, f32::INFINITY));
        for x in [-1.0, f32::NEG_INFINITY, f32::NAN, -f32::MIN_POSITIVE, f32::from_bits(0xffff_ffff)] {
            assert_eq!(log(x).to_bits(), 0x7fc0_0000);
        }
    }

    /// Computed with 60 decimal digits. The last four logarithms are those of the specification's list, where a
    /// rounding through f64 goes wrong.
    #[test]
    fn values_are_rounded_correctly() {
        for (x, y) in [(1.0f32, 0x402d_f854u32), (-1.0, 0x3ebc_5ab2), (88.0, 0x7ef8_82b7), (-103.0, 1)] {
            assert_eq!(exp(x).to_bits(), y, "{x}");
        }
        for (x, y) in [(2.0f32, 0x3f31_7218u32), (10.0, 0x4013_5d8e), (0.5, 0xbf31_7218)] {
            assert_eq!(log(x).to_bits(), y, "{x}");
        }
        let hard = [
            (0x4117_8feb, 0x400f_e5e7),
            (0x4c5d_65a5, 0x418f_034b),
            (0x65d8_90d3, 0x4254_d1f9),
            (0x6f31_a8ec, 0x4284_5a89),
        ];
        for (x, y) in hard {
            assert_eq!(log(f32::from_bits(x)).to_bits(), y, "{x:#x}");
        }
    }
}
