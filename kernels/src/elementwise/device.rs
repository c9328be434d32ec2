//! Elementwise kernels on devices: one source, whose macro STEP is the operation. Comparisons, casts and functions use it
//! with steps of their own.

use crate::catalogue::{Binary, Dtype, KernelSpec, Op, ParamValue, Unary};
use crate::device::{Arg, Call, Plan, Source};

const SOURCE: &str = include_str!("device.c");

/// An elementwise module to be.
pub(crate) struct Step {
    /// The types of the operands.
    pub(crate) types: &'static [&'static str],
    /// The type of the result.
    pub(crate) out: &'static str,
    /// The macro's body, of x, y and z.
    pub(crate) body: String,
    /// Parameters after the count, each beginning with a comma.
    pub(crate) scalars: &'static str,
    /// Whether it needs binary64.
    pub(crate) fp64: bool,
    /// Sources that the body needs.
    pub(crate) parts: Vec<&'static str>,
}

impl Step {
    /// The module's source under the name of the kernel.
    pub(crate) fn source(self, spec: &KernelSpec) -> Source {
        let Step { types, out, body, scalars, fp64, mut parts } = self;
        let names = &["x", "y", "z"][..types.len()];
        let step = match names.len() {
            1 => "STEP(x)",
            2 => "STEP(x, y)",
            _ => "STEP(x, y, z)",
        };
        let mut defines = vec![("ARITY", names.len().to_string()), ("OUT", out.to_owned()), (step, body)];
        let (x, y, z) = (types[0], types.get(1).unwrap_or(&"u8"), types.get(2).unwrap_or(&"u8"));
        defines.extend([("X", x.to_owned()), ("Y", (*y).to_owned()), ("Z", (*z).to_owned())]);
        if !scalars.is_empty() {
            defines.push(("SCALARS", scalars.to_owned()));
        }
        let mut entries = vec!["each"];
        if let Some((wide, width)) = wide(out).filter(|_| types.iter().all(|operand| *operand == out)) {
            defines.extend([("WIDE", wide.to_owned()), ("WIDTH", width.to_owned())]);
            entries.push("each_wide");
        }
        parts.push(SOURCE);
        Source { key: spec.id.to_owned(), defines, parts, entries, fp64 }
    }
}

fn wide(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "f32" => Some(("f32x4", "4")),
        "u32" => Some(("u32x4", "4")),
        "f64" => Some(("f64x2", "2")),
        _ => None,
    }
}

/// The source of a kernel of this room.
pub(crate) fn source(spec: &'static KernelSpec) -> Source {
    let dtype = spec.outputs[0].dtype;
    let float = dtype.name();
    let bits: &'static str = if dtype == Dtype::F32 { "u32" } else { "u64" };
    let width = if dtype == Dtype::F32 { "32" } else { "64" };
    let canonical = |value: &str| format!("clamp_canonical{width}({value})");
    let same: &'static [&'static str] = if dtype == Dtype::F32 { &["f32"; 3] } else { &["f64"; 3] };
    let moved: &'static [&'static str] = if dtype == Dtype::F32 { &["u32"] } else { &["u64"] };
    let chosen: &'static [&'static str] =
        if dtype == Dtype::F32 { &["u8", "u32", "u32"] } else { &["u8", "u64", "u64"] };
    let scalars = if dtype == Dtype::F32 { ", f32 lo, f32 hi" } else { ", f64 lo, f64 hi" };
    let float_step = |arity: usize, body: String, scalars| Step {
        types: &same[..arity],
        out: float,
        body,
        scalars,
        fp64: dtype == Dtype::F64 || spec.op == Op::Unary(Unary::Rsqrt),
        parts: Vec::new(),
    };
    let step = match spec.op {
        Op::Unary(Unary::Copy) => {
            Step { types: moved, out: bits, body: "(x)".into(), scalars: "", fp64: false, parts: Vec::new() }
        }
        Op::Select => Step {
            types: chosen,
            out: bits,
            body: "((x) ? (y) : (z))".into(),
            scalars: "",
            fp64: false,
            parts: Vec::new(),
        },
        Op::Unary(op) => float_step(1, unary(op, dtype, &canonical), ""),
        Op::Binary(op) => float_step(2, binary(op, dtype, &canonical), ""),
        Op::Fma => float_step(3, canonical(&format!("clamp_fma{width}(x, y, z)")), ""),
        _ => float_step(1, format!("clamp_min{width}(clamp_max{width}(x, lo), hi)"), scalars),
    };
    step.source(spec)
}

fn unary(op: Unary, dtype: Dtype, canonical: &impl Fn(&str) -> String) -> String {
    let narrow = dtype == Dtype::F32;
    match op {
        Unary::Copy => "(x)".into(),
        Unary::Neg => canonical("-(x)"),
        Unary::Abs if narrow => canonical("clamp_float32(clamp_bits32(x) & 0x7fffffffu)"),
        Unary::Abs => canonical("clamp_float64(clamp_bits64(x) & 0x7fffffffffffffffUL)"),
        Unary::Sqrt if narrow => canonical("clamp_sqrt32(x)"),
        Unary::Sqrt => canonical("clamp_sqrt64(x)"),
        // Through binary64 it is rounded once; the room's reference proves it.
        Unary::Rsqrt if narrow => canonical("(f32)clamp_div64(1.0, clamp_sqrt64((f64)(x)))"),
        Unary::Rsqrt => canonical("clamp_div64(1.0, clamp_sqrt64(x))"),
        Unary::Relu if narrow => "clamp_max32(x, 0.0f)".into(),
        Unary::Relu => "clamp_max64(x, 0.0)".into(),
    }
}

fn binary(op: Binary, dtype: Dtype, canonical: &impl Fn(&str) -> String) -> String {
    let narrow = dtype == Dtype::F32;
    match op {
        Binary::Add => canonical("(x) + (y)"),
        Binary::Sub => canonical("(x) - (y)"),
        Binary::Mul => canonical("(x) * (y)"),
        Binary::Div if narrow => canonical("clamp_div32(x, y)"),
        Binary::Div => canonical("clamp_div64(x, y)"),
        Binary::Min if narrow => "clamp_min32(x, y)".into(),
        Binary::Min => "clamp_min64(x, y)".into(),
        Binary::Max if narrow => "clamp_max32(x, y)".into(),
        Binary::Max => "clamp_max64(x, y)".into(),
    }
}

/// One step over all elements, wide where a GPU may load 16 bytes at a time.
pub(crate) fn steps(source: &Source, call: &Call<'_>, plan: &mut Plan) {
    let count = call.elements();
    if count == 0 {
        return;
    }
    let mut args: Vec<Arg> = (0..call.inputs.len()).map(Arg::Input).collect();
    args.extend([Arg::Output(0), Arg::U64(count)]);
    args.extend(call.params.iter().flatten().filter_map(|param| match *param {
        ParamValue::F32(value) => Some(Arg::F32(value.to_bits())),
        ParamValue::F64(value) => Some(Arg::F64(value.to_bits())),
        _ => None,
    }));
    let group_size = call.target.group_size();
    if !call.target.is_cpu && call.aligned(16) && source.entries.contains(&"each_wide") {
        let groups = call.target.groups(count * call.outputs[0].dtype.size() / 16, group_size);
        plan.step("each_wide", groups, group_size, args);
    } else {
        plan.step("each", call.target.groups(count, group_size), group_size, args);
    }
}
