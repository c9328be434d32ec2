//! The room of scans: the sum of all elements up to each, in blocks of 1024 whose totals are scanned in the same way. A
//! value depends only on elements up to it, never on threads.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "device")]
pub(crate) mod device;
#[cfg(feature = "reference")]
pub(crate) mod reference;

use crate::catalogue::{ArgError, ArgSpec, Dtype, KernelSpec, Op, ParamValue, Shape, rule};

/// Elements of a block.
#[cfg(feature = "reference")]
const BLOCK: usize = SEGMENTS * SEGMENT;

/// Segments of a block.
#[cfg(feature = "reference")]
const SEGMENTS: usize = 64;

/// Elements of a segment.
#[cfg(feature = "reference")]
const SEGMENT: usize = 16;

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[&[
    KernelSpec {
        id: "scan.f32.v1",
        summary: "for each element the sum of all up to it",
        inputs: &[ArgSpec::required("x", Dtype::F32)],
        outputs: &[ArgSpec::required("out", Dtype::F32)],
        params: &[],
        in_place: false,
        shapes: line,
        op: Op::Scan,
    },
    KernelSpec {
        id: "scan.f64.v1",
        summary: "for each element the sum of all up to it",
        inputs: &[ArgSpec::required("x", Dtype::F64)],
        outputs: &[ArgSpec::required("out", Dtype::F64)],
        params: &[],
        in_place: false,
        shapes: line,
        op: Op::Scan,
    },
]];

fn line(inputs: &[Option<Shape>], _: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let x = rule::required(inputs, 0, "x")?;
    if x.ndim() != 1 {
        return Err(ArgError::input("x", format!("has shape {x}: it needs exactly 1 dimension")));
    }
    Ok(vec![x])
}
