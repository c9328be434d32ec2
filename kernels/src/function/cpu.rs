//! Functions in blocks, on threads.

use super::reference::value;
use crate::blocks::walk;
use crate::catalogue::Function;
use crate::dispatch::Level;
use crate::launch::{DataError, Launch};

/// The function of every element.
pub(crate) fn function(level: Level, function: Function, launch: &mut Launch<'_, '_>) -> Result<(), DataError> {
    let operands = [launch.operand(0)?];
    walk(operands, launch.output()?, |_, [x], out| block(level, function, x, out));
    Ok(())
}

/// The function of every element of `x`, which is as long as `out`. A block of a thousand elements or so stays in the
/// nearest cache; there is no other limit.
pub(crate) fn block(level: Level, function: Function, x: &[f32], out: &mut [f32]) {
    let _ = level;
    for (out, &x) in out.iter_mut().zip(x) {
        *out = value(function, x);
    }
}

/// The function of every element, each in its own place.
pub(crate) fn block_in_place(level: Level, function: Function, x: &mut [f32]) {
    let _ = level;
    for x in x {
        *x = value(function, *x);
    }
}
