//! The casts from float to integer without a branch and without a conversion that a processor may not have for vectors:
//! an integer below 2^52 is the low bits of its sum with 2^52, and that sum rounds to nearest even by itself. The bits are
//! those of `step`.

/// Its last bit counts ones, and half of it is left for negative numbers.
const ONES: f64 = 6_755_399_441_055_744.0;

/// 2^52: doubles from here on are integers.
const INTEGERS: f64 = 4_503_599_627_370_496.0;

/// 2^63.
const BEYOND: f64 = 9_223_372_036_854_775_808.0;

/// 2^32.
const WORD: f64 = 4_294_967_296.0;

/// The low word of x, an integer or not, where |x| < 2^51: two's complement, rounded to nearest even.
#[inline(always)]
fn low_word(x: f64) -> u32 {
    (x + ONES).to_bits() as u32
}

#[inline(always)]
fn or_zero(x: f64) -> f64 {
    if x.is_nan() { 0.0 } else { x }
}

#[inline(always)]
fn between(x: f64, lo: f64, hi: f64) -> f64 {
    let x = if x < lo { lo } else { x };
    if x > hi { hi } else { x }
}

#[inline(always)]
pub(super) fn to_i32(x: f64) -> i32 {
    low_word(between(or_zero(x), f64::from(i32::MIN), f64::from(i32::MAX))) as i32
}

#[inline(always)]
pub(super) fn to_u32(x: f64) -> u32 {
    low_word(between(or_zero(x), 0.0, f64::from(u32::MAX)))
}

#[inline(always)]
pub(super) fn to_i64(x: f64) -> i64 {
    let x = or_zero(x);
    let magnitude = x.abs();
    let rounded = if magnitude < INTEGERS { ((magnitude + INTEGERS) - INTEGERS).copysign(x) } else { x };
    let inside = between(rounded, -BEYOND, BEYOND);
    // Two words, the upper one rounded down; all of this is exact.
    let upper = inside / WORD;
    let nearest = (upper + ONES) - ONES;
    let upper = if nearest > upper { nearest - 1.0 } else { nearest };
    let lower = inside - upper * WORD;
    let value = (u64::from(low_word(upper)) << 32 | u64::from(low_word(lower))) as i64;
    if rounded >= BEYOND { i64::MAX } else { value }
}

#[cfg(test)]
mod tests {
    use super::super::step::Cast;
    use super::*;

    fn agree(x: f64) {
        assert_eq!(to_i32(x), Cast::<i32>::cast(x), "{x:?}");
        assert_eq!(to_u32(x), Cast::<u32>::cast(x), "{x:?}");
        assert_eq!(to_i64(x), Cast::<i64>::cast(x), "{x:?}");
    }

    #[test]
    fn every_exponent_and_the_neighbours_of_every_edge_agree() {
        let mut edges = vec![0.0, f64::INFINITY, f64::NAN, f64::MIN_POSITIVE, f64::MAX];
        for power in -2..=70 {
            let edge = 2f64.powi(power);
            edges.extend([edge, edge - 1.0, edge + 1.0, edge - 0.5, edge + 0.5, edge * 1.5, edge * 1.25]);
        }
        for edge in edges {
            for x in [edge, edge.next_up(), edge.next_down()] {
                agree(x);
                agree(-x);
            }
        }
        let mut bits = 0u64;
        for _ in 0..2_000_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            agree(f64::from_bits(bits));
            // Most of all bit patterns are far from every integer type; these are not.
            agree(f64::from_bits(bits & 0x800f_ffff_ffff_ffff | (1014 + (bits >> 52 & 0x3f)) << 52));
            agree((bits as i64 as f64 / WORD * 4.0).round() / 4.0);
        }
    }
}
