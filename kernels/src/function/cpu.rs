//! Functions in blocks, on threads.

use super::own::{self, Cos, Cospi, Erf, Exp, Exp2, Expm1, Log, Log1p, Log2, Log10, Sin, Sinpi, Tan, Tanh};
use super::reference::HALF_ROOT;
use crate::blocks::walk;
use crate::catalogue::Function;
use crate::dispatch::{Level, levels};
use crate::float::Float;
use crate::launch::{DataError, Launch};

/// The function of every element.
pub(crate) fn function(level: Level, function: Function, launch: &mut Launch<'_, '_>) -> Result<(), DataError> {
    let operands = [launch.operand(0)?];
    walk(operands, launch.output()?, |_, [x], out| block(level, function, x, out));
    Ok(())
}

/// The function of every element of `x`, which is as long as `out`.
pub(crate) fn block(level: Level, function: Function, x: &[f32], out: &mut [f32]) {
    use own::run::apart;
    match function {
        Function::Exp => apart::<Exp>(level, x, out),
        Function::Log => apart::<Log>(level, x, out),
        Function::Exp2 => apart::<Exp2>(level, x, out),
        Function::Expm1 => apart::<Expm1>(level, x, out),
        Function::Log2 => apart::<Log2>(level, x, out),
        Function::Log10 => apart::<Log10>(level, x, out),
        Function::Log1p => apart::<Log1p>(level, x, out),
        Function::Sin => apart::<Sin>(level, x, out),
        Function::Cos => apart::<Cos>(level, x, out),
        Function::Tan => apart::<Tan>(level, x, out),
        Function::Sinpi => apart::<Sinpi>(level, x, out),
        Function::Cospi => apart::<Cospi>(level, x, out),
        Function::Tanh => apart::<Tanh>(level, x, out),
        Function::Erf => apart::<Erf>(level, x, out),
        Function::Sigmoid | Function::Silu | Function::Gelu => {
            // In pieces that stay in the nearest cache between the steps.
            for (x, out) in x.chunks(PIECE).zip(out.chunks_mut(PIECE)) {
                composed(level, function, x, out);
            }
        }
    }
}

/// The function of every element, each in its own place.
pub(crate) fn block_in_place(level: Level, function: Function, x: &mut [f32]) {
    let mut old = [0.0; PIECE];
    for x in x.chunks_mut(PIECE) {
        let old = &mut old[..x.len()];
        old.copy_from_slice(x);
        block(level, function, old, x);
    }
}

/// Elements of a composition that are computed at a time.
const PIECE: usize = 1024;

fn composed(level: Level, function: Function, x: &[f32], out: &mut [f32]) {
    match function {
        Function::Gelu => {
            scaled(level, HALF_ROOT, x, out);
            own::run::in_place::<Erf>(level, out);
            gelu(level, x, out);
        }
        _ => {
            scaled(level, -1.0, x, out);
            own::run::in_place::<Exp>(level, out);
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
