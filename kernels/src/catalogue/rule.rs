//! Shape rules that several rooms share. A rule reads shapes and parameters only; presence was checked before.

use super::{ArgError, ParamValue, Shape};

/// One operand `x`; the output has its shape.
pub(crate) fn like_x(inputs: &[Option<Shape>], _: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    Ok(vec![required(inputs, 0, "x")?])
}

/// Operands `x`, `y` and perhaps `z` of one shape, which is the output's.
pub(crate) fn one_shape(inputs: &[Option<Shape>], _: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let x = required(inputs, 0, "x")?;
    for (position, name) in ["x", "y", "z"].into_iter().enumerate().take(inputs.len()).skip(1) {
        let shape = required(inputs, position, name)?;
        if shape != x {
            let problem = format!("has shape {shape}, but `x` is {x}: all operands have one shape, none is broadcast");
            return Err(ArgError::input(name, problem));
        }
    }
    Ok(vec![x])
}

/// The shape of input `position`, called `name`.
pub(crate) fn required(inputs: &[Option<Shape>], position: usize, name: &'static str) -> Result<Shape, ArgError> {
    inputs.get(position).copied().flatten().ok_or_else(|| ArgError::input(name, "is missing"))
}

/// Whether the flag at `position` was given as true.
pub(crate) fn flag(params: &[Option<ParamValue>], position: usize) -> bool {
    params.get(position).copied().flatten() == Some(ParamValue::Flag(true))
}
