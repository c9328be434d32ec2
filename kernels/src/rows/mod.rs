//! The room of row-wise kernels: each row of the last dimension is treated alone, so its bits never depend on how many
//! rows there are.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "reference")]
pub(crate) mod reference;

use crate::catalogue::{ArgError, ArgSpec, Dtype, KernelSpec, Op, ParamValue, Shape, rule};

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[&[KernelSpec {
    id: "softmax.f32.v1",
    summary: "exp(x - max) over its sum, along the last dimension",
    inputs: &[ArgSpec::required("x", Dtype::F32)],
    outputs: &[ArgSpec::required("out", Dtype::F32)],
    params: &[],
    in_place: false,
    shapes: rows,
    op: Op::Softmax,
}]];

fn rows(inputs: &[Option<Shape>], _: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let x = rule::required(inputs, 0, "x")?;
    if x.ndim() == 0 {
        return Err(ArgError::input("x", format!("has shape {x}: it needs 1 dimension or more")));
    }
    Ok(vec![x])
}
