//! Opening a kernel and running it once over arrays in memory. It checks every launch against the catalogue, then hands
//! typed slices to the room that computes; it holds no state between launches and picks no thread pool.

use bytemuck::{AnyBitPattern, NoUninit};
use smallvec::SmallVec;

use crate::catalogue::{
    ArrayDesc, Dtype, FixedParams, KernelSpec, Op, ParamError, ParamValue, ParamValues, Shape, find, nearest,
};
#[cfg(feature = "cpu")]
use crate::dispatch::Level;
use crate::map::Expression;
use crate::{
    cast, compare, elementwise, function, gather, histogram, layout, map, matmul, mirror, random, reduce, rows, scan,
    sort,
};

/// Where an input's elements are.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    /// In memory of their own, C order, aligned to the dtype's size.
    Bytes(&'a [u8]),
    /// Exactly the memory of this output, for a kernel that may run in place.
    Output(usize),
}

/// One input array.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Its element type.
    pub dtype: Dtype,
    /// Its extents.
    pub shape: Shape,
    /// Its elements.
    pub data: Data<'a>,
}

/// One output array.
#[derive(Debug)]
pub struct Output<'a> {
    /// Its element type.
    pub dtype: Dtype,
    /// Its extents.
    pub shape: Shape,
    /// Its elements, C order, aligned to the dtype's size.
    pub data: &'a mut [u8],
}

/// The arguments of one launch, in catalogue order.
#[derive(Debug)]
pub struct Launch<'a, 'b> {
    /// The inputs; an absent optional one is `None`.
    pub inputs: &'b [Option<Input<'a>>],
    /// The outputs.
    pub outputs: &'b mut [Output<'a>],
    /// The per-launch parameters, as [`crate::catalogue::LaunchParams`] has them.
    pub params: &'b [u64],
    /// Which of them are present.
    pub present: u64,
}

/// Why a launch failed. The contents of the outputs are then unspecified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// Data that a kernel refuses, such as an index out of range.
    #[error("{message}")]
    Data {
        /// The lowest element at fault; 0 where the launch as a whole is refused.
        element: u64,
        /// What is wrong; it names the argument.
        message: String,
    },
    /// There is no memory for what the kernel keeps aside.
    #[error("there are no {bytes} bytes of memory for what the kernel keeps aside")]
    OutOfMemory {
        /// How much was asked for.
        bytes: u64,
    },
}

#[cfg(feature = "cpu")]
/// `len` elements aside, or an error where there is no memory for them.
pub(crate) fn aside<T: Clone>(len: usize, element: T) -> Result<Vec<T>, LaunchError> {
    let mut memory = Vec::new();
    let bytes = (len as u64).saturating_mul(size_of::<T>() as u64);
    memory.try_reserve_exact(len).map_err(|_| LaunchError::OutOfMemory { bytes })?;
    memory.resize(len, element);
    Ok(memory)
}

/// Why a kernel could not be opened.
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
}

/// A kernel with its fixed parameters.
#[derive(Clone, Debug)]
pub struct Kernel {
    spec: &'static KernelSpec,
    fixed: Vec<Option<ParamValue>>,
    /// What a map computes; `None` in every other kernel.
    expression: Option<Expression>,
    #[cfg(feature = "cpu")]
    level: Level,
}

impl Kernel {
    /// Opens the kernel `id` with the parameters that stay fixed for its life.
    pub fn open(id: &str, fixed: &FixedParams) -> Result<Kernel, OpenError> {
        let spec = find(id).ok_or_else(|| OpenError::Unknown { id: id.to_owned(), nearest: nearest(id) })?;
        Ok(Kernel {
            spec,
            fixed: spec.fixed_values(fixed)?,
            expression: spec.expression(fixed)?,
            #[cfg(feature = "cpu")]
            level: Level::best(),
        })
    }

    /// Whether the work of a launch grows as its elements do, each output element coming from those at its place.
    pub fn is_elementwise(&self) -> bool {
        self.spec.in_place
    }

    /// The same kernel with its hot loops at `level`, or at the best level that this CPU has below it. No bit depends
    /// on it.
    #[cfg(feature = "cpu")]
    #[must_use]
    pub fn at_level(self, level: Level) -> Kernel {
        Kernel { level: level.min(Level::best()), ..self }
    }

