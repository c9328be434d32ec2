//! The room of histograms: how many elements lie between each two edges, how many below, above, and how many are NaN.
//! A bin holds its lower edge and not its upper one, except the last, which holds both.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "device")]
pub(crate) mod device;
#[cfg(feature = "reference")]
pub(crate) mod reference;

use crate::catalogue::{ArgError, ArgSpec, Dtype, KernelSpec, Op, ParamValue, Shape, rule};

/// Counts behind those of the bins: below, above, NaN.
const OUTSIDE: u64 = 3;

macro_rules! spec {
    ($id:literal, $dtype:ident) => {
        KernelSpec {
            id: $id,
            summary: "how many elements of x lie in each bin, below, above, and how many are NaN",
            inputs: &[ArgSpec::required("x", Dtype::$dtype), ArgSpec::required("edges", Dtype::$dtype)],
            outputs: &[ArgSpec::required("out", Dtype::I64)],
            params: &[],
            in_place: false,
            shapes: bins_and_outside,
            op: Op::Histogram,
        }
    };
}

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[&[spec!("histogram.f32.v1", F32), spec!("histogram.f64.v1", F64)]];

fn bins_and_outside(inputs: &[Option<Shape>], _: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    rule::required(inputs, 0, "x")?;
    let edges = rule::required(inputs, 1, "edges")?;
    match *edges.dims() {
        [count] if count >= 2 => Shape::new(&[count - 1 + OUTSIDE])
            .map(|out| vec![out])
            .map_err(|error| ArgError::input("edges", format!("makes an output that is too large: {error}"))),
        _ => Err(ArgError::input("edges", format!("has shape {edges}: it needs 2 edges or more in 1 dimension"))),
    }
}

/// What a launch says of an edge that is not finite, or not above the one before it.
#[cfg(any(feature = "reference", feature = "device"))]
fn refused_edge(place: u64, edge: impl std::fmt::Debug) -> String {
    format!("input `edges`: element {place} is {edge:?}: edges are finite, and each is above the one before it")
}
