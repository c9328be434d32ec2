//! The room of ordered reductions: lanes within a chunk, a fold of the lanes, and the same again over the partials.
//! The order depends on the number of elements alone, never on threads or on how many rows there are.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "reference")]
pub(crate) mod reference;

use crate::catalogue::{
    ArgError, ArgSpec, Dtype, KernelSpec, Op, ParamKind, ParamSpec, ParamValue, Reduction, Shape, When, rule,
};

const ROWS: ParamSpec = ParamSpec { name: "rows", kind: ParamKind::Flag, when: When::Open, required: false };

macro_rules! spec {
    ($name:literal, $dtype:ident, $suffix:literal, $summary:literal, $op:ident, [$($input:literal),+]) => {
        KernelSpec {
            id: concat!($name, ".", $suffix, ".v1"),
            summary: $summary,
            inputs: &[$(ArgSpec::required($input, Dtype::$dtype)),+],
            outputs: &[ArgSpec::required("out", Dtype::$dtype)],
            params: &[ROWS],
            in_place: false,
            shapes: reduced,
            op: Op::Reduce(Reduction::$op),
        }
    };
}

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[&[
    spec!("sum", F32, "f32", "sum of x, or of each of its rows", Sum, ["x"]),
    spec!("sum", F64, "f64", "sum of x, or of each of its rows", Sum, ["x"]),
    spec!("dot", F32, "f32", "sum of the products of x and y, or of each of their rows", Dot, ["x", "y"]),
    spec!("dot", F64, "f64", "sum of the products of x and y, or of each of their rows", Dot, ["x", "y"]),
]];

fn reduced(inputs: &[Option<Shape>], params: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let x = rule::one_shape(inputs, params)?[0];
    if !rule::flag(params, 0) {
        return Ok(vec![Shape::SCALAR]);
    }
    match *x.dims() {
        [rows, _] => Shape::new(&[rows]).map(|out| vec![out]).map_err(|error| ArgError::input("x", error.to_string())),
        _ => Err(ArgError::input("x", format!("has shape {x}: with rows=true it needs exactly 2 dimensions"))),
    }
}
