//! What the elements of a case's arrays are: generators over Philox words, and listed values. tests/reference/README.md
//! defines them; this is one reading of that page, golden.py another.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::catalogue::Dtype;
use crate::random::philox_words;

/// How an array's elements are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Floats of every kind, NaNs with payloads and subnormals among them; integers with many zeros and extremes.
    Wild {
        /// The Philox seed.
        seed: u64,
    },
    /// Floats in [-2, 2); any integers.
    Tame {
        /// The Philox seed.
        seed: u64,
    },
    /// Integers from 0 to `bound - 1`.
    Below {
        /// The Philox seed.
        seed: u64,
        /// From 1 to 2^32.
        bound: u64,
    },
    /// One value everywhere: its little-endian bytes.
    Constant(Vec<u8>),
    /// Every element, little-endian.
    Values(Vec<u8>),
}

impl Fill {
    /// [`Fill::Wild`], before it has its seed.
    pub(super) const WILD: Fill = Fill::Wild { seed: 0 };

    /// [`Fill::Tame`], before it has its seed.
    pub(super) const TAME: Fill = Fill::Tame { seed: 0 };

    /// [`Fill::Below`], before it has its seed.
    pub(super) fn below(bound: u64) -> Fill {
        Fill::Below { seed: 0, bound }
    }

    /// The same with this seed, where it takes one.
    pub(super) fn seeded(self, seed: u64) -> Fill {
        match self {
            Fill::Wild { .. } => Fill::Wild { seed },
            Fill::Tame { .. } => Fill::Tame { seed },
            Fill::Below { bound, .. } => Fill::Below { seed, bound },
            listed @ (Fill::Constant(_) | Fill::Values(_)) => listed,
        }
    }

    /// `count` elements, little-endian.
    pub(super) fn bytes(&self, dtype: Dtype, count: usize) -> Vec<u8> {
        let wide = dtype.size() == 8;
        match self {
            Fill::Constant(element) => element.repeat(count),
            Fill::Values(bytes) => bytes.clone(),
            Fill::Below { seed, bound } => each(dtype, count, 1, *seed, |w| u64::from(w[0]) % bound),
            Fill::Tame { seed } => match dtype {
                Dtype::F32 => each(dtype, count, 1, *seed, |w| u64::from(tame_f32(w[0]).to_bits())),
                Dtype::F64 => each(dtype, count, 2, *seed, |w| tame_f64(joined(w[1], w[0])).to_bits()),
                _ if wide => each(dtype, count, 2, *seed, |w| joined(w[1], w[0])),
                _ => each(dtype, count, 1, *seed, |w| u64::from(w[0])),
            },
            Fill::Wild { seed } => match dtype {
                Dtype::F32 => each(dtype, count, 2, *seed, |w| u64::from(wild_f32(w[0] & 15, w[1]))),
                Dtype::F64 => each(dtype, count, 4, *seed, |w| wild_f64(w[0] & 15, joined(w[3], w[2]))),
                _ if wide => each(dtype, count, 4, *seed, |w| wild_integer(dtype, w[0] & 3, joined(w[3], w[2]))),
                _ => each(dtype, count, 2, *seed, |w| wild_integer(dtype, w[0] & 3, u64::from(w[1]))),
            },
        }
    }
}

/// Elements from `words_each` words of the stream each, cut to the dtype's size.
fn each(dtype: Dtype, count: usize, words_each: usize, seed: u64, element: impl Fn(&[u32]) -> u64) -> Vec<u8> {
    const AT_ONCE: usize = 4096;
    let size = dtype.size() as usize;
    let mut bytes = vec![0; count * size];
    let mut words = [0; AT_ONCE];
    for (block, out) in bytes.chunks_mut(AT_ONCE / words_each * size).enumerate() {
        let words = &mut words[..out.len() / size * words_each];
        philox_words(seed, 0, (block * AT_ONCE) as u64, words);
        for (out, words) in out.chunks_exact_mut(size).zip(words.chunks_exact(words_each)) {
            out.copy_from_slice(&element(words).to_le_bytes()[..size]);
        }
    }
    bytes
}

fn joined(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// In [-2, 2), a multiple of 2^-22, exact.
fn tame_f32(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 4_194_304.0) - 2.0
}

/// In [-2, 2), a multiple of 2^-51, exact.
fn tame_f64(word: u64) -> f64 {
    (word >> 11) as f64 * (1.0 / 2_251_799_813_685_248.0) - 2.0
}

