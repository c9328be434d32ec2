//! The matrix product one element at a time, as the specification writes it.

use super::Extents;
use crate::catalogue::{Dtype, ParamValue};
use crate::float::Float;
use crate::launch::{Launch, LaunchError};

/// a times b, plus bias if it is there.
pub(crate) fn matmul(launch: &mut Launch<'_, '_>, params: &[Option<ParamValue>]) -> Result<(), LaunchError> {
    let extents = Extents::of(launch, params);
    match launch.output_dtype() {
        Dtype::F32 => floats::<f32>(&extents, launch),
        Dtype::F64 => floats::<f64>(&extents, launch),
        _ => integers(&extents, launch),
    }
}

fn floats<T: Float>(extents: &Extents, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let (a, b, bias) = (launch.slice(0)?, launch.slice(1)?, launch.optional_slice(2)?);
    product::<T>(extents, a, b, bias, launch.output()?);
    Ok(())
}

/// a times b, plus bias if it is there, for slices that fit the extents.
pub(crate) fn product<T: Float>(extents: &Extents, a: &[T], b: &[T], bias: Option<&[T]>, out: &mut [T]) {
    let Extents { m, n, .. } = *extents;
    for (index, out) in out.iter_mut().enumerate() {
        let (batch, i, j) = (index / (m * n), index / n % m, index % n);
        let value = element(extents, a, b, batch, i, j);
        *out = match bias {
            Some(bias) => value + bias[j],
            None => value,
        }
        .canonical();
    }
}

fn integers(extents: &Extents, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let (a, b) = (launch.slice::<i8>(0)?, launch.slice::<i8>(1)?);
    let bias = launch.optional_slice::<i32>(2)?;
    let Extents { m, n, k, .. } = *extents;
    for (index, out) in launch.output::<i32>()?.iter_mut().enumerate() {
        let (batch, i, j) = (index / (m * n), index / n % m, index % n);
        let step = |k| i32::from(a[extents.a_at(batch, i, k)]) * i32::from(b[extents.b_at(batch, k, j)]);
        *out = (0..k).map(step).sum::<i32>().saturating_add(bias.map_or(0, |bias| bias[j]));
    }
    Ok(())
}

fn element<T: Float>(extents: &Extents, a: &[T], b: &[T], batch: usize, i: usize, j: usize) -> T {
    let ks: Vec<usize> = (0..extents.k).collect();
    let mut panels = ks.chunks(1024).map(|panel| {
        let mut acc = T::NEGATIVE_ZERO;
        for &k in panel {
            acc = a[extents.a_at(batch, i, k)].fused(b[extents.b_at(batch, k, j)], acc);
        }
        acc
    });
    let first = panels.next().unwrap_or(T::ZERO);
    panels.fold(first, |c, panel| c + panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(a: &[f32], b: &[f32]) -> f32 {
        let extents = Extents { m: 1, n: 1, k: a.len(), shared_b: true, transpose_a: false, transpose_b: false };
        element(&extents, a, b, 0, 0, 0)
    }

    #[test]
    fn nothing_gives_plus_zero_and_zeros_keep_their_sign() {
        assert_eq!(product(&[], &[]).to_bits(), 0);
        assert_eq!(product(&[-0.0], &[1.0]).to_bits(), 0x8000_0000);
        assert_eq!(product(&[-0.0; 1025], &[1.0; 1025]).to_bits(), 0x8000_0000);
        assert_eq!(product(&[0.0], &[1.0]).to_bits(), 0);
    }

    #[test]
    fn a_panel_is_1024_long_and_panels_are_added_in_order() {
        let big = 16_777_216f32;
        let mut a = vec![0f32; 1026];
        (a[0], a[1023]) = (big, 1.0);
        let ones = vec![1f32; 1026];
        assert_eq!(product(&a, &ones), big, "k = 1023 is in the first panel");
        (a[1023], a[1024], a[1025]) = (0.0, 1.0, 1.0);
        assert_eq!(product(&a, &ones), big + 2.0, "k = 1024 and 1025 meet in the second panel");
        let mut a = vec![0f32; 2049];
        (a[0], a[1024], a[2048]) = (big, 1.0, 1.0);
        assert_eq!(product(&a, &vec![1.0; 2049]), big, "the panels meet one after the other");
    }

    #[test]
    fn a_step_is_fused() {
        let x = 1.0f32 + f32::EPSILON;
        assert_eq!(product(&[x * x, x], &[-1.0, x]), f32::EPSILON * f32::EPSILON);
    }
}
