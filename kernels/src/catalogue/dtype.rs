//! The element types and their codes. It never converts a value; that is the room `cast`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An element type. The codes cross the ABI and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum Dtype {
    /// IEEE-754 binary32.
    F32 = 1,
    /// IEEE-754 binary64.
    F64 = 2,
    /// Two's complement, 8 bits.
    I8 = 3,
    /// Unsigned, 8 bits; also the result of a comparison (1 or 0).
    U8 = 4,
    /// Two's complement, 32 bits.
    I32 = 5,
    /// Unsigned, 32 bits.
    U32 = 6,
    /// Two's complement, 64 bits; also indices and counts.
    I64 = 7,
    /// Unsigned, 64 bits.
    U64 = 8,
}

impl Dtype {
    /// Every type in the order of its code.
    pub const ALL: [Dtype; 8] =
        [Dtype::F32, Dtype::F64, Dtype::I8, Dtype::U8, Dtype::I32, Dtype::U32, Dtype::I64, Dtype::U64];

    /// The number that crosses the ABI, 1 to 8; 0 is no type.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The type of an ABI code.
    pub fn from_code(code: u32) -> Option<Dtype> {
        Dtype::ALL.into_iter().find(|dtype| dtype.code() == code)
    }

    /// Bytes of one element, which is also the alignment that arrays need.
    pub const fn size(self) -> u64 {
        match self {
            Dtype::I8 | Dtype::U8 => 1,
            Dtype::F32 | Dtype::I32 | Dtype::U32 => 4,
            Dtype::F64 | Dtype::I64 | Dtype::U64 => 8,
        }
    }

    /// The name in kernel ids, WIT and messages: `f32`.
    pub const fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "f32",
            Dtype::F64 => "f64",
            Dtype::I8 => "i8",
            Dtype::U8 => "u8",
            Dtype::I32 => "i32",
            Dtype::U32 => "u32",
            Dtype::I64 => "i64",
            Dtype::U64 => "u64",
        }
    }

    /// The type called `name`.
    pub fn from_name(name: &str) -> Option<Dtype> {
        Dtype::ALL.into_iter().find(|dtype| dtype.name() == name)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_go_both_ways() {
        for (position, dtype) in Dtype::ALL.into_iter().enumerate() {
            assert_eq!(dtype.code() as usize, position + 1);
            assert_eq!(Dtype::from_code(dtype.code()), Some(dtype));
            assert_eq!(Dtype::from_name(dtype.name()), Some(dtype));
            assert_eq!(serde_json::to_string(&dtype).expect("json"), format!("\"{dtype}\""));
        }
        assert_eq!(Dtype::from_code(0), None);
        assert_eq!(Dtype::from_code(9), None);
        assert_eq!(Dtype::from_name("F32"), None);
    }
}
