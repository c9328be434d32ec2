//! Values that outlive the call, in a cache of the host's that is this overlay's alone; needs the grant `store`. Any value
//! may be gone at any time. Writing wants a phase that may write (ASCEND).

use crate::bindings::clamp::overlay::store;
use crate::failure::HostError;

/// A value, if it is there.
///
/// # Errors
/// A value that is larger than one host call may move.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, HostError> {
    store::get(key)
}

/// Keeps a value.
///
/// # Errors
/// A phase that may change nothing, or a value that is too large.
pub fn put(key: &str, value: &[u8]) -> Result<(), HostError> {
    store::put(key, value)
}

/// Takes a value away; whether it was there.
///
/// # Errors
/// A phase that may change nothing.
pub fn delete(key: &str) -> Result<bool, HostError> {
    store::delete(key)
}
