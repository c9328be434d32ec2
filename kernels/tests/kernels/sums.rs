//! Cases for exact sums and scans: floats that go through every way of summing, and sizes around every seam.

use clamp_kernels::catalogue::{Given, KernelSpec};

use crate::agree::{Case, FILLS};
use crate::arrays::{Fill, filled};

/// Finite floats that an exact sum takes in different ways: close together or as far apart as can be, in blocks that
/// differ, with a few infinities or NaNs.
pub fn exact_sums(spec: &KernelSpec) -> Vec<Case> {
    let dtype = spec.inputs[0].dtype;
    /// Changes the bytes of the element at an index.
    type Change<'a> = &'a dyn Fn(u64, &mut [u8]);
    let case = |dims: &[u64], rows: bool, change: Change<'_>| {
        let input = |seed: u64| {
            let mut array = filled(dtype, dims, Fill::Wild, seed);
            let size = dtype.size() as usize;
            array.bytes_mut().chunks_exact_mut(size).enumerate().for_each(|(index, bytes)| change(index as u64, bytes));
            Some(array)
        };
        Case { inputs: (1..=spec.inputs.len() as u64).map(input).collect(), given: vec![("rows", Given::Flag(rows))] }
    };
    // The highest byte and the next hold the exponent.
    let exponent = |bytes: &mut [u8], exponent: u8| {
        let last = bytes.len() - 1;
        bytes[last] = bytes[last] & 0x80 | exponent;
    };
    let finite = |_: u64, bytes: &mut [u8]| {
        let last = bytes.len() - 1;
        if bytes[last] & 0x7f == 0x7f && bytes[last - 1] >= 0x80 {
            bytes[last - 1] &= 0x7f;
            bytes[last] &= 0xbf;
        }
    };
    let narrow = |_: u64, bytes: &mut [u8]| exponent(bytes, 0x3f);
    let stepped = |index: u64, bytes: &mut [u8]| exponent(bytes, (index / 4096 * 37 % 0x7f) as u8);
    let sparse = |index: u64, bytes: &mut [u8]| {
        narrow(index, bytes);
        if index % 4099 == 4098 {
            finite(index, bytes);
            exponent(bytes, if index.is_multiple_of(2) { 0 } else { 0x7e });
        }
    };
    let one_infinity = |index: u64, bytes: &mut [u8]| {
        finite(index, bytes);
        if index == 4097 {
            let last = bytes.len() - 1;
            bytes.fill(0);
            (bytes[last], bytes[last - 1]) = (0xff, if last == 3 { 0x80 } else { 0xf0 });
        }
    };
    let changes: [Change<'_>; 5] = [&finite, &narrow, &stepped, &sparse, &one_infinity];
    let mut cases = Vec::new();
    for change in changes {
        for size in [1, 15, 16, 17, 100, 4095, 4096, 4097, 16_383, 16_384, 70_000] {
            cases.push(case(&[size], false, change));
        }
        cases.push(case(&[300, 40], true, change));
        cases.push(case(&[9, 20_000], true, change));
    }
    // More than one task.
    cases.push(case(&[1_100_000], false, &finite));
    cases
}

/// Sizes around segments, blocks and tiles.
pub fn scans(spec: &KernelSpec) -> Vec<Case> {
    let dtype = spec.inputs[0].dtype;
    let case = |size: u64, fill| Case { inputs: vec![Some(filled(dtype, &[size], fill, size))], given: vec![] };
    let sizes = [0, 1, 15, 16, 17, 31, 33, 1008, 1009, 1023, 1024, 1025, 2048, 2049, 16384, 17000, 70000, 300_001];
    let mut cases: Vec<Case> = sizes.iter().flat_map(|&size| FILLS.map(|fill| case(size, fill))).collect();
    // A second level of block totals.
    cases.push(case(1024 * 1024 + 1, Fill::Tame));
    cases
}
