//! The room of map expressions: one output element from the elements of up to eight inputs at the same place, by a
//! formula fixed at open. A formula is text for people; [`parse`] is the only reader of it, and everything after a door,
//! backends included, sees its canonical postfix form ([`Expression::postfix`]). See docs/decisions/map-expressions.md.

mod expression;
#[cfg(feature = "reference")]
mod function;
mod lex;
mod operation;
mod parse;

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "device")]
pub(crate) mod device;
#[cfg(feature = "cpu")]
mod program;
#[cfg(feature = "reference")]
pub(crate) mod reference;
#[cfg(feature = "reference")]
mod step;

pub use expression::{Expression, MAX_DEPTH, MAX_NODES, MAX_TEXT, Node, PostfixError};
pub use operation::Operation;
pub use parse::{SyntaxError, parse};

use crate::catalogue::{ArgError, ArgSpec, Dtype, KernelSpec, Op, ParamKind, ParamSpec, ParamValue, Shape, When, rule};

/// The names of the inputs.
pub(crate) const INPUTS: [&str; 8] = ["x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"];

/// The names of the scalars.
pub(crate) const SCALARS: [&str; 8] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];

macro_rules! spec {
    ($id:literal, $dtype:ident) => {
        KernelSpec {
            id: $id,
            summary: "a formula of x0 to x7 and c0 to c7, each operation rounded once",
            inputs: &{
                let mut inputs = [ArgSpec::optional("", Dtype::$dtype); INPUTS.len()];
                let mut position = 0;
                while position < INPUTS.len() {
                    inputs[position].name = INPUTS[position];
                    position += 1;
                }
                inputs
            },
            outputs: &[ArgSpec::required("out", Dtype::$dtype)],
            params: &{
                const EXPR: ParamSpec =
                    ParamSpec { name: "expr", kind: ParamKind::Text, when: When::Open, required: true };
                let mut params = [EXPR; 1 + SCALARS.len()];
                let mut position = 0;
                while position < SCALARS.len() {
                    let (name, kind) = (SCALARS[position], ParamKind::$dtype);
                    params[1 + position] = ParamSpec { name, kind, when: When::Launch, required: false };
                    position += 1;
                }
                params
            },
            in_place: true,
            shapes: mapped,
            op: Op::Map,
        }
    };
}

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[&[spec!("map.f32.v1", F32), spec!("map.f64.v1", F64)]];

/// The inputs that the expression uses, of one shape, and the scalars that it uses, and no others.
fn mapped(inputs: &[Option<Shape>], params: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let Some(&Some(ParamValue::Expression { inputs: used_inputs, scalars: used_scalars })) = params.first() else {
        return Err(ArgError::param("expr", "is missing"));
    };
    let problem = |used: u8, position: usize, present: bool| match (used >> position & 1 == 1, present) {
        (true, false) => Some("is missing, but the expression uses it"),
        (false, true) => Some("is given, but the expression does not use it"),
        _ => None,
    };
    for (position, name) in INPUTS.into_iter().enumerate() {
        if let Some(problem) = problem(used_inputs, position, inputs[position].is_some()) {
            return Err(ArgError::input(name, problem));
        }
    }
    for (position, name) in SCALARS.into_iter().enumerate() {
        if let Some(problem) = problem(used_scalars, position, params[1 + position].is_some()) {
            return Err(ArgError::param(name, problem));
        }
    }
    let first = inputs.iter().position(Option::is_some).unwrap_or(0);
    let shape = rule::required(inputs, first, INPUTS[first])?;
    for (name, other) in INPUTS.into_iter().zip(inputs) {
        if let Some(other) = other.filter(|&other| other != shape) {
            let first = INPUTS[first];
            let problem =
                format!("has shape {other}, but `{first}` is {shape}: all inputs have one shape, none is broadcast");
            return Err(ArgError::input(name, problem));
        }
    }
    Ok(vec![shape])
}