    /// Its entry in the catalogue.
    pub fn spec(&self) -> &'static KernelSpec {
        self.spec
    }

    /// Runs on this thread with plain code, the reading of the specification that all else is compared with.
    pub fn run_reference(&self, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
        let params = self.prepare(launch)?;
        match self.spec.op {
            Op::Unary(op) => elementwise::reference::unary(op, launch),
            Op::Binary(op) => elementwise::reference::binary(op, launch),
            Op::Fma => elementwise::reference::fma(launch),
            Op::Clamp => elementwise::reference::clamp(launch, &params),
            Op::Select => elementwise::reference::select(launch),
            Op::Compare(relation) => compare::reference::compare(relation, launch),
            Op::Cast => cast::reference::cast(launch),
            Op::Reduce(reduction) => reduce::reference::reduce(reduction, launch, &params),
            Op::Matmul => matmul::reference::matmul(launch, &params),
            Op::Softmax => rows::reference::softmax(launch),
            Op::LayerNorm => rows::reference::layernorm(launch, &params),
            Op::RmsNorm => rows::reference::rmsnorm(launch, &params),
            Op::Attention => rows::attention::reference::attention(launch, &params),
            Op::GatherRows => gather::reference::gather_rows(launch),
            Op::Philox => random::reference::philox(launch, &params),
            Op::Function(function) => function::reference::function(function, launch),
            Op::Map => map::reference::map(self.expression(), launch, &params),
            Op::Scan => scan::reference::scan(launch),
            Op::ScatterRows => gather::reference::scatter_rows(launch),
            Op::Transpose => layout::reference::transpose(launch),
            Op::Concat => layout::reference::concat(launch, &params),
            Op::Mirror => mirror::reference::mirror(launch),
            Op::Sort => sort::reference::sort(launch),
            Op::Argsort => sort::reference::argsort(launch),
            Op::Histogram => histogram::reference::histogram(launch),
            Op::PhiloxNormal => random::reference::normal(launch, &params),
        }
    }

    /// Runs with blocked code, on the threads of the caller's rayon pool where the work is large. The bits are those of
    /// [`Kernel::run_reference`], whatever the threads.
    #[cfg(feature = "cpu")]
    pub fn run(&self, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
        let params = self.prepare(launch)?;
        let level = self.level;
        match self.spec.op {
            Op::Unary(op) => elementwise::cpu::unary(level, op, launch),
            Op::Binary(op) => elementwise::cpu::binary(level, op, launch),
            Op::Fma => elementwise::cpu::fma(level, launch),
            Op::Clamp => elementwise::cpu::clamp(level, launch, &params),
            Op::Select => elementwise::cpu::select(launch),
            Op::Compare(relation) => compare::cpu::compare(level, relation, launch),
            Op::Cast => cast::cpu::cast(level, launch),
            Op::Reduce(reduction) => reduce::cpu::reduce(level, reduction, launch, &params),
            Op::Matmul => matmul::cpu::matmul(level, launch, &params),
            Op::Softmax => rows::cpu::softmax(level, launch),
            Op::LayerNorm => rows::cpu::layernorm(level, launch, &params),
            Op::RmsNorm => rows::cpu::rmsnorm(level, launch, &params),
            Op::Attention => rows::attention::cpu::attention(level, launch, &params),
            Op::GatherRows => gather::cpu::gather_rows(launch),
            Op::Philox => random::cpu::philox(level, launch, &params),
            Op::Function(function) => function::cpu::function(level, function, launch),
            Op::Map => map::cpu::map(level, self.expression(), launch, &params),
            Op::Scan => scan::cpu::scan(level, launch),
            Op::ScatterRows => gather::cpu::scatter_rows(launch),
            Op::Transpose => layout::cpu::transpose(level, launch),
            Op::Concat => layout::cpu::concat(launch, &params),
            Op::Mirror => mirror::cpu::mirror(level, launch),
            Op::Sort => sort::cpu::sort(level, launch),
            Op::Argsort => sort::cpu::argsort(launch),
            Op::Histogram => histogram::cpu::histogram(level, launch),
            Op::PhiloxNormal => random::normal::normal(level, launch, &params),
        }
    }

    fn expression(&self) -> &Expression {
        self.expression.as_ref().unwrap_or_else(|| unreachable!("the catalogue requires the expression of a map"))
    }

    /// Checks the launch and gives all parameters in catalogue order. Nothing here allocates but the shape rule.
    fn prepare(&self, launch: &Launch<'_, '_>) -> Result<ParamValues, LaunchError> {
        let params = self.spec.launch_values(&self.fixed, launch.params, launch.present).map_err(refuse)?;
        let describe = |storage: usize, dtype: Dtype, shape: Shape| ArrayDesc {
            dtype,
            shape,
            storage: storage as u64,
            byte_offset: 0,
        };
        let mut outputs = SmallVec::<[ArrayDesc; 2]>::new();
        let given = launch.outputs.iter().enumerate();
        outputs.extend(given.map(|(position, output)| describe(position, output.dtype, output.shape)));
        let describe_input = |(position, input): (usize, &Option<Input<'_>>)| {
            input.map(|input| match input.data {
                Data::Bytes(_) => describe(outputs.len() + position, input.dtype, input.shape),
                Data::Output(output) => describe(output, input.dtype, input.shape),
            })
        };
        let mut inputs = SmallVec::<[Option<ArrayDesc>; 4]>::new();
        inputs.extend(launch.inputs.iter().enumerate().map(describe_input));
        self.spec.check(&inputs, &outputs, &params).map_err(refuse)?;
        for (spec, input) in self.spec.inputs.iter().zip(launch.inputs) {
            match input {
                Some(Input { dtype, shape, data: Data::Bytes(bytes) }) => {
                    check_memory("input", spec.name, *dtype, *shape, bytes)?;
                }
                Some(Input { data: Data::Output(output), .. }) if *output >= outputs.len() => {
                    return Err(refuse(format!("input `{}`: is output {output}, which does not exist", spec.name)));
                }
                _ => {}
            }
        }
        for (spec, output) in self.spec.outputs.iter().zip(launch.outputs.iter()) {
            check_memory("output", spec.name, output.dtype, output.shape, output.data)?;
        }
        Ok(params)
    }
}

