//! The anchor mirror on devices: seeds are judged, then each anchor draws its word.

use crate::device::{Arg, Call, GROUP_STEPS, Plan, Source};
use crate::random::device::PHILOX;

const SOURCE: &str = include_str!("device.c");

/// Items of a work-group that looks at seeds.
const CHECK_ITEMS: u32 = 64;

/// The kernel's source.
pub(crate) fn source() -> Source {
    Source {
        key: "mirror".to_owned(),
        defines: vec![("CHECK_ITEMS", CHECK_ITEMS.to_string())],
        parts: vec![GROUP_STEPS, PHILOX, SOURCE],
        entries: vec!["check", "judge", "mirror"],
        fp64: false,
    }
}

/// The steps of a mirror.
pub(crate) fn steps(call: &Call<'_>, plan: &mut Plan) {
    let count = call.elements();
    if count == 0 {
        return;
    }
    let groups = call.target.groups(count, CHECK_ITEMS);
    let lowest = Arg::Scratch(plan.scratch(8 * u64::from(groups)), 0);
    plan.has_status = true;
    plan.step("check", groups, CHECK_ITEMS, [Arg::Input(0), Arg::U64(count), lowest]);
    plan.step("judge", 1, CHECK_ITEMS, [lowest, Arg::U32(groups), Arg::Status]);
    let group_size = call.target.group_size();
    let arrays = [Arg::Input(0), Arg::Input(1), Arg::Output(0), Arg::Output(1), Arg::Output(2)];
    plan.step("mirror", call.target.groups(count, group_size), group_size, [&arrays[..], &[Arg::U64(count)]].concat());
}

/// What is wrong with the seed at `element`.
pub(crate) fn message(element: u64) -> String {
    format!("input `seeds`: element {element} is 0, which is no seed of an anchor")
}
