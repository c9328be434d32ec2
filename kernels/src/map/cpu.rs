//! Expressions in one pass over memory: every step of the program runs over a block that stays in the nearest cache,
//! then the next block follows, on threads. See `program` for what the steps are.

use rayon::prelude::*;

use super::program::{Program, Source, Step, Work};
use super::step::{Number, truth};
use super::{Expression, Operation};
use crate::blocks::{Aligned, PARALLEL_FROM, map1, map2, map3};
use crate::catalogue::{Dtype, ParamValue};
use crate::dispatch::Level;
use crate::launch::{DataError, Launch, Operand};
use crate::stream::{self, STREAM_FROM_BYTES};

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
) -> Result<(), DataError> {
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
) -> Result<(), DataError> {
    let mut inputs: Inputs<'_, T> = [None; 8];
    for (position, input) in inputs.iter_mut().enumerate() {
        if expression.inputs() >> position & 1 == 1 {
            *input = Some(launch.operand(position)?);
        }
    }
    let program = Program::new(expression, params);
    let is_in_place = inputs.iter().flatten().any(|input| matches!(input, Operand::Output));
    let out = launch.output::<T>()?;
    let target = match (is_in_place, size_of_val(out) >= STREAM_FROM_BYTES) {
        (true, _) => Target::InPlace,
        (false, true) => Target::Streamed,
        (false, false) => Target::Apart,
    };
    if out.len().saturating_mul(program.steps.len()) < PARALLEL_FROM {
        run(level, &program, &inputs, target, 0, out);
        return Ok(());
    }
    let task = (TASK / program.steps.len()).next_multiple_of(BLOCK);
    out.par_chunks_mut(task)
        .enumerate()
        .for_each(|(index, out)| run(level, &program, &inputs, target, index * task, out));
    Ok(())
}

type Inputs<'a, T> = [Option<Operand<'a, T>>; 8];

/// Where the results go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// Over an input, whose elements are copied aside before.
    InPlace,
    /// To memory of their own.
    Apart,
    /// To memory of their own past the caches.
    Streamed,
}

/// All blocks of one task, whose first element has the index `start`.
fn run<T: Number>(
    level: Level,
    program: &Program<T>,
    inputs: &Inputs<'_, T>,
    target: Target,
    start: usize,
    out: &mut [T],
) {
    let uniforms: Vec<Aligned<T, BLOCK>> = program.uniforms.iter().map(|&number| Aligned::filled(number)).collect();
    // One more than the steps ask for: a step fills it and it then takes the place of the step's slot.
    let mut slots: Vec<Box<Aligned<T, BLOCK>>> = vec![Box::new(Aligned::filled(T::ZERO)); program.slots];
    let mut filled = Box::new(Aligned::<T, BLOCK>::filled(T::ZERO));
    let mut aside = Aligned::<T, BLOCK>::filled(T::ZERO);
    let last = program.steps.len() - 1;
    for (index, out) in out.chunks_mut(BLOCK).enumerate() {
        let (first, len) = (start + index * BLOCK, out.len());
        if target == Target::InPlace {
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
            if position == last && target != Target::Streamed {
                perform(level, step, operands, out);
            } else {
                perform(level, step, operands, &mut filled.0[..len]);
                std::mem::swap(&mut filled, &mut slots[step.slot]);
            }
        }
        if target == Target::Streamed {
            stream::store(&slots[program.steps[last].slot].0[..len], out);
        }
    }
    stream::fence();
}

