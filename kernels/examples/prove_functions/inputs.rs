//! Which inputs: all 2^32, or for the short form those that are awkward and a stride through the rest.

use std::collections::BTreeSet;

/// Inputs of a chunk, at most.
pub const CHUNK: usize = 1 << 14;

/// Which inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inputs {
    /// Every float.
    All,
    /// Some hundred thousand.
    Short,
}

/// Distance of two inputs of the short form's stride, a prime.
const STRIDE: u64 = 32_749;

/// Where some function changes its way or its result its kind: ends of ranges, overflow, underflow, zeros between
/// floats, and the inputs whose results f64 cannot decide.
const BORDERS: [f32; 40] = [
    88.722_84,
    89.0,
    90.0,
    103.97,
    105.0,
    127.99999,
    128.0,
    149.0,
    150.0,
    151.0,
    17.328_68,
    0.5,
    1.5,
    2.5,
    0.25,
    std::f32::consts::LN_2,
    0.346_573_6,
    0.021_660_85,
    0.6875,
    0.671_875,
    0.984_375,
    1.031_25,
    1.375,
    10.0,
    100.0,
    1e10,
    1.570_796_4,
    std::f32::consts::PI,
    std::f32::consts::FRAC_PI_4,
    4.712_389,
    6.283_185_5,
    8_388_608.0,
    8_388_607.5,
    16_777_216.0,
    9.010_913,
    3.919_206,
    3.937_5,
    0.128_906_25,
    3.867_187_5,
    9_830.398,
];

/// Inputs whose results f64 cannot decide, of one function or another.
const HARD: [u32; 24] = [
    0x3b42_9d37,
    0x3cf3_a937,
    0x33b5_04f3,
    0x34ca_62c1,
    0x3c41_3d3a,
    0x4117_8feb,
    0x4c5d_65a5,
    0x65d8_90d3,
    0x6f31_a8ec,
    0x0efe_ee7a,
    0x3540_0003,
    0x3710_001b,
    0x3efd_81ad,
    0x4107_8feb,
    0x353f_fffd,
    0x370f_ffe5,
    0x3b0e_c8c4,
    0x4619_9998,
    0x5f18_b878,
    0x6115_cb11,
    0x7908_cd73,
    0x3f80_0001,
    0x7f7f_ffff,
    0x7f80_0001,
];

impl Inputs {
    /// How many chunks there are.
    pub fn chunks(self) -> u64 {
        let inputs = match self {
            Inputs::All => 1 << 32,
            Inputs::Short => (1u64 << 32).div_ceil(STRIDE) + awkward().len() as u64,
        };
        inputs.div_ceil(CHUNK as u64)
    }

    /// The inputs of one chunk.
    pub fn fill(self, chunk: u64, x: &mut Vec<f32>) {
        x.clear();
        let first = chunk * CHUNK as u64;
        match self {
            Inputs::All => x.extend((first..first + CHUNK as u64).map(|bits| f32::from_bits(bits as u32))),
            Inputs::Short => {
                let stride = (0..1u64 << 32).step_by(STRIDE as usize).map(|bits| bits as u32);
                let inputs = stride.chain(awkward()).skip(first as usize).take(CHUNK);
                x.extend(inputs.map(f32::from_bits));
            }
        }
    }
}

/// The powers of two, the borders and the hard inputs, with their neighbours and both signs.
fn awkward() -> BTreeSet<u32> {
    let powers = (0..=255u32).map(|exponent| exponent << 23).chain((0..23).map(|bit| 1 << bit));
    let borders = BORDERS.iter().map(|border| border.to_bits());
    let near = |bits: u32| (bits.saturating_sub(64)..=bits + 64).flat_map(|bits| [bits, bits ^ 1 << 31]);
    powers.chain(borders).chain(HARD).flat_map(near).collect()
}
