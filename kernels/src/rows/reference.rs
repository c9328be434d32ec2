//! Row-wise kernels as the specification writes them.

use super::only_param;
use crate::catalogue::ParamValue;
use crate::float::Float;
use crate::function::reference::exp;
use crate::launch::{Launch, LaunchError};
use crate::reduce::reference::{mean_of, sum, sum_sq_of, var_of};

/// m = max(row); e = exp(x - m); s = sum(e); y = e / s.
pub(crate) fn softmax(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    each_row(launch, softmax_row)
}

/// The softmax of one row, which has an element or more.
pub(super) fn softmax_row(row: &[f32]) -> Vec<f32> {
    let greatest = row.iter().copied().reduce(f32::greatest).unwrap_or(f32::NEG_INFINITY);
    let powers: Vec<f32> = row.iter().map(|&x| exp(x - greatest)).collect();
    let total = sum(&powers);
    powers.iter().map(|power| power / total).collect()
}

/// m = mean, v = var, r = sqrt(v + eps); y = fma((x - m) / r, gamma, beta), less what is absent.
pub(crate) fn layernorm(launch: &mut Launch<'_, '_>, params: &[Option<ParamValue>]) -> Result<(), LaunchError> {
    let eps = only_param(params);
    let (gamma, beta) = (launch.optional_slice::<f32>(1)?, launch.optional_slice::<f32>(2)?);
    each_row(launch, |row| {
        let mean = mean_of(row);
        let root = (var_of(row, mean) + eps).sqrt();
        let scaled = |(column, &x): (usize, &f32)| {
            let x = (x - mean) / root;
            match (gamma, beta) {
                (Some(gamma), Some(beta)) => x.fused(gamma[column], beta[column]),
                (Some(gamma), None) => x * gamma[column],
                (None, Some(beta)) => x + beta[column],
                (None, None) => x,
            }
        };
        row.iter().enumerate().map(scaled).collect()
    })
}

/// r = sqrt(sum_sq / n + eps); y = (x / r) * gamma, less what is absent.
pub(crate) fn rmsnorm(launch: &mut Launch<'_, '_>, params: &[Option<ParamValue>]) -> Result<(), LaunchError> {
    let eps = only_param(params);
    let gamma = launch.optional_slice::<f32>(1)?;
    each_row(launch, |row| {
        let root = (sum_sq_of(row) / row.len() as f32 + eps).sqrt();
        let scaled = |(column, &x): (usize, &f32)| match gamma {
            Some(gamma) => x / root * gamma[column],
            None => x / root,
        };
        row.iter().enumerate().map(scaled).collect()
    })
}

/// Gives each row of the last dimension to `f` and stores what comes back.
fn each_row(launch: &mut Launch<'_, '_>, f: impl Fn(&[f32]) -> Vec<f32>) -> Result<(), LaunchError> {
    let columns = launch.shape(0).dims().last().map_or(1, |&columns| columns as usize);
    if columns == 0 {
        return Ok(());
    }
    let x = launch.slice::<f32>(0)?;
    for (row, out) in x.chunks(columns).zip(launch.output::<f32>()?.chunks_mut(columns)) {
        for (out, y) in out.iter_mut().zip(f(row)) {
            *out = y.canonical();
        }
    }
    Ok(())
}
