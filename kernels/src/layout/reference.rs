//! Moves by place, one element or one run of bytes at a time.

use super::axis;
use crate::catalogue::ParamValue;
use crate::launch::{Launch, LaunchError};

/// The last two extents exchanged.
pub(crate) fn transpose(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let [.., rows, columns] = *launch.shape(0).dims() else { return Ok(()) };
    let (rows, columns, size) = (rows as usize, columns as usize, launch.output_dtype().size() as usize);
    let x = launch.slice::<u8>(0)?;
    for (element, out) in launch.output::<u8>()?.chunks_exact_mut(size).enumerate() {
        let (matrix, place) = (element / (rows * columns), element % (rows * columns));
        let from = matrix * rows * columns + place % rows * columns + place / rows;
        out.copy_from_slice(&x[from * size..][..size]);
    }
    Ok(())
}

/// The parts one behind the other along the axis.
pub(crate) fn concat(launch: &mut Launch<'_, '_>, params: &[Option<ParamValue>]) -> Result<(), LaunchError> {
    let parts = parts(launch, params)?;
    let mut rest = launch.output::<u8>()?;
    let outer = parts.iter().find(|part| part.run > 0).map_or(0, |part| part.bytes.len() / part.run);
    for row in 0..outer {
        for part in &parts {
            let (out, behind) = rest.split_at_mut(part.run);
            out.copy_from_slice(&part.bytes[row * part.run..][..part.run]);
            rest = behind;
        }
    }
    Ok(())
}

/// One present input of a concat.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) bytes: &'a [u8],
    /// How many bytes of it go together: all from the axis inwards.
    pub(super) run: usize,
}

/// The present inputs in order.
pub(super) fn parts<'a>(launch: &Launch<'a, '_>, params: &[Option<ParamValue>]) -> Result<Vec<Part<'a>>, LaunchError> {
    let (axis, size) = (axis(params) as usize, launch.output_dtype().size());
    let present = launch.inputs.iter().enumerate().filter(|(_, input)| input.is_some());
    let part = |position: usize| {
        let run = launch.shape(position).dims()[axis..].iter().product::<u64>() * size;
        Ok(Part { bytes: launch.slice(position)?, run: run as usize })
    };
    present.map(|(position, _)| part(position)).collect()
}
