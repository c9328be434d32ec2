//! What each kernel is measured on: extents, numbers and parameters from its name and its place in the catalogue, how
//! many bytes have to move and operations have to be done for it, and which bound that is held against. A kernel that no
//! line here knows is taken for an elementwise one. It measures nothing.

use clamp_kernels::catalogue::{Dtype, FixedParams, Given, KernelSpec, LaunchParams, Shape};

use super::ceiling::Bound;
use super::values::Values;

/// Columns of a row-wise kernel.
const COLUMNS: u64 = 384;

/// Columns of the rows that are moved by index.
const MOVED: u64 = 256;

/// The longest edge of a matrix, and the longest sequence of an attention.
const LONGEST_EDGE: u64 = 1024;

/// Heads of an attention, and what each is wide.
const HEADS: u64 = 8;
const WIDTH: u64 = 64;

/// The most elements that are sorted.
const MOST_SORTED: u64 = 1 << 22;

/// Edges of a histogram.
const EDGES: u64 = 257;

/// One kernel with all that a launch needs.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) spec: &'static KernelSpec,
    pub(super) fixed: FixedParams,
    pub(super) params: LaunchParams,
    pub(super) inputs: Vec<Option<(Shape, Values)>>,
    pub(super) outputs: Vec<Shape>,
    /// Of the arrays, each counted once.
    pub(super) bytes: u64,
    /// As the specification writes them.
    pub(super) operations: u64,
    pub(super) bound: Bound,
    /// The share of the bound that the dtype can reach at best: half of the f32 peak in f64.
    pub(super) of_bound: f64,
}

impl Plan {
    /// On arrays of about `size` bytes together, or why the kernel cannot be measured.
    pub(super) fn of(spec: &'static KernelSpec, size: u64) -> Result<Self, String> {
        match name(spec) {
            "matmul" | "transpose" => {
                let bytes: u64 = arrays(spec).sum();
                let edge = (size / bytes.max(1)).isqrt();
                let edge = if name(spec) == "matmul" { edge.min(LONGEST_EDGE) } else { edge };
                let edge = (edge / 16 * 16).max(16);
                Self::with(spec, |_| vec![edge; 2], edge)
            }
            "attention" => {
                let length = (size / (4 * HEADS * WIDTH * 4)).clamp(1, LONGEST_EDGE);
                Self::with(spec, |_| vec![HEADS, length, WIDTH], length)
            }
            "softmax" | "layernorm" | "rmsnorm" => {
                let rows = (size / (2 * 4 * COLUMNS)).max(1);
                let dims = |name: &str| if name == "x" { vec![rows, COLUMNS] } else { vec![COLUMNS] };
                Self::with(spec, dims, rows)
            }
            "gather_rows" | "scatter_rows" => {
                let row: u64 = arrays(spec).sum::<u64>() * MOVED;
                let rows = (size / row.max(1)).max(1);
                Self::with(spec, |name| if name == "ids" { vec![rows] } else { vec![rows, MOVED] }, rows)
            }
            "sort" | "argsort" => {
                let n = (size / arrays(spec).sum::<u64>().max(1)).clamp(1, MOST_SORTED);
                Self::with(spec, |_| vec![n], n)
            }
            "histogram" => {
                let n = (size / spec.inputs.first().map_or(1, |x| x.dtype.size())).max(1);
                Self::with(spec, |name| if name == "edges" { vec![EDGES] } else { vec![n] }, n)
            }
            _ => {
                // How long the outputs are is the shape rule's to say, so a short one is asked first.
                let trial = Self::with(spec, |_| vec![1024], 1024)?;
                let n = (size / (trial.bytes / 1024).max(1)).max(1);
                Self::with(spec, |_| vec![n], n)
            }
        }
    }

