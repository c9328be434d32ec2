//! Casts in blocks.

use bytemuck::Pod;

use super::step::{Cast, for_types};
use crate::blocks::walk_each;
use crate::catalogue::Dtype;
use crate::dispatch::Level;
use crate::launch::{Launch, LaunchError};

/// To the output's dtype from the input's.
pub(crate) fn cast(level: Level, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    for_types!(launch, each, level = level)
}

fn each<T: Pod + Sync + Cast<R>, R: Pod + Send>(launch: &mut Launch<'_, '_>, level: Level) -> Result<(), LaunchError> {
    let operands = [launch.operand::<T>(0)?];
    walk_each(level, operands, launch.output::<R>()?, |[x]| T::lane(x));
    Ok(())
}
