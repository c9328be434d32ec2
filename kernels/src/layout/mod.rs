//! The room of moves by place: transpose and concat. Elements move bit for bit, as bytes or words, never as numbers.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "device")]
pub(crate) mod device;
#[cfg(feature = "reference")]
pub(crate) mod reference;

use crate::catalogue::{
    ArgError, ArgSpec, Dtype, KernelSpec, MAX_DIMS, Op, ParamKind, ParamSpec, ParamValue, Shape, When, rule,
};

/// The names of concat's inputs.
const PARTS: [&str; 8] = ["x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"];

const AXIS: ParamSpec = ParamSpec { name: "axis", kind: ParamKind::Int, when: When::Open, required: false };

macro_rules! specs {
    ($($dtype:ident $suffix:literal)+) => {
        &[$(
            KernelSpec {
                id: concat!("transpose.", $suffix, ".v1"),
                summary: "x with its last two extents exchanged, bit for bit",
                inputs: &[ArgSpec::required("x", Dtype::$dtype)],
                outputs: &[ArgSpec::required("out", Dtype::$dtype)],
                params: &[],
                in_place: false,
                shapes: transposed,
                op: Op::Transpose,
            },
            KernelSpec {
                id: concat!("concat.", $suffix, ".v1"),
                summary: "x0 to x7 one behind the other along an axis, bit for bit",
                inputs: &[
                    ArgSpec::required(PARTS[0], Dtype::$dtype),
                    ArgSpec::optional(PARTS[1], Dtype::$dtype),
                    ArgSpec::optional(PARTS[2], Dtype::$dtype),
                    ArgSpec::optional(PARTS[3], Dtype::$dtype),
                    ArgSpec::optional(PARTS[4], Dtype::$dtype),
                    ArgSpec::optional(PARTS[5], Dtype::$dtype),
                    ArgSpec::optional(PARTS[6], Dtype::$dtype),
                    ArgSpec::optional(PARTS[7], Dtype::$dtype),
                ],
                outputs: &[ArgSpec::required("out", Dtype::$dtype)],
                params: &[AXIS],
                in_place: false,
                shapes: joined,
                op: Op::Concat,
            },
        )+]
    };
}

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[specs!(F32 "f32" F64 "f64" I32 "i32" U32 "u32" I64 "i64")];

fn transposed(inputs: &[Option<Shape>], _: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let x = rule::required(inputs, 0, "x")?;
    if x.ndim() < 2 {
        return Err(ArgError::input("x", format!("has shape {x}: it needs 2 dimensions or more")));
    }
    let mut dims = [0; MAX_DIMS];
    let dims = &mut dims[..x.ndim()];
    dims.copy_from_slice(x.dims());
    dims.swap(x.ndim() - 2, x.ndim() - 1);
    Shape::new(dims).map(|out| vec![out]).map_err(|error| ArgError::input("x", error.to_string()))
}

fn joined(inputs: &[Option<Shape>], params: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let x0 = rule::required(inputs, 0, PARTS[0])?;
    if x0.ndim() == 0 {
        return Err(ArgError::input(PARTS[0], format!("has shape {x0}: it needs 1 dimension or more")));
    }
    let axis = axis(params);
    if axis >= x0.ndim() as u64 {
        let problem = format!("is {axis}, but `{}` is {x0}: the last axis is {}", PARTS[0], x0.ndim() - 1);
        return Err(ArgError::param("axis", problem));
    }
    let axis = axis as usize;
    let mut total = 0u64;
    for (name, part) in PARTS.into_iter().zip(inputs) {
        let Some(part) = part else { continue };
        let same = |place: usize| part.dims()[place] == x0.dims()[place];
        if part.ndim() != x0.ndim() || !(0..x0.ndim()).all(|place| place == axis || same(place)) {
            let problem =
                format!("has shape {part}, but `{}` is {x0}: all extents but that of axis {axis} are equal", PARTS[0]);
            return Err(ArgError::input(name, problem));
        }
        total += part.dims()[axis];
    }
    let mut dims = [0; MAX_DIMS];
    let dims = &mut dims[..x0.ndim()];
    dims.copy_from_slice(x0.dims());
    dims[axis] = total;
    Shape::new(dims)
        .map(|out| vec![out])
        .map_err(|error| ArgError::input(PARTS[0], format!("and the others make an output that is too large: {error}")))
}

/// The axis of a concat; an absent one is 0.
fn axis(params: &[Option<ParamValue>]) -> u64 {
    match params.first().copied().flatten() {
        Some(ParamValue::Int(axis)) => axis,
        _ => 0,
    }
}
