//! The scan as the specification writes it: segments, the totals of a block's segments, the totals of blocks.

use super::{BLOCK, SEGMENT, SEGMENTS};
use crate::catalogue::Dtype;
use crate::float::Float;
use crate::launch::{Launch, LaunchError};

/// For each element the sum of all up to it.
pub(crate) fn scan(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.output_dtype() {
        Dtype::F32 => scan_of::<f32>(launch),
        _ => scan_of::<f64>(launch),
    }
}

fn scan_of<T: Float>(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let values = scanned(launch.slice::<T>(0)?);
    for (out, value) in launch.output::<T>()?.iter_mut().zip(values) {
        *out = value.canonical();
    }
    Ok(())
}

/// The scan of `x`. A NaN may have any bits.
fn scanned<T: Float>(x: &[T]) -> Vec<T> {
    let blocks: Vec<Vec<T>> = x.chunks(BLOCK).map(scanned_block).collect();
    if blocks.len() <= 1 {
        return blocks.concat();
    }
    let totals: Vec<T> = blocks.iter().map(|block| block[block.len() - 1]).collect();
    let before = scanned(&totals);
    let mut values = blocks.concat();
    for (index, value) in values.iter_mut().enumerate().skip(BLOCK) {
        *value = before[index / BLOCK - 1] + *value;
    }
    values
}

fn scanned_block<T: Float>(x: &[T]) -> Vec<T> {
    let mut values = x.to_vec();
    // A missing element is -0, so what is not there leaves each total as it is.
    let mut totals = [T::NEGATIVE_ZERO; SEGMENTS];
    for (segment, total) in values.chunks_mut(SEGMENT).zip(&mut totals) {
        for value in segment {
            *total = *total + *value;
            *value = *total;
        }
    }
    let mut distance = 1;
    while distance < SEGMENTS {
        let old = totals;
        for i in distance..SEGMENTS {
            totals[i] = old[i - distance] + old[i];
        }
        distance *= 2;
    }
    for (index, value) in values.iter_mut().enumerate().skip(SEGMENT) {
        *value = totals[index / SEGMENT - 1] + *value;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIG: f32 = 16_777_216.0;

    /// The last value of the scan of `n` elements that are 0 but for these.
    fn last(n: usize, elements: &[(usize, f32)]) -> f32 {
        let mut x = vec![0f32; n];
        elements.iter().for_each(|&(index, value)| x[index] = value);
        scanned(&x)[n - 1]
    }

    #[test]
    fn a_segment_is_16_elements_in_sequence() {
        assert_eq!(last(16, &[(0, BIG), (1, 1.0), (15, 1.0)]), BIG, "each one meets the big one alone");
        assert_eq!(last(18, &[(0, BIG), (16, 1.0), (17, 1.0)]), BIG + 2.0, "the ones meet in the second segment");
        assert_eq!(last(17, &[(0, BIG), (15, 1.0), (16, 1.0)]), BIG, "the second segment begins at element 16");
        assert_eq!(last(1, &[(0, -0.0)]).to_bits(), 0x8000_0000);
        assert_eq!(scanned::<f32>(&[]), [0f32; 0]);
    }

    #[test]
    fn totals_double_their_distance() {
        // A value in segment 4 takes the total of segment 3, which is (t0 + t1) + (t2 + t3).
        assert_eq!(last(65, &[(0, BIG), (16, 1.0), (32, 1.0)]), BIG, "segment 1 meets segment 0 first");
        assert_eq!(last(65, &[(0, BIG), (32, 1.0), (48, 1.0)]), BIG + 2.0, "segments 2 and 3 meet first");
        // The total of segment 2 is t0 + (t1 + t2).
        assert_eq!(last(49, &[(0, BIG), (16, 1.0), (32, 1.0)]), BIG + 2.0, "segments 1 and 2 meet first");
        // The value itself joins last.
        assert_eq!(last(33, &[(0, BIG), (16, 1.0), (32, 1.0)]), BIG);
    }

    #[test]
    fn blocks_are_1024_elements_and_their_totals_are_scanned_alike() {
        assert_eq!(last(1026, &[(0, BIG), (1024, 1.0), (1025, 1.0)]), BIG + 2.0, "the ones meet in the second block");
        assert_eq!(last(1025, &[(0, BIG), (1023, 1.0), (1024, 1.0)]), BIG, "the second block begins at element 1024");
        // Blocks 0 to 15 are one segment of totals: in sequence.
        assert_eq!(last(3 * 1024 + 1, &[(0, BIG), (1024, 1.0), (2048, 1.0)]), BIG);
        // Blocks 16 and 17 are in the next one, and meet before they meet block 0.
        assert_eq!(last(18 * 1024 + 1, &[(0, BIG), (16 * 1024, 1.0), (17 * 1024, 1.0)]), BIG + 2.0);
        // The total of a block is its last value, where the last segment meets all before it only at the end.
        assert_eq!(last(1025, &[(0, BIG), (62 * 16, 1.0), (63 * 16, 1.0)]), BIG);
        assert_eq!(last(1025, &[(0, BIG), (61 * 16, 1.0), (62 * 16, 1.0)]), BIG + 2.0);
    }
}
