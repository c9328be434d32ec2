//! The elementwise room: one output element from the elements at the same place. Comparisons and casts, whose output
//! has another dtype, have their own rooms.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "device")]
pub(crate) mod device;
#[cfg(feature = "reference")]
pub(crate) mod reference;
#[cfg(feature = "reference")]
mod rsqrt;

#[cfg(feature = "reference")]
pub(crate) use rsqrt::Rsqrt;

use crate::catalogue::{
    ArgError, ArgSpec, Binary, Dtype, KernelSpec, Op, ParamKind, ParamSpec, ParamValue, Shape, Unary, When, rule,
};

macro_rules! spec {
    ($dtype:ident, $suffix:literal, $name:literal, $summary:literal, $op:expr, [$($input:expr),+], $params:expr, $rule:expr) => {
        KernelSpec {
            id: concat!($name, ".", $suffix, ".v1"),
            summary: $summary,
            inputs: &[$($input),+],
            outputs: &[ArgSpec::required("out", Dtype::$dtype)],
            params: $params,
            in_place: true,
            shapes: $rule,
            op: $op,
        }
    };
}

macro_rules! specs {
    ($name:ident, $dtype:ident, $suffix:literal) => {
        const $name: [KernelSpec; 15] = {
            const X: ArgSpec = ArgSpec::required("x", Dtype::$dtype);
            const Y: ArgSpec = ArgSpec::required("y", Dtype::$dtype);
            const Z: ArgSpec = ArgSpec::required("z", Dtype::$dtype);
            const COND: ArgSpec = ArgSpec::required("x", Dtype::U8);
            const LO: ParamSpec = ParamSpec { name: "lo", kind: ParamKind::$dtype, when: When::Launch, required: true };
            const HI: ParamSpec = ParamSpec { name: "hi", ..LO };
            macro_rules! unary {
                ($id:literal, $summary:literal, $op:ident) => {
                    spec!($dtype, $suffix, $id, $summary, Op::Unary(Unary::$op), [X], &[], rule::like_x)
                };
            }
            macro_rules! binary {
                ($id:literal, $summary:literal, $op:ident) => {
                    spec!($dtype, $suffix, $id, $summary, Op::Binary(Binary::$op), [X, Y], &[], rule::one_shape)
                };
            }
            [
                unary!("copy", "x, bit for bit", Copy),
                unary!("neg", "-x", Neg),
                unary!("abs", "x without its sign", Abs),
                unary!("sqrt", "square root of x", Sqrt),
                unary!("rsqrt", "1 / sqrt(x)", Rsqrt),
                unary!("relu", "max(x, +0)", Relu),
                binary!("add", "x + y", Add),
                binary!("sub", "x - y", Sub),
                binary!("mul", "x * y", Mul),
                binary!("div", "x / y", Div),
                binary!("min", "the lesser of x and y; -0 is less than +0, NaN wins", Min),
                binary!("max", "the greater of x and y; -0 is less than +0, NaN wins", Max),
                spec!($dtype, $suffix, "fma", "x * y + z, rounded once", Op::Fma, [X, Y, Z], &[], rule::one_shape),
                spec!($dtype, $suffix, "clamp", "min(max(x, lo), hi)", Op::Clamp, [X], &[LO, HI], clamp_rule),
                spec!(
                    $dtype,
                    $suffix,
                    "select",
                    "y where x is not 0, else z, bit for bit",
                    Op::Select,
                    [COND, Y, Z],
                    &[],
                    rule::one_shape
                ),
            ]
        };
    };
}

specs!(F32_SPECS, F32, "f32");
specs!(F64_SPECS, F64, "f64");

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[&F32_SPECS, &F64_SPECS];

/// The bounds are compared as IEEE numbers: lo = +0 with hi = -0 is no error, and gives -0 everywhere.
fn clamp_rule(inputs: &[Option<Shape>], params: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let bound = |position: usize| match params.get(position).copied().flatten() {
        Some(ParamValue::F32(value)) => f64::from(value),
        Some(ParamValue::F64(value)) => value,
        _ => f64::NAN,
    };
    let (lo, hi) = (bound(0), bound(1));
    for (name, value) in [("lo", lo), ("hi", hi)] {
        if value.is_nan() {
            return Err(ArgError::param(name, "is NaN, which bounds nothing"));
        }
    }
    if lo > hi {
        return Err(ArgError::param("lo", format!("is {lo}, but `hi` is {hi}: lo may not be above hi")));
    }
    rule::like_x(inputs, params)
}
