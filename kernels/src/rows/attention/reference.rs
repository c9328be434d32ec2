//! Attention composed of the kernels that the specification names.

use super::Attention;
use crate::catalogue::ParamValue;
use crate::launch::{Launch, LaunchError};
use crate::matmul::Extents;
use crate::matmul::reference::product;
use crate::rows::reference::softmax_row;

/// s = matmul(q, k^T) * scale + mask; softmax; matmul with v.
pub(crate) fn attention(launch: &mut Launch<'_, '_>, params: &[Option<ParamValue>]) -> Result<(), LaunchError> {
    let attention = Attention::of(launch, params)?;
    let Attention { s, t, d, e, scale, .. } = attention;
    let out = launch.output::<f32>()?;
    if out.is_empty() {
        return Ok(());
    }
    let extents =
        |k: usize, n: usize, transpose_b: bool| Extents { m: s, n, k, shared_b: true, transpose_a: false, transpose_b };
    for (batch, out) in out.chunks_mut(s * e).enumerate() {
        let Attention { q, k, v, mask, .. } = attention.batch(batch);
        let mut scores = vec![0.0; s * t];
        product(&extents(d, t, true), q, k, None, &mut scores);
        for (index, score) in scores.iter_mut().enumerate() {
            *score *= scale;
            if let Some(mask) = mask {
                *score += mask[index];
            }
        }
        let weights: Vec<f32> = scores.chunks(t.max(1)).flat_map(softmax_row).collect();
        product(&extents(t, e, false), &weights, v, None, out);
    }
    Ok(())
}