fn wild_f32(kind: u32, v: u32) -> u32 {
    let kept = v & 0x807f_ffff;
    match kind {
        0 => 0,
        1 => 0x8000_0000,
        2 => 0x7f80_0000,
        3 => 0xff80_0000,
        4 => 0x7fa0_0000 | v & 0x003f_ffff | 1,
        5 => 0xffc0_0000 | v & 0x003f_ffff,
        6 => kept,
        7 => kept | 0x7f00_0000,
        8 => kept | 0x0080_0000,
        9..=12 => kept | (119 + (v >> 23 & 15)) << 23,
        _ => tame_f32(v).to_bits(),
    }
}

fn wild_f64(kind: u32, v: u64) -> u64 {
    let kept = v & 0x800f_ffff_ffff_ffff;
    match kind {
        0 => 0,
        1 => 1 << 63,
        2 => 0x7ff0_0000_0000_0000,
        3 => 0xfff0_0000_0000_0000,
        4 => 0x7ff4_0000_0000_0000 | v & 0x0007_ffff_ffff_ffff | 1,
        5 => 0xfff8_0000_0000_0000 | v & 0x0007_ffff_ffff_ffff,
        6 => kept,
        7 => kept | 0x7fe0_0000_0000_0000,
        8 => kept | 0x0010_0000_0000_0000,
        9..=12 => kept | (1015 + (v >> 52 & 15)) << 52,
        _ => tame_f64(v).to_bits(),
    }
}

fn wild_integer(dtype: Dtype, kind: u32, v: u64) -> u64 {
    let bits = 8 * dtype.size() as u32;
    let signed = matches!(dtype, Dtype::I8 | Dtype::I32 | Dtype::I64);
    let ones = u64::MAX >> (64 - bits);
    match kind {
        0 => 0,
        1 if signed => 1 << (bits - 1),
        1 => 0,
        2 if signed => ones >> 1,
        2 => ones,
        _ => v,
    }
}

impl Serialize for Fill {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Fill::Wild { seed } => {
                map.serialize_entry("kind", "wild")?;
                map.serialize_entry("seed", seed)?;
            }
            Fill::Tame { seed } => {
                map.serialize_entry("kind", "tame")?;
                map.serialize_entry("seed", seed)?;
            }
            Fill::Below { seed, bound } => {
                map.serialize_entry("bound", bound)?;
                map.serialize_entry("kind", "below")?;
                map.serialize_entry("seed", seed)?;
            }
            Fill::Constant(bytes) => {
                map.serialize_entry("hex", &hex(bytes))?;
                map.serialize_entry("kind", "constant")?;
            }
            Fill::Values(bytes) => {
                map.serialize_entry("hex", &hex(bytes))?;
                map.serialize_entry("kind", "values")?;
            }
        }
        map.end()
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_continues_the_words() {
        for (dtype, words_each) in [(Dtype::F32, 2), (Dtype::F64, 4), (Dtype::I64, 4), (Dtype::I8, 2)] {
            let count = 5000;
            let bytes = Fill::Wild { seed: 7 }.bytes(dtype, count);
            let mut words = vec![0; count * words_each];
            philox_words(7, 0, 0, &mut words);
            let size = dtype.size() as usize;
            let last = &words[(count - 1) * words_each..];
            let expected = match dtype {
                Dtype::F32 => u64::from(wild_f32(last[0] & 15, last[1])),
                Dtype::F64 => wild_f64(last[0] & 15, joined(last[3], last[2])),
                Dtype::I64 => wild_integer(dtype, last[0] & 3, joined(last[3], last[2])),
                _ => wild_integer(dtype, last[0] & 3, u64::from(last[1])),
            };
            assert_eq!(bytes[(count - 1) * size..], expected.to_le_bytes()[..size], "{dtype}");
        }
    }

    #[test]
    fn extremes_are_those_of_the_dtype() {
        assert_eq!(wild_integer(Dtype::I8, 1, 0) as u8 as i8, i8::MIN);
        assert_eq!(wild_integer(Dtype::I32, 2, 0) as u32 as i32, i32::MAX);
        assert_eq!(wild_integer(Dtype::U64, 2, 0), u64::MAX);
        assert_eq!(wild_integer(Dtype::I64, 1, 0) as i64, i64::MIN);
        assert_eq!(wild_integer(Dtype::U32, 1, 9), 0);
    }

    #[test]
    fn tame_numbers_lie_around_zero() {
        assert_eq!((tame_f32(0), tame_f32(u32::MAX)), (-2.0, 2.0 - 1.0 / 4_194_304.0));
        assert_eq!(tame_f64(0), -2.0);
    }
}
