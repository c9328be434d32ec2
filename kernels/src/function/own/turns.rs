//! What is left of a great x when the multiples of pi are taken away, in integers: x is an integer times a power of 2,
//! and of 1/pi only the 128 bits count that stand where the product has its last whole bit and its fraction
//! (Payne and Hanek, 1983).

/// From here on the functions of an angle take this way.
pub(super) const LARGEST: f64 = 16_777_216.0;

/// 1/pi; the highest bit of the first word counts 1, the next 1/2.
pub(super) const INVERSE: [u32; 9] = [
    0x28be_60db,
    0x9391_054a,
    0x7f09_d5f4,
    0x7d4d_3770,
    0x36d8_a566,
    0x4f10_e410,
    0x7f94_58ea,
    0xf7ae_f158,
    0x6dc9_1b8e,
];

/// x * 2^`doublings` / pi + `more` / 2^63 less its nearest integer, times pi, and whether that integer is odd; nothing
/// of what is not finite. |x| is at least [`LARGEST`], and `doublings` is 0 or 1.
pub(super) fn far(x: f32, doublings: u32, more: u64) -> Option<(bool, f64)> {
    let bits = x.to_bits();
    let exponent = bits >> 23 & 0xff;
    if exponent == 0xff {
        return None;
    }
    let integer = u64::from(bits & 0x007f_ffff | 0x0080_0000);
    let first = exponent - 150 + doublings;
    let (word, bit) = (first as usize / 32, first % 32);
    // Of the product the lowest 128 bits: one whole, 127 of the fraction.
    let mut product = [0u32; 4];
    let mut carry = 0u64;
    for place in (0..4).rev() {
        let pair = u64::from(INVERSE[word + place]) << 32 | u64::from(INVERSE[word + place + 1]);
        let sum = integer * (pair << bit >> 32) + carry;
        product[place] = sum as u32;
        carry = sum >> 32;
    }
    let high = (u64::from(product[0]) << 32 | u64::from(product[1])).wrapping_add(more);
    let low = u64::from(product[2]) << 32 | u64::from(product[3]);
    let odd = high.wrapping_add(1 << 62) >> 63 == 1;
    // The sign is that of the fraction's highest bit.
    let fraction = ((high << 1) as i64 >> 1) as f64 + low as f64 / 18_446_744_073_709_551_616.0;
    let rest = fraction * (std::f64::consts::PI / 9_223_372_036_854_775_808.0);
    Some((odd, if x < 0.0 { -rest } else { rest }))
}
