//! Histograms on devices. Elements and edges are compared as integers, counts are integers, so no order of the counting
//! can be seen; the edges are judged by a step of their own, whose answer is in the launch's status.

use super::{OUTSIDE, refused_edge};
use crate::catalogue::{Dtype, KernelSpec};
use crate::device::{Arg, Call, GROUP_STEPS, LaunchArrays, ORDERED_KEYS, Plan, Source};

const SOURCE: &str = include_str!("device.c");

/// Items of the group that looks at the edges.
const JUDGE_ITEMS: u32 = 64;

/// The most edges that local memory holds with their counts: 12 KiB of f64.
const FEW: u64 = 1024;

/// Elements that are counted in 32 bits before the counts go to the output.
const SLAB: u64 = 1 << 31;

/// Elements an item takes before another group is worth its edges and counts.
const RUN: u64 = 16;

/// The kernel's source.
pub(crate) fn source(spec: &'static KernelSpec) -> Source {
    let wide = spec.inputs[0].dtype == Dtype::F64;
    Source {
        key: spec.id.to_owned(),
        defines: vec![
            ("WIDE", u32::from(wide).to_string()),
            ("FEW", FEW.to_string()),
            ("JUDGE_ITEMS", JUDGE_ITEMS.to_string()),
        ],
        parts: vec![GROUP_STEPS, ORDERED_KEYS, SOURCE],
        entries: vec!["judge", "clear", "tally", "tally_few", "add"],
        fp64: false,
    }
}

/// The edges are judged, then slab by slab is counted.
pub(crate) fn steps(call: &Call<'_>, plan: &mut Plan) {
    let (count, edges) = (call.shape(0).elements(), call.shape(1).elements());
    let places = edges - 1 + OUTSIDE;
    plan.has_status = true;
    plan.step("judge", 1, JUDGE_ITEMS, [Arg::Input(1), Arg::U64(edges), Arg::Status]);
    let counts = Arg::Scratch(plan.scratch(places * 4), 0);
    let group_size = call.target.group_size();
    let all_places = call.target.groups(places, group_size);
    let to_output = [counts, Arg::Output(0), Arg::U64(places)];
    plan.step("clear", all_places, group_size, to_output);
    let entry = if edges <= FEW { "tally_few" } else { "tally" };
    let top = 1 << edges.ilog2();
    for from in (0..count).step_by(SLAB as usize) {
        let to = count.min(from + SLAB);
        let groups = call.target.groups((to - from).div_ceil(RUN), group_size);
        let span = [Arg::U64(from), Arg::U64(to), Arg::U64(edges), Arg::U64(top)];
        plan.step(entry, groups, group_size, [&[Arg::Input(0), Arg::Input(1), counts][..], &span].concat());
        plan.step("add", all_places, group_size, to_output);
    }
}

/// What is wrong with the edge at `element`.
pub(crate) fn message(launch: &LaunchArrays<'_>, element: u64, bits: u64) -> String {
    match launch.inputs.get(1).copied().flatten() {
        Some(edges) if edges.dtype == Dtype::F32 => refused_edge(element, f32::from_bits(bits as u32)),
        _ => refused_edge(element, f64::from_bits(bits)),
    }
}
