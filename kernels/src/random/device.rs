//! Random numbers on devices: one block of Philox an item.

use super::seed_and_stream;
use crate::catalogue::{Dtype, KernelSpec};
use crate::device::{Arg, Call, Plan, Source};
use crate::function;

/// One block of Philox, for every source that draws random words.
pub(crate) const PHILOX: &str = include_str!("philox.h");

const SOURCE: &str = include_str!("device.c");

/// The kernel's source.
pub(crate) fn source(spec: &'static KernelSpec) -> Source {
    let dtype = spec.outputs[0].dtype;
    let (per_block, element) = match dtype {
        Dtype::F32 => ("4", "((f32)(words[k] >> 8) * (1.0f / 16777216.0f))"),
        Dtype::F64 => ("2", "((f64)(((u64)words[2 * k + 1] << 32 | words[2 * k]) >> 11) * (1.0 / 9007199254740992.0))"),
        _ => ("4", "(words[k])"),
    };
    let defines = vec![
        ("OUT", dtype.name().to_owned()),
        ("BLOCK_OUT", per_block.to_owned()),
        ("ELEMENT(words, k)", element.to_owned()),
    ];
    Source {
        key: spec.id.to_owned(),
        defines,
        parts: vec![PHILOX, SOURCE],
        entries: vec!["fill"],
        fp64: dtype == Dtype::F64,
    }
}

/// The source of normal numbers.
pub(crate) fn normal_source(spec: &'static KernelSpec) -> Source {
    let mut source = source(spec);
    source.defines.push(("NORMAL", "1".to_owned()));
    source.parts.splice(0..0, function::DEVICE_SOURCES);
    Source { fp64: true, ..source }
}

/// One step over all blocks.
pub(crate) fn steps(call: &Call<'_>, plan: &mut Plan) {
    let count = call.elements();
    if count == 0 {
        return;
    }
    let (seed, stream) = seed_and_stream(call.params);
    let group_size = call.target.group_size();
    let groups = call.target.groups(count.div_ceil(2), group_size);
    plan.step("fill", groups, group_size, [Arg::Output(0), Arg::U64(count), Arg::U64(seed), Arg::U64(stream)]);
}
