//! Random numbers one element at a time.

use super::{philox_block, seed_and_stream, uniform_f32, uniform_f64};
use crate::catalogue::{Dtype, ParamValue};
use crate::launch::{DataError, Launch};

/// Words, or uniform numbers of the output's dtype.
pub(crate) fn philox(launch: &mut Launch<'_, '_>, params: &[Option<ParamValue>]) -> Result<(), DataError> {
    let (seed, stream) = seed_and_stream(params);
    let word = |i: usize| philox_block(seed, stream, i as u64 / 4)[i % 4];
    match launch.output_dtype() {
        Dtype::F32 => each(launch, |i| uniform_f32(word(i))),
        Dtype::F64 => each(launch, |i| uniform_f64(word(2 * i), word(2 * i + 1))),
        _ => each(launch, word),
    }
}

fn each<T: bytemuck::Pod>(launch: &mut Launch<'_, '_>, f: impl Fn(usize) -> T) -> Result<(), DataError> {
    for (index, out) in launch.output()?.iter_mut().enumerate() {
        *out = f(index);
    }
    Ok(())
}
