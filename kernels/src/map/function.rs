//! The functions of one variable in expressions: which of the room `function` each is.

use super::Operation;
use crate::catalogue::Function;

/// The function of this operation, which is one.
pub(super) fn function(operation: Operation) -> Function {
    match operation {
        Operation::Exp => Function::Exp,
        Operation::Exp2 => Function::Exp2,
        Operation::Expm1 => Function::Expm1,
        Operation::Log => Function::Log,
        Operation::Log2 => Function::Log2,
        Operation::Log10 => Function::Log10,
        Operation::Log1p => Function::Log1p,
        Operation::Sin => Function::Sin,
        Operation::Cos => Function::Cos,
        Operation::Tan => Function::Tan,
        Operation::Sinpi => Function::Sinpi,
        Operation::Cospi => Function::Cospi,
        Operation::Tanh => Function::Tanh,
        Operation::Erf => Function::Erf,
        Operation::Sigmoid => Function::Sigmoid,
        Operation::Silu => Function::Silu,
        Operation::Gelu => Function::Gelu,
        _ => unreachable!("`{}` is no function", operation.name()),
    }
}
