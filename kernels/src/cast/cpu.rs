//! Casts in blocks.

use bytemuck::Pod;

use super::step::{Cast, for_types};
use crate::blocks::{map1, walk};
use crate::catalogue::Dtype;
use crate::launch::{DataError, Launch};

/// To the output's dtype from the input's.
pub(crate) fn cast(launch: &mut Launch<'_, '_>) -> Result<(), DataError> {
    for_types!(launch, each)
}

fn each<T: Pod + Sync + Cast<R>, R: Pod + Send>(launch: &mut Launch<'_, '_>) -> Result<(), DataError> {
    let operands = [launch.operand::<T>(0)?];
    walk(operands, launch.output::<R>()?, |_, [x], out| map1(T::cast, x, out));
    Ok(())
}
