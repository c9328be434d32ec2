//! The room of functions of one variable, correctly rounded for every input. Never the system's mathematics library.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "device")]
pub(crate) mod device;
#[cfg(feature = "reference")]
mod own;
#[cfg(feature = "reference")]
pub(crate) mod reference;

use crate::catalogue::{ArgSpec, Dtype, Function, KernelSpec, Op, rule};

/// The functions for a device module, `clamp_exp` and so on: tables first. They compute in binary64.
#[cfg(feature = "device")]
pub(crate) const DEVICE_SOURCES: [&str; 2] = [include_str!("device_tables.h"), include_str!("device.h")];

macro_rules! spec {
    ($id:literal, $summary:literal, $function:ident) => {
        KernelSpec {
            id: $id,
            summary: $summary,
            inputs: &[ArgSpec::required("x", Dtype::F32)],
            outputs: &[ArgSpec::required("out", Dtype::F32)],
            params: &[],
            in_place: true,
            shapes: rule::like_x,
            op: Op::Function(Function::$function),
        }
    };
}

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[&[
    spec!("exp.f32.v1", "e to the power x, correctly rounded", Exp),
    spec!("log.f32.v1", "natural logarithm of x, correctly rounded", Log),
    spec!("exp2.f32.v1", "2 to the power x, correctly rounded", Exp2),
    spec!("expm1.f32.v1", "e to the power x, less 1, correctly rounded", Expm1),
    spec!("log2.f32.v1", "logarithm of x to base 2, correctly rounded", Log2),
    spec!("log10.f32.v1", "logarithm of x to base 10, correctly rounded", Log10),
    spec!("log1p.f32.v1", "natural logarithm of 1 + x, correctly rounded", Log1p),
    spec!("sin.f32.v1", "sine of x radians, correctly rounded", Sin),
    spec!("cos.f32.v1", "cosine of x radians, correctly rounded", Cos),
    spec!("tan.f32.v1", "tangent of x radians, correctly rounded", Tan),
    spec!("sinpi.f32.v1", "sine of x half turns, correctly rounded", Sinpi),
    spec!("cospi.f32.v1", "cosine of x half turns, correctly rounded", Cospi),
    spec!("tanh.f32.v1", "hyperbolic tangent of x, correctly rounded", Tanh),
    spec!("erf.f32.v1", "error function of x, correctly rounded", Erf),
    spec!("sigmoid.f32.v1", "1 / (1 + exp(-x)), each operation rounded once", Sigmoid),
    spec!("silu.f32.v1", "x * sigmoid(x), each operation rounded once", Silu),
    spec!("gelu.f32.v1", "(0.5*x) * (1 + erf(x/sqrt(2))), each operation rounded once", Gelu),
]];