    /// With these extents of the inputs, by their names; `n` is the parameter of that name.
    fn with(spec: &'static KernelSpec, dims: impl Fn(&str) -> Vec<u64>, n: u64) -> Result<Self, String> {
        let written: Vec<(&str, String)> =
            spec.params.iter().filter_map(|p| Some((p.name, param(p.name, n)?))).collect();
        let given: Vec<(&str, Given<'_>)> =
            written.iter().map(|(name, value)| (*name, Given::Written(value))).collect();
        let (fixed, params) = spec.split_params(&given).map_err(|e| e.to_string())?;
        let values = spec.param_values(&fixed, &params).map_err(|e| e.to_string())?;
        let mut inputs = Vec::new();
        for arg in spec.inputs {
            inputs.push(match !arg.optional || used(name(spec), arg.name) {
                true => {
                    let shape = Shape::new(&dims(arg.name)).map_err(|e| format!("input `{}`: {e}", arg.name))?;
                    Some((shape, contents(spec, arg.name, &dims)))
                }
                false => None,
            });
        }
        let shapes: Vec<Option<Shape>> = inputs.iter().map(|input| input.as_ref().map(|(shape, _)| *shape)).collect();
        let outputs = spec.output_shapes(&shapes, &values).map_err(|e| e.to_string())?;
        let read: Vec<u64> =
            shapes.iter().zip(spec.inputs).filter_map(|(s, arg)| Some(s.as_ref()?.bytes(arg.dtype))).collect();
        let written: u64 = outputs.iter().zip(spec.outputs).map(|(shape, arg)| shape.bytes(arg.dtype)).sum();
        let bytes = read.iter().sum::<u64>() + written;
        let elements = shapes.iter().flatten().chain(&outputs).map(Shape::elements).max().unwrap_or(0);
        let (operations, bound) = match (name(spec), shapes.as_slice()) {
            ("matmul", [Some(a), ..]) => (2 * a.elements() * n.max(1), Bound::Fma),
            ("attention", [Some(q), ..]) => (4 * q.elements() * n, Bound::Fma),
            _ => (operations(name(spec)) * elements, memory_bound(&read, written)),
        };
        let wide = spec.inputs.first().is_some_and(|arg| arg.dtype == Dtype::F64);
        let of_bound = if bound == Bound::Fma && wide { 0.5 } else { 1.0 };
        Ok(Self { spec, fixed, params, inputs, outputs, bytes, operations, bound, of_bound })
    }
}

/// The id's first word.
pub(super) fn name(spec: &KernelSpec) -> &'static str {
    spec.id.split('.').next().unwrap_or(spec.id)
}

/// Whether its extents have an upper bound of their own.
pub(super) fn is_bounded(spec: &KernelSpec) -> bool {
    matches!(name(spec), "matmul" | "attention" | "sort" | "argsort")
}

/// The element sizes of all required arrays.
fn arrays(spec: &'static KernelSpec) -> impl Iterator<Item = u64> {
    spec.inputs.iter().filter(|arg| !arg.optional && arg.name != "ids").chain(spec.outputs).map(|arg| arg.dtype.size())
}

/// Which of the optional inputs are there.
fn used(kernel: &str, input: &str) -> bool {
    match kernel {
        "layernorm" | "rmsnorm" => true,
        "concat" | "map" => matches!(input, "x0" | "x1"),
        _ => false,
    }
}

/// The parameters that are given; flags and the rest stay as they are when nobody asks.
fn param(name: &str, n: u64) -> Option<String> {
    let text = match name {
        "n" => return Some(n.to_string()),
        "seed" => "7",
        "eps" => "0.00001",
        "scale" => "0.125",
        "lo" => "-0.5",
        "hi" => "0.5",
        "expr" => "x0*c0+x1",
        "c0" => "0.75",
        _ => return None,
    };
    Some(text.to_owned())
}

