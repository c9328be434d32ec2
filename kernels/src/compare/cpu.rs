//! Comparisons in blocks.

use crate::blocks::walk_each;
use crate::catalogue::{Dtype, Relation};
use crate::dispatch::Level;
use crate::float::Float;
use crate::launch::{Launch, LaunchError};

/// 1 where the relation holds, else 0.
pub(crate) fn compare(level: Level, relation: Relation, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.input_dtype() {
        Dtype::F32 => compare_of::<f32>(level, relation, launch),
        _ => compare_of::<f64>(level, relation, launch),
    }
}

fn compare_of<T: Float>(level: Level, relation: Relation, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match relation {
        Relation::Lt => each(level, launch, |x: T, y| x < y),
        Relation::Le => each(level, launch, |x: T, y| x <= y),
        Relation::Eq => each(level, launch, |x: T, y| x == y),
        Relation::Ne => each(level, launch, |x: T, y| x != y),
        Relation::Gt => each(level, launch, |x: T, y| x > y),
        Relation::Ge => each(level, launch, |x: T, y| x >= y),
    }
}

fn each<T: Float>(
    level: Level,
    launch: &mut Launch<'_, '_>,
    holds: impl Fn(T, T) -> bool + Copy + Sync,
) -> Result<(), LaunchError> {
    let operands = [launch.operand(0)?, launch.operand(1)?];
    walk_each(level, operands, launch.output()?, |[x, y]| u8::from(holds(x, y)));
    Ok(())
}
