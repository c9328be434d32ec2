//! What one launch enqueues: steps of entry points with arguments, and the scratch memory between them. The figures come
//! from the rooms; nothing here knows what a kernel computes.

use crate::catalogue::{Dtype, ParamValue, Shape};

use super::Target;

/// Bytes of a launch's status: the lowest failing element (all ones where there is none), then a detail for the message,
/// each 64 bits in the device's byte order.
pub const STATUS_BYTES: u64 = 16;

/// One array of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its element type.
    pub dtype: Dtype,
    /// Its extents.
    pub shape: Shape,
    /// Bytes from an address that is a multiple of 64 to its first element, a multiple of the element's size.
    pub byte_offset: u64,
}

/// One argument of an entry point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// Input `0`'s buffer, then its byte offset as a u64: two arguments.
    Input(usize),
    /// Output `0`'s buffer, then its byte offset as a u64: two arguments.
    Output(usize),
    /// Scratch buffer `0` of the plan, then the byte offset `1` as a u64: two arguments.
    Scratch(usize, u64),
    /// The launch's status, [`STATUS_BYTES`] aligned to 8 bytes: its buffer, then its byte offset as a u64.
    Status,
    /// A 32-bit integer, or the bits of a binary32 number: one argument of 4 bytes.
    U32(u32),
    /// A 64-bit integer: one argument of 8 bytes.
    U64(u64),
    /// A binary32 number by its bits: one argument of 4 bytes.
    F32(u32),
    /// A binary64 number by its bits: one argument of 8 bytes.
    F64(u64),
}

/// One kernel call of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The entry point in the module.
    pub entry: &'static str,
    /// Work-groups, in one dimension; 1 to 2^31 - 1.
    pub groups: u32,
    /// Items of a work-group.
    pub group_size: u32,
    /// Arguments in order.
    pub args: Vec<Arg>,
}

/// What one launch enqueues, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Bytes of each scratch buffer, aligned to 64; contents undefined before and after.
    pub scratch: Vec<u64>,
    /// The steps; each sees what the ones before it wrote. None at all where there is nothing to do.
    pub steps: Vec<Step>,
    /// Whether the steps write the launch's status, which then must be read when they have run.
    pub has_status: bool,
}

impl Plan {
    /// Adds scratch memory; gives its position.
    pub(crate) fn scratch(&mut self, bytes: u64) -> usize {
        self.scratch.push(bytes.max(8));
        self.scratch.len() - 1
    }

    /// Adds a step.
    pub(crate) fn step(&mut self, entry: &'static str, groups: u32, group_size: u32, args: impl Into<Vec<Arg>>) {
        debug_assert!((1..1 << 31).contains(&groups) && group_size >= 1);
        self.steps.push(Step { entry, groups, group_size, args: args.into() });
    }
}

/// One launch as the rooms see it.
pub(crate) struct Call<'a> {
    pub(crate) target: &'a Target,
    pub(crate) inputs: &'a [Option<Place>],
    pub(crate) outputs: &'a [Place],
    pub(crate) params: &'a [Option<ParamValue>],
}

impl Call<'_> {
    /// The extents of input `position`; those of a scalar where it is absent.
    pub(crate) fn shape(&self, position: usize) -> Shape {
        self.inputs.get(position).copied().flatten().map_or(Shape::SCALAR, |input| input.shape)
    }

    /// Whether input `position` is there.
    pub(crate) fn has(&self, position: usize) -> bool {
        self.inputs.get(position).is_some_and(Option::is_some)
    }

    /// Elements of the first output.
    pub(crate) fn elements(&self) -> u64 {
        self.outputs.first().map_or(0, |output| output.shape.elements())
    }

    /// Whether every array present begins at a multiple of `bytes`, so that wide loads are allowed.
    pub(crate) fn aligned(&self, bytes: u64) -> bool {
        self.inputs.iter().flatten().chain(self.outputs).all(|place| place.byte_offset.is_multiple_of(bytes))
    }
}
