//! Rows by index, on threads.

use rayon::prelude::*;

use super::reference::check_ids;
use crate::launch::{DataError, Launch};

/// Output bytes from which threads are worth their start.
const PARALLEL_FROM_BYTES: usize = 256 * 1024;

/// Row `i` of the output is row `ids[i]` of the table.
pub(crate) fn gather_rows(launch: &mut Launch<'_, '_>) -> Result<(), DataError> {
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
