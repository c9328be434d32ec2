//! Row-wise kernels as the specification writes them.

use crate::float::Float;
use crate::function::reference::exp;
use crate::launch::{DataError, Launch};
use crate::reduce::reference::sum;

/// m = max(row); e = exp(x - m); s = sum(e); y = e / s.
pub(crate) fn softmax(launch: &mut Launch<'_, '_>) -> Result<(), DataError> {
    let columns = launch.shape(0).dims().last().map_or(1, |&columns| columns as usize);
    if columns == 0 {
        return Ok(());
    }
    let x = launch.slice::<f32>(0)?;
    for (row, out) in x.chunks(columns).zip(launch.output::<f32>()?.chunks_mut(columns)) {
        let greatest = row.iter().copied().reduce(f32::greatest).unwrap_or(f32::NEG_INFINITY);
        let powers: Vec<f32> = row.iter().map(|&x| exp(x - greatest)).collect();
        let total = sum(&powers);
        for (out, power) in out.iter_mut().zip(powers) {
            *out = (power / total).canonical();
        }
    }
    Ok(())
}
