//! Expressions in one pass over memory: every step of the program runs over a block that stays in the nearest cache,
//! then the next block follows, on threads. See `program` for what the steps are.

use rayon::prelude::*;

use super::program::{Program, Source, Step, Work};
use super::step::{Number, truth};
use super::{Expression, Operation};
use crate::blocks::{Aligned, PARALLEL_FROM, each};
use crate::catalogue::{Dtype, ParamValue};
use crate::dispatch::Level;
use crate::launch::{Launch, LaunchError, Operand};
use crate::stream::{self, Keep};

/// Elements that go through all steps before the next do.
const BLOCK: usize = 1024;

/// Elements that one thread takes at a time.
const TASK: usize = 64 * BLOCK;

/// The expression of every element.
pub(crate) fn map(
    level: Level,
    expression: &Expression,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), LaunchError> {
    match expression.dtype() {
        Dtype::F32 => map_of::<f32>(level, expression, launch, params),
        _ => map_of::<f64>(level, expression, launch, params),
    }
}

fn map_of<T: Number>(
    level: Level,
    expression: &Expression,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), LaunchError> {
    let mut inputs: Inputs<'_, T> = [None; 8];
    for (position, input) in inputs.iter_mut().enumerate() {
        if expression.inputs() >> position & 1 == 1 {
            *input = Some(launch.operand(position)?);
        }
    }
    let program = Program::new(expression, params);
    let is_in_place = inputs.iter().flatten().any(|input| matches!(input, Operand::Output));
    let out = launch.output::<T>()?;
    let keep = if is_in_place { Keep::Near } else { Keep::of(out) };
    if out.len().saturating_mul(program.steps.len()) < PARALLEL_FROM {
        run(level, &program, &inputs, keep, 0, out);
        return Ok(());
    }
    let task = (TASK / program.steps.len()).next_multiple_of(BLOCK);
    out.par_chunks_mut(task)
        .enumerate()
        .for_each(|(index, out)| run(level, &program, &inputs, keep, index * task, out));
    Ok(())
}

type Inputs<'a, T> = [Option<Operand<'a, T>>; 8];

/// All blocks of one task, whose first element has the index `start`.
fn run<T: Number>(level: Level, program: &Program<T>, inputs: &Inputs<'_, T>, keep: Keep, start: usize, out: &mut [T]) {
    let uniforms: Vec<Aligned<T, BLOCK>> = program.uniforms.iter().map(|&number| Aligned::filled(number)).collect();
    // One more than the steps ask for: a step fills it and it then takes the place of the step's slot.
    let mut slots: Vec<Box<Aligned<T, BLOCK>>> = vec![Box::new(Aligned::filled(T::ZERO)); program.slots];
    let mut filled = Box::new(Aligned::<T, BLOCK>::filled(T::ZERO));
    let mut aside = Aligned::<T, BLOCK>::filled(T::ZERO);
    let is_in_place = inputs.iter().flatten().any(|input| matches!(input, Operand::Output));
    let last = program.steps.len() - 1;
    for (index, out) in out.chunks_mut(BLOCK).enumerate() {
        let (first, len) = (start + index * BLOCK, out.len());
        if is_in_place {
            aside.0[..len].copy_from_slice(out);
        }
        for (position, step) in program.steps.iter().enumerate() {
            let operands = step.operands.map(|source| match source {
                Source::Input(input) => match inputs[input] {
                    Some(Operand::Slice(slice)) => &slice[first..first + len],
                    _ => &aside.0[..len],
                },
                Source::Uniform(uniform) => &uniforms[uniform].0[..len],
                Source::Slot(slot) => &slots[slot].0[..len],
            });
            if position == last {
                perform(level, keep, step, operands, out);
            } else {
                perform(level, Keep::Near, step, operands, &mut filled.0[..len]);
                std::mem::swap(&mut filled, &mut slots[step.slot]);
            }
        }
    }
    stream::fence();
}

