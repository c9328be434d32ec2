//! Functions in blocks, on threads.

use super::own::run::{apart, in_place};
use super::own::{Cos, Cospi, Erf, Exp, Exp2, Expm1, Log, Log1p, Log2, Log10, Sin, Sinpi, Tan, Tanh};
use super::reference::HALF_ROOT;
use crate::blocks::{Aligned, each, walk_in_place};
use crate::catalogue::Function;
use crate::dispatch::Level;
use crate::float::Float;
use crate::launch::{Launch, LaunchError};
use crate::stream::{self, Keep};

/// The function of every element.
pub(crate) fn function(level: Level, function: Function, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let operands = [launch.operand(0)?];
    let out = launch.output()?;
    let keep = Keep::of(out);
    walk_in_place(operands, out, |_, [x], out| match keep {
        Keep::Near => block(level, function, x, out),
        Keep::Far => kept(level, function, keep, x, out),
    });
    Ok(())
}

/// The function of every element of `x`, which is as long as `out`.
pub(crate) fn block(level: Level, function: Function, x: &[f32], out: &mut [f32]) {
    kept(level, function, Keep::Near, x, out);
}

/// e to the power of every element, each in its own place.
pub(crate) fn exp_in_place(level: Level, x: &mut [f32]) {
    in_place::<Exp>(level, x);
}

/// The same, kept where the caller says; it needs no fence.
pub(crate) fn kept(level: Level, function: Function, keep: Keep, x: &[f32], out: &mut [f32]) {
    match function {
        Function::Exp => apart::<Exp>(level, keep, x, out),
        Function::Log => apart::<Log>(level, keep, x, out),
        Function::Exp2 => apart::<Exp2>(level, keep, x, out),
        Function::Expm1 => apart::<Expm1>(level, keep, x, out),
        Function::Log2 => apart::<Log2>(level, keep, x, out),
        Function::Log10 => apart::<Log10>(level, keep, x, out),
        Function::Log1p => apart::<Log1p>(level, keep, x, out),
        Function::Sin => apart::<Sin>(level, keep, x, out),
        Function::Cos => apart::<Cos>(level, keep, x, out),
        Function::Tan => apart::<Tan>(level, keep, x, out),
        Function::Sinpi => apart::<Sinpi>(level, keep, x, out),
        Function::Cospi => apart::<Cospi>(level, keep, x, out),
        Function::Tanh => apart::<Tanh>(level, keep, x, out),
        Function::Erf => apart::<Erf>(level, keep, x, out),
        Function::Sigmoid | Function::Silu | Function::Gelu => composed(level, function, keep, x, out),
    }
}

/// Elements of a composition that are computed at a time.
const PIECE: usize = 1024;

/// In pieces that stay in the nearest cache between the steps.
fn composed(level: Level, function: Function, keep: Keep, x: &[f32], out: &mut [f32]) {
    let mut inner = Aligned::<f32, PIECE>::filled(0.0);
    for (x, out) in x.chunks(PIECE).zip(out.chunks_mut(PIECE)) {
        let inner = &mut inner.0[..x.len()];
        let scale = if function == Function::Gelu { HALF_ROOT } else { -1.0 };
        each(level, Keep::Near, |[x]: [f32; 1]| x * scale, [x], inner);
        match function {
            Function::Gelu => in_place::<Erf>(level, inner),
            _ => in_place::<Exp>(level, inner),
        }
        let both = [x, &*inner];
        match function {
            Function::Gelu => each(level, keep, |[x, erf]| ((0.5 * x) * (1.0 + erf)).canonical(), both, out),
            Function::Silu => each(level, keep, |[x, exp]| (x * (1.0 / (1.0 + exp))).canonical(), both, out),
            _ => each(level, keep, |[_, exp]| (1.0 / (1.0 + exp)).canonical(), both, out),
        }
    }
    stream::fence();
}
