//! Functions in blocks, on threads.

use super::reference::{exp, log};
use crate::catalogue::Function;
use crate::dispatch::Level;
use crate::elementwise::cpu::each1;
use crate::launch::{DataError, Launch};

/// The function of every element.
pub(crate) fn function(level: Level, function: Function, launch: &mut Launch<'_, '_>) -> Result<(), DataError> {
    match function {
        Function::Exp => each1(level, launch, exp),
        Function::Log => each1(level, launch, log),
    }
}
