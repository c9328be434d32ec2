//! Casts one element at a time.

use bytemuck::Pod;

use super::step::{Cast, for_types};
use crate::catalogue::Dtype;
use crate::launch::{DataError, Launch};

/// To the output's dtype from the input's.
pub(crate) fn cast(launch: &mut Launch<'_, '_>) -> Result<(), DataError> {
    for_types!(launch, each)
}

fn each<T: Pod + Cast<R>, R: Pod>(launch: &mut Launch<'_, '_>) -> Result<(), DataError> {
    let x = launch.slice::<T>(0)?;
    for (out, &x) in launch.output::<R>()?.iter_mut().zip(x) {
        *out = x.cast();
    }
    Ok(())
}
