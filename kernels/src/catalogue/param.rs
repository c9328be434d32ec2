//! Parameters: their kinds, their values and how they are written. It reads one parameter at a time; which of them a
//! kernel takes, and in what order they cross the ABI, is decided in `params`.

use std::fmt;
use std::num::IntErrorKind;

use super::hex;
use crate::map::{PostfixError, SyntaxError};

/// What a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// `true` or `false`.
    Flag,
    /// An unsigned 64-bit integer.
    Int,
    /// A binary32 number.
    F32,
    /// A binary64 number.
    F64,
    /// Text, at most one in a kernel, fixed at open.
    Text,
}

impl ParamKind {
    /// The name in messages: `flag`, `int`, `f32`, `f64`, `text`.
    pub const fn name(self) -> &'static str {
        match self {
            ParamKind::Flag => "flag",
            ParamKind::Int => "int",
            ParamKind::F32 => "f32",
            ParamKind::F64 => "f64",
            ParamKind::Text => "text",
        }
    }
}

impl fmt::Display for ParamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// When a parameter is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Fixed for the life of an opened kernel.
    Open,
    /// Anew at each launch.
    Launch,
}

/// One named parameter of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamSpec {
    /// Its name in WIT, on the command line and in messages.
    pub name: &'static str,
    /// What it holds.
    pub kind: ParamKind,
    /// When it is given.
    pub when: When,
    /// Whether it must be given; one that is absent is `false`, 0 or leaves its operation out.
    pub required: bool,
}

impl fmt::Display for ParamSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = match self.when {
            When::Open => "at open",
            When::Launch => "per launch",
        };
        let need = if self.required { "required" } else { "optional" };
        write!(f, "{} ({}, {when}, {need})", self.name, self.kind)
    }
}

/// The value of a parameter, as it crosses the ABI in 8 bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ParamValue {
    /// `true` or `false`.
    Flag(bool),
    /// An unsigned 64-bit integer.
    Int(u64),
    /// A binary32 number.
    F32(f32),
    /// A binary64 number.
    F64(f64),
    /// What a text parameter names: bit i of each says that input i, or scalar i, is used. The text itself crosses
    /// beside the values.
    Expression {
        /// The inputs x0 to x7.
        inputs: u8,
        /// The scalars c0 to c7.
        scalars: u8,
    },
}

impl ParamValue {
    /// The 8 bytes that cross the ABI: 0 or 1, the integer, or the float's bit pattern in the low bytes; 0 for a
    /// text, which crosses otherwise.
    pub fn bits(self) -> u64 {
        match self {
            ParamValue::Flag(value) => u64::from(value),
            ParamValue::Int(value) => value,
            ParamValue::F32(value) => u64::from(value.to_bits()),
            ParamValue::F64(value) => value.to_bits(),
            ParamValue::Expression { .. } => 0,
        }
    }

    /// The value that `bits` stand for, `None` where they stand for none: a flag other than 0 or 1, an f32 with high
    /// bits, or a text, which crosses otherwise.
    pub fn from_bits(kind: ParamKind, bits: u64) -> Option<ParamValue> {
        match kind {
            ParamKind::Flag => (bits <= 1).then_some(ParamValue::Flag(bits == 1)),
            ParamKind::Int => Some(ParamValue::Int(bits)),
            ParamKind::F32 => u32::try_from(bits).ok().map(|bits| ParamValue::F32(f32::from_bits(bits))),
            ParamKind::F64 => Some(ParamValue::F64(f64::from_bits(bits))),
            ParamKind::Text => None,
        }
    }

    /// What it holds.
    pub fn kind(self) -> ParamKind {
        match self {
            ParamValue::Flag(_) => ParamKind::Flag,
            ParamValue::Int(_) => ParamKind::Int,
            ParamValue::F32(_) => ParamKind::F32,
            ParamValue::F64(_) => ParamKind::F64,
            ParamValue::Expression { .. } => ParamKind::Text,
        }
    }
}

