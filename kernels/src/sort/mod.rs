//! The room of sorting: ascending in the order -Inf < ... < -0 < +0 < ... < +Inf < NaN, which is total on the values as
//! they are stored. All NaNs are one value, the canonical one; equal values keep the order in which they came.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "device")]
pub(crate) mod device;
#[cfg(feature = "cpu")]
mod radix;
#[cfg(feature = "reference")]
pub(crate) mod reference;

use crate::catalogue::{ArgError, ArgSpec, Dtype, KernelSpec, Op, ParamValue, Shape, rule};

macro_rules! specs {
    ($($dtype:ident $suffix:literal)+) => {
        &[$(
            KernelSpec {
                id: concat!("sort.", $suffix, ".v1"),
                summary: "the elements of x, ascending, NaNs last",
                inputs: &[ArgSpec::required("x", Dtype::$dtype)],
                outputs: &[ArgSpec::required("out", Dtype::$dtype)],
                params: &[],
                in_place: false,
                shapes: one_dimension,
                op: Op::Sort,
            },
            KernelSpec {
                id: concat!("argsort.", $suffix, ".v1"),
                summary: "where the elements of sorted x are in x; equal ones in their order",
                inputs: &[ArgSpec::required("x", Dtype::$dtype)],
                outputs: &[ArgSpec::required("out", Dtype::I64)],
                params: &[],
                in_place: false,
                shapes: one_dimension,
                op: Op::Argsort,
            },
        )+]
    };
}

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[specs!(F32 "f32" F64 "f64")];

fn one_dimension(inputs: &[Option<Shape>], _: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let x = rule::required(inputs, 0, "x")?;
    if x.ndim() != 1 {
        return Err(ArgError::input("x", format!("has shape {x}: it needs exactly 1 dimension")));
    }
    Ok(vec![x])
}
