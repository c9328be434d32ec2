//! Functions in blocks, on threads.

use super::own::run::{Keep, apart, in_place};
use super::own::{Cos, Cospi, Curve, Erf, Exp, Exp2, Expm1, Log, Log1p, Log2, Log10, Sin, Sinpi, Tan, Tanh};
use super::reference::HALF_ROOT;
use crate::blocks::walk_in_place;
use crate::catalogue::Function;
use crate::dispatch::{Level, levels};
use crate::float::Float;
use crate::launch::{DataError, Launch};

/// The function of every element.
pub(crate) fn function(level: Level, function: Function, launch: &mut Launch<'_, '_>) -> Result<(), DataError> {
    let operands = [launch.operand(0)?];
    let out = launch.output()?;
    let keep = if out.len() < FAR_FROM { Keep::Near } else { Keep::Far };
    walk_in_place(operands, out, |_, [x], out| match keep {
        Keep::Near => block(level, function, x, out),
        Keep::Far => kept(level, function, keep, x, out),
    });
    Ok(())
}

/// Elements from which the output is more than the caches should be asked to hold.
const FAR_FROM: usize = 4 << 20;

/// The function of every element of `x`, which is as long as `out`.
pub(crate) fn block(level: Level, function: Function, x: &[f32], out: &mut [f32]) {
    kept(level, function, Keep::Near, x, out);
}

/// The function of every element, each in its own place.
pub(crate) fn block_in_place(level: Level, function: Function, x: &mut [f32]) {
    if !curve(level, function, Keep::Near, None, x) {
        let mut old = [0.0; PIECE];
        for x in x.chunks_mut(PIECE) {
            let old = &mut old[..x.len()];
            old.copy_from_slice(x);
            composed(level, function, old, x);
        }
    }
}

fn kept(level: Level, function: Function, keep: Keep, x: &[f32], out: &mut [f32]) {
    if !curve(level, function, keep, Some(x), out) {
        // In pieces that stay in the nearest cache between the steps.
        for (x, out) in x.chunks(PIECE).zip(out.chunks_mut(PIECE)) {
            composed(level, function, x, out);
        }
    }
}

/// Whether the function is no composition: then it was applied to `x`, or in place where there is none.
fn curve(level: Level, function: Function, keep: Keep, x: Option<&[f32]>, out: &mut [f32]) -> bool {
    match function {
        Function::Exp => each::<Exp>(level, keep, x, out),
        Function::Log => each::<Log>(level, keep, x, out),
        Function::Exp2 => each::<Exp2>(level, keep, x, out),
        Function::Expm1 => each::<Expm1>(level, keep, x, out),
        Function::Log2 => each::<Log2>(level, keep, x, out),
        Function::Log10 => each::<Log10>(level, keep, x, out),
        Function::Log1p => each::<Log1p>(level, keep, x, out),
        Function::Sin => each::<Sin>(level, keep, x, out),
        Function::Cos => each::<Cos>(level, keep, x, out),
        Function::Tan => each::<Tan>(level, keep, x, out),
        Function::Sinpi => each::<Sinpi>(level, keep, x, out),
        Function::Cospi => each::<Cospi>(level, keep, x, out),
        Function::Tanh => each::<Tanh>(level, keep, x, out),
        Function::Erf => each::<Erf>(level, keep, x, out),
        Function::Sigmoid | Function::Silu | Function::Gelu => return false,
    }
    true
}

fn each<C: Curve>(level: Level, keep: Keep, x: Option<&[f32]>, out: &mut [f32]) {
    match x {
        Some(x) => apart::<C>(level, keep, x, out),
        None => in_place::<C>(level, out),
    }
}

/// Elements of a composition that are computed at a time.
const PIECE: usize = 1024;

fn composed(level: Level, function: Function, x: &[f32], out: &mut [f32]) {
    match function {
        Function::Gelu => {
            scaled(level, HALF_ROOT, x, out);
            in_place::<Erf>(level, out);
            gelu(level, x, out);
        }
        _ => {
            scaled(level, -1.0, x, out);
            in_place::<Exp>(level, out);
            if function == Function::Sigmoid { sigmoid(level, out) } else { silu(level, x, out) }
        }
    }
}

levels! {
    fn scaled [](scale: f32, x: &[f32], out: &mut [f32]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = x * scale;
        }
    }
}

levels! {
    /// From exp(-x).
    fn sigmoid [](out: &mut [f32]) {
        for out in out {
            *out = (1.0 / (1.0 + *out)).canonical();
        }
    }
}

levels! {
    /// From exp(-x).
    fn silu [](x: &[f32], out: &mut [f32]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = (x * (1.0 / (1.0 + *out))).canonical();
        }
    }
}

levels! {
    /// From erf(x * 0x1.6a09e6p-1).
    fn gelu [](x: &[f32], out: &mut [f32]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = ((0.5 * x) * (1.0 + *out)).canonical();
        }
    }
}
