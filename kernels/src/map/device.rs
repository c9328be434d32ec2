//! Expressions on devices: the postfix becomes one declaration an operation, in the order of the postfix. Every operation
//! is a statement of its own with its own rounding; what repeats is the compiler's to find.

use std::fmt::Write;

use super::{Expression, INPUTS, Node, Operation, SCALARS};
use crate::catalogue::{Dtype, KernelSpec, ParamValue};
use crate::device::{Arg, Call, Plan, Source};
use crate::function;

const SOURCE: &str = include_str!("device.c");

/// The kernel's source.
pub(crate) fn source(spec: &'static KernelSpec, expression: &Expression) -> Source {
    let dtype = expression.dtype();
    let narrow = dtype == Dtype::F32;
    let type_name = dtype.name();
    let used = |mask: u8| (0..8usize).filter(move |position| mask >> position & 1 == 1);
    let arrays: Vec<String> =
        used(expression.inputs()).map(|position| format!("CLAMP_IN(T, {})", INPUTS[position])).collect();
    let opened: Vec<String> =
        used(expression.inputs()).map(|position| format!("CLAMP_AT_IN(T, {})", INPUTS[position])).collect();
    let scalars: String =
        used(expression.scalars()).map(|position| format!(", {type_name} {}", SCALARS[position])).collect();
    let (values, result) = values(expression);
    let calls_a_function = |node: &Node| matches!(node, Node::Apply(operation) if function_name(*operation).is_some());
    let has_functions = expression.nodes().iter().any(calls_a_function);
    let has_rsqrt = expression.nodes().contains(&Node::Apply(Operation::Rsqrt));
    let width = if narrow { "32" } else { "64" };
    let mut parts = Vec::new();
    if has_functions {
        parts.extend(function::DEVICE_SOURCES);
    }
    parts.push(SOURCE);
    Source {
        key: format!("{}-{}", spec.id, spelled(&expression.postfix())),
        defines: vec![
            ("T", type_name.to_owned()),
            ("ARRAYS", arrays.join(", ")),
            ("OPENED", opened.join("; ")),
            ("SCALARS", scalars),
            ("VALUES", values),
            ("RESULT", result),
            ("CANONICAL(x)", format!("clamp_canonical{width}(x)")),
        ],
        parts,
        entries: vec!["map"],
        fp64: !narrow || has_functions || has_rsqrt,
    }
}

/// The postfix in the letters of a key; different texts stay different.
fn spelled(postfix: &str) -> String {
    postfix.bytes().fold(String::new(), |mut key, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => key.push(char::from(byte)),
            _ => {
                let _ = write!(key, "_{byte:02x}");
            }
        }
        key
    })
}

/// The declarations, and the name of the last value.
fn values(expression: &Expression) -> (String, String) {
    let narrow = expression.dtype() == Dtype::F32;
    let mut declarations = Vec::new();
    let mut stack: Vec<String> = Vec::new();
    for node in expression.nodes() {
        let value = match *node {
            Node::Input(index) => format!("{}[i]", INPUTS[usize::from(index)]),
            Node::Scalar(index) => SCALARS[usize::from(index)].to_owned(),
            Node::Constant(bits) if narrow => format!("clamp_float32({bits:#x}u)"),
            Node::Constant(bits) => format!("clamp_float64({bits:#x}UL)"),
            Node::Apply(operation) => {
                let operands = stack.split_off(stack.len() - operation.arity());
                let name = format!("v{}", declarations.len());
                declarations.push(format!("const T {name} = {}", applied(operation, &operands, narrow)));
                name
            }
        };
        stack.push(value);
    }
    let result = stack.pop().unwrap_or_default();
    (declarations.join("; "), result)
}

/// The name of the device function, for the operations that are one.
fn function_name(operation: Operation) -> Option<String> {
    use Operation::{
        Cos, Cospi, Erf, Exp, Exp2, Expm1, Gelu, Log, Log1p, Log2, Log10, Sigmoid, Silu, Sin, Sinpi, Tan, Tanh,
    };
    match operation {
        Exp | Exp2 | Expm1 | Log | Log2 | Log10 | Log1p | Sin | Cos | Tan | Sinpi | Cospi | Tanh | Erf | Sigmoid
        | Silu | Gelu => Some(format!("clamp_{}", operation.name())),
        _ => None,
    }
}

fn applied(operation: Operation, operands: &[String], narrow: bool) -> String {
    let width = if narrow { "32" } else { "64" };
    let canonical = |value: String| format!("clamp_canonical{width}({value})");
    if let Some(function) = function_name(operation) {
        return format!("{function}({})", operands[0]);
    }
    match operands {
        [x] => match operation {
            Operation::Neg => canonical(format!("-({x})")),
            Operation::Abs if narrow => canonical(format!("clamp_float32(clamp_bits32({x}) & 0x7fffffffu)")),
            Operation::Abs => canonical(format!("clamp_float64(clamp_bits64({x}) & 0x7fffffffffffffffUL)")),
            Operation::Sqrt => canonical(format!("clamp_sqrt{width}({x})")),
            Operation::Rsqrt => canonical(format!("(f32)clamp_div64(1.0, clamp_sqrt64((f64)({x})))")),
            Operation::Relu => format!("clamp_max32({x}, 0.0f)"),
            _ => unreachable!("`{}` is a function or takes more operands", operation.name()),
        },
        [x, y] => match operation {
            Operation::Add | Operation::Sub | Operation::Mul => canonical(format!("{x} {} {y}", operation.infix())),
            Operation::Div if narrow => canonical(format!("clamp_div32({x}, {y})")),
            Operation::Div => canonical(format!("clamp_div64({x}, {y})")),
            Operation::Min => format!("clamp_min{width}({x}, {y})"),
            Operation::Max => format!("clamp_max{width}({x}, {y})"),
            _ => format!("(T)({x} {} {y} ? 1.0f : 0.0f)", operation.infix()),
        },
        [x, y, z] => canonical(format!("clamp_fma{width}({x}, {y}, {z})")),
        _ => unreachable!("`{}` takes {} operands", operation.name(), operation.arity()),
    }
}

/// One step over all elements.
pub(crate) fn steps(call: &Call<'_>, plan: &mut Plan) {
    let count = call.elements();
    if count == 0 {
        return;
    }
    let mut args: Vec<Arg> = (0..call.inputs.len()).filter(|&position| call.has(position)).map(Arg::Input).collect();
    args.extend([Arg::Output(0), Arg::U64(count)]);
    args.extend(call.params.iter().flatten().filter_map(|param| match *param {
        ParamValue::F32(value) => Some(Arg::F32(value.to_bits())),
        ParamValue::F64(value) => Some(Arg::F64(value.to_bits())),
        _ => None,
    }));
    let group_size = call.target.group_size();
    plan.step("map", call.target.groups(count, group_size), group_size, args);
}
