//! Scans on devices: levels of blocks upwards, then the carries downwards. One pass over all blocks would need groups that
//! wait for each other, which OpenCL does not promise to end.

use crate::catalogue::{Dtype, KernelSpec};
use crate::device::{Arg, Call, Plan, Source};

const SOURCE: &str = include_str!("device.c");

/// Elements of a block.
const BLOCK: u64 = 1024;

/// Items that take a block, one a segment.
const SEGMENTS: u32 = 64;

/// The kernel's source.
pub(crate) fn source(spec: &'static KernelSpec) -> Source {
    let dtype = spec.outputs[0].dtype;
    let width = if dtype == Dtype::F32 { "32" } else { "64" };
    Source {
        key: spec.id.to_owned(),
        defines: vec![("T", dtype.name().to_owned()), ("CANONICAL(x)", format!("clamp_canonical{width}(x)"))],
        parts: vec![SOURCE],
        entries: vec!["blocks", "carry"],
        fp64: dtype == Dtype::F64,
    }
}

/// The steps of a scan.
pub(crate) fn steps(call: &Call<'_>, plan: &mut Plan) {
    let (n, size) = (call.elements(), call.outputs[0].dtype.size());
    if n == 0 {
        return;
    }
    // What each level scans, into what, and how many elements that are.
    let mut levels = vec![(Arg::Input(0), Arg::Output(0), n)];
    loop {
        let (from, to, n) = levels[levels.len() - 1];
        let blocks = n.div_ceil(BLOCK);
        let last = Arg::Scratch(plan.scratch(blocks * size), 0);
        let is_final = u32::from(levels.len() == 1 && blocks == 1);
        let groups = call.target.groups(blocks * u64::from(SEGMENTS), SEGMENTS);
        plan.step("blocks", groups, SEGMENTS, [from, to, last, Arg::U64(n), Arg::U32(is_final)]);
        if blocks == 1 {
            break;
        }
        levels.push((last, Arg::Scratch(plan.scratch(blocks * size), 0), blocks));
    }
    let group_size = call.target.group_size();
    for level in (1..levels.len()).rev() {
        let ((_, before, _), (_, to, n)) = (levels[level], levels[level - 1]);
        let groups = call.target.groups(n, group_size);
        plan.step("carry", groups, group_size, [before, to, Arg::U64(n), Arg::U32(u32::from(level == 1))]);
    }
}
