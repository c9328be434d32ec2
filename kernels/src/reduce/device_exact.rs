//! Exact sums on devices: many items add up a part of a row each, integers of many digits that are joined and rounded
//! once. Floats are taken apart by their bits, so binary64 is not needed.

use crate::catalogue::{Dtype, KernelSpec, Reduction};
use crate::device::{Arg, Call, ORDERED_KEYS, Plan, Source};

const SOURCE: &str = include_str!("exact.c");

/// Sums that one item joins.
const JOINED: u64 = 64;

/// Elements of a part for each of its digits, at least: scratch memory stays a part of what the input takes.
const ELEMENTS_PER_LIMB: u64 = 8;

/// Digits of 32 bits: the span of a term's bits, 40 more for 2^40 terms, and a sign.
const fn limbs(dtype: Dtype, is_product: bool) -> u64 {
    match (dtype, is_product) {
        (Dtype::F32, false) => 11,
        (Dtype::F32, true) => 20,
        (_, false) => 68,
        (_, true) => 134,
    }
}

/// The source of an exact sum.
pub(crate) fn source(spec: &'static KernelSpec, reduction: Reduction) -> Source {
    let dtype = spec.inputs[0].dtype;
    let is_product = reduction == Reduction::DotExact;
    let (precision, lowest, highest) = if dtype == Dtype::F32 { (24, -149, 127) } else { (53, -1074, 1023) };
    let unit = if is_product { 2 * lowest } else { lowest };
    let number = |value: i32| format!("({value})");
    Source {
        key: spec.id.to_owned(),
        defines: vec![
            ("WIDE", u32::from(dtype == Dtype::F64).to_string()),
            ("PRODUCT", u32::from(is_product).to_string()),
            ("LIMBS", limbs(dtype, is_product).to_string()),
            ("PRECISION", number(precision)),
            ("LOWEST", number(lowest)),
            ("HIGHEST", number(highest)),
            ("UNIT", number(unit)),
        ],
        parts: vec![ORDERED_KEYS, SOURCE],
        entries: vec!["exact_rows", "exact_parts", "exact_join", "exact_round"],
        fp64: false,
    }
}

/// The exact sums of rows, rounded to the output; there is a row or more.
pub(crate) fn steps(reduction: Reduction, call: &Call<'_>, plan: &mut Plan, rows: u64, n: u64) {
    let is_product = reduction == Reduction::DotExact;
    let limbs = limbs(call.outputs[0].dtype, is_product);
    let arrays = if is_product { vec![Arg::Input(0), Arg::Input(1)] } else { vec![Arg::Input(0)] };
    let group_size = call.target.group_size();
    let groups = |items: u64| call.target.groups(items, group_size);
    let full = u64::from(groups(u64::MAX >> 8)) * u64::from(group_size);
    let mut parts = (n / (ELEMENTS_PER_LIMB * limbs)).clamp(1, (full / rows).max(1));
    let shape = [Arg::U64(rows), Arg::U64(n)];
    if parts == 1 {
        let args = [&arrays[..], &[Arg::Output(0)], &shape].concat();
        return plan.step("exact_rows", groups(rows), group_size, args);
    }
    let part_bytes = 8 * (limbs + 1);
    let mut sums = Arg::Scratch(plan.scratch(rows * parts * part_bytes), 0);
    let args = [&arrays[..], &[sums], &shape, &[Arg::U64(parts)]].concat();
    plan.step("exact_parts", groups(rows * parts), group_size, args);
    while parts > 1 {
        let left = parts.div_ceil(JOINED);
        let joined = Arg::Scratch(plan.scratch(rows * left * part_bytes), 0);
        let args = [sums, joined, Arg::U64(rows), Arg::U64(parts), Arg::U64(left)];
        plan.step("exact_join", groups(rows * left * (limbs + 1)), group_size, args);
        (sums, parts) = (joined, left);
    }
    plan.step("exact_round", groups(rows), group_size, [sums, Arg::Output(0), Arg::U64(rows)]);
}
