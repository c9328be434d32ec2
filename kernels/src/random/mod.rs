//! The room of random numbers: Philox4x32-10, where element i depends on seed, stream and i alone. There is no state.
//!
//! J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11,
//! doi:10.1145/2063384.2063405.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "device")]
pub(crate) mod device;
#[cfg(feature = "cpu")]
pub(crate) mod normal;
#[cfg(feature = "reference")]
pub(crate) mod reference;

use crate::catalogue::{ArgError, ArgSpec, Dtype, KernelSpec, Op, ParamKind, ParamSpec, ParamValue, Shape, When};

/// What words 0 and 2 of a counter are multiplied by in each round.
const MULTIPLIERS: [u64; 2] = [0xd251_1f53, 0xcd9e_8d57];

/// What the two words of a key grow by from round to round.
const KEY_STEPS: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];

/// One block of Philox4x32-10: ten rounds, word 0 the least significant.
#[inline(always)]
pub fn philox(key: [u32; 2], counter: [u32; 4]) -> [u32; 4] {
    let ([mut k0, mut k1], [mut c0, mut c1, mut c2, mut c3]) = (key, counter);
    for _ in 0..10 {
        let product0 = u64::from(c0) * MULTIPLIERS[0];
        let product1 = u64::from(c2) * MULTIPLIERS[1];
        (c0, c1, c2, c3) =
            ((product1 >> 32) as u32 ^ c1 ^ k0, product1 as u32, (product0 >> 32) as u32 ^ c3 ^ k1, product0 as u32);
        k0 = k0.wrapping_add(KEY_STEPS[0]);
        k1 = k1.wrapping_add(KEY_STEPS[1]);
    }
    [c0, c1, c2, c3]
}

/// Block `block` of the stream `stream` under `seed`: its four words are the elements from `4 * block` on.
#[inline(always)]
pub fn philox_block(seed: u64, stream: u64, block: u64) -> [u32; 4] {
    philox(
        [seed as u32, (seed >> 32) as u32],
        [block as u32, (block >> 32) as u32, stream as u32, (stream >> 32) as u32],
    )
}

/// Fills `words` with the elements from `first` on, as `philox.u32.v1` numbers them.
pub fn philox_words(seed: u64, stream: u64, first: u64, words: &mut [u32]) {
    let mut element = first;
    let mut block = philox_block(seed, stream, element / 4);
    for word in words {
        if element.is_multiple_of(4) {
            block = philox_block(seed, stream, element / 4);
        }
        *word = block[(element % 4) as usize];
        element = element.wrapping_add(1);
    }
}

const N: ParamSpec = ParamSpec { name: "n", kind: ParamKind::Int, when: When::Launch, required: true };
const SEED: ParamSpec = ParamSpec { name: "seed", ..N };
const STREAM: ParamSpec = ParamSpec { name: "stream", required: false, ..N };

macro_rules! spec {
    ($id:literal, $dtype:ident, $summary:literal, $op:ident) => {
        KernelSpec {
            id: $id,
            summary: $summary,
            inputs: &[],
            outputs: &[ArgSpec::required("out", Dtype::$dtype)],
            params: &[N, SEED, STREAM],
            in_place: false,
            shapes: n_elements,
            op: Op::$op,
        }
    };
}

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[&[
    spec!("philox.u32.v1", U32, "n words of Philox4x32-10", Philox),
    spec!("philox_uniform.f32.v1", F32, "n numbers from [0, 1), multiples of 2^-24", Philox),
    spec!("philox_uniform.f64.v1", F64, "n numbers from [0, 1), multiples of 2^-53", Philox),
    spec!("philox_normal.f32.v1", F32, "n normal numbers, by Box and Muller", PhiloxNormal),
]];

fn n_elements(_: &[Option<Shape>], params: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let Some(ParamValue::Int(n)) = params.first().copied().flatten() else {
        return Err(ArgError::param("n", "is missing"));
    };
    Shape::new(&[n]).map(|out| vec![out]).map_err(|error| ArgError::param("n", format!("is {n}: {error}")))
}

/// A uniform number of the interval [0, 1), a multiple of 2^-24.
#[cfg(feature = "reference")]
#[inline(always)]
fn uniform_f32(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// A uniform number of the interval (0, 1], a multiple of 2^-24.
#[cfg(feature = "reference")]
#[inline(always)]
fn open_uniform(word: u32) -> f32 {
    ((word >> 8) + 1) as f32 * (1.0 / 16_777_216.0)
}

/// A uniform number of the interval [0, 1), a multiple of 2^-53.
#[cfg(feature = "reference")]
#[inline(always)]
fn uniform_f64(low: u32, high: u32) -> f64 {
    let word = u64::from(high) << 32 | u64::from(low);
    (word >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

/// Seed and stream of a launch; an absent stream is 0.
#[cfg(any(feature = "reference", feature = "device"))]
fn seed_and_stream(params: &[Option<ParamValue>]) -> (u64, u64) {
    let int = |position: usize| match params.get(position).copied().flatten() {
        Some(ParamValue::Int(value)) => value,
        _ => 0,
    };
    (int(1), int(2))
}
