//! The room of casts between f32, f64, i32, u32 and i64. Float to integer rounds to nearest even and saturates, with
//! NaN to 0; integer to integer saturates; integer to float and float to float round as IEEE-754 does.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "device")]
pub(crate) mod device;
#[cfg(feature = "cpu")]
mod lane;
#[cfg(feature = "reference")]
pub(crate) mod reference;
#[cfg(feature = "reference")]
mod step;

use crate::catalogue::{ArgSpec, Dtype, KernelSpec, Op, rule};

macro_rules! specs {
    ($($to:ident $to_name:literal from $($from:ident $from_name:literal)+;)+) => {
        &[$($(KernelSpec {
            id: concat!("cast_", $to_name, ".", $from_name, ".v1"),
            summary: concat!("x as ", $to_name),
            inputs: &[ArgSpec::required("x", Dtype::$from)],
            outputs: &[ArgSpec::required("out", Dtype::$to)],
            params: &[],
            in_place: true,
            shapes: rule::like_x,
            op: Op::Cast,
        }),+),+]
    };
}

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[specs! {
    F32 "f32" from F64 "f64" I32 "i32" U32 "u32" I64 "i64";
    F64 "f64" from F32 "f32" I32 "i32" U32 "u32" I64 "i64";
    I32 "i32" from F32 "f32" F64 "f64" U32 "u32" I64 "i64";
    U32 "u32" from F32 "f32" F64 "f64" I32 "i32" I64 "i64";
    I64 "i64" from F32 "f32" F64 "f64" I32 "i32" U32 "u32";
}];