/// The numbers of an input: those that the kernel is for.
fn contents(spec: &KernelSpec, input: &str, dims: &impl Fn(&str) -> Vec<u64>) -> Values {
    match (name(spec), input) {
        ("select", "x") => Values::Index(2),
        ("gather_rows" | "scatter_rows", "ids") => Values::Index(dims("table").first().copied().unwrap_or(1)),
        ("histogram", "edges") => Values::Edges(EDGES),
        ("mirror", _) => Values::Between(1.0, 4e9),
        ("sqrt" | "rsqrt" | "log" | "log2" | "log10", _) => Values::Between(0.25, 4.0),
        ("log1p", _) => Values::Between(-0.5, 4.0),
        ("matmul" | "attention", _) if spec.inputs[0].dtype != Dtype::I8 => Values::Between(-1.0, 1.0),
        ("sum" | "dot" | "mean" | "var" | "scan" | "sort" | "argsort" | "histogram", _) => Values::Between(-1.0, 1.0),
        (_, _) if spec.inputs.iter().any(|arg| arg.name == input && !float(arg.dtype)) => Values::Between(0.0, 100.0),
        _ => Values::Between(-4.0, 4.0),
    }
}

fn float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F64)
}

/// Operations on floats that the specification writes for each element; moves and choices count none.
fn operations(kernel: &str) -> u64 {
    match kernel {
        "copy" | "select" | "gather_rows" | "scatter_rows" | "transpose" | "concat" | "sort" | "argsort"
        | "histogram" | "philox" | "mirror" => 0,
        _ if kernel.starts_with("cast_") || kernel.starts_with("compare_") => 0,
        "fma" | "dot" | "dot_exact" | "sum_sq" | "norm2" | "clamp" | "map" => 2,
        "sigmoid" => 3,
        "var" | "rmsnorm" | "silu" => 4,
        "softmax" | "gelu" => 5,
        "layernorm" => 8,
        _ => 1,
    }
}

/// By what has to move: mostly in, in and out, or two and more in and one out.
fn memory_bound(read: &[u64], written: u64) -> Bound {
    let total = read.iter().sum::<u64>() + written;
    let streams = read.iter().filter(|bytes| **bytes * 8 >= total).count();
    match (written * 8 < total, streams) {
        (true, _) => Bound::Read,
        (false, 0 | 1) => Bound::Copy,
        (false, _) => Bound::Triad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clamp_kernels::catalogue::all;

    #[test]
    fn every_kernel_of_the_catalogue_has_a_plan_of_about_its_size() {
        for spec in all() {
            for size in [1 << 16, 64 << 20] {
                let plan = Plan::of(spec, size).unwrap_or_else(|e| panic!("{}: {e}", spec.id));
                assert!(plan.bytes > 0 && plan.bytes <= size + size / 4, "{}: {} of {size}", spec.id, plan.bytes);
                assert!(is_bounded(spec) || plan.bytes >= size / 2, "{}: {} of {size}", spec.id, plan.bytes);
                assert_eq!(plan.inputs.len(), spec.inputs.len());
            }
        }
    }

    #[test]
    fn bytes_and_operations_are_counted() {
        let plan = |id: &str| Plan::of(clamp_kernels::catalogue::find(id).expect(id), 12 << 20).expect(id);
        let add = plan("add.f32.v1");
        assert_eq!((add.bytes, add.operations, add.bound), (12 << 20, 1 << 20, Bound::Triad));
        let sum = plan("sum.f64.v1");
        assert_eq!((sum.operations, sum.bound), (sum.bytes / 8 - 1, Bound::Read));
        assert_eq!(plan("exp.f32.v1").bound, Bound::Copy);
        assert_eq!(plan("softmax.f32.v1").operations, plan("softmax.f32.v1").bytes / 8 * 5);
        let matmul = plan("matmul.f32.v1");
        assert_eq!((matmul.bound, matmul.operations), (Bound::Fma, 2 * 1024 * 1024 * 1024));
        assert_eq!(plan("philox.u32.v1").bound, Bound::Copy);
        assert_eq!(plan("gather_rows.f32.v1").bound, Bound::Copy);
    }
}
