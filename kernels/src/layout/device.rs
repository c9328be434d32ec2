//! Moves by place on devices, as unsigned words: squares for a transpose, one step a part for a concat.

use super::axis;
use crate::catalogue::KernelSpec;
use crate::device::{Arg, Call, Plan, Source, Target};

const SOURCE: &str = include_str!("device.c");

/// Items that take a square.
const TILE_ITEMS: u32 = 256;

/// Elements of a square's side.
const SIDE: u64 = 32;

/// The kernel's source; transpose and concat have one, for each width of element.
pub(crate) fn source(spec: &'static KernelSpec) -> Source {
    let element = if spec.outputs[0].dtype.size() == 4 { "u32" } else { "u64" };
    Source {
        key: format!("layout.{element}"),
        defines: vec![("ELEMENT", element.to_owned()), ("TILE_ITEMS", TILE_ITEMS.to_string())],
        parts: vec![SOURCE],
        entries: vec!["transpose", "place"],
        fp64: false,
    }
}

/// The last two extents exchanged.
pub(crate) fn transpose(call: &Call<'_>, plan: &mut Plan) {
    let (count, x) = (call.elements(), call.shape(0));
    let [.., rows, columns] = *x.dims() else { return };
    if count == 0 {
        return;
    }
    let matrices = count / (rows * columns);
    let squares = matrices * rows.div_ceil(SIDE) * columns.div_ceil(SIDE);
    let groups = squares.min(1 << 20) as u32;
    let args = [Arg::Input(0), Arg::Output(0), Arg::U64(matrices), Arg::U64(rows), Arg::U64(columns)];
    plan.step("transpose", groups, TILE_ITEMS, args);
}

/// The parts one behind the other along the axis.
pub(crate) fn concat(call: &Call<'_>, plan: &mut Plan) {
    let axis = axis(call.params) as usize;
    let run = |dims: &[u64]| dims[axis..].iter().product::<u64>();
    if call.elements() == 0 {
        return;
    }
    let stride = run(call.outputs[0].shape.dims());
    let rows = call.elements() / stride;
    let mut first = 0;
    for position in (0..call.inputs.len()).filter(|&position| call.has(position)) {
        let columns = run(call.shape(position).dims());
        if columns > 0 {
            let (shift, groups, group_size) = side_by_side(call.target, rows, columns);
            let shape = [Arg::U64(rows), Arg::U64(columns), Arg::U64(stride), Arg::U64(first), Arg::U32(shift)];
            plan.step("place", groups, group_size, [&[Arg::Input(position), Arg::Output(0)][..], &shape].concat());
        }
        first += columns;
    }
}

/// How many items take a row side by side (as a power of two), how many groups, and their size.
pub(crate) fn side_by_side(target: &Target, rows: u64, columns: u64) -> (u32, u32, u32) {
    let group_size = target.group_size();
    let shift = columns.min(u64::from(group_size)).next_power_of_two().trailing_zeros().min(group_size.ilog2());
    (shift, target.groups(rows.saturating_mul(1 << shift), group_size), group_size)
}
