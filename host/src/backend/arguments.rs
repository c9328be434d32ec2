//! What a launch is given: its arrays and parameters, held against the catalogue and the buffers before anything is
//! queued, and as the ABI lays them out.

use std::sync::Arc;

use clamp_kernels::catalogue::{ArrayDesc, Dtype, LaunchParams, Shape};
use clamp_plugin_api::abi::{CLAMP_MAX_DIMS, ClampArray};
use smallvec::SmallVec;

use super::session::{Buffer, Kernel};
use crate::error::{Error, Result};

/// An array argument of a launch.
#[derive(Clone)]
pub struct ArrayRef {
    /// The memory.
    pub buffer: Arc<Buffer>,
    /// Of the first element.
    pub byte_offset: u64,
    /// Element type.
    pub dtype: Dtype,
    /// Extents.
    pub shape: Shape,
}

/// One launch, arguments in catalogue order.
#[derive(Clone)]
pub struct LaunchSpec {
    /// What runs.
    pub kernel: Arc<Kernel>,
    /// `None` for an absent optional input.
    pub inputs: Vec<Option<ArrayRef>>,
    /// Outputs.
    pub outputs: Vec<ArrayRef>,
    /// Per-launch parameters.
    pub params: LaunchParams,
}

/// In the place of an optional input that is not there.
pub(super) const ABSENT: ClampArray =
    ClampArray { buffer: std::ptr::null_mut(), byte_offset: 0, dtype: 0, ndim: 0, dims: [0; CLAMP_MAX_DIMS] };

/// As the ABI has it.
#[inline]
pub(super) fn raw(array: &ArrayRef) -> ClampArray {
    let mut dims = [0; CLAMP_MAX_DIMS];
    dims[..array.shape.ndim()].copy_from_slice(array.shape.dims());
    ClampArray {
        buffer: array.buffer.handle,
        byte_offset: array.byte_offset,
        dtype: array.dtype.code(),
        ndim: array.shape.ndim() as u32,
        dims,
    }
}

#[inline]
fn desc(array: &ArrayRef) -> ArrayDesc {
    ArrayDesc {
        dtype: array.dtype,
        shape: array.shape,
        storage: array.buffer.storage_id(),
        byte_offset: array.byte_offset,
    }
}

/// Refuses what the kernel does not take, by the names of the catalogue.
pub(super) fn check(launch: &LaunchSpec) -> Result<()> {
    let spec = launch.kernel.spec;
    // Extended where they lie: `collect` would copy all their room.
    let (mut inputs, mut outputs) = (SmallVec::<[Option<ArrayDesc>; 4]>::new(), SmallVec::<[ArrayDesc; 2]>::new());
    inputs.extend(launch.inputs.iter().map(|a| a.as_ref().map(desc)));
    outputs.extend(launch.outputs.iter().map(desc));
    let refused = |what: &dyn std::fmt::Display| Error::bad_input(format!("kernel {}: {what}", spec.id));
    let LaunchParams { values, present } = &launch.params;
    let params = spec.launch_values(&launch.kernel.fixed, values, *present).map_err(|e| refused(&e))?;
    spec.check(&inputs, &outputs, &params).map_err(|e| refused(&e))?;
    for array in launch.inputs.iter().flatten().chain(&launch.outputs) {
        in_bounds(&array.buffer, array.byte_offset, array.shape.bytes(array.dtype), spec.id)?;
    }
    Ok(())
}

/// Refuses a range that leaves its buffer; `what` begins the sentence.
pub(super) fn in_bounds(buffer: &Buffer, offset: u64, len: u64, what: &str) -> Result<()> {
    match offset.checked_add(len) {
        Some(end) if end <= buffer.bytes => Ok(()),
        _ => Err(Error::bad_input(format!(
            "{what}: {len} bytes from byte {offset} do not lie in a buffer of {} bytes",
            buffer.bytes
        ))),
    }
}
