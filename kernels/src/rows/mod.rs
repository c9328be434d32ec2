//! The room of row-wise kernels: each row of the last dimension is treated alone, so its bits never depend on how many
//! rows there are.

pub(crate) mod attention;
#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "device")]
pub(crate) mod device;
#[cfg(feature = "reference")]
pub(crate) mod reference;

use crate::catalogue::{ArgError, ArgSpec, Dtype, KernelSpec, Op, ParamKind, ParamSpec, ParamValue, Shape, When, rule};

/// What is added under the root, so that a row of one value has a finite result.
const EPS: ParamSpec = ParamSpec { name: "eps", kind: ParamKind::F32, when: When::Launch, required: true };

const SOFTMAX: KernelSpec = KernelSpec {
    id: "softmax.f32.v1",
    summary: "exp(x - max) over its sum, along the last dimension",
    inputs: &[ArgSpec::required("x", Dtype::F32)],
    outputs: &[ArgSpec::required("out", Dtype::F32)],
    params: &[],
    in_place: false,
    shapes: rows,
    op: Op::Softmax,
};

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[&[
    SOFTMAX,
    KernelSpec {
        id: "layernorm.f32.v1",
        summary: "(x - mean) / sqrt(var + eps) along the last dimension, times gamma, plus beta",
        inputs: &[
            ArgSpec::required("x", Dtype::F32),
            ArgSpec::optional("gamma", Dtype::F32),
            ArgSpec::optional("beta", Dtype::F32),
        ],
        params: &[EPS],
        op: Op::LayerNorm,
        ..SOFTMAX
    },
    KernelSpec {
        id: "rmsnorm.f32.v1",
        summary: "x / sqrt(mean square + eps) along the last dimension, times gamma",
        inputs: &[ArgSpec::required("x", Dtype::F32), ArgSpec::optional("gamma", Dtype::F32)],
        params: &[EPS],
        op: Op::RmsNorm,
        ..SOFTMAX
    },
    attention::SPEC,
]];

/// Rows of x; gamma and beta, where they are taken and present, have an element for each column.
fn rows(inputs: &[Option<Shape>], _: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let x = rule::required(inputs, 0, "x")?;
    let Some(&columns) = x.dims().last() else {
        return Err(ArgError::input("x", format!("has shape {x}: it needs 1 dimension or more")));
    };
    for (name, given) in ["gamma", "beta"].into_iter().zip(inputs.iter().skip(1)) {
        if let Some(given) = given.filter(|given| given.dims() != [columns]) {
            let problem =
                format!("has shape {given}, but the rows of `x` have {columns} columns: it needs [{columns}]");
            return Err(ArgError::input(name, problem));
        }
    }
    Ok(vec![x])
}

/// The parameter `eps`, or `scale`: the only one of its kernel.
#[cfg(feature = "reference")]
fn only_param(params: &[Option<ParamValue>]) -> f32 {
    match *params {
        [Some(ParamValue::F32(value))] => value,
        _ => unreachable!("the catalogue requires the one parameter, an f32"),
    }
}
