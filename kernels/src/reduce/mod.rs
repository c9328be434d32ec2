//! The room of reductions: lanes within a chunk, a fold of the lanes, and the same again over the partials; extremes and
//! their places; exact sums. The result depends on the elements alone, never on threads or on how many rows there are.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "device")]
pub(crate) mod device;
#[cfg(feature = "device")]
mod device_exact;
#[cfg(feature = "reference")]
pub(crate) mod reference;

use crate::catalogue::{
    ArgError, ArgSpec, Dtype, KernelSpec, Op, ParamKind, ParamSpec, ParamValue, Reduction, Shape, When, rule,
};

const ROWS: ParamSpec = ParamSpec { name: "rows", kind: ParamKind::Flag, when: When::Open, required: false };

macro_rules! spec {
    ($name:literal, $dtype:ident, $suffix:literal, $op:ident, [$($input:literal),+] -> $out:ident, $shapes:ident, $summary:literal) => {
        KernelSpec {
            id: concat!($name, ".", $suffix, ".v1"),
            summary: concat!($summary, ", or of each of ", spec!(@whose $($input),+), " rows"),
            inputs: &[$(ArgSpec::required($input, Dtype::$dtype)),+],
            outputs: &[ArgSpec::required("out", Dtype::$out)],
            params: &[ROWS],
            in_place: false,
            shapes: $shapes,
            op: Op::Reduce(Reduction::$op),
        }
    };
    (@whose $x:literal) => { "its" };
    (@whose $x:literal, $y:literal) => { "their" };
}

macro_rules! specs {
    ($dtype:ident, $suffix:literal) => {
        &[
            spec!("sum", $dtype, $suffix, Sum, ["x"] -> $dtype, reduced, "sum of x"),
            spec!("dot", $dtype, $suffix, Dot, ["x", "y"] -> $dtype, reduced, "sum of the products of x and y"),
            spec!("sum_sq", $dtype, $suffix, SumSq, ["x"] -> $dtype, reduced, "sum of the squares of x"),
            spec!("norm2", $dtype, $suffix, Norm2, ["x"] -> $dtype, reduced, "root of the sum of the squares of x"),
            spec!("mean", $dtype, $suffix, Mean, ["x"] -> $dtype, of_something, "mean of x"),
            spec!("var", $dtype, $suffix, Var, ["x"] -> $dtype, of_something, "population variance of x"),
            spec!("reduce_min", $dtype, $suffix, Min, ["x"] -> $dtype, of_something, "least element of x"),
            spec!("reduce_max", $dtype, $suffix, Max, ["x"] -> $dtype, of_something, "greatest element of x"),
            spec!("argmin", $dtype, $suffix, ArgMin, ["x"] -> I64, of_something, "index of the least element of x"),
            spec!("argmax", $dtype, $suffix, ArgMax, ["x"] -> I64, of_something, "index of the greatest element of x"),
            spec!("sum_exact", $dtype, $suffix, SumExact, ["x"] -> $dtype, reduced, "exact sum of x, rounded once"),
            spec!("dot_exact", $dtype, $suffix, DotExact, ["x", "y"] -> $dtype, reduced, "exact sum of the exact products of x and y, rounded once"),
        ]
    };
}

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[specs!(F32, "f32"), specs!(F64, "f64")];

#[cfg(feature = "reference")]
impl Reduction {
    /// Whether it reads `y` beside `x`.
    fn takes_two(self) -> bool {
        matches!(self, Reduction::Dot | Reduction::DotExact)
    }
}

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

/// As [`reduced`], where nothing has no result. No rows at all are no error: none of them is empty.
fn of_something(inputs: &[Option<Shape>], params: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let out = reduced(inputs, params)?;
    let x = rule::required(inputs, 0, "x")?;
    if x.elements() == 0 && out[0].elements() > 0 {
        let what = if rule::flag(params, 0) { "each row" } else { "it" };
        return Err(ArgError::input("x", format!("has shape {x}: {what} needs 1 element or more")));
    }
    Ok(out)
}
