//! The functions of one variable in expressions, by the room `function`.

use super::Operation;
use crate::float::Float;
use crate::function::reference::{exp, log};

/// The function of one element.
pub(super) fn value(operation: Operation, x: f32) -> f32 {
    match operation {
        Operation::Exp => exp(x),
        Operation::Log => log(x),
        Operation::Exp2 => core_math::exp2f(x).canonical(),
        Operation::Expm1 => core_math::expm1f(x).canonical(),
        Operation::Log2 => core_math::log2f(x).canonical(),
        Operation::Log10 => core_math::log10f(x).canonical(),
        Operation::Log1p => core_math::log1pf(x).canonical(),
        Operation::Sin => core_math::sinf(x).canonical(),
        Operation::Cos => core_math::cosf(x).canonical(),
        Operation::Tan => core_math::tanf(x).canonical(),
        Operation::Sinpi => core_math::sinpif(x).canonical(),
        Operation::Cospi => core_math::cospif(x).canonical(),
        Operation::Tanh => core_math::tanhf(x).canonical(),
        Operation::Erf => core_math::erff(x).canonical(),
        Operation::Sigmoid => sigmoid(x),
        Operation::Silu => (x * sigmoid(x)).canonical(),
        Operation::Gelu => ((0.5 * x) * (1.0 + core_math::erff(x * f32::from_bits(0x3f35_04f3)))).canonical(),
        _ => unreachable!("`{}` is no function", operation.name()),
    }
}

fn sigmoid(x: f32) -> f32 {
    (1.0 / (1.0 + exp(-x))).canonical()
}

/// The function of a block.
#[cfg(feature = "cpu")]
pub(super) fn block(_: crate::dispatch::Level, operation: Operation, x: &[f32], out: &mut [f32]) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = value(operation, x);
    }
}
