//! Rows by index on devices. Rows move as unsigned words, so no element can change on the way; ids are judged by steps of
//! their own, whose answer is in the launch's status.

use crate::catalogue::KernelSpec;
use crate::device::{Arg, Call, GROUP_STEPS, LaunchArrays, Plan, Source};
use crate::layout::device::side_by_side;

const SOURCE: &str = include_str!("device.c");

/// Items of a work-group that looks at ids.
const CHECK_ITEMS: u32 = 64;

/// The kernel's source.
pub(crate) fn source(spec: &'static KernelSpec) -> Source {
    let element = if spec.outputs[0].dtype.size() == 4 { "u32" } else { "u64" };
    Source {
        key: format!("gather.{element}"),
        defines: vec![("ELEMENT", element.to_owned()), ("CHECK_ITEMS", CHECK_ITEMS.to_string())],
        parts: vec![GROUP_STEPS, SOURCE],
        entries: vec!["check", "judge", "gather", "clear", "claim_high", "claim_low", "scatter"],
        fp64: false,
    }
}

/// The ids are judged, then the rows move.
pub(crate) fn gather_rows(call: &Call<'_>, plan: &mut Plan) {
    let count = call.shape(1).elements();
    let rows = call.shape(0).dims().first().copied().unwrap_or(0);
    if count == 0 {
        return;
    }
    check_ids(call, count, rows, plan);
    let columns = call.elements() / count;
    if columns == 0 {
        return;
    }
    let (shift, groups, group_size) = side_by_side(call.target, count, columns);
    let args = [Arg::Input(0), Arg::Input(1), Arg::Output(0), Arg::U64(count), Arg::U64(rows), Arg::U64(columns)];
    plan.step("gather", groups, group_size, [&args[..], &[Arg::U32(shift)]].concat());
}

/// The ids are judged, each row learns the highest place that names it, then the table is written with what is new.
pub(crate) fn scatter_rows(call: &Call<'_>, plan: &mut Plan) {
    let count = call.shape(1).elements();
    let rows = call.shape(0).dims().first().copied().unwrap_or(0);
    if count > 0 {
        check_ids(call, count, rows, plan);
    }
    if call.elements() == 0 {
        return;
    }
    let columns = call.elements() / rows;
    let [high, low] = [0; 2].map(|_| Arg::Scratch(plan.scratch(4 * rows), 0));
    let (count_arg, rows_arg, size) = (Arg::U64(count), Arg::U64(rows), call.target.group_size());
    plan.step("clear", call.target.groups(rows, size), size, [high, low, rows_arg]);
    if count > 0 {
        let groups = call.target.groups(count, size);
        plan.step("claim_high", groups, size, [Arg::Input(1), high, count_arg, rows_arg]);
        plan.step("claim_low", groups, size, [Arg::Input(1), high, low, count_arg, rows_arg]);
    }
    let (shift, groups, size) = side_by_side(call.target, rows, columns);
    let arrays = [Arg::Input(0), Arg::Input(2), high, low, Arg::Output(0)];
    plan.step("scatter", groups, size, [&arrays[..], &[rows_arg, Arg::U64(columns), Arg::U32(shift)]].concat());
}

/// Writes the status: the lowest place of `ids`, input 1, that is no row, and the id there.
fn check_ids(call: &Call<'_>, count: u64, rows: u64, plan: &mut Plan) {
    let groups = call.target.groups(count, CHECK_ITEMS);
    let lowest = plan.scratch(8 * u64::from(groups));
    plan.has_status = true;
    let args = [Arg::Input(1), Arg::U64(count), Arg::U64(rows), Arg::Scratch(lowest, 0)];
    plan.step("check", groups, CHECK_ITEMS, args);
    plan.step("judge", 1, CHECK_ITEMS, [Arg::Scratch(lowest, 0), Arg::U32(groups), Arg::Input(1), Arg::Status]);
}

/// What is wrong with the id at `element`.
pub(crate) fn message(launch: &LaunchArrays<'_>, element: u64, id: u64) -> String {
    let table = launch.inputs.first().copied().flatten();
    let rows = table.and_then(|table| table.shape.dims().first().copied()).unwrap_or(0);
    format!("input `ids`: element {element} is {}, but `table` has {rows} rows", id.cast_signed())
}