fn perform<T: Number>(level: Level, step: &Step, [x, y, z]: [&[T]; 3], out: &mut [T]) {
    match step.work {
        Work::Store => map1(level, |x: T| x.canonical(), x, out),
        Work::One(operation) => match operation.arity() {
            1 => unary(level, operation, x, out),
            2 => binary(level, operation, x, y, out),
            _ => map3(level, |x: T, y: T, z: T| x.fused(y, z).canonical(), x, y, z, out),
        },
        Work::Left(first, second) => match first {
            Operation::Add => left(level, second, |x, y| x + y, [x, y, z], out),
            Operation::Sub => left(level, second, |x, y| x - y, [x, y, z], out),
            _ => left(level, second, |x, y| x * y, [x, y, z], out),
        },
        Work::Right(first, second) => match first {
            Operation::Add => right(level, second, |x, y| x + y, [x, y, z], out),
            Operation::Sub => right(level, second, |x, y| x - y, [x, y, z], out),
            _ => right(level, second, |x, y| x * y, [x, y, z], out),
        },
    }
}

fn unary<T: Number>(level: Level, operation: Operation, x: &[T], out: &mut [T]) {
    match operation {
        Operation::Neg => map1(level, |x: T| x.negated().canonical(), x, out),
        Operation::Abs => map1(level, |x: T| x.magnitude().canonical(), x, out),
        Operation::Sqrt => map1(level, |x: T| x.root().canonical(), x, out),
        Operation::Rsqrt => map1(level, |x: T| x.rsqrt().canonical(), x, out),
        Operation::Relu => map1(level, |x: T| x.greatest(T::ZERO), x, out),
        _ => T::function_block(level, operation, x, out),
    }
}

fn binary<T: Number>(level: Level, operation: Operation, x: &[T], y: &[T], out: &mut [T]) {
    match operation {
        Operation::Add => map2(level, |x: T, y: T| (x + y).canonical(), x, y, out),
        Operation::Sub => map2(level, |x: T, y: T| (x - y).canonical(), x, y, out),
        Operation::Mul => map2(level, |x: T, y: T| (x * y).canonical(), x, y, out),
        Operation::Div => map2(level, |x: T, y: T| (x / y).canonical(), x, y, out),
        Operation::Min => map2(level, |x: T, y: T| x.least(y), x, y, out),
        Operation::Max => map2(level, |x: T, y: T| x.greatest(y), x, y, out),
        Operation::Lt => map2(level, |x: T, y: T| truth::<T>(x < y), x, y, out),
        Operation::Le => map2(level, |x: T, y: T| truth::<T>(x <= y), x, y, out),
        Operation::Gt => map2(level, |x: T, y: T| truth::<T>(x > y), x, y, out),
        Operation::Ge => map2(level, |x: T, y: T| truth::<T>(x >= y), x, y, out),
        Operation::Eq => map2(level, |x: T, y: T| truth::<T>(x == y), x, y, out),
        Operation::Ne => map2(level, |x: T, y: T| truth::<T>(x != y), x, y, out),
        _ => unreachable!("`{}` takes {} operands", operation.name(), operation.arity()),
    }
}

/// `second(first(x, y), z)`; two roundings in one loop.
#[inline(always)]
fn left<T: Number>(level: Level, second: Operation, first: impl Fn(T, T) -> T, [x, y, z]: [&[T]; 3], out: &mut [T]) {
    match second {
        Operation::Add => map3(level, |x: T, y: T, z: T| (first(x, y) + z).canonical(), x, y, z, out),
        Operation::Sub => map3(level, |x: T, y: T, z: T| (first(x, y) - z).canonical(), x, y, z, out),
        _ => map3(level, |x: T, y: T, z: T| (first(x, y) * z).canonical(), x, y, z, out),
    }
}

/// `second(z, first(x, y))`; two roundings in one loop. Sums and products do not depend on the order of the two.
#[inline(always)]
fn right<T: Number>(level: Level, second: Operation, first: impl Fn(T, T) -> T, [x, y, z]: [&[T]; 3], out: &mut [T]) {
    match second {
        Operation::Sub => map3(level, |x: T, y: T, z: T| (z - first(x, y)).canonical(), x, y, z, out),
        _ => left(level, second, first, [x, y, z], out),
    }
}
