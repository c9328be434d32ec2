//! The functions on devices: elementwise, with the function as the step.

use super::DEVICE_SOURCES;
use crate::catalogue::KernelSpec;
use crate::device::Source;
use crate::elementwise::device::Step;

/// The kernel's source; the source of the functions names them as their ids do.
pub(crate) fn source(spec: &'static KernelSpec) -> Source {
    let name = spec.id.split('.').next().unwrap_or(spec.id);
    Step {
        types: &["f32"],
        out: "f32",
        body: format!("clamp_{name}(x)"),
        scalars: "",
        fp64: true,
        parts: DEVICE_SOURCES.into(),
    }
    .source(spec)
}
