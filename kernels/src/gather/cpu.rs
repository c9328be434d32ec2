//! Rows by index, on threads.

use rayon::prelude::*;

use super::reference::check_ids;
use crate::launch::{Launch, LaunchError};

/// Output bytes from which threads are worth their start.
const PARALLEL_FROM_BYTES: usize = 256 * 1024;

/// Row `i` of the output is row `ids[i]` of the table.
pub(crate) fn gather_rows(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let (table, ids) = (launch.slice::<u8>(0)?, launch.slice::<i64>(1)?);
    let rows = launch.shape(0).dims().first().copied().unwrap_or(0);
    check_ids(ids, rows)?;
    let out = launch.output::<u8>()?;
    if out.is_empty() {
        return Ok(());
    }
    let row_bytes = out.len() / ids.len();
    let copy = |(ids, out): (&[i64], &mut [u8])| {
        for (&id, out) in ids.iter().zip(out.chunks_exact_mut(row_bytes)) {
            let from = id as usize * row_bytes;
            out.copy_from_slice(&table[from..from + row_bytes]);
        }
    };
    if out.len() < PARALLEL_FROM_BYTES {
        copy((ids, out));
    } else {
        let rows_at_once = (PARALLEL_FROM_BYTES / 4).div_ceil(row_bytes);
        ids.par_chunks(rows_at_once).zip(out.par_chunks_mut(rows_at_once * row_bytes)).for_each(copy);
    }
    Ok(())
}

/// The table, with row `ids[i]` replaced by row `i` of x. Each thread has rows of its own and looks through all ids for
/// them, in order, so the highest `i` wins on any number of threads.
pub(crate) fn scatter_rows(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let (table, ids, x) = (launch.slice::<u8>(0)?, launch.slice::<i64>(1)?, launch.slice::<u8>(2)?);
    let rows = launch.shape(0).dims().first().copied().unwrap_or(0);
    check_ids(ids, rows)?;
    let out = launch.output::<u8>()?;
    if out.is_empty() {
        return Ok(());
    }
    let row_bytes = out.len() / rows as usize;
    let fill = |first: usize, out: &mut [u8]| {
        out.copy_from_slice(&table[first * row_bytes..][..out.len()]);
        let rows = out.len() / row_bytes;
        for (&id, x) in ids.iter().zip(x.chunks_exact(row_bytes)) {
            // Below the first it wraps to a row that no table has.
            let row = (id as usize).wrapping_sub(first);
            if row < rows {
                out[row * row_bytes..][..row_bytes].copy_from_slice(x);
            }
        }
    };
    if out.len() < PARALLEL_FROM_BYTES {
        fill(0, out);
    } else {
        let rows_at_once = (rows as usize).div_ceil(rayon::current_num_threads());
        let parts = out.par_chunks_mut(rows_at_once * row_bytes).enumerate();
        parts.for_each(|(index, out)| fill(index * rows_at_once, out));
    }
    Ok(())
}
