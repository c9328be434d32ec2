//! The scan.

use super::reference;
use crate::dispatch::Level;
use crate::launch::{DataError, Launch};

/// For each element the sum of all up to it.
pub(crate) fn scan(_: Level, launch: &mut Launch<'_, '_>) -> Result<(), DataError> {
    reference::scan(launch)
}
