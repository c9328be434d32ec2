//! Comparisons on devices: elementwise, with the relation as the step.

use crate::catalogue::{Dtype, KernelSpec, Relation};
use crate::device::Source;
use crate::elementwise::device::Step;

/// The kernel's source.
pub(crate) fn source(spec: &'static KernelSpec, relation: Relation) -> Source {
    let sign = match relation {
        Relation::Lt => "<",
        Relation::Le => "<=",
        Relation::Eq => "==",
        Relation::Ne => "!=",
        Relation::Gt => ">",
        Relation::Ge => ">=",
    };
    let wide = spec.inputs[0].dtype == Dtype::F64;
    let types: &'static [&'static str] = if wide { &["f64", "f64"] } else { &["f32", "f32"] };
    let body = format!("((x) {sign} (y) ? (u8)1 : (u8)0)");
    Step { types, out: "u8", body, scalars: "", fp64: wide, parts: Vec::new() }.source(spec)
}
