//! Casts one element at a time.

use bytemuck::Pod;

use super::step::{Cast, for_types};
use crate::catalogue::Dtype;
use crate::launch::{Launch, LaunchError};

/// To the output's dtype from the input's.
pub(crate) fn cast(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    for_types!(launch, each)
}

fn each<T: Pod + Cast<R>, R: Pod>(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let x = launch.slice::<T>(0)?;
    for (out, &x) in launch.output::<R>()?.iter_mut().zip(x) {
        *out = x.cast();
    }
    Ok(())
}
