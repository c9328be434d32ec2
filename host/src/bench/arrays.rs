//! The arrays of one plan on the device, filled and ready to launch on.

use std::sync::Arc;

use clamp_kernels::catalogue::{Dtype, Shape};

use super::plan::Plan;
use super::values::{TILE, Values};
use crate::backend::{ArrayRef, Device, LaunchSpec, Offer, Queue};
use crate::error::{Error, Result};

/// The launch that a plan stands for; `None` if the backend does not have the kernel.
pub(super) fn launch(device: &Arc<Device>, queue: &mut Queue, plan: &Plan) -> Result<Option<LaunchSpec>> {
    if device.offer(plan.spec.id)? != Offer::Here {
        return Ok(None);
    }
    let kernel = device.open_kernel(plan.spec, &plan.fixed)?;
    let mut inputs = Vec::new();
    for (position, (input, arg)) in plan.inputs.iter().zip(plan.spec.inputs).enumerate() {
        inputs.push(match input {
            Some((shape, values)) => {
                let array = alloc(device, arg.dtype, *shape)?;
                fill(queue, &array, *values, position as u64 + 1)?;
                Some(array)
            }
            None => None,
        });
    }
    let outputs = plan.outputs.iter().zip(plan.spec.outputs).map(|(shape, arg)| alloc(device, arg.dtype, *shape));
    let outputs = outputs.collect::<Result<Vec<_>>>()?;
    Ok(Some(LaunchSpec { kernel, inputs, outputs, params: plan.params.clone() }))
}

/// An array of its own.
pub(super) fn alloc(device: &Arc<Device>, dtype: Dtype, shape: Shape) -> Result<ArrayRef> {
    let buffer = device.alloc(shape.bytes(dtype))?;
    Ok(ArrayRef { buffer, byte_offset: 0, dtype, shape })
}

/// Repeats a tile of the numbers through the array.
pub(super) fn fill(queue: &mut Queue, array: &ArrayRef, values: Values, salt: u64) -> Result<()> {
    let bytes = array.shape.bytes(array.dtype);
    let tile = values.tile(array.dtype, usize::try_from(bytes).unwrap_or(TILE).min(TILE), salt);
    let mut at = 0;
    while at < bytes {
        let len = tile.len().min(usize::try_from(bytes - at).unwrap_or(TILE));
        if len == 0 {
            return Err(Error::internal("an empty tile"));
        }
        queue.upload(&array.buffer, at, &tile[..len])?;
        at += len as u64;
    }
    Ok(())
}
