//! The read-only files that the manifest declares; needs the grant `assets`.

use crate::bindings::clamp::overlay::assets;
use crate::failure::HostError;
use crate::tensor::{CHUNK_BYTES, Dtype, Tensor};

/// The asset's length in bytes.
///
/// # Errors
/// `not-found` for a name that the manifest does not declare.
pub fn size(name: &str) -> Result<u64, HostError> {
    assets::size(name)
}

/// The whole asset.
///
/// # Errors
/// `not-found`, or `limit` when it does not fit into the overlay's memory.
pub fn read(name: &str) -> Result<Vec<u8>, HostError> {
    let size = assets::size(name)?;
    let room = usize::try_from(size)
        .map_err(|_| HostError::Limit(format!("asset `{name}` has {size} bytes, more than an overlay can hold")))?;
    let mut bytes = Vec::with_capacity(room);
    while (bytes.len() as u64) < size {
        let left = size - bytes.len() as u64;
        let chunk = assets::read(name, bytes.len() as u64, left.min(u64::from(CHUNK_BYTES)) as u32)?;
        if chunk.is_empty() {
            return Err(HostError::Io(format!("asset `{name}` ended after {} of {size} bytes", bytes.len())));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Little-endian elements from `byte_offset` of the asset, straight to the device.
///
/// # Errors
/// `not-found`, or `invalid` when the asset is too short for the shape.
pub fn load(name: &str, byte_offset: u64, dtype: Dtype, shape: &[u64]) -> Result<Tensor, HostError> {
    assets::load(name, byte_offset, dtype, shape).map(Tensor::from_raw)
}
