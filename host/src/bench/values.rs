//! What the arrays of a measurement hold: numbers that a kernel meets in its work, never all alike, the same in every run.

use clamp_kernels::catalogue::Dtype;

/// Bytes that are made once and repeated through an array.
pub(super) const TILE: usize = 4 << 20;

/// The numbers of an input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Values {
    /// Evenly between these two; whole numbers where the dtype has only such.
    Between(f64, f64),
    /// From 0 to below this many.
    Index(u64),
    /// Ascending from -1 to 1, this many of them; an array of them is no longer than a tile.
    Edges(u64),
}

impl Values {
    /// A tile of little-endian elements. `salt` keeps arrays apart.
    pub(super) fn tile(self, dtype: Dtype, len: usize, salt: u64) -> Vec<u8> {
        let size = dtype.size() as usize;
        let mut state = salt.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d;
        let mut bytes = Vec::with_capacity(len);
        for position in 0..len / size {
            let share = (next(&mut state) >> 11) as f64 * (1.0 / (1_u64 << 53) as f64);
            let value = match self {
                Values::Between(low, high) => low + (high - low) * share,
                Values::Index(below) => (share * below as f64).floor(),
                Values::Edges(count) => 2.0 * position as f64 / count.saturating_sub(1).max(1) as f64 - 1.0,
            };
            match dtype {
                Dtype::F32 => bytes.extend((value as f32).to_le_bytes()),
                Dtype::F64 => bytes.extend(value.to_le_bytes()),
                Dtype::I8 => bytes.extend((value as i8).to_le_bytes()),
                Dtype::U8 => bytes.extend((value as u8).to_le_bytes()),
                Dtype::I32 => bytes.extend((value as i32).to_le_bytes()),
                Dtype::U32 => bytes.extend((value as u32).to_le_bytes()),
                Dtype::I64 => bytes.extend((value as i64).to_le_bytes()),
                Dtype::U64 => bytes.extend((value as u64).to_le_bytes()),
            }
        }
        bytes
    }
}

/// Marsaglia's xorshift64*, which is enough for numbers that only have to differ.
fn next(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_bounds_and_differ() {
        let tile = Values::Between(-1.0, 1.0).tile(Dtype::F32, 4096, 1);
        let floats: Vec<f32> = tile.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        assert_eq!(floats.len(), 1024);
        assert!(floats.iter().all(|x| (-1.0..=1.0).contains(x)));
        assert!(floats.iter().any(|x| *x < -0.5) && floats.iter().any(|x| *x > 0.5));
        assert_ne!(tile, Values::Between(-1.0, 1.0).tile(Dtype::F32, 4096, 2));
        let ids = Values::Index(7).tile(Dtype::I64, 8000, 3);
        assert!(ids.as_chunks::<8>().0.iter().all(|b| (0..7).contains(&i64::from_le_bytes(*b))));
        let edges = Values::Edges(5).tile(Dtype::F64, 40, 0);
        let edges: Vec<f64> = edges.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
        assert_eq!(edges, [-1.0, -0.5, 0.0, 0.5, 1.0]);
    }
}
