//! Histograms one element at a time, by looking at one bin after the other.

use super::refused_edge;
use crate::catalogue::Dtype;
use crate::float::Float;
use crate::launch::{Launch, LaunchError};

/// Counts of the bins, then below, above and NaN.
pub(crate) fn histogram(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.input_dtype() {
        Dtype::F32 => histogram_of::<f32>(launch),
        _ => histogram_of::<f64>(launch),
    }
}

fn histogram_of<T: Float>(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let (x, edges) = (launch.slice::<T>(0)?, launch.slice::<T>(1)?);
    check_edges(edges)?;
    let bins = edges.len() - 1;
    let out = launch.output::<i64>()?;
    out.fill(0);
    for &x in x {
        let place = if x < edges[0] {
            bins
        } else if x > edges[bins] {
            bins + 1
        } else if x == edges[bins] {
            bins - 1
        } else {
            // With a NaN no comparison is true.
            edges.windows(2).position(|edges| edges[0] <= x && x < edges[1]).unwrap_or(bins + 2)
        };
        out[place] += 1;
    }
    Ok(())
}

/// Refuses the first edge that is not finite or not above the one before it.
pub(super) fn check_edges<T: Float>(edges: &[T]) -> Result<(), LaunchError> {
    for (place, &edge) in edges.iter().enumerate() {
        // Of an infinity or a NaN, the product is a NaN.
        let is_finite = edge * T::ZERO == T::ZERO;
        if !is_finite || place > 0 && edge <= edges[place - 1] {
            return Err(LaunchError::Data { element: place as u64, message: refused_edge(place as u64, edge) });
        }
    }
    Ok(())
}
