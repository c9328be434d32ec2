//! Sorting on devices: a radix sort of keys that ascend as the floats do. Keys and places go to and fro between the
//! output and scratch memory, so that the last pass writes the output.

use crate::catalogue::{Dtype, KernelSpec, Op};
use crate::device::{Arg, Call, ORDERED_KEYS, Plan, Source, Target};

const SOURCE: &str = include_str!("device.c");

/// Flags of a pass; the numbers are those of the source.
const FIRST: u32 = 1;
const LAST: u32 = 2;
const ALONE: u32 = 4;

/// The most elements of a span; an item's counters hold 32 bits.
const MOST_OF_SPAN: u64 = 1 << 30;

/// How a target sorts.
#[derive(Clone, Copy, Debug)]
struct Form {
    /// Of a digit.
    bits: u32,
    /// Of a group.
    items: u32,
    /// Elements of an item in a tile.
    run: u32,
}

/// A group's counters take 8 KiB of local memory on either. A CPU has few items, and each pass of a wide digit costs it as
/// much as one of a narrow one.
fn form(target: &Target) -> Form {
    if target.is_cpu {
        Form { bits: 8, items: 8, run: 1024 }
    } else {
        Form { bits: 4, items: if target.max_group_size < 128 { 64 } else { 128 }, run: 16 }
    }
}

/// The source of a kernel of this room.
pub(crate) fn source(spec: &'static KernelSpec, target: &Target) -> Source {
    let Form { bits, items, run } = form(target);
    let wide = spec.inputs[0].dtype == Dtype::F64;
    let mut defines = vec![
        ("WIDE", u32::from(wide).to_string()),
        ("BITS", bits.to_string()),
        ("ITEMS", items.to_string()),
        ("RUN", run.to_string()),
    ];
    if spec.op == Op::Argsort {
        defines.push(("PLACES", "1".to_owned()));
    }
    Source {
        key: format!("{}-{items}", spec.id),
        defines,
        parts: vec![ORDERED_KEYS, SOURCE],
        entries: vec!["count", "starts", "scatter"],
        fp64: false,
    }
}

/// Three steps a digit, or one where a single tile holds all.
pub(crate) fn steps(is_argsort: bool, call: &Call<'_>, plan: &mut Plan) {
    let n = call.elements();
    if n == 0 {
        return;
    }
    let size = call.inputs[0].map_or(4, |x| x.dtype.size());
    let Form { bits, items, run } = form(call.target);
    let tile = u64::from(items * run);
    let wanted = u64::from(call.target.compute_units.max(1)) * if call.target.is_cpu { 2 } else { 16 };
    let spans = n.div_ceil(tile).min(wanted.max(n.div_ceil(MOST_OF_SPAN)));
    let span = n.div_ceil(spans).next_multiple_of(tile);
    let groups = n.div_ceil(span) as u32;
    let alone = n <= tile;
    let counts = Arg::Scratch(plan.scratch(u64::from(groups) * (8 << bits)), 0);
    let mut scratch = || Arg::Scratch(plan.scratch(n * size), 0);
    // Keys, then places: what an even number of passes before the last writes, and what the others do.
    let keys = if is_argsort { [scratch(), scratch()] } else { [Arg::Output(0), scratch()] };
    let places = [Arg::Output(0), Arg::Scratch(if is_argsort { plan.scratch(n * 8) } else { 0 }, 0)];
    let passes = 8 * size as u32 / bits;
    for pass in 0..passes {
        let mut flags = if alone { ALONE } else { 0 };
        flags |= if pass == 0 { FIRST } else { 0 };
        flags |= if pass + 1 == passes { LAST } else { 0 };
        let to = ((passes - 1 - pass) % 2) as usize;
        let from = if pass == 0 { Arg::Input(0) } else { keys[1 - to] };
        let shape = [Arg::U64(n), Arg::U64(span), Arg::U32(pass * bits), Arg::U32(flags)];
        if !alone {
            plan.step("count", groups, items, [&[from, counts][..], &shape].concat());
            plan.step("starts", 1, items, [counts, Arg::U64(u64::from(groups) << bits)]);
        }
        let mut arrays = vec![from, keys[to]];
        if is_argsort {
            arrays.extend([places[1 - to], places[to]]);
        }
        arrays.push(counts);
        plan.step("scatter", groups, items, [&arrays[..], &shape].concat());
    }
}
