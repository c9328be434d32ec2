//! An opened kernel for a target: its module, its plans and its messages. It asks the room of the operation and adds
//! nothing of its own.

use crate::catalogue::{FixedParams, KernelSpec, Op, ParamError, ParamValue, When, find, nearest};
use crate::map::Expression;
use crate::{
    cast, compare, elementwise, function, gather, histogram, layout, map, matmul, mirror, random, reduce, rows, scan,
    sort,
};

use super::{Call, Module, Place, Plan, Source, Target};

/// Why a kernel could not be opened for a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is no such id.
    #[error("there is no kernel {id}{}", nearest.map(|nearest| format!("; the nearest is {nearest}")).unwrap_or_default())]
    Unknown {
        /// The id that was asked for.
        id: String,
        /// An id that was perhaps meant.
        nearest: Option<&'static str>,
    },
    /// Its fixed parameters are wrong.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// The kernel has no device source.
    #[error("kernel {0} has no device source")]
    NoSource(&'static str),
    /// The kernel computes in binary64, which the device lacks.
    #[error("kernel {0} needs binary64, which the device lacks")]
    NoFp64(&'static str),
}

/// A kernel with its fixed parameters, for one target.
#[derive(Clone, Debug)]
pub struct DeviceKernel {
    spec: &'static KernelSpec,
    fixed: Vec<Option<ParamValue>>,
    target: Target,
    source: Source,
}

/// The arrays and parameters of one launch, in catalogue order, checked before by [`KernelSpec::check`].
#[derive(Clone, Copy, Debug)]
pub struct LaunchArrays<'a> {
    /// The inputs; an absent optional one is `None`.
    pub inputs: &'a [Option<Place>],
    /// The outputs.
    pub outputs: &'a [Place],
    /// The per-launch parameters, as [`crate::catalogue::LaunchParams`] has them.
    pub params: &'a [u64],
    /// Which of them are present.
    pub present: u64,
}

impl DeviceKernel {
    /// Opens the kernel `id` with the parameters that stay fixed for its life.
    pub fn open(id: &str, fixed: &FixedParams, target: &Target) -> Result<DeviceKernel, OpenError> {
        let spec = find(id).ok_or_else(|| OpenError::Unknown { id: id.to_owned(), nearest: nearest(id) })?;
        let values = spec.fixed_values(fixed)?;
        let source =
            source(spec, &values, spec.expression(fixed)?.as_ref(), target).ok_or(OpenError::NoSource(spec.id))?;
        if source.fp64 && !target.fp64 {
            return Err(OpenError::NoFp64(spec.id));
        }
        Ok(DeviceKernel { spec, fixed: values, target: *target, source })
    }

    /// Its entry in the catalogue.
    pub fn spec(&self) -> &'static KernelSpec {
        self.spec
    }

    /// What to compile for it.
    pub fn module(&self) -> Module {
        self.source.clone().module(&self.target)
    }

    /// All parameters in catalogue order, as [`KernelSpec::check`] takes them, from those of one launch.
    pub fn params(&self, params: &[u64], present: u64) -> Result<Vec<Option<ParamValue>>, ParamError> {
        let at_launch = self.spec.values_at(When::Launch, params, present)?;
        Ok(self.spec.in_order(&self.fixed, &at_launch))
    }

    /// What a launch enqueues. Parameters that do not fit the catalogue are an error.
    pub fn plan(&self, launch: &LaunchArrays<'_>) -> Result<Plan, ParamError> {
        let params = self.params(launch.params, launch.present)?;
        let call = Call { target: &self.target, inputs: launch.inputs, outputs: launch.outputs, params: &params };
        let mut plan = Plan::default();
        steps(self.spec, &self.source, &call, &mut plan);
        Ok(plan)
    }

    /// The message of a data error, from what a launch's status holds: the lowest failing element and its detail.
    pub fn message(&self, launch: &LaunchArrays<'_>, element: u64, detail: u64) -> String {
        message(self.spec, launch, element, detail)
    }
}

/// The room's source for the kernel; `None` where there is none.
fn source(
    spec: &'static KernelSpec,
    fixed: &[Option<ParamValue>],
    expression: Option<&Expression>,
    target: &Target,
) -> Option<Source> {
    match spec.op {
        Op::Unary(_) | Op::Binary(_) | Op::Fma | Op::Clamp | Op::Select => Some(elementwise::device::source(spec)),
        Op::Compare(relation) => Some(compare::device::source(spec, relation)),
        Op::Cast => Some(cast::device::source(spec)),
        Op::Reduce(reduction) => Some(reduce::device::source(spec, reduction)),
        Op::Matmul => Some(matmul::device::source(spec, fixed, target)),
        Op::Scan => Some(scan::device::source(spec)),
        Op::Softmax => Some(rows::device::softmax_source(spec)),
        Op::LayerNorm => Some(rows::device::norm_source(spec, true)),
        Op::RmsNorm => Some(rows::device::norm_source(spec, false)),
        Op::Attention => Some(rows::attention::device::source(spec)),
        Op::Map => expression.map(|expression| map::device::source(spec, expression)),
        Op::Transpose | Op::Concat => Some(layout::device::source(spec)),
        Op::Mirror => Some(mirror::device::source()),
        Op::GatherRows | Op::ScatterRows => Some(gather::device::source(spec)),
        Op::Philox => Some(random::device::source(spec)),
        Op::PhiloxNormal => Some(random::device::normal_source(spec)),
        Op::Function(_) => Some(function::device::source(spec)),
        Op::Histogram => Some(histogram::device::source(spec)),
        Op::Sort | Op::Argsort => Some(sort::device::source(spec, target)),
    }
}

fn steps(spec: &'static KernelSpec, source: &Source, call: &Call<'_>, plan: &mut Plan) {
    match spec.op {
        Op::Unary(_)
        | Op::Binary(_)
        | Op::Fma
        | Op::Clamp
        | Op::Select
        | Op::Compare(_)
        | Op::Cast
        | Op::Function(_) => {
            elementwise::device::steps(source, call, plan);
        }
        Op::Reduce(reduction) => reduce::device::steps(reduction, call, plan),
        Op::Matmul => matmul::device::steps(call, plan),
        Op::Scan => scan::device::steps(call, plan),
        Op::Softmax => rows::device::softmax(call, plan),
        Op::LayerNorm => rows::device::norm(true, call, plan),
        Op::RmsNorm => rows::device::norm(false, call, plan),
        Op::Attention => rows::attention::device::steps(call, plan),
        Op::Map => map::device::steps(call, plan),
        Op::Transpose => layout::device::transpose(call, plan),
        Op::Concat => layout::device::concat(call, plan),
        Op::Mirror => mirror::device::steps(call, plan),
        Op::ScatterRows => gather::device::scatter_rows(call, plan),
        Op::GatherRows => gather::device::gather_rows(call, plan),
        Op::Philox | Op::PhiloxNormal => random::device::steps(call, plan),
        Op::Histogram => histogram::device::steps(call, plan),
        Op::Sort => sort::device::steps(false, call, plan),
        Op::Argsort => sort::device::steps(true, call, plan),
    }
}

fn message(spec: &'static KernelSpec, launch: &LaunchArrays<'_>, element: u64, detail: u64) -> String {
    match spec.op {
        Op::GatherRows | Op::ScatterRows => gather::device::message(launch, element, detail),
        Op::Mirror => mirror::device::message(element),
        Op::Histogram => histogram::device::message(launch, element, detail),
        _ => format!("element {element} is refused ({detail:#x})"),
    }
}
