//! Casts on devices: elementwise, with the cast of one element as the step.

use crate::catalogue::{Dtype, KernelSpec};
use crate::device::Source;
use crate::elementwise::device::Step;

const STEPS: &str = include_str!("device.c");

/// The kernel's source.
pub(crate) fn source(spec: &'static KernelSpec) -> Source {
    let (from, to) = (spec.inputs[0].dtype, spec.outputs[0].dtype);
    let body = match to {
        Dtype::F32 => "clamp_canonical32((f32)(x))".to_owned(),
        Dtype::F64 => "clamp_canonical64((f64)(x))".to_owned(),
        _ => format!("clamp_{to}_from_{from}(x)"),
    };
    let types: &'static [&'static str] = match from {
        Dtype::F32 => &["f32"],
        Dtype::F64 => &["f64"],
        Dtype::I32 => &["i32"],
        Dtype::U32 => &["u32"],
        _ => &["i64"],
    };
    let fp64 = from == Dtype::F64 || to == Dtype::F64;
    Step { types, out: to.name(), body, scalars: "", fp64, parts: vec![STEPS] }.source(spec)
}
