//! NumPy files of f32 for the tests: just enough to give a kernel something and to look at what it made.

use std::path::Path;

/// Writes a 1-D array.
///
/// # Panics
/// If the disk refuses.
pub fn npy(path: &Path, values: &[f32]) {
    let dims = format!("({},)", values.len());
    let mut text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {dims}, }}");
    text.extend(std::iter::repeat_n(' ', 63 - (10 + text.len()) % 64));
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    std::fs::write(path, bytes).expect("write");
}

/// The elements of an array that the host wrote.
///
/// # Panics
/// If there is none.
pub fn elements(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).expect("read");
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[start..].chunks_exact(4).map(|c| f32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect()
}
