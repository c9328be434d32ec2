//! Listed values: where formats, functions and conversions have their edges, and inputs that are known to be hard.

use super::Fill;
use crate::catalogue::Dtype;

/// Binary32: zeros, subnormals, powers, neighbours of 1, the largest, infinities, NaNs of each sort.
#[rustfmt::skip]
const F32: [u32; 24] = [
    0x0000_0000, 0x8000_0000, 0x0000_0001, 0x8000_0001, 0x007f_ffff, 0x0080_0000, 0x8080_0000, 0x3f80_0000,
    0xbf80_0000, 0x3f80_0001, 0x3f7f_ffff, 0x3f00_0000, 0x3fc0_0000, 0xc020_0000, 0x4040_0000, 0x4b80_0001,
    0x7f7f_ffff, 0xff7f_ffff, 0x7f00_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0xffc1_2345, 0x7f80_0001,
];

/// The same of binary64.
#[rustfmt::skip]
const F64: [u64; 24] = [
    0x0000_0000_0000_0000, 0x8000_0000_0000_0000, 0x0000_0000_0000_0001, 0x8000_0000_0000_0001,
    0x000f_ffff_ffff_ffff, 0x0010_0000_0000_0000, 0x8010_0000_0000_0000, 0x3ff0_0000_0000_0000,
    0xbff0_0000_0000_0000, 0x3ff0_0000_0000_0001, 0x3fef_ffff_ffff_ffff, 0x3fe0_0000_0000_0000,
    0x3ff8_0000_0000_0000, 0xc004_0000_0000_0000, 0x4008_0000_0000_0000, 0x4350_0000_0000_0001,
    0x7fef_ffff_ffff_ffff, 0xffef_ffff_ffff_ffff, 0x7fe0_0000_0000_0000, 0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000, 0x7ff8_0000_0000_0000, 0xfff8_1234_5678_9abc, 0x7ff0_0000_0000_0001,
];

/// Where the functions of one variable change: thresholds of overflow and underflow, integers and halves, powers of 2 and
/// of 10, multiples of pi/2, neighbours of 1, and logarithms that are hard. Each is taken with both signs.
#[rustfmt::skip]
const FUNCTION: [u32; 103] = [
    // exp and its kin overflow or underflow: 88.72, 87.34, 103.28, 103.97, 104; 128, 126, 149, 150; 16.6, 17.3.
    0x42b1_7217, 0x42b1_7218, 0x42ae_ac4f, 0x42ae_ac50, 0x42ce_8ecf, 0x42ce_8ed0, 0x42cf_f1b4, 0x42cf_f1b5,
    0x42d0_0000, 0x42ff_ffff, 0x4300_0000, 0x42fc_0000, 0x4314_ffff, 0x4315_0000, 0x4315_ffff, 0x4316_0000,
    0x4185_2007, 0x418a_a123,
    // Too small to matter: 2^-12, 2^-13, 2^-23 to 2^-27, and just beside.
    0x3980_0000, 0x3900_0000, 0x3400_0000, 0x3380_0000, 0x3380_0001, 0x3300_0000, 0x32ff_ffff, 0x3280_0000,
    0x3200_0000,
    // Integers, halves and quarters, and the last numbers that have them.
    0x3e80_0000, 0x3f40_0000, 0x3fa0_0000, 0x4000_0000, 0x4020_0000, 0x4060_0000, 0x40a0_0000, 0x4270_0000,
    0x4270_2000, 0x4aff_fffe, 0x4aff_ffff, 0x4b00_0000, 0x4b00_0001, 0x4b7f_ffff, 0x4b80_0000, 0x4f00_0000,
    0x5f00_0000,
    // Powers of 10, exact and not, and of 2.
    0x3dcc_cccd, 0x3c23_d70a, 0x4120_0000, 0x42c8_0000, 0x447a_0000, 0x461c_4000, 0x4974_2400, 0x5015_02f9,
    0x5d5e_0b6b, 0x4400_0000, 0x3a80_0000,
    // pi/4, pi/2, pi, 3 pi/2, 2 pi and far multiples; the largest.
    0x3f49_0fdb, 0x3fc9_0fda, 0x3fc9_0fdb, 0x4049_0fdb, 0x4096_cbe4, 0x40c9_0fdb, 0x43c9_0fdb, 0x4619_9998,
    0x4a4b_d5e2, 0x5532_5019, 0x5922_aa80, 0x6f79_be45, 0x7f7f_fffe,
    // Neighbours of 1, where logarithms cancel.
    0x3f80_0002, 0x3f80_0010, 0x3f7f_fffe, 0x3f7f_fff0, 0x3f81_0000, 0x3f7e_0000, 0x3f35_04f3, 0x3fb5_04f3,
    // tanh and erf reach 1: 9.01, 3.92; their linear parts end.
    0x4110_2cb3, 0x4110_2cb4, 0x407a_d444, 0x407a_d445, 0x3d8f_5c29, 0x3b1f_4b38,
    // Logarithms that are wrong through binary64 with tables.
    0x4117_8feb, 0x4c5d_65a5, 0x65d8_90d3, 0x6f31_a8ec, 0x3c41_3d3a,
    // The same of log10, log1p, exp2, expm1 and cos.
    0x0efe_ee7a, 0x3540_0003, 0x3710_001b, 0x3efd_81ad, 0x4107_8feb, 0x353f_fffd, 0x370f_ffe5, 0x3b0e_c8c4,
    0x3b42_9d37, 0x3cf3_a937, 0x33b5_04f3, 0x34ca_62c1, 0x5f18_b878, 0x6115_cb11, 0x7908_cd73, 0x4619_9999,
];

