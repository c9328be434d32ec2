//! Random numbers one element at a time.

use super::{open_uniform, philox_block, seed_and_stream, uniform_f32, uniform_f64};
use crate::catalogue::{Dtype, Function, ParamValue};
use crate::function::reference::value;
use crate::launch::{Launch, LaunchError};

/// Words, or uniform numbers of the output's dtype.
pub(crate) fn philox(launch: &mut Launch<'_, '_>, params: &[Option<ParamValue>]) -> Result<(), LaunchError> {
    let (seed, stream) = seed_and_stream(params);
    let word = |i: usize| philox_block(seed, stream, i as u64 / 4)[i % 4];
    match launch.output_dtype() {
        Dtype::F32 => each(launch, |i| uniform_f32(word(i))),
        Dtype::F64 => each(launch, |i| uniform_f64(word(2 * i), word(2 * i + 1))),
        _ => each(launch, word),
    }
}

/// Normal numbers, one pair of words after the other.
pub(crate) fn normal(launch: &mut Launch<'_, '_>, params: &[Option<ParamValue>]) -> Result<(), LaunchError> {
    let (seed, stream) = seed_and_stream(params);
    each(launch, |i: usize| {
        let word = |k: usize| philox_block(seed, stream, k as u64 / 4)[k % 4];
        let (a, b) = (word(i - i % 2), word(i - i % 2 + 1));
        let r = (-2.0 * value(Function::Log, open_uniform(a))).sqrt();
        let t = 2.0 * uniform_f32(b);
        r * value(if i.is_multiple_of(2) { Function::Cospi } else { Function::Sinpi }, t)
    })
}

fn each<T: bytemuck::Pod>(launch: &mut Launch<'_, '_>, f: impl Fn(usize) -> T) -> Result<(), LaunchError> {
    for (index, out) in launch.output()?.iter_mut().enumerate() {
        *out = f(index);
    }
    Ok(())
}
