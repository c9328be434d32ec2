//! Hexadecimal floats, `[+-]0x1.8p-3` as C writes them. They are exact or refused; nothing here rounds.

/// The f32 that `text` writes; `None` if it does not start as a hexadecimal float.
pub(super) fn parse_f32(text: &str) -> Option<Result<f32, &'static str>> {
    const FORMAT: Format = Format { precision: 24, max_exponent: 127, inexact: "is not exact in f32" };
    parse(text, &FORMAT).map(|bits| bits.map(|bits| f32::from_bits(bits as u32)))
}

/// The f64 that `text` writes; `None` if it does not start as a hexadecimal float.
pub(super) fn parse_f64(text: &str) -> Option<Result<f64, &'static str>> {
    const FORMAT: Format = Format { precision: 53, max_exponent: 1023, inexact: "is not exact in f64" };
    parse(text, &FORMAT).map(|bits| bits.map(f64::from_bits))
}

struct Format {
    /// Bits of the significand, the hidden one included.
    precision: u32,
    max_exponent: i64,
    inexact: &'static str,
}

const MALFORMED: &str = "is no hexadecimal number";

fn parse(text: &str, format: &Format) -> Option<Result<u64, &'static str>> {
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X"))?;
    let sign_bit = u64::from(negative) << (format.precision + exponent_bits(format) - 1);
    Some(scan(digits, format).and_then(|(mantissa, exponent)| Ok(encode(mantissa, exponent, format)? | sign_bit)))
}

/// Reads `H.HpD` as an integer times a power of two.
fn scan(digits: &str, format: &Format) -> Result<(u64, i64), &'static str> {
    let (significand, power) = match digits.split_once(['p', 'P']) {
        Some((significand, power)) => (significand, scan_power(power)?),
        None => (digits, 0),
    };
    let (whole, fraction) = significand.split_once('.').unwrap_or((significand, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(MALFORMED);
    }
    let mut mantissa = 0u64;
    // Zeros are held back until a digit follows them, so that any number of trailing ones is exact.
    let mut held = 0u32;
    for digit in whole.chars().chain(fraction.chars()) {
        let digit = digit.to_digit(16).ok_or(MALFORMED)?;
        held = held.saturating_add(1);
        if digit == 0 {
            continue;
        }
        if mantissa != 0 && (held > 15 || mantissa >> (64 - 4 * held) != 0) {
            return Err(format.inexact);
        }
        mantissa = if mantissa == 0 { 0 } else { mantissa << (4 * held) } | u64::from(digit);
        held = 0;
    }
    let shift = 4 * (i64::from(held) - fraction.len() as i64);
    Ok((mantissa, power.saturating_add(shift)))
}

/// A decimal exponent; beyond any format it is cut to 2^40, which stays beyond.
fn scan_power(text: &str) -> Result<i64, &'static str> {
    const BEYOND: i64 = 1 << 40;
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(MALFORMED);
    }
    let power = digits.bytes().fold(0, |power, digit| (power * 10 + i64::from(digit - b'0')).min(BEYOND));
    Ok(if negative { -power } else { power })
}

const fn exponent_bits(format: &Format) -> u32 {
    if format.precision == 24 { 8 } else { 11 }
}

