//! Kernels of the host's catalogue, by id; needs the grant `compute`, and each id in the manifest's `kernels`.
//! A launch only queues work: shape errors come back at once, errors in the data at the next read.

use crate::bindings::clamp::overlay::compute;
use crate::bindings::clamp::overlay::types::Bits64;
use crate::failure::HostError;
use crate::tensor::Tensor;

/// A kernel with its fixed parameters, ready to launch as often as wanted.
#[derive(Debug)]
pub struct Kernel(compute::Kernel);

impl Kernel {
    /// Begins to open the kernel `id`, such as `matmul.f32.v1`.
    pub fn open(id: &str) -> KernelBuilder<'_> {
        KernelBuilder { id, fixed: Vec::new() }
    }

    /// Begins a launch.
    pub fn launch(&self) -> Launch<'_> {
        Launch { kernel: self, inputs: Vec::with_capacity(3), outputs: Vec::with_capacity(1), params: Vec::new() }
    }
}

/// Names the fixed parameters of a kernel that is being opened.
#[derive(Debug)]
pub struct KernelBuilder<'a> {
    id: &'a str,
    fixed: Vec<compute::Param>,
}

impl KernelBuilder<'_> {
    /// A switch, such as `transpose_a`.
    #[must_use]
    pub fn flag(mut self, name: &str, value: bool) -> Self {
        self.fixed.push(param(name, compute::Value::Flag(value)));
        self
    }

    /// A whole number.
    #[must_use]
    pub fn int(mut self, name: &str, value: i64) -> Self {
        self.fixed.push(param(name, compute::Value::Int(value)));
        self
    }

    /// A text, such as a map expression.
    #[must_use]
    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.fixed.push(param(name, compute::Value::Text(value.to_owned())));
        self
    }

    /// Opens the kernel.
    ///
    /// # Errors
    /// `not-found` for an id that does not exist or that the manifest does not list, `invalid` for a wrong parameter.
    pub fn ready(self) -> Result<Kernel, HostError> {
        compute::Kernel::open(self.id, &self.fixed).map(Kernel)
    }
}

/// Names the arrays and parameters of one launch.
#[derive(Debug)]
pub struct Launch<'a> {
    kernel: &'a Kernel,
    inputs: Vec<compute::Input<'a>>,
    outputs: Vec<compute::Input<'a>>,
    params: Vec<compute::Param>,
}

impl<'a> Launch<'a> {
    /// An input by its name in the catalogue.
    #[must_use]
    pub fn input(mut self, name: &str, tensor: &'a Tensor) -> Self {
        self.inputs.push(compute::Input { name: name.to_owned(), tensor: tensor.raw() });
        self
    }

    /// An output by its name in the catalogue. An elementwise kernel's output may be exactly one of its inputs.
    #[must_use]
    pub fn output(mut self, name: &str, tensor: &'a Tensor) -> Self {
        self.outputs.push(compute::Input { name: name.to_owned(), tensor: tensor.raw() });
        self
    }

    /// A switch.
    #[must_use]
    pub fn flag(mut self, name: &str, value: bool) -> Self {
        self.params.push(param(name, compute::Value::Flag(value)));
        self
    }

    /// A whole number.
    #[must_use]
    pub fn int(mut self, name: &str, value: i64) -> Self {
        self.params.push(param(name, compute::Value::Int(value)));
        self
    }

    /// The exact pattern of an f32 parameter.
    #[must_use]
    pub fn f32(mut self, name: &str, value: f32) -> Self {
        let bits = Bits64 { lo: value.to_bits(), hi: 0 };
        self.params.push(param(name, compute::Value::Bits(bits)));
        self
    }

    /// The exact pattern of an f64 or 64-bit parameter.
    #[must_use]
    pub fn bits(mut self, name: &str, value: u64) -> Self {
        let bits = Bits64 { lo: value as u32, hi: (value >> 32) as u32 };
        self.params.push(param(name, compute::Value::Bits(bits)));
        self
    }

    /// Queues the launch.
    ///
    /// # Errors
    /// `invalid` naming the argument when a name, type, shape or overlap does not fit.
    pub fn run(self) -> Result<(), HostError> {
        self.kernel.0.launch(&self.inputs, &self.outputs, &self.params)
    }
}

/// Waits for all queued work.
///
/// # Errors
/// `data` or `backend` when some of it failed.
pub fn sync() -> Result<(), HostError> {
    compute::sync()
}

fn param(name: &str, value: compute::Value) -> compute::Param {
    compute::Param { name: name.to_owned(), value }
}