/// Refuses memory of the wrong length or alignment, so that the casts below cannot fail.
fn check_memory(word: &str, name: &str, dtype: Dtype, shape: Shape, bytes: &[u8]) -> Result<(), LaunchError> {
    if bytes.len() as u64 != shape.bytes(dtype) {
        let want = shape.bytes(dtype);
        return Err(refuse(format!("{word} `{name}`: holds {} bytes, but {dtype} {shape} takes {want}", bytes.len())));
    }
    if !bytes.is_empty() && !(bytes.as_ptr() as usize).is_multiple_of(dtype.size() as usize) {
        return Err(refuse(format!("{word} `{name}`: is not aligned to the {} bytes of {dtype}", dtype.size())));
    }
    Ok(())
}

pub(crate) fn refuse(error: impl ToString) -> LaunchError {
    LaunchError::Data { element: 0, message: error.to_string() }
}

/// The elements of an operand that may be the output itself.
#[derive(Clone, Copy)]
pub(crate) enum Operand<'a, T> {
    /// In memory of their own.
    Slice(&'a [T]),
    /// Those that the output holds before it is written.
    Output,
}

impl<T: Copy> Operand<'_, T> {
    /// Element `index`, where the output holds `held` at that place.
    pub(crate) fn get(&self, index: usize, held: T) -> T {
        match self {
            Operand::Slice(slice) => slice[index],
            Operand::Output => held,
        }
    }
}

impl<'a> Launch<'a, '_> {
    /// The elements of input `position`, which may be the output.
    pub(crate) fn operand<T: AnyBitPattern>(&self, position: usize) -> Result<Operand<'a, T>, LaunchError> {
        match self.inputs.get(position).copied().flatten() {
            Some(Input { data: Data::Bytes(bytes), .. }) => Ok(Operand::Slice(elements(bytes)?)),
            Some(Input { data: Data::Output(_), .. }) => Ok(Operand::Output),
            None => Err(refuse(format!("input {position} is missing"))),
        }
    }

    /// The elements of input `position`, which is not the output.
    pub(crate) fn slice<T: AnyBitPattern>(&self, position: usize) -> Result<&'a [T], LaunchError> {
        match self.operand(position)? {
            Operand::Slice(slice) => Ok(slice),
            Operand::Output => Err(refuse(format!("input {position} is the output"))),
        }
    }

    /// The elements of input `position`, which is not the output, if it is there.
    pub(crate) fn optional_slice<T: AnyBitPattern>(&self, position: usize) -> Result<Option<&'a [T]>, LaunchError> {
        match self.inputs.get(position).copied().flatten() {
            Some(_) => self.slice(position).map(Some),
            None => Ok(None),
        }
    }

    /// The extents of input `position`.
    pub(crate) fn shape(&self, position: usize) -> Shape {
        self.inputs.get(position).copied().flatten().map_or(Shape::SCALAR, |input| input.shape)
    }

    /// The first input's element type.
    pub(crate) fn input_dtype(&self) -> Dtype {
        self.inputs.first().copied().flatten().map_or(self.output_dtype(), |input| input.dtype)
    }

    /// The output's element type.
    pub(crate) fn output_dtype(&self) -> Dtype {
        self.outputs[0].dtype
    }

    /// The elements of the first output, mostly the only one.
    pub(crate) fn output<T: AnyBitPattern + NoUninit>(&mut self) -> Result<&mut [T], LaunchError> {
        self.outputs[0].elements()
    }
}

impl Output<'_> {
    /// Its elements.
    pub(crate) fn elements<T: AnyBitPattern + NoUninit>(&mut self) -> Result<&mut [T], LaunchError> {
        if self.data.is_empty() {
            return Ok(&mut []);
        }
        bytemuck::try_cast_slice_mut(self.data).map_err(refuse)
    }
}

fn elements<T: AnyBitPattern>(bytes: &[u8]) -> Result<&[T], LaunchError> {
    // An empty slice need not be aligned.
    if bytes.is_empty() { Ok(&[]) } else { bytemuck::try_cast_slice(bytes).map_err(refuse) }
}
