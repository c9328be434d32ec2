//! A map expression as a list of nodes in postfix order, and its canonical bytes, which cross the ABI. Nothing here
//! reads formulas or computes.
//!
//! The canonical form is ASCII: one token for each node, in the order in which a stack machine evaluates them, with one
//! space between two.
//!
//! ```text
//! x0 .. x7     pushes the element of that input
//! c0 .. c7     pushes that scalar
//! #3f800000    pushes the constant of these bits: 8 lowercase digits for f32, 16 for f64; no NaN
//! add, exp ..  takes its operands from the stack, the last one on top, and pushes the result
//! ```
//!
//! `x0*c0 + exp(-x1)` is `x0 c0 mul x1 neg exp add`. One value is left at the end. Two texts that differ are different
//! lists of nodes, so the bytes can be compared and hashed.

use std::fmt::Write;

use super::Operation;
use crate::catalogue::Dtype;

/// The most bytes of a formula.
pub const MAX_TEXT: usize = 64 * 1024;

/// The most nodes of an expression.
pub const MAX_NODES: usize = 4096;

/// The most values that wait on the stack at once, and the deepest nesting of a formula.
pub const MAX_DEPTH: usize = 256;

/// One node of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// The element of input 0 to 7.
    Input(u8),
    /// Scalar 0 to 7.
    Scalar(u8),
    /// A number by its bit pattern, that of an f32 in the low bytes.
    Constant(u64),
    /// An operation on the values before it.
    Apply(Operation),
}

/// What is wrong with bytes that should be canonical postfix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("token {token} of the postfix form: {problem}")]
pub struct PostfixError {
    /// Which token, from 1.
    pub token: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// A sound expression: each operation finds its operands, one value is left, at least one input is named, and the
/// limits hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expression {
    dtype: Dtype,
    nodes: Vec<Node>,
    depth: usize,
    inputs: u8,
    scalars: u8,
}

impl Expression {
    /// The expression of this canonical postfix form; any other writing is refused.
    pub fn from_postfix(dtype: Dtype, postfix: &str) -> Result<Expression, PostfixError> {
        let mut expression = Expression::empty(dtype);
        let mut token = 0;
        for (position, text) in postfix.split(' ').enumerate() {
            token = position + 1;
            read(dtype, text)
                .and_then(|node| expression.push(node))
                .map_err(|problem| PostfixError { token, problem })?;
        }
        expression.finish().map_err(|problem| PostfixError { token, problem })
    }

    /// The canonical postfix form.
    pub fn postfix(&self) -> String {
        let mut text = String::new();
        for node in &self.nodes {
            if !text.is_empty() {
                text.push(' ');
            }
            // Writing to a string does not fail.
            let _ = match node {
                Node::Input(index) => write!(text, "x{index}"),
                Node::Scalar(index) => write!(text, "c{index}"),
                Node::Constant(bits) => write!(text, "#{bits:0width$x}", width = digits(self.dtype)),
                Node::Apply(operation) => write!(text, "{}", operation.name()),
            };
        }
        text
    }

    /// The element type: f32 or f64.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The nodes, each after its operands.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Bit i says that input i is used.
    pub fn inputs(&self) -> u8 {
        self.inputs
    }

    /// Bit i says that scalar i is used.
    pub fn scalars(&self) -> u8 {
        self.scalars
    }

    pub(super) fn empty(dtype: Dtype) -> Expression {
        Expression { dtype, nodes: Vec::new(), depth: 0, inputs: 0, scalars: 0 }
    }

    /// Adds a node after its operands.
    pub(super) fn push(&mut self, node: Node) -> Result<(), String> {
        if self.nodes.len() == MAX_NODES {
            return Err(format!("the expression has more than {MAX_NODES} nodes"));
        }
        match node {
            Node::Input(index) => self.inputs |= 1 << index,
            Node::Scalar(index) => self.scalars |= 1 << index,
            Node::Constant(_) => {}
            Node::Apply(operation) => {
                let (name, arity) = (operation.name(), operation.arity());
                if !operation.is_in(self.dtype) {
                    return Err(format!("`{name}` is an operation of f32 only"));
                }
                if self.depth < arity {
                    return Err(format!("`{name}` takes {arity} values, but the stack holds {}", self.depth));
                }
                self.depth -= arity;
            }
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} values wait for their operation at once"));
        }
        self.nodes.push(node);
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Expression, String> {
        match (self.depth, self.inputs) {
            (1, 0) => Err("the expression names no input; it needs at least one of x0 to x7".to_owned()),
            (1, _) => Ok(self),
            (depth, _) => Err(format!("{depth} values are left, not 1")),
        }
    }
}

/// Hexadecimal digits of a constant.
fn digits(dtype: Dtype) -> usize {
    2 * dtype.size() as usize
}

fn read(dtype: Dtype, text: &str) -> Result<Node, String> {
    let unknown = || Err(format!("`{}` is no token", shown(text)));
    match text.as_bytes() {
        [kind @ (b'x' | b'c'), index @ b'0'..=b'7'] => {
            let index = index - b'0';
            Ok(if *kind == b'x' { Node::Input(index) } else { Node::Scalar(index) })
        }
        [b'#', hex @ ..] => {
            let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            if hex.len() != digits(dtype) || !hex.iter().all(is_digit) {
                return Err(format!(
                    "`{}` is no constant of {dtype}: it takes # and {} lowercase hexadecimal digits",
                    shown(text),
                    digits(dtype)
                ));
            }
            let bits = u64::from_str_radix(&text[1..], 16).map_err(|error| error.to_string())?;
            let is_nan = match dtype {
                Dtype::F32 => f32::from_bits(bits as u32).is_nan(),
                _ => f64::from_bits(bits).is_nan(),
            };
            if is_nan { Err(format!("`{text}` is a NaN")) } else { Ok(Node::Constant(bits)) }
        }
        _ => Operation::from_name(text).map_or_else(unknown, |operation| Ok(Node::Apply(operation))),
    }
}

/// A token as an error shows it: not all of it if it is long.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