fn perform<T: Number>(level: Level, keep: Keep, step: &Step, [x, y, z]: [&[T]; 3], out: &mut [T]) {
    match step.work {
        Work::Store => each(level, keep, |[x]: [T; 1]| x.canonical(), [x], out),
        Work::One(operation) => match operation.arity() {
            1 => unary(level, keep, operation, x, out),
            2 => binary(level, keep, operation, x, y, out),
            _ => each(level, keep, |[x, y, z]: [T; 3]| x.fused(y, z).canonical(), [x, y, z], out),
        },
        Work::Left(first, second) => match first {
            Operation::Add => left(level, keep, second, |x, y| x + y, [x, y, z], out),
            Operation::Sub => left(level, keep, second, |x, y| x - y, [x, y, z], out),
            _ => left(level, keep, second, |x, y| x * y, [x, y, z], out),
        },
        Work::Right(first, second) => match first {
            Operation::Add => right(level, keep, second, |x, y| x + y, [x, y, z], out),
            Operation::Sub => right(level, keep, second, |x, y| x - y, [x, y, z], out),
            _ => right(level, keep, second, |x, y| x * y, [x, y, z], out),
        },
    }
}

fn unary<T: Number>(level: Level, keep: Keep, operation: Operation, x: &[T], out: &mut [T]) {
    match operation {
        Operation::Neg => each(level, keep, |[x]: [T; 1]| x.negated().canonical(), [x], out),
        Operation::Abs => each(level, keep, |[x]: [T; 1]| x.magnitude().canonical(), [x], out),
        Operation::Sqrt => each(level, keep, |[x]: [T; 1]| x.root().canonical(), [x], out),
        Operation::Rsqrt => each(level, keep, |[x]: [T; 1]| x.rsqrt().canonical(), [x], out),
        Operation::Relu => each(level, keep, |[x]: [T; 1]| x.greatest(T::ZERO), [x], out),
        _ => T::function_block(level, keep, operation, x, out),
    }
}

fn binary<T: Number>(level: Level, keep: Keep, operation: Operation, x: &[T], y: &[T], out: &mut [T]) {
    match operation {
        Operation::Add => each(level, keep, |[x, y]: [T; 2]| (x + y).canonical(), [x, y], out),
        Operation::Sub => each(level, keep, |[x, y]: [T; 2]| (x - y).canonical(), [x, y], out),
        Operation::Mul => each(level, keep, |[x, y]: [T; 2]| (x * y).canonical(), [x, y], out),
        Operation::Div => each(level, keep, |[x, y]: [T; 2]| (x / y).canonical(), [x, y], out),
        Operation::Min => each(level, keep, |[x, y]: [T; 2]| x.least(y), [x, y], out),
        Operation::Max => each(level, keep, |[x, y]: [T; 2]| x.greatest(y), [x, y], out),
        Operation::Lt => each(level, keep, |[x, y]: [T; 2]| truth::<T>(x < y), [x, y], out),
        Operation::Le => each(level, keep, |[x, y]: [T; 2]| truth::<T>(x <= y), [x, y], out),
        Operation::Gt => each(level, keep, |[x, y]: [T; 2]| truth::<T>(x > y), [x, y], out),
        Operation::Ge => each(level, keep, |[x, y]: [T; 2]| truth::<T>(x >= y), [x, y], out),
        Operation::Eq => each(level, keep, |[x, y]: [T; 2]| truth::<T>(x == y), [x, y], out),
        Operation::Ne => each(level, keep, |[x, y]: [T; 2]| truth::<T>(x != y), [x, y], out),
        _ => unreachable!("`{}` takes {} operands", operation.name(), operation.arity()),
    }
}

/// `second(first(x, y), z)`; two roundings in one loop.
#[inline(always)]
fn left<T: Number>(
    level: Level,
    keep: Keep,
    second: Operation,
    first: impl Fn(T, T) -> T,
    [x, y, z]: [&[T]; 3],
    out: &mut [T],
) {
    match second {
        Operation::Add => each(level, keep, |[x, y, z]: [T; 3]| (first(x, y) + z).canonical(), [x, y, z], out),
        Operation::Sub => each(level, keep, |[x, y, z]: [T; 3]| (first(x, y) - z).canonical(), [x, y, z], out),
        _ => each(level, keep, |[x, y, z]: [T; 3]| (first(x, y) * z).canonical(), [x, y, z], out),
    }
}

/// `second(z, first(x, y))`; two roundings in one loop. Sums and products do not depend on the order of the two.
#[inline(always)]
fn right<T: Number>(
    level: Level,
    keep: Keep,
    second: Operation,
    first: impl Fn(T, T) -> T,
    [x, y, z]: [&[T]; 3],
    out: &mut [T],
) {
    match second {
        Operation::Sub => each(level, keep, |[x, y, z]: [T; 3]| (z - first(x, y)).canonical(), [x, y, z], out),
        _ => left(level, keep, second, first, [x, y, z], out),
    }
}
