//! What arrays are filled with. Large pools are made once and cut at places that the random numbers choose, so that
//! filling costs a copy.

use clamp_kernels::catalogue::{Dtype, Shape};

use crate::array::Array;
use crate::random::Random;

/// Elements of a pool; arrays beyond it repeat it.
const POOL: usize = 1 << 18;

/// Kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Floats of moderate size with both signs; any integers.
    Tame,
    /// Every kind of bit pattern: zeros, subnormals, infinities, NaNs with payloads, the edges of the integers.
    Wild,
    /// Integers from 0 to below the bound.
    Below(u64),
    /// Finite floats in strictly ascending order.
    Ascending,
    /// Integers other than 0.
    NotZero,
}

/// Pools of bits by dtype, tame and wild.
pub(crate) struct Values {
    tame: Vec<Vec<u8>>,
    wild: Vec<Vec<u8>>,
}

impl Values {
    /// Makes the pools.
    pub(crate) fn new(seed: u64) -> Values {
        let pool = |dtype: &Dtype, wild: bool| {
            let mut random = Random::new(seed, u64::from(dtype.code()) << 1 | u64::from(wild));
            let size = dtype.size() as usize;
            let bits = |_| if wild { wild_bits(*dtype, &mut random) } else { tame_bits(*dtype, &mut random) };
            (0..POOL).map(bits).flat_map(|bits| bits.to_le_bytes().into_iter().take(size)).collect()
        };
        Values {
            tame: Dtype::ALL.iter().map(|dtype| pool(dtype, false)).collect(),
            wild: Dtype::ALL.iter().map(|dtype| pool(dtype, true)).collect(),
        }
    }

    /// An array of such values.
    pub(crate) fn array(&self, dtype: Dtype, shape: Shape, fill: Fill, random: &mut Random) -> Array {
        let mut array = Array::new(dtype, shape);
        let size = dtype.size() as usize;
        let place = dtype.code() as usize - 1;
        match fill {
            Fill::Tame => cut(&self.tame[place], array.bytes_mut(), size, random),
            Fill::Wild => cut(&self.wild[place], array.bytes_mut(), size, random),
            Fill::Below(bound) => {
                let bound = bound.max(1);
                each(array.bytes_mut(), size, |_| random.below(bound));
            }
            Fill::NotZero => each(array.bytes_mut(), size, |_| random.wide() | 1),
            Fill::Ascending => {
                let start = random.below(64) as f64 - 40.0;
                let step = 1.0 / f64::from(1 + random.word() % 8);
                each(array.bytes_mut(), size, |index| {
                    let value = start + index as f64 * step;
                    if dtype == Dtype::F32 { u64::from((value as f32).to_bits()) } else { value.to_bits() }
                });
            }
        }
        array
    }
}

/// Copies from a random place of the pool, which is walked round.
fn cut(pool: &[u8], out: &mut [u8], size: usize, random: &mut Random) {
    let mut at = random.below(POOL as u64) as usize * size;
    let mut rest = out;
    while !rest.is_empty() {
        let part = rest.len().min(pool.len() - at);
        let (now, later) = rest.split_at_mut(part);
        now.copy_from_slice(&pool[at..at + part]);
        rest = later;
        at = 0;
    }
}

fn each(out: &mut [u8], size: usize, mut bits: impl FnMut(usize) -> u64) {
    for (index, out) in out.chunks_exact_mut(size).enumerate() {
        out.copy_from_slice(&bits(index).to_le_bytes()[..size]);
    }
}

fn tame_bits(dtype: Dtype, random: &mut Random) -> u64 {
    let wide = random.wide();
    let unit = (wide as i64) as f64 / 9_223_372_036_854_775_808.0;
    // From about a thousandth to eight.
    let value = unit * f64::from(8 >> (random.word() % 14).min(3));
    match dtype {
        Dtype::F32 => u64::from((value as f32).to_bits()),
        Dtype::F64 => value.to_bits(),
        _ => wide >> random.below(64),
    }
}

fn wild_bits(dtype: Dtype, random: &mut Random) -> u64 {
    let wide = random.wide();
    let sign = wide & 1;
    let (exponent, mantissa, all) = match dtype {
        Dtype::F32 => (8, 23, 32),
        Dtype::F64 => (11, 52, 64),
        _ => {
            let edges = [0, 1, u64::MAX, 1 << 7, 1 << 31, (1 << 31) - 1, 1 << 63, (1 << 63) - 1];
            return if random.once_in(3) { *random.pick(&edges) } else { wide >> random.below(64) };
        }
    };
    let fraction = random.wide() & ((1 << mantissa) - 1);
    let top = (1u64 << exponent) - 1;
    let bias = top >> 1;
    let (field, fraction) = match random.below(16) {
        0 => (0, 0),
        1 => (0, fraction),
        2 => (top, 0),
        3 => (top, fraction | 1),
        4 => (top - 1 - random.below(2), fraction),
        5 => (1 + random.below(2), fraction),
        6 => (bias + random.below(8), fraction & !0 << (mantissa - 4)),
        7..=9 => (random.below(top), fraction),
        _ => (bias - 8 + random.below(16), fraction),
    };
    sign << (all - 1) | field << mantissa | fraction
}