/// Where conversions of binary32 to integers turn: halves, and the ends of each integer type with their neighbours.
#[rustfmt::skip]
const CAST_F32: [u32; 20] = [
    0x3f00_0000, 0x3eff_ffff, 0x3f00_0001, 0x3fc0_0000, 0x4020_0000, 0x4afe_ffff, 0x4aff_ffff, 0x4b00_0001,
    0x4eff_ffff, 0x4f00_0000, 0x4f00_0001, 0x4f7f_ffff, 0x4f80_0000, 0x5eff_ffff, 0x5f00_0000, 0x5f00_0001,
    0x5f80_0000, 0x7f00_0000, 0x4300_0000, 0x437f_8000,
];

/// The same of binary64, and where a conversion to binary32 rounds to even, overflows, or becomes subnormal.
#[rustfmt::skip]
const CAST_F64: [u64; 26] = [
    0x3fe0_0000_0000_0000, 0x3fdf_ffff_ffff_ffff, 0x3ff8_0000_0000_0000, 0x4004_0000_0000_0000,
    0x41df_ffff_ffc0_0000, 0x41df_ffff_ffdf_ffff, 0x41df_ffff_ffe0_0000, 0x41e0_0000_0000_0000,
    0x41e0_0000_0010_0000, 0x41ef_ffff_ffe0_0000, 0x41ef_ffff_fff0_0000, 0x41f0_0000_0000_0000,
    0x432f_ffff_ffff_ffff, 0x43df_ffff_ffff_ffff, 0x43e0_0000_0000_0000, 0x43e0_0000_0000_0001,
    0x3ff0_0000_1000_0000, 0x3ff0_0000_3000_0000, 0x3ff0_0000_1000_0001, 0x47ef_ffff_e000_0000,
    0x47ef_ffff_efff_ffff, 0x47ef_ffff_f000_0000, 0x3690_0000_0000_0000, 0x3690_0000_0000_0001,
    0x380f_ffff_ffff_ffff, 0x36a8_0000_0000_0000,
];

/// Integers that floats cannot hold, or hold only just.
#[rustfmt::skip]
const CAST_INTEGER: [u64; 16] = [
    1, u64::MAX, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000, 0x00ff_ffff, 0x0100_0000, 0x0100_0001,
    0x0100_0003, 0x001f_ffff_ffff_ffff, 0x0020_0000_0000_0001, 0x0020_0000_0000_0003, 0x7fff_ffff_ffff_fe00,
    0x8000_0000_0000_0000, 0xffff_ffff_8000_0000,
];

/// The edges of a float type as bit patterns.
pub(super) fn edges(dtype: Dtype) -> Vec<u64> {
    match dtype {
        Dtype::F64 => F64.to_vec(),
        _ => F32.map(u64::from).to_vec(),
    }
}

/// The inputs to try a function of one variable with.
pub(super) fn of_function() -> Vec<u64> {
    let signed = FUNCTION.iter().flat_map(|&bits| [bits, bits ^ 0x8000_0000]);
    signed.chain(F32).map(u64::from).collect()
}

/// The inputs to try a conversion from `dtype` with.
pub(super) fn of_cast(dtype: Dtype) -> Vec<u64> {
    let both = |sign: u64, list: Vec<u64>| -> Vec<u64> {
        list.iter().flat_map(|&bits| [bits, bits ^ sign]).chain(edges(dtype)).collect()
    };
    match dtype {
        Dtype::F32 => both(1 << 31, CAST_F32.map(u64::from).to_vec()),
        Dtype::F64 => both(1 << 63, CAST_F64.to_vec()),
        _ => CAST_INTEGER.iter().flat_map(|&bits| [bits, bits.wrapping_neg()]).collect(),
    }
}

/// Bit patterns far apart from each other over the whole range of the dtype, NaNs and infinities left out.
pub(super) fn spread(dtype: Dtype, count: u64) -> Vec<u64> {
    let all = (1..).map(|i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let finite = |bits: &u64| match dtype {
        Dtype::F64 => bits >> 52 & 0x7ff != 0x7ff,
        _ => bits >> 23 & 0xff != 0xff,
    };
    let cut = all.map(|bits| if dtype == Dtype::F64 { bits } else { bits >> 32 });
    cut.filter(finite).take(count as usize).collect()
}

/// An array of these bit patterns, each cut to the dtype.
pub(super) fn listed(dtype: Dtype, bits: &[u64]) -> Fill {
    let size = dtype.size() as usize;
    Fill::Values(bits.iter().flat_map(|bits| bits.to_le_bytes().into_iter().take(size)).collect())
}

/// The bit pattern of a number in this float dtype; the numbers used are exact in both.
pub(super) fn number(dtype: Dtype, value: f64) -> u64 {
    match dtype {
        Dtype::F64 => value.to_bits(),
        _ => u64::from((value as f32).to_bits()),
    }
}

/// An array of these numbers in a float dtype.
pub(super) fn numbers(dtype: Dtype, values: &[f64]) -> Fill {
    listed(dtype, &values.iter().map(|&value| number(dtype, value)).collect::<Vec<_>>())
}

/// An array of one bit pattern.
pub(super) fn constant(dtype: Dtype, bits: u64) -> Fill {
    Fill::Constant(bits.to_le_bytes()[..dtype.size() as usize].to_vec())
}

/// Every pair of these, as two lists.
pub(super) fn pairs(list: &[u64]) -> [Vec<u64>; 2] {
    let first = list.iter().flat_map(|&one| std::iter::repeat_n(one, list.len())).collect();
    [first, list.repeat(list.len())]
}
