//! Expressions by a stack, one element after the other, one node after the other.

use super::step::{Number, apply};
use super::{Expression, Node};
use crate::catalogue::{Dtype, ParamValue};
use crate::launch::{Launch, LaunchError, Operand};

/// The expression of every element.
pub(crate) fn map(
    expression: &Expression,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), LaunchError> {
    match expression.dtype() {
        Dtype::F32 => map_of::<f32>(expression, launch, params),
        _ => map_of::<f64>(expression, launch, params),
    }
}

fn map_of<T: Number>(
    expression: &Expression,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), LaunchError> {
    let mut inputs: [Option<Operand<'_, T>>; 8] = [None; 8];
    for (position, input) in inputs.iter_mut().enumerate() {
        if expression.inputs() >> position & 1 == 1 {
            *input = Some(launch.operand(position)?);
        }
    }
    let mut stack: Vec<T> = Vec::new();
    for (element, out) in launch.output::<T>()?.iter_mut().enumerate() {
        stack.clear();
        for &node in expression.nodes() {
            let value = match node {
                Node::Input(index) => inputs[usize::from(index)].map(|input| input.get(element, *out)),
                Node::Scalar(index) => params[1 + usize::from(index)].and_then(T::from_param),
                Node::Constant(bits) => Some(T::from_pattern(bits)),
                Node::Apply(operation) => {
                    let operands = stack.split_off(stack.len() - operation.arity());
                    Some(apply(operation, &operands))
                }
            };
            stack.push(value.unwrap_or_else(|| unreachable!("the shape rule asks for what the expression uses")));
        }
        *out = stack[0].canonical();
    }
    Ok(())
}