/// The bit pattern of `mantissa * 2^exponent`, without a sign.
fn encode(mantissa: u64, exponent: i64, format: &Format) -> Result<u64, &'static str> {
    if mantissa == 0 {
        return Ok(0);
    }
    let odd = mantissa >> mantissa.trailing_zeros();
    let exponent = exponent.saturating_add(i64::from(mantissa.trailing_zeros()));
    let bits = 64 - odd.leading_zeros();
    let top = exponent.saturating_add(i64::from(bits) - 1);
    let fraction_bits = format.precision - 1;
    let lowest = 1 - format.max_exponent - i64::from(fraction_bits);
    if bits > format.precision || top > format.max_exponent || exponent < lowest {
        return Err(format.inexact);
    }
    if top < 1 - format.max_exponent {
        return Ok(odd << (exponent - lowest));
    }
    let significand = odd << (format.precision - bits);
    let biased = (top + format.max_exponent) as u64;
    Ok((biased << fraction_bits) | (significand & ((1 << fraction_bits) - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn f32_of(text: &str) -> Result<f32, &'static str> {
        parse_f32(text).expect("hexadecimal")
    }

    #[test]
    fn exact_values_are_read() {
        assert_eq!(f32_of("0x1.8p1"), Ok(3.0));
        assert_eq!(f32_of("-0X.8"), Ok(-0.5));
        assert_eq!(f32_of("+0x10"), Ok(16.0));
        assert_eq!(f32_of("0x1.p0"), Ok(1.0));
        assert_eq!(f32_of("0x1p-149").map(f32::to_bits), Ok(1));
        assert_eq!(f32_of("0x1.fffffep127"), Ok(f32::MAX));
        assert_eq!(f32_of("0x1.fffffcp-127").map(f32::to_bits), Ok(0x007f_ffff));
        assert_eq!(f32_of("-0x0p99999999999999999999").map(f32::to_bits), Ok(0x8000_0000));
        assert_eq!(f32_of(&format!("0x{}1.{}p-4", "0".repeat(99), "0".repeat(99))), Ok(0.0625));
        assert_eq!(f32_of(&format!("0x1{}p-400", "0".repeat(100))), Ok(1.0));
        assert_eq!(parse_f64("0x0.0000000000001p-1022"), Some(Ok(f64::from_bits(1))));
        assert_eq!(parse_f64("0x1.fffffffffffffp1023"), Some(Ok(f64::MAX)));
        assert_eq!(parse_f32("1.5"), None);
        assert_eq!(parse_f32(""), None);
    }

    #[test]
    fn inexact_or_malformed_ones_are_refused() {
        for text in ["0x1.000001p0", "0x1p128", "0x1p-150", "0x1.8p-149", "0x1p99999999999", "0x123456789abcdef012"] {
            assert_eq!(f32_of(text), Err("is not exact in f32"), "{text}");
        }
        for text in ["0x", "0x.", "0xp1", "0x1p", "0x1p+", "0x1q", "0x1.8.1", "0x1_0", "0x-1", "0x1p1.0", "0xé"] {
            assert_eq!(f32_of(text), Err(MALFORMED), "{text}");
        }
        assert_eq!(parse_f64("0x1.00000000000008p0"), Some(Err("is not exact in f64")));
    }

    /// Writes a finite double as C's %a does.
    fn write(value: f64) -> String {
        let bits = value.to_bits();
        let sign = if value.is_sign_negative() { "-" } else { "" };
        let fraction = bits & ((1 << 52) - 1);
        match (bits >> 52) & 0x7ff {
            0 => format!("{sign}0x0.{fraction:013x}p-1022"),
            biased => format!("{sign}0x1.{fraction:013x}p{:+}", biased as i64 - 1023),
        }
    }

    proptest! {
        #[test]
        fn doubles_round_trip(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let read = parse_f64(&write(value)).expect("hexadecimal").expect("exact");
            prop_assert_eq!(read.to_bits(), bits);
        }

        #[test]
        fn floats_round_trip(bits in any::<u32>()) {
            let value = f32::from_bits(bits);
            prop_assume!(value.is_finite());
            let read = parse_f32(&write(f64::from(value))).expect("hexadecimal").expect("exact");
            prop_assert_eq!(read.to_bits(), bits);
        }

        #[test]
        fn a_double_is_read_as_a_float_only_if_it_is_one(bits in any::<u64>(), low in 0u32..40) {
            let value = f64::from_bits(bits >> low << low);
            prop_assume!(value.is_finite());
            let read = parse_f32(&write(value)).expect("hexadecimal");
            prop_assert_eq!(read.is_ok(), f64::from(value as f32) == value);
        }
    }
}
