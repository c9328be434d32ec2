//! Row-wise kernels on devices: rows of one chunk and less in one step, longer ones by the reductions' levels.

use crate::catalogue::{Dtype, KernelSpec, ParamValue};
use crate::device::{Arg, Call, Plan, Source};
use crate::function;
use crate::reduce::device::{Finish, PART_ITEMS, Sums, chunk, extreme_source, extremes, lanes, sum_source};

const SOFTMAX: &str = include_str!("softmax.c");
const NORM: &str = include_str!("norm.c");

/// The source of softmax.
pub(crate) fn softmax_source(spec: &'static KernelSpec) -> Source {
    let sums = sum_source("softmax", Dtype::F32, None);
    let greatest = extreme_source(Dtype::F32, true);
    let mut source = Source { key: spec.id.to_owned(), defines: greatest.defines, fp64: true, ..sums };
    source.parts.extend(greatest.parts);
    source.parts.extend(function::DEVICE_SOURCES);
    source.parts.push(SOFTMAX);
    source.entries.extend(greatest.entries);
    source.entries.extend(["softmax_short", "softmax_powers", "softmax_divide"]);
    source
}

/// The source of layernorm or rmsnorm.
pub(crate) fn norm_source(spec: &'static KernelSpec, is_layer: bool) -> Source {
    let step = if is_layer { "FUSED(x[i] - y[row], x[i] - y[row], acc)" } else { "FUSED(x[i], x[i], acc)" };
    let sums = sum_source("norm", Dtype::F32, Some(step));
    let mut source = Source { key: spec.id.to_owned(), ..sums };
    source.defines.push(("IS_LAYER", u32::from(is_layer).to_string()));
    source.parts.push(NORM);
    source.entries.extend(["norm_short", "norm_apply"]);
    source
}

/// Rows and columns of the input; `None` where there is no element.
fn extents(call: &Call<'_>) -> Option<(u64, u64)> {
    let n = call.shape(0).dims().last().copied().unwrap_or(1);
    (call.elements() > 0).then(|| (call.elements() / n, n))
}

/// Groups of [`PART_ITEMS`] for short rows, and how many items a row takes (as a power of two).
fn short(call: &Call<'_>, rows: u64, n: u64) -> (u32, u32) {
    let width = n.min(lanes(Dtype::F32)).next_power_of_two();
    (call.target.groups(rows * width, PART_ITEMS), width.trailing_zeros())
}

/// m = max(row); e = exp(x - m); s = sum(e); y = e / s.
pub(crate) fn softmax(call: &Call<'_>, plan: &mut Plan) {
    let Some((rows, n)) = extents(call) else { return };
    let (x, out) = (Arg::Input(0), Arg::Output(0));
    if n <= chunk(Dtype::F32) {
        let (groups, shift) = short(call, rows, n);
        let args = [x, out, Arg::U64(rows), Arg::U64(n), Arg::U32(shift)];
        return plan.step("softmax_short", groups, PART_ITEMS, args);
    }
    let chunks = n.div_ceil(chunk(Dtype::F32));
    let (keys, _) = extremes(Dtype::F32, rows, n, call, plan, x);
    let greatest = Arg::Scratch(plan.scratch(rows * 4), 0);
    let group_size = call.target.group_size();
    let groups = call.target.groups(rows, group_size);
    plan.step("extreme_value", groups, group_size, [keys, greatest, Arg::U64(rows)]);
    let partial = Arg::Scratch(plan.scratch(rows * chunks * 4), 0);
    let sum = Arg::Scratch(plan.scratch(rows * 4), 0);
    let items = lanes(Dtype::F32) as u32;
    let groups = call.target.groups(rows * chunks * u64::from(items), items);
    let shape = [Arg::U64(rows), Arg::U64(n), Arg::U64(chunks)];
    plan.step("softmax_powers", groups, items, [&[x, greatest, out, partial][..], &shape].concat());
    Sums { dtype: Dtype::F32, rows, n: chunks }.steps(call, plan, partial, None, Finish::Plain, sum);
    plan.step("softmax_divide", groups, items, [&[sum, out][..], &shape].concat());
}

/// (x - mean) / sqrt(var + eps), or x / sqrt(mean square + eps), times gamma, plus beta.
pub(crate) fn norm(is_layer: bool, call: &Call<'_>, plan: &mut Plan) {
    let Some((rows, n)) = extents(call) else { return };
    let eps = match *call.params {
        [Some(ParamValue::F32(eps))] => Arg::F32(eps.to_bits()),
        _ => unreachable!("the catalogue requires eps, an f32"),
    };
    let (x, out) = (Arg::Input(0), Arg::Output(0));
    // What is absent is not read; something must stand in its place.
    let optional = |position: usize| if call.has(position) { Arg::Input(position) } else { x };
    let (gamma, beta) = (optional(1), optional(2));
    let has = Arg::U32(u32::from(call.has(1)) | u32::from(call.has(2)) << 1);
    if n <= chunk(Dtype::F32) {
        let (groups, shift) = short(call, rows, n);
        let count = Arg::F32((n as f32).to_bits());
        let shape = [Arg::U64(rows), Arg::U64(n), Arg::U32(shift), has, count, eps];
        return plan.step("norm_short", groups, PART_ITEMS, [&[x, gamma, beta, out][..], &shape].concat());
    }
    let sums = Sums { dtype: Dtype::F32, rows, n };
    let [mean, square] = [0; 2].map(|_| Arg::Scratch(plan.scratch(rows * 4), 0));
    if is_layer {
        sums.steps(call, plan, x, None, Finish::Mean, mean);
    }
    sums.steps(call, plan, x, Some(mean), Finish::Mean, square);
    let chunks = n.div_ceil(chunk(Dtype::F32));
    let items = lanes(Dtype::F32) as u32;
    let groups = call.target.groups(rows * chunks * u64::from(items), items);
    let shape = [Arg::U64(rows), Arg::U64(n), Arg::U64(chunks), has, eps];
    plan.step("norm_apply", groups, items, [&[x, gamma, beta, mean, square, out][..], &shape].concat());
}
