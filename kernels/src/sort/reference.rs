//! Sorting by the standard library's stable sort and its total order, in which the canonical NaN is the last value.

use std::cmp::Ordering;

use crate::catalogue::Dtype;
use crate::float::Float;
use crate::launch::{Launch, LaunchError};

/// The elements, ascending.
pub(crate) fn sort(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.input_dtype() {
        Dtype::F32 => sort_by(launch, f32::total_cmp),
        _ => sort_by(launch, f64::total_cmp),
    }
}

fn sort_by<T: Float>(launch: &mut Launch<'_, '_>, order: impl Fn(&T, &T) -> Ordering) -> Result<(), LaunchError> {
    let x = launch.slice::<T>(0)?;
    let out = launch.output::<T>()?;
    for (out, x) in out.iter_mut().zip(x) {
        *out = x.canonical();
    }
    out.sort_by(order);
    Ok(())
}

/// The places of the elements, ascending.
pub(crate) fn argsort(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.input_dtype() {
        Dtype::F32 => argsort_by(launch, f32::total_cmp),
        _ => argsort_by(launch, f64::total_cmp),
    }
}

fn argsort_by<T: Float>(launch: &mut Launch<'_, '_>, order: impl Fn(&T, &T) -> Ordering) -> Result<(), LaunchError> {
    let x = launch.slice::<T>(0)?;
    let out = launch.output::<i64>()?;
    for (place, out) in out.iter_mut().enumerate() {
        *out = place as i64;
    }
    out.sort_by(|&one, &other| order(&x[one as usize].canonical(), &x[other as usize].canonical()));
    Ok(())
}
