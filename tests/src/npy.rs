//! NumPy files for the tests: just enough to give a kernel something and to look at what it made.

use std::path::Path;

/// Writes a 1-D array.
///
/// # Panics
/// If the disk refuses.
pub fn npy(path: &Path, values: &[f32]) {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    npy_bytes(path, "<f4", &[values.len()], &bytes);
}

/// Writes an array of any type, called as NumPy calls it, from its bytes.
///
/// # Panics
/// If the disk refuses.
pub fn npy_bytes(path: &Path, descr: &str, dims: &[usize], bytes: &[u8]) {
    let dims: String = dims.iter().map(|dim| format!("{dim},")).collect();
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({dims}), }}");
    text.extend(std::iter::repeat_n(' ', 63 - (10 + text.len()) % 64));
    text.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((text.len() as u16).to_le_bytes());
    file.extend(text.as_bytes());
    file.extend(bytes);
    std::fs::write(path, file).expect("write");
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