/// What is wrong with the parameters that were given; the message names the parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// The kernel has no such parameter.
    #[error("kernel {kernel} has no parameter `{name}`; it takes {allowed}")]
    Unknown {
        /// The kernel's id.
        kernel: &'static str,
        /// What was given.
        name: String,
        /// The parameters that it takes, as text.
        allowed: String,
    },
    /// A parameter was given twice.
    #[error("parameter `{name}` of kernel {kernel} is given twice")]
    Repeated {
        /// The kernel's id.
        kernel: &'static str,
        /// The parameter.
        name: &'static str,
    },
    /// A parameter that is given per launch came at open.
    #[error("parameter `{name}` of kernel {kernel} is given at each launch, not at open; at open it takes {allowed}")]
    NotAtOpen {
        /// The kernel's id.
        kernel: &'static str,
        /// The parameter.
        name: &'static str,
        /// The parameters that it takes at open, as text.
        allowed: String,
    },
    /// A parameter that is fixed at open came with a launch.
    #[error(
        "parameter `{name}` of kernel {kernel} is fixed at open, not given at a launch; at a launch it takes {allowed}"
    )]
    NotAtLaunch {
        /// The kernel's id.
        kernel: &'static str,
        /// The parameter.
        name: &'static str,
        /// The parameters that it takes at a launch, as text.
        allowed: String,
    },
    /// A required parameter was not given.
    #[error("kernel {kernel} needs the parameter `{name}`; it takes {allowed}")]
    Missing {
        /// The kernel's id.
        kernel: &'static str,
        /// The parameter.
        name: &'static str,
        /// The parameters that it takes, as text.
        allowed: String,
    },
    /// A value that the parameter cannot hold.
    #[error("parameter `{name}`: {given} {reason}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// The value as it was given.
        given: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A formula that cannot be read.
    #[error("parameter `{name}`: {error}")]
    Syntax {
        /// The parameter.
        name: &'static str,
        /// Where, and what is wrong.
        error: SyntaxError,
    },
    /// Postfix bytes that are not canonical.
    #[error("parameter `{name}`: {error}")]
    Postfix {
        /// The parameter.
        name: &'static str,
        /// Where, and what is wrong.
        error: PostfixError,
    },
    /// Arrays of values that do not fit the catalogue: a wrong count, or a presence bit beyond it.
    #[error("kernel {kernel} takes {want} parameters {when}, not {got} values with presence bits {present:#x}")]
    Arrays {
        /// The kernel's id.
        kernel: &'static str,
        /// How many it takes.
        want: usize,
        /// `at open` or `per launch`.
        when: &'static str,
        /// How many were given.
        got: usize,
        /// The presence bits that were given.
        present: u64,
    },
    /// A text without its presence bit, or a presence bit without its text.
    #[error("kernel {kernel}: the text parameter and its presence bit do not agree")]
    Text {
        /// The kernel's id.
        kernel: &'static str,
    },
}

impl ParamSpec {
    /// The value written as `text`: flags are `true` or `false`; integers decimal or 0x hexadecimal; numbers decimal,
    /// rounded once to the kind (never through another), or 0x hexadecimal, which must be exact, or `inf` and `nan`.
    pub fn parse(&self, text: &str) -> Result<ParamValue, ParamError> {
        number(self.kind, text).map_err(|reason| self.refuse(format!("`{text}`"), reason))
    }

    /// The error that says that `given` is no value of this parameter.
    pub(super) fn refuse(&self, given: String, reason: &'static str) -> ParamError {
        ParamError::Value { name: self.name, given, reason }
    }
}

/// The value of this kind written as `text`, or what is wrong with it.
pub(crate) fn number(kind: ParamKind, text: &str) -> Result<ParamValue, &'static str> {
    match kind {
        ParamKind::Flag => match text {
            "true" => Ok(ParamValue::Flag(true)),
            "false" => Ok(ParamValue::Flag(false)),
            _ => Err("is neither true nor false"),
        },
        ParamKind::Int => parse_int(text).map(ParamValue::Int),
        ParamKind::F32 => match hex::parse_f32(text) {
            Some(value) => value.map(ParamValue::F32),
            None => decimal(text).map(ParamValue::F32),
        },
        ParamKind::F64 => match hex::parse_f64(text) {
            Some(value) => value.map(ParamValue::F64),
            None => decimal(text).map(ParamValue::F64),
        },
        ParamKind::Text => Err("is text, which has no value of 8 bytes"),
    }
}

fn parse_int(text: &str) -> Result<u64, &'static str> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    if digits.starts_with(['+', '-']) {
        return Err("is no unsigned integer");
    }
    u64::from_str_radix(digits, radix).map_err(|error| match error.kind() {
        IntErrorKind::PosOverflow => "does not fit 64 bits",
        _ => "is no unsigned integer",
    })
}

