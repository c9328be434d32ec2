//! What every kernel is called, takes and gives: the one table that hosts, backends and documents read.
//! It computes nothing and knows no device.

mod check;
mod dtype;
mod hex;
mod ids;
mod op;
mod param;
mod params;
pub(crate) mod rule;
mod shape;

pub use check::{ArgError, Argument, ArrayDesc};
pub use dtype::Dtype;
pub use ids::{all, find, nearest};
pub use param::{ParamError, ParamKind, ParamSpec, ParamValue, When};
pub use params::{FixedParams, Given, LaunchParams, ParamValues};
pub use shape::{MAX_DIMS, MAX_ELEMENTS, Shape, ShapeError};

pub(crate) use param::number;

pub(crate) use op::{Binary, Function, Op, Reduction, Relation, Unary};

/// One named array argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgSpec {
    /// Its name in WIT, on the command line and in messages.
    pub name: &'static str,
    /// The only element type it may have.
    pub dtype: Dtype,
    /// An absent optional input crosses the ABI as a null buffer.
    pub optional: bool,
}

impl ArgSpec {
    pub(crate) const fn required(name: &'static str, dtype: Dtype) -> ArgSpec {
        ArgSpec { name, dtype, optional: false }
    }

    pub(crate) const fn optional(name: &'static str, dtype: Dtype) -> ArgSpec {
        ArgSpec { name, dtype, optional: true }
    }
}

/// One kernel of the specification.
#[derive(Clone, Copy, Debug)]
pub struct KernelSpec {
    /// `name.dtype.vN`; another bit of any result is another id.
    pub id: &'static str,
    /// One line for `kernel list`.
    pub summary: &'static str,
    /// Inputs in the order in which they cross the ABI.
    pub inputs: &'static [ArgSpec],
    /// Outputs in the order in which they cross the ABI.
    pub outputs: &'static [ArgSpec],
    /// Parameters in the order in which they cross the ABI, fixed and per launch each counted for itself.
    pub params: &'static [ParamSpec],
    /// Whether an output may be exactly an input of its dtype (the elementwise kernels).
    pub in_place: bool,
    /// The shapes of the outputs, or what is wrong with the inputs.
    pub shapes: ShapeRule,
    /// What it computes.
    #[cfg_attr(
        not(any(feature = "reference", feature = "device")),
        expect(dead_code, reason = "only an implementation reads it")
    )]
    pub(crate) op: Op,
}

/// Gives the output shapes for the inputs' shapes (`None` for an absent optional one) and the parameters in catalogue
/// order (`None` for an absent one), or names the argument or parameter that does not fit.
pub type ShapeRule = fn(inputs: &[Option<Shape>], params: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError>;
