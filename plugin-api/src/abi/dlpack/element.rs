//! Element types on both sides: the codes of [`ClampArray::dtype`](crate::abi::ClampArray) and DLPack's code and bits.
//! What has no counterpart is named, never converted.

use super::DlDataType;
use crate::abi::backend::Fault;

/// An element type of this ABI.
pub(super) struct Element {
    /// As `ClampArray::dtype`.
    pub(super) dtype: u32,
    pub(super) name: &'static str,
    pub(super) dl: DlDataType,
}

const SIGNED: u8 = 0;
const UNSIGNED: u8 = 1;
const FLOAT: u8 = 2;

const fn element(dtype: u32, name: &'static str, code: u8, bits: u8) -> Element {
    Element { dtype, name, dl: DlDataType { code, bits, lanes: 1 } }
}

/// In the order of the codes.
static ELEMENTS: [Element; 8] = [
    element(1, "f32", FLOAT, 32),
    element(2, "f64", FLOAT, 64),
    element(3, "i8", SIGNED, 8),
    element(4, "u8", UNSIGNED, 8),
    element(5, "i32", SIGNED, 32),
    element(6, "u32", UNSIGNED, 32),
    element(7, "i64", SIGNED, 64),
    element(8, "u64", UNSIGNED, 64),
];

impl Element {
    /// Bytes of one, which is also the alignment that it needs.
    pub(super) fn size(&self) -> u64 {
        u64::from(self.dl.bits) / 8
    }

    /// Of an array of this ABI.
    pub(super) fn of_array(dtype: u32) -> Result<&'static Self, Fault> {
        ELEMENTS
            .iter()
            .find(|element| element.dtype == dtype)
            .ok_or_else(|| Fault::invalid(format!("element type {dtype} is unknown; there are 1 (f32) to 8 (u64)")))
    }

    /// Of a tensor that comes in.
    pub(super) fn of_tensor(dl: DlDataType) -> Result<&'static Self, Fault> {
        ELEMENTS.iter().find(|element| element.dl == dl).ok_or_else(|| {
            let all: Vec<&str> = ELEMENTS.iter().map(|element| element.name).collect();
            let message = format!("DLPack element type {} has no counterpart; there are {}", name(dl), all.join(", "));
            Fault::unsupported(message)
        })
    }
}

/// What a type is called that this ABI lacks.
fn name(dl: DlDataType) -> String {
    let kind = match dl.code {
        SIGNED => "int",
        UNSIGNED => "uint",
        FLOAT => "float",
        3 => "opaque handle, ",
        4 => "bfloat",
        5 => "complex",
        6 => "bool",
        7..=14 => "float8 variant, ",
        15..=17 => "float of 4 or 6 bits, ",
        other => return format!("code {other} of {} bits", dl.bits),
    };
    let lanes = if dl.lanes == 1 { String::new() } else { format!(" with {} lanes", dl.lanes) };
    format!("{kind}{}{lanes}", dl.bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Status;

    #[test]
    fn every_type_goes_both_ways() {
        for (position, element) in ELEMENTS.iter().enumerate() {
            assert_eq!(element.dtype as usize, position + 1);
            assert_eq!(Element::of_tensor(element.dl).map(|e| e.dtype), Ok(element.dtype));
            assert_eq!(Element::of_array(element.dtype).map(|e| e.dl), Ok(element.dl));
            assert!(element.name.ends_with(&element.dl.bits.to_string()) && element.size() > 0);
        }
        assert!(Element::of_array(0).is_err() && Element::of_array(9).is_err());
    }

    #[test]
    fn what_has_no_counterpart_is_named() {
        for (code, bits, lanes, called) in [
            (2, 16, 1, "float16 "),
            (4, 16, 1, "bfloat16 "),
            (5, 64, 1, "complex64 "),
            (6, 8, 1, "bool8 "),
            (0, 16, 1, "int16 "),
            (1, 16, 1, "uint16 "),
            (2, 32, 4, "float32 with 4 lanes "),
            (2, 32, 0, "float32 with 0 lanes "),
            (9, 8, 1, "float8 variant, 8 "),
            (99, 7, 1, "code 99 of 7 bits "),
        ] {
            let fault = Element::of_tensor(DlDataType { code, bits, lanes }).map(|e| e.dtype).expect_err(called);
            assert_eq!(fault.status, Status::Unsupported);
            assert!(fault.message.contains(&format!("type {called}has no counterpart")), "{}", fault.message);
        }
    }
}
