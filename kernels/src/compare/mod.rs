//! The room of comparisons: u8 1 or 0 for each pair of floats, as IEEE-754 compares them. With a NaN only `ne` is true.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "device")]
pub(crate) mod device;
#[cfg(feature = "reference")]
pub(crate) mod reference;

use crate::catalogue::{ArgSpec, Dtype, KernelSpec, Op, Relation, rule};

macro_rules! specs {
    ($dtype:ident, $suffix:literal, $($name:literal $relation:ident $summary:literal),+) => {
        [$(KernelSpec {
            id: concat!("compare_", $name, ".", $suffix, ".v1"),
            summary: concat!("1 where x ", $summary, " y, else 0"),
            inputs: &[ArgSpec::required("x", Dtype::$dtype), ArgSpec::required("y", Dtype::$dtype)],
            outputs: &[ArgSpec::required("out", Dtype::U8)],
            params: &[],
            in_place: true,
            shapes: rule::one_shape,
            op: Op::Compare(Relation::$relation),
        }),+]
    };
    ($dtype:ident, $suffix:literal) => {
        specs!($dtype, $suffix, "lt" Lt "<", "le" Le "<=", "eq" Eq "==", "ne" Ne "!=", "gt" Gt ">", "ge" Ge ">=")
    };
}

const F32_SPECS: [KernelSpec; 6] = specs!(F32, "f32");
const F64_SPECS: [KernelSpec; 6] = specs!(F64, "f64");

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[&F32_SPECS, &F64_SPECS];
