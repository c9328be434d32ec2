//! The matrix product one element at a time, as the specification writes it.

use super::Extents;
use crate::catalogue::ParamValue;
use crate::float::Float;
use crate::launch::{DataError, Launch};

/// a times b, plus bias if it is there.
pub(crate) fn matmul(launch: &mut Launch<'_, '_>, params: &[Option<ParamValue>]) -> Result<(), DataError> {
    let (a, b) = (launch.slice::<f32>(0)?, launch.slice::<f32>(1)?);
    let bias = if launch.inputs[2].is_some() { Some(launch.slice::<f32>(2)?) } else { None };
    let extents = Extents::of(launch, params);
    let Extents { m, n, .. } = extents;
    for (index, out) in launch.output::<f32>()?.iter_mut().enumerate() {
        let (batch, i, j) = (index / (m * n), index / n % m, index % n);
        let value = element(&extents, a, b, batch, i, j);
        *out = match bias {
            Some(bias) => value + bias[j],
            None => value,
        }
        .canonical();
    }
    Ok(())
}

fn element(extents: &Extents, a: &[f32], b: &[f32], batch: usize, i: usize, j: usize) -> f32 {
    let ks: Vec<usize> = (0..extents.k).collect();
    let mut panels = ks.chunks(1024).map(|panel| {
        let mut acc = -0.0f32;
        for &k in panel {
            acc = a[extents.a_at(batch, i, k)].fused(b[extents.b_at(batch, k, j)], acc);
        }
        acc
    });
    let first = panels.next().unwrap_or(0.0);
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