/// The standard library rounds a decimal once, correctly, to the type that it is parsed as.
fn decimal<T: std::str::FromStr>(text: &str) -> Result<T, &'static str> {
    text.parse().map_err(|_| "is no number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn spec(kind: ParamKind) -> ParamSpec {
        ParamSpec { name: "p", kind, when: When::Launch, required: true }
    }

    fn message(kind: ParamKind, text: &str) -> String {
        spec(kind).parse(text).expect_err("refused").to_string()
    }

    #[test]
    fn writes_of_every_kind_are_read() {
        assert_eq!(spec(ParamKind::Flag).parse("true"), Ok(ParamValue::Flag(true)));
        assert_eq!(spec(ParamKind::Int).parse("18446744073709551615"), Ok(ParamValue::Int(u64::MAX)));
        assert_eq!(spec(ParamKind::Int).parse("0x10"), Ok(ParamValue::Int(16)));
        assert_eq!(spec(ParamKind::F32).parse("0x1.6a09e6p-1"), Ok(ParamValue::F32(f32::from_bits(0x3f35_04f3))));
        assert_eq!(spec(ParamKind::F64).parse("-inf"), Ok(ParamValue::F64(f64::NEG_INFINITY)));
        assert_eq!(spec(ParamKind::F32).parse("1e39"), Ok(ParamValue::F32(f32::INFINITY)));
        let negative_zero = spec(ParamKind::F32).parse("-0").expect("value");
        assert_eq!(negative_zero.bits(), 0x8000_0000);
    }

    #[test]
    fn a_decimal_is_never_rounded_through_f64() {
        // Halfway between two floats once it is rounded to f64, above halfway before.
        let text = "1.00000005960464477540";
        let once = spec(ParamKind::F32).parse(text).expect("value");
        assert_eq!(once, ParamValue::F32(f32::from_bits(0x3f80_0001)));
        assert_eq!(text.parse::<f64>().expect("f64") as f32, 1.0);
    }

    #[test]
    fn refusals_name_the_parameter_and_the_text() {
        assert_eq!(message(ParamKind::Flag, "yes"), "parameter `p`: `yes` is neither true nor false");
        assert_eq!(message(ParamKind::Int, "-1"), "parameter `p`: `-1` is no unsigned integer");
        assert_eq!(message(ParamKind::Int, "0x+1"), "parameter `p`: `0x+1` is no unsigned integer");
        assert_eq!(
            message(ParamKind::Int, "18446744073709551616"),
            "parameter `p`: `18446744073709551616` does not fit 64 bits"
        );
        assert_eq!(message(ParamKind::F32, "one"), "parameter `p`: `one` is no number");
        assert_eq!(message(ParamKind::F32, "0x1.000001p0"), "parameter `p`: `0x1.000001p0` is not exact in f32");
        assert_eq!(message(ParamKind::Text, "x0"), "parameter `p`: `x0` is text, which has no value of 8 bytes");
    }

    #[test]
    fn bits_that_stand_for_nothing_are_refused() {
        assert_eq!(ParamValue::from_bits(ParamKind::Flag, 2), None);
        assert_eq!(ParamValue::from_bits(ParamKind::F32, 1 << 32), None);
        assert_eq!(ParamValue::from_bits(ParamKind::Text, 0), None);
    }

    proptest! {
        #[test]
        fn decimals_are_rounded_once(mantissa in any::<u64>(), point in 0usize..20, exponent in -60i32..40) {
            let digits = format!("{mantissa:020}");
            let text = format!("{}.{}e{exponent}", &digits[..point.max(1)], &digits[point.max(1)..]);
            let value = spec(ParamKind::F32).parse(&text).expect("value");
            prop_assert_eq!(value.bits() as u32, text.parse::<f32>().expect("f32").to_bits());
            let value = spec(ParamKind::F64).parse(&text).expect("value");
            prop_assert_eq!(value.bits(), text.parse::<f64>().expect("f64").to_bits());
        }

        #[test]
        fn bits_go_both_ways(bits in any::<u64>()) {
            for kind in [ParamKind::Flag, ParamKind::Int, ParamKind::F32, ParamKind::F64] {
                if let Some(value) = ParamValue::from_bits(kind, bits) {
                    prop_assert_eq!(value.bits(), bits);
                    prop_assert_eq!(value.kind(), kind);
                }
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            for kind in [ParamKind::Flag, ParamKind::Int, ParamKind::F32, ParamKind::F64, ParamKind::Text] {
                let _ = spec(kind).parse(&text);
            }
        }
    }
}
