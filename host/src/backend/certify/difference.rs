//! Names the first element in which a backend's output is not that of the specification. Only here does the reference
//! run, and only after the digests have told.

use clamp_kernels::catalogue::{ArgSpec, Dtype};
use clamp_kernels::conformance::{Case, expected};

use super::certificate::Difference;

/// `name` is how the case is called, `bytes` what the backend gave for output `number`. The error says why no difference
/// can be named.
pub(super) fn first_difference(
    case: &Case,
    name: String,
    number: usize,
    output: &ArgSpec,
    bytes: &[u8],
) -> Result<Difference, String> {
    let fault = |what: &str| format!("case {name}: {what}: a fault of this host");
    let outputs = expected(case).map_err(|e| fault(&format!("the reference refuses it: {e}")))?;
    let expected = outputs.get(number).ok_or_else(|| fault("the reference gives no such output"))?;
    let size = output.dtype.size() as usize;
    let mut elements = bytes.chunks_exact(size).zip(expected.chunks_exact(size)).enumerate();
    let (element, (got, expected)) = elements
        .find(|(_, (got, expected))| got != expected)
        .ok_or_else(|| fault("the backend gives the reference's bits, but not the digest that is expected"))?;
    let (got, expected) = (pattern(got), pattern(expected));
    let word = |bits: u64| format!("{bits:0width$x}", width = 2 * size);
    Ok(Difference {
        case: name,
        output: output.name.to_owned(),
        element: element as u64,
        got: word(got),
        expected: word(expected),
        ulp: ulp(output.dtype, got, expected).map(|ulp| ulp.to_string()),
    })
}

/// Little-endian bytes as a number.
fn pattern(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// How many floats lie between two, -0 and +0 being one apart; `None` where there is no such count.
fn ulp(dtype: Dtype, one: u64, other: u64) -> Option<u64> {
    let ordinal = |bits: u64| -> Option<i128> {
        let (sign, magnitude, infinity) = match dtype {
            Dtype::F32 => (bits >> 31, bits & 0x7fff_ffff, 0x7f80_0000),
            Dtype::F64 => (bits >> 63, bits & (u64::MAX >> 1), 0x7ff0_0000_0000_0000),
            _ => return None,
        };
        let magnitude = (magnitude <= infinity).then_some(i128::from(magnitude))?;
        Some(if sign == 1 { -1 - magnitude } else { magnitude })
    };
    u64::try_from((ordinal(one)? - ordinal(other)?).unsigned_abs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clamp_kernels::catalogue::find;
    use clamp_kernels::conformance::cases;

    #[test]
    fn floats_are_counted_over_zero() {
        let of = |one: f32, other: f32| ulp(Dtype::F32, one.to_bits().into(), other.to_bits().into());
        assert_eq!(of(1.0, 1.0 + f32::EPSILON), Some(1));
        assert_eq!(of(0.0, -0.0), Some(1));
        assert_eq!(of(f32::from_bits(1), -f32::from_bits(1)), Some(3));
        assert_eq!(of(f32::MAX, f32::INFINITY), Some(1));
        assert_eq!(of(1.0, f32::NAN), None);
        assert_eq!(ulp(Dtype::F64, 1.0_f64.to_bits(), 2.0_f64.to_bits()), Some(1 << 52));
        assert_eq!(ulp(Dtype::I32, 1, 2), None);
    }

    #[test]
    fn the_first_element_is_named_with_both_patterns() {
        let spec = find("exp.f32.v1").expect("kernel");
        let case = cases(spec).into_iter().find(|case| case.name == "tame-3x41x7").expect("case");
        let mut bytes = expected(&case).expect("reference").remove(0);
        let right = u32::from_le_bytes([bytes[48], bytes[49], bytes[50], bytes[51]]);
        bytes[48] ^= 1;
        bytes[80] ^= 1;
        let found = first_difference(&case, "here".to_owned(), 0, &spec.outputs[0], &bytes).expect("difference");
        assert_eq!(
            (found.element, found.got, found.expected),
            (12, format!("{:08x}", right ^ 1), format!("{right:08x}"))
        );
        assert_eq!(found.ulp.as_deref(), Some("1"));
        bytes[48] ^= 1;
        bytes[80] ^= 1;
        let error = first_difference(&case, "here".to_owned(), 0, &spec.outputs[0], &bytes).expect_err("the same");
        assert!(error.contains("a fault of this host"), "{error}");
    }
}
