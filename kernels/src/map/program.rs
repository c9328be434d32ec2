//! An expression as steps over blocks: what depends on no input is computed once, equal parts are computed once, a
//! product or sum that feeds one further product or sum goes in one step with it, and a block's memory is used again as
//! soon as its last reader is done. Every operation keeps its own rounding, so no bit depends on any of this.

use std::collections::HashMap;

use super::step::{Number, apply};
use super::{Expression, Node, Operation};
use crate::catalogue::ParamValue;

/// Where the elements of an operand are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// In this input.
    Input(usize),
    /// One number for all elements, in [`Program::uniforms`].
    Uniform(usize),
    /// In this block of memory.
    Slot(usize),
}

/// What a step computes from its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// The operand, as it is stored.
    Store,
    /// One operation.
    One(Operation),
    /// `second(first(x, y), z)`, each rounded.
    Left(Operation, Operation),
    /// `second(z, first(x, y))`, each rounded.
    Right(Operation, Operation),
}

/// One loop over a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) work: Work,
    /// As many as the work takes; the rest repeat the first.
    pub(super) operands: [Source; 3],
    /// The block of memory that it fills; the last step fills the output instead.
    pub(super) slot: usize,
}

/// The steps of one launch.
#[derive(Debug)]
pub(super) struct Program<T> {
    pub(super) steps: Vec<Step>,
    pub(super) uniforms: Vec<T>,
    /// How many blocks of memory the steps take.
    pub(super) slots: usize,
}

/// A value of the expression by what it is; equal ones are one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Value {
    Input(usize),
    Uniform(usize),
    Apply(Operation, [usize; 3]),
}

impl<T: Number> Program<T> {
    pub(super) fn new(expression: &Expression, params: &[Option<ParamValue>]) -> Program<T> {
        let mut graph =
            Graph { values: Vec::new(), known: HashMap::new(), uniforms: Vec::new(), patterns: HashMap::new() };
        let mut stack: Vec<usize> = Vec::new();
        for &node in expression.nodes() {
            let value = match node {
                Node::Input(index) => graph.value(Value::Input(usize::from(index))),
                Node::Constant(bits) => graph.uniform(T::from_pattern(bits)),
                Node::Scalar(index) => match params[1 + usize::from(index)].and_then(T::from_param) {
                    Some(scalar) => graph.uniform(scalar),
                    None => unreachable!("the shape rule asks for the scalars that the expression uses"),
                },
                Node::Apply(operation) => {
                    let operands = stack.split_off(stack.len() - operation.arity());
                    graph.apply(operation, &operands)
                }
            };
            stack.push(value);
        }
        let steps = graph.steps();
        let slots = steps.iter().map(|step| step.slot + 1).max().unwrap_or(0);
        Program { steps, uniforms: graph.uniforms, slots }
    }
}

struct Graph<T> {
    /// Each after its operands; the last one is the result.
    values: Vec<Value>,
    known: HashMap<Value, usize>,
    uniforms: Vec<T>,
    patterns: HashMap<u64, usize>,
}

impl<T: Number> Graph<T> {
    fn value(&mut self, value: Value) -> usize {
        *self.known.entry(value).or_insert_with(|| {
            self.values.push(value);
            self.values.len() - 1
        })
    }

    fn uniform(&mut self, number: T) -> usize {
        let index = *self.patterns.entry(number.pattern()).or_insert_with(|| {
            self.uniforms.push(number);
            self.uniforms.len() - 1
        });
        self.value(Value::Uniform(index))
    }

    fn apply(&mut self, operation: Operation, operands: &[usize]) -> usize {
        let number = |&operand: &usize| match self.values[operand] {
            Value::Uniform(index) => Some(self.uniforms[index]),
            _ => None,
        };
        if let Some(numbers) = operands.iter().map(number).collect::<Option<Vec<T>>>() {
            return self.uniform(apply(operation, &numbers));
        }
        let mut padded = [operands[0]; 3];
        padded[..operands.len()].copy_from_slice(operands);
        self.value(Value::Apply(operation, padded))
    }

    /// The steps in order, with their memory.
    fn steps(&self) -> Vec<Step> {
        let planned = self.planned();
        // The last step that reads each value.
        let mut last_use = vec![0; self.values.len()];
        for (position, (_, _, operands)) in planned.iter().enumerate() {
            operands.iter().for_each(|&operand| last_use[operand] = position);
        }
        let mut slot_of = vec![None; self.values.len()];
        let (mut free, mut slots) = (Vec::new(), 0);
        let mut steps = Vec::with_capacity(planned.len());
        for (position, &(value, work, operands)) in planned.iter().enumerate() {
            let sources = operands.map(|operand| match (self.values[operand], slot_of[operand]) {
                (Value::Input(index), _) => Source::Input(index),
                (Value::Uniform(index), _) => Source::Uniform(index),
                (_, Some(slot)) => Source::Slot(slot),
                (_, None) => unreachable!("a value is computed before it is read"),
            });
            let slot = free.pop().unwrap_or_else(|| {
                slots += 1;
                slots - 1
            });
            // Only now, so that no step fills a block that it reads.
            for operand in operands {
                if let Some(slot) = slot_of[operand].filter(|_| last_use[operand] == position) {
                    slot_of[operand] = None;
                    free.push(slot);
                }
            }
            slot_of[value] = Some(slot);
            steps.push(Step { work, operands: sources, slot });
        }
        steps
    }

    /// Which values are computed, in order, how, and from which values.
    fn planned(&self) -> Vec<(usize, Work, [usize; 3])> {
        let mut readers = vec![0; self.values.len()];
        for value in &self.values {
            if let Value::Apply(operation, operands) = value {
                operands[..operation.arity()].iter().for_each(|&operand| readers[operand] += 1);
            }
        }
        // A product or sum that one step alone reads.
        let inner = |value: usize| match self.values[value] {
            Value::Apply(operation, [x, y, _]) if readers[value] == 1 && is_joined(operation) => {
                Some((operation, x, y))
            }
            _ => None,
        };
        let (mut joined, mut absorbed) = (vec![false; self.values.len()], vec![false; self.values.len()]);
        let mut planned = Vec::new();
        for (position, &value) in self.values.iter().enumerate() {
            let Value::Apply(operation, operands) = value else { continue };
            let [x, y, _] = operands;
            let (work, operands) = match (is_joined(operation), inner(x), inner(y)) {
                // Not one that has itself taken in another.
                (true, Some((first, a, b)), _) if !joined[x] => (Work::Left(first, operation), [a, b, y]),
                (true, _, Some((first, a, b))) if !joined[y] => (Work::Right(first, operation), [a, b, x]),
                _ => (Work::One(operation), operands),
            };
            match work {
                Work::Left(..) => absorbed[x] = true,
                Work::Right(..) => absorbed[y] = true,
                _ => {}
            }
            joined[position] = matches!(work, Work::Left(..) | Work::Right(..));
            planned.push((position, work, operands));
        }
        planned.retain(|&(value, _, _)| !absorbed[value]);
        if planned.is_empty() {
            let result = self.values.len() - 1;
            planned.push((result, Work::Store, [result; 3]));
        }
        planned
    }
}

/// The operations that go in one step with another.
fn is_joined(operation: Operation) -> bool {
    matches!(operation, Operation::Add | Operation::Sub | Operation::Mul)
}
