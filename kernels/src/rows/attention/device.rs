//! Attention on devices: one step, in which a group has the scores of a few rows of q in scratch memory at a time. How
//! much that is does not grow with the rows of q.

use crate::catalogue::{Dtype, KernelSpec, ParamValue};
use crate::device::{Arg, Call, Plan, Source};
use crate::function;
use crate::reduce::device::{chunk, lanes, sum_source};

const SOURCE: &str = include_str!("attention.c");

/// Rows of q that a group takes at a time.
const ROWS: u64 = 4;

/// Scores that wait in scratch memory at a time, if that is enough for one group: 64 MiB.
const SCORES: u64 = 16 << 20;

/// The kernel's source.
pub(crate) fn source(spec: &'static KernelSpec) -> Source {
    let mut source = sum_source("attention", Dtype::F32, None);
    source.defines.push(("ROWS", ROWS.to_string()));
    source.parts.extend(function::DEVICE_SOURCES);
    source.parts.push(SOURCE);
    Source { key: spec.id.to_owned(), entries: vec!["attend"], fp64: true, ..source }
}

/// One step over blocks of rows.
pub(crate) fn steps(call: &Call<'_>, plan: &mut Plan) {
    let last_two = |position: usize| match *call.shape(position).dims() {
        [.., rows, columns] => (rows, columns),
        _ => unreachable!("the shape rule takes 2 dimensions or more"),
    };
    let ((s, d), (t, e)) = (last_two(0), last_two(2));
    if call.elements() == 0 {
        return;
    }
    let scale = match *call.params {
        [Some(ParamValue::F32(scale))] => scale,
        _ => unreachable!("the catalogue requires scale, an f32"),
    };
    let batches = call.elements() / (s * e);
    let items = lanes(Dtype::F32);
    let of_group = ROWS * t + t.div_ceil(chunk(Dtype::F32));
    let most = call.target.groups((batches * s.div_ceil(ROWS)).saturating_mul(items), items as u32);
    let groups = u64::from(most).min(SCORES / of_group.max(1)).max(1);
    let scratch = Arg::Scratch(plan.scratch(groups * of_group * 4), 0);
    // An absent mask is not read; something must stand in its place.
    let mask = if call.has(3) { Arg::Input(3) } else { Arg::Input(0) };
    let mask_batch = if call.shape(3).ndim() < call.shape(0).ndim() { 0 } else { s * t };
    let args = [
        Arg::Input(0),
        Arg::Input(1),
        Arg::Input(2),
        mask,
        Arg::Output(0),
        scratch,
        Arg::U64(batches),
        Arg::U64(s),
        Arg::U64(t),
        Arg::U64(d),
        Arg::U64(e),
        Arg::U64(mask_batch),
        Arg::U32(u32::from(call.has(3))),
        Arg::F32(scale.to_bits()),
    ];
    plan.step("attend", groups as u32, items as u32, args);
}
