//! The anchor mirror: a device reads its own copies of the anchors' seeds and states, writes back both, and draws one
//! word for each. The host checks all three, so what reached the device and what it computes are both seen.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "device")]
pub(crate) mod device;
#[cfg(feature = "reference")]
pub(crate) mod reference;

use crate::catalogue::{ArgError, ArgSpec, Dtype, KernelSpec, Op, ParamValue, Shape, rule};

/// The most anchors: their index is one word of the counter.
const MOST: u64 = 1 << 32;

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[&[KernelSpec {
    id: "mirror.u64.v1",
    summary: "seeds and states as they are, and word 0 of philox(seed, (state, index, 0, 0))",
    inputs: &[ArgSpec::required("seeds", Dtype::U64), ArgSpec::required("states", Dtype::U32)],
    outputs: &[
        ArgSpec::required("seeds_out", Dtype::U64),
        ArgSpec::required("states_out", Dtype::U32),
        ArgSpec::required("words", Dtype::U32),
    ],
    params: &[],
    in_place: false,
    shapes: anchors,
    op: Op::Mirror,
}]];

fn anchors(inputs: &[Option<Shape>], _: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let seeds = rule::required(inputs, 0, "seeds")?;
    let states = rule::required(inputs, 1, "states")?;
    let [count] = *seeds.dims() else {
        return Err(ArgError::input("seeds", format!("has shape {seeds}: it needs exactly 1 dimension")));
    };
    if count > MOST {
        return Err(ArgError::input("seeds", format!("has shape {seeds}: {MOST} (2^32) anchors are allowed")));
    }
    if states != seeds {
        return Err(ArgError::input("states", format!("has shape {states}, but `seeds` is {seeds}: each has its own")));
    }
    Ok(vec![seeds; 3])
}
