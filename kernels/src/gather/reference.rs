//! Rows by index, one at a time. Rows move as bytes, so no element can change on the way.

use crate::launch::{Launch, LaunchError};

/// Row `i` of the output is row `ids[i]` of the table.
pub(crate) fn gather_rows(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let (table, ids) = (launch.slice::<u8>(0)?, launch.slice::<i64>(1)?);
    let rows = launch.shape(0).dims().first().copied().unwrap_or(0);
    check_ids(ids, rows)?;
    let out = launch.output::<u8>()?;
    let row_bytes = if ids.is_empty() { 0 } else { out.len() / ids.len() };
    for (place, &id) in ids.iter().enumerate() {
        let (to, from) = (place * row_bytes, id as usize * row_bytes);
        out[to..to + row_bytes].copy_from_slice(&table[from..from + row_bytes]);
    }
    Ok(())
}

/// The table, with row `ids[i]` replaced by row `i` of x, in the order of `i`.
pub(crate) fn scatter_rows(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let (table, ids, x) = (launch.slice::<u8>(0)?, launch.slice::<i64>(1)?, launch.slice::<u8>(2)?);
    let rows = launch.shape(0).dims().first().copied().unwrap_or(0);
    check_ids(ids, rows)?;
    let out = launch.output::<u8>()?;
    out.copy_from_slice(table);
    let row_bytes = if ids.is_empty() { 0 } else { x.len() / ids.len() };
    for (place, &id) in ids.iter().enumerate() {
        let (to, from) = (id as usize * row_bytes, place * row_bytes);
        out[to..to + row_bytes].copy_from_slice(&x[from..from + row_bytes]);
    }
    Ok(())
}

/// Refuses the first id that is no row; ids are not counted from the end.
pub(super) fn check_ids(ids: &[i64], rows: u64) -> Result<(), LaunchError> {
    let is_row = |id: &i64| u64::try_from(*id).is_ok_and(|id| id < rows);
    match ids.iter().position(|id| !is_row(id)) {
        None => Ok(()),
        Some(place) => Err(LaunchError::Data {
            element: place as u64,
            message: format!("input `ids`: element {place} is {}, but `table` has {rows} rows", ids[place]),
        }),
    }
}
