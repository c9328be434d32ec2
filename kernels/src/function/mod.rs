//! The room of functions of one variable, correctly rounded for every input. Never the system's mathematics library.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "reference")]
pub(crate) mod reference;

use crate::catalogue::{ArgSpec, Dtype, Function, KernelSpec, Op, rule};

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
]];
