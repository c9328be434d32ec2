//! Reductions on devices: levels of chunks until one value a row is left; extremes by unsigned keys. Steps for rows of any
//! length are here for the rooms that reduce rows on the way.

use super::device_exact;
use crate::catalogue::{Dtype, KernelSpec, Reduction, rule};
use crate::device::{Arg, Call, Plan, Source};

const SUMS: &str = include_str!("device.c");
const EXTREMES: &str = include_str!("extreme.c");

/// Items of a group that takes short rows or tails; a multiple of the lanes of either type.
pub(crate) const PART_ITEMS: u32 = 128;

/// Elements that one group looks through for an extreme.
const SPAN: u64 = 16384;

/// Lanes of a chunk.
pub(crate) fn lanes(dtype: Dtype) -> u64 {
    if dtype == Dtype::F32 { 128 } else { 64 }
}

/// Elements of a chunk.
pub(crate) fn chunk(dtype: Dtype) -> u64 {
    lanes(dtype) * 64
}

/// What becomes of a row's sum; the numbers are those of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// Stored as it is.
    Plain = 1,
    /// Over the number of elements.
    Mean = 2,
    /// Its square root.
    Root = 3,
}

/// The second array of a first level that is no plain sum.
pub(crate) type Second = Option<Arg>;

/// The source of a kernel of this room.
pub(crate) fn source(spec: &'static KernelSpec, reduction: Reduction) -> Source {
    let dtype = spec.inputs[0].dtype;
    let (name, step) = match reduction {
        Reduction::Sum | Reduction::Mean => ("sum", None),
        Reduction::Dot => ("dot", Some("FUSED(x[i], y[i], acc)")),
        Reduction::SumSq | Reduction::Norm2 => ("sum_sq", Some("FUSED(x[i], x[i], acc)")),
        Reduction::Var => ("var", Some("FUSED(x[i] - y[row], x[i] - y[row], acc)")),
        Reduction::Min | Reduction::ArgMin => return extreme_source(dtype, false),
        Reduction::Max | Reduction::ArgMax => return extreme_source(dtype, true),
        Reduction::SumExact | Reduction::DotExact => return device_exact::source(spec, reduction),
    };
    sum_source(name, dtype, step)
}

/// The source of sums of rows, and of sums of what `step` makes of an element.
pub(crate) fn sum_source(name: &str, dtype: Dtype, step: Option<&str>) -> Source {
    let mut source = Source {
        key: format!("reduce_{name}.{dtype}"),
        defines: types(dtype),
        parts: vec![SUMS],
        entries: vec!["sum_whole", "sum_part"],
        fp64: dtype == Dtype::F64,
    };
    if let Some(step) = step {
        source.defines.push(("STEP", step.to_owned()));
        source.entries.extend(["step_whole", "step_part"]);
    }
    source
}

/// The source of the least or the greatest element of rows.
pub(crate) fn extreme_source(dtype: Dtype, greatest: bool) -> Source {
    let mut defines = types(dtype);
    let key = if dtype == Dtype::F32 { "u32" } else { "u64" };
    defines.extend([
        ("KEY", key.to_owned()),
        ("SPAN", SPAN.to_string()),
        ("GREATEST", u32::from(greatest).to_string()),
    ]);
    Source {
        key: format!("reduce_{}.{dtype}", if greatest { "max" } else { "min" }),
        defines,
        parts: vec![EXTREMES],
        entries: vec!["extreme", "extreme_next", "extreme_value", "extreme_place"],
        fp64: dtype == Dtype::F64,
    }
}

fn types(dtype: Dtype) -> Vec<(&'static str, String)> {
    let width = if dtype == Dtype::F32 { "32" } else { "64" };
    vec![
        ("T", dtype.name().to_owned()),
        ("LANES", lanes(dtype).to_string()),
        ("PART_ITEMS", PART_ITEMS.to_string()),
        ("CANONICAL(x)", format!("clamp_canonical{width}(x)")),
        ("FUSED(x, y, z)", format!("clamp_fma{width}(x, y, z)")),
        ("SQUARE_ROOT(x)", format!("clamp_sqrt{width}(x)")),
        ("DIVIDE(x, y)", if dtype == Dtype::F32 { "clamp_div32(x, y)" } else { "clamp_div64(x, y)" }.to_owned()),
    ]
}

