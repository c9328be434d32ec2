//! What one operation of an expression gives for one element.

use super::Operation;
use crate::catalogue::ParamValue;
#[cfg(feature = "cpu")]
use crate::dispatch::Level;
use crate::elementwise::Rsqrt;
use crate::function;
#[cfg(feature = "cpu")]
use crate::stream::Keep;

/// An element type of expressions.
pub(super) trait Number: Rsqrt {
    /// What a comparison gives that holds.
    const ONE: Self;

    /// The number of this bit pattern, as [`super::Node::Constant`] has it.
    fn from_pattern(bits: u64) -> Self;

    /// Its bit pattern.
    #[cfg(feature = "cpu")]
    fn pattern(self) -> u64;

    /// The number that a parameter holds.
    fn from_param(value: ParamValue) -> Option<Self>;

    /// A function that is neither arithmetic nor a comparison.
    fn function(operation: Operation, x: Self) -> Self;

    /// The same of a block.
    #[cfg(feature = "cpu")]
    fn function_block(level: Level, keep: Keep, operation: Operation, x: &[Self], out: &mut [Self]);
}

impl Number for f32 {
    const ONE: f32 = 1.0;

    fn from_pattern(bits: u64) -> f32 {
        f32::from_bits(bits as u32)
    }

    #[cfg(feature = "cpu")]
    fn pattern(self) -> u64 {
        u64::from(self.to_bits())
    }

    fn from_param(value: ParamValue) -> Option<f32> {
        match value {
            ParamValue::F32(value) => Some(value),
            _ => None,
        }
    }

    fn function(operation: Operation, x: f32) -> f32 {
        function::reference::value(super::function::function(operation), x)
    }

    #[cfg(feature = "cpu")]
    fn function_block(level: Level, keep: Keep, operation: Operation, x: &[f32], out: &mut [f32]) {
        function::cpu::kept(level, super::function::function(operation), keep, x, out);
    }
}

impl Number for f64 {
    const ONE: f64 = 1.0;

    fn from_pattern(bits: u64) -> f64 {
        f64::from_bits(bits)
    }

    #[cfg(feature = "cpu")]
    fn pattern(self) -> u64 {
        self.to_bits()
    }

    fn from_param(value: ParamValue) -> Option<f64> {
        match value {
            ParamValue::F64(value) => Some(value),
            _ => None,
        }
    }

    fn function(operation: Operation, _: f64) -> f64 {
        unreachable!("expressions of f64 have no `{}`", operation.name())
    }

    #[cfg(feature = "cpu")]
    fn function_block(_: Level, _: Keep, operation: Operation, _: &[f64], _: &mut [f64]) {
        unreachable!("expressions of f64 have no `{}`", operation.name())
    }
}

/// 1 or +0.
#[inline(always)]
pub(super) fn truth<T: Number>(holds: bool) -> T {
    if holds { T::ONE } else { T::ZERO }
}

/// The operation on its operands, as many as its arity.
pub(super) fn apply<T: Number>(operation: Operation, operands: &[T]) -> T {
    match *operands {
        [x] => unary(operation, x),
        [x, y] => binary(operation, x, y),
        [x, y, z] => x.fused(y, z),
        _ => unreachable!("`{}` takes {} operands", operation.name(), operation.arity()),
    }
    .canonical()
}

fn unary<T: Number>(operation: Operation, x: T) -> T {
    match operation {
        Operation::Neg => x.negated(),
        Operation::Abs => x.magnitude(),
        Operation::Sqrt => x.root(),
        Operation::Rsqrt => x.rsqrt(),
        Operation::Relu => x.greatest(T::ZERO),
        _ => T::function(operation, x),
    }
}

fn binary<T: Number>(operation: Operation, x: T, y: T) -> T {
    match operation {
        Operation::Add => x + y,
        Operation::Sub => x - y,
        Operation::Mul => x * y,
        Operation::Div => x / y,
        Operation::Min => x.least(y),
        Operation::Max => x.greatest(y),
        Operation::Lt => truth(x < y),
        Operation::Le => truth(x <= y),
        Operation::Gt => truth(x > y),
        Operation::Ge => truth(x >= y),
        Operation::Eq => truth(x == y),
        Operation::Ne => truth(x != y),
        _ => unreachable!("`{}` takes {} operands", operation.name(), operation.arity()),
    }
}
