//! An array in host memory, aligned to 8 bytes whatever its dtype.

use clamp_kernels::catalogue::{Dtype, Shape};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Shape,
    words: Vec<u64>,
}

impl Array {
    /// Not zero, so that an element that is not written shows.
    pub(crate) fn new(dtype: Dtype, shape: Shape) -> Array {
        Array { dtype, shape, words: vec![0xa5a5_a5a5_a5a5_a5a5; shape.bytes(dtype).div_ceil(8) as usize] }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.shape.bytes(self.dtype) as usize]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let len = self.shape.bytes(self.dtype) as usize;
        &mut bytemuck::cast_slice_mut(&mut self.words)[..len]
    }
}

/// The first element at which two arrays' bytes differ, with both values in hexadecimal.
pub(crate) fn difference(expected: &[u8], got: &[u8], size: usize) -> Option<String> {
    if expected == got {
        return None;
    }
    let hex = |bytes: &[u8]| -> String { bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect() };
    let pairs = expected.chunks(size).zip(got.chunks(size)).enumerate();
    let mut differing = pairs.filter(|(_, (expected, got))| expected != got);
    match differing.next() {
        Some((element, (expected, got))) => {
            let others = differing.count();
            Some(format!(
                "element {element} is {} but the reference says {} ({others} more differ)",
                hex(got),
                hex(expected)
            ))
        }
        None => Some(format!("{} bytes instead of {}", got.len(), expected.len())),
    }
}