/// The steps of a kernel of this room.
pub(crate) fn steps(reduction: Reduction, call: &Call<'_>, plan: &mut Plan) {
    let rows = call.elements();
    if rows == 0 {
        return;
    }
    let x = call.shape(0);
    let n = if rule::flag(call.params, 0) { x.dims()[1] } else { x.elements() };
    let dtype = call.inputs[0].map_or(Dtype::F32, |x| x.dtype);
    let sums = Sums { dtype, rows, n };
    let (x, out) = (Arg::Input(0), Arg::Output(0));
    match reduction {
        Reduction::Sum => sums.steps(call, plan, x, None, Finish::Plain, out),
        Reduction::Mean => sums.steps(call, plan, x, None, Finish::Mean, out),
        Reduction::Dot => sums.steps(call, plan, x, Some(Arg::Input(1)), Finish::Plain, out),
        // The second array is not read.
        Reduction::SumSq => sums.steps(call, plan, x, Some(x), Finish::Plain, out),
        Reduction::Norm2 => sums.steps(call, plan, x, Some(x), Finish::Root, out),
        Reduction::SumExact | Reduction::DotExact => device_exact::steps(reduction, call, plan, rows, n),
        Reduction::Var => {
            let mean = Arg::Scratch(plan.scratch(rows * dtype.size()), 0);
            sums.steps(call, plan, x, None, Finish::Mean, mean);
            sums.steps(call, plan, x, Some(mean), Finish::Mean, out);
        }
        _ => {
            let (value, place) = extremes(dtype, rows, n, call, plan, x);
            let group_size = call.target.group_size();
            let groups = call.target.groups(rows, group_size);
            match reduction {
                Reduction::ArgMin | Reduction::ArgMax => {
                    plan.step("extreme_place", groups, group_size, [place, out, Arg::U64(rows)]);
                }
                _ => plan.step("extreme_value", groups, group_size, [value, out, Arg::U64(rows)]),
            }
        }
    }
}

/// Sums of rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sums {
    /// Of the elements.
    pub(crate) dtype: Dtype,
    /// How many rows.
    pub(crate) rows: u64,
    /// Elements of each.
    pub(crate) n: u64,
}

impl Sums {
    /// Reduces the rows of `x` to `out`: the first level by the module's step where there is a second array, the others
    /// by plain sums.
    pub(crate) fn steps(self, call: &Call<'_>, plan: &mut Plan, x: Arg, second: Second, finish: Finish, out: Arg) {
        let Sums { dtype, rows, n } = self;
        let count = match dtype {
            Dtype::F32 => Arg::F32((n as f32).to_bits()),
            _ => Arg::F64((n as f64).to_bits()),
        };
        let (mut from, mut second, mut left) = (x, second, n);
        loop {
            let (whole, chunks) = (left / chunk(dtype), left.div_ceil(chunk(dtype)).max(1));
            let to = if chunks == 1 { out } else { Arg::Scratch(plan.scratch(rows * chunks * dtype.size()), 0) };
            let finish = if chunks == 1 { finish as u32 } else { 0 };
            let [whole_entry, part_entry] =
                if second.is_some() { ["step_whole", "step_part"] } else { ["sum_whole", "sum_part"] };
            let arrays: Vec<Arg> = [Some(from), second, Some(to)].into_iter().flatten().collect();
            let end = [Arg::U32(finish), count];
            if whole > 0 {
                let shape = [Arg::U64(rows), Arg::U64(left), Arg::U64(whole), Arg::U64(chunks)];
                let lanes = lanes(dtype) as u32;
                let groups = call.target.groups(rows * whole * u64::from(lanes), lanes);
                plan.step(whole_entry, groups, lanes, [&arrays[..], &shape, &end].concat());
            }
            if whole < chunks {
                let width = (left - whole * chunk(dtype)).clamp(1, lanes(dtype)).next_power_of_two();
                let shape = [Arg::U64(rows), Arg::U64(left), Arg::U64(chunks), Arg::U32(width.trailing_zeros())];
                let groups = call.target.groups(rows * width, PART_ITEMS);
                plan.step(part_entry, groups, PART_ITEMS, [&arrays[..], &shape, &end].concat());
            }
            if chunks == 1 {
                return;
            }
            (from, second, left) = (to, None, chunks);
        }
    }
}

/// Finds each row's extreme; gives where its key and its index are.
pub(crate) fn extremes(dtype: Dtype, rows: u64, n: u64, call: &Call<'_>, plan: &mut Plan, x: Arg) -> (Arg, Arg) {
    let mut left = n;
    let mut from: Option<(Arg, Arg)> = None;
    loop {
        let spans = left.div_ceil(SPAN);
        let keys = Arg::Scratch(plan.scratch(rows * spans * dtype.size()), 0);
        let places = Arg::Scratch(plan.scratch(rows * spans * 8), 0);
        let width = left.clamp(1, u64::from(PART_ITEMS)).next_power_of_two();
        let shape = [Arg::U64(rows), Arg::U64(left), Arg::U64(spans), Arg::U32(width.trailing_zeros())];
        let groups = call.target.groups(rows * spans * width, PART_ITEMS);
        match from {
            None => plan.step("extreme", groups, PART_ITEMS, [&[x, keys, places][..], &shape].concat()),
            Some((key, place)) => {
                plan.step("extreme_next", groups, PART_ITEMS, [&[key, place, keys, places][..], &shape].concat());
            }
        }
        if spans == 1 {
            return (keys, places);
        }
        (from, left) = (Some((keys, places)), spans);
    }
}
