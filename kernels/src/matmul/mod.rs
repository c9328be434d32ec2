//! The room of matrix products: fused steps along k in panels of 1024, panels added in order; of i8, exact. It never
//! reorders the k of a float's panel, whatever the blocking.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "device")]
pub(crate) mod device;
#[cfg(feature = "reference")]
pub(crate) mod reference;

use crate::catalogue::{ArgError, ArgSpec, Dtype, KernelSpec, Op, ParamKind, ParamSpec, ParamValue, Shape, When, rule};
#[cfg(feature = "reference")]
use crate::launch::Launch;

const TRANSPOSE_A: ParamSpec =
    ParamSpec { name: "transpose_a", kind: ParamKind::Flag, when: When::Open, required: false };
const TRANSPOSE_B: ParamSpec = ParamSpec { name: "transpose_b", ..TRANSPOSE_A };

macro_rules! spec {
    ($id:literal, $factor:ident, $out:ident, $summary:literal, $shapes:ident) => {
        KernelSpec {
            id: $id,
            summary: $summary,
            inputs: &[
                ArgSpec::required("a", Dtype::$factor),
                ArgSpec::required("b", Dtype::$factor),
                ArgSpec::optional("bias", Dtype::$out),
            ],
            outputs: &[ArgSpec::required("out", Dtype::$out)],
            params: &[TRANSPOSE_A, TRANSPOSE_B],
            in_place: false,
            shapes: $shapes,
            op: Op::Matmul,
        }
    };
}

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[&[
    spec!("matmul.f32.v1", F32, F32, "a times b, plus bias if it is there; batches as 3-D arrays", product),
    spec!("matmul.f64.v1", F64, F64, "a times b, plus bias if it is there; batches as 3-D arrays", product),
    spec!("matmul.i8.v1", I8, I32, "a times b, exactly, plus bias if it is there, saturating", exact_product),
]];

/// The most steps whose sum of i8 products fits an i32 whatever they are.
const MOST_EXACT_K: u64 = 131_071;

fn exact_product(inputs: &[Option<Shape>], params: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let shapes = product(inputs, params)?;
    let a = rule::required(inputs, 0, "a")?;
    let k = a.dims()[a.ndim() - if rule::flag(params, 0) { 2 } else { 1 }];
    if k > MOST_EXACT_K {
        let problem = format!("has shape {a}: the product runs over {k} steps, but at most {MOST_EXACT_K} fit an i32");
        return Err(ArgError::input("a", problem));
    }
    Ok(shapes)
}

fn product(inputs: &[Option<Shape>], params: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let a = rule::required(inputs, 0, "a")?;
    let b = rule::required(inputs, 1, "b")?;
    let bias = inputs.get(2).copied().flatten();
    let (batch, a_rows, a_cols) = match *a.dims() {
        [rows, cols] => (None, rows, cols),
        [batch, rows, cols] => (Some(batch), rows, cols),
        _ => return Err(ArgError::input("a", format!("has shape {a}: it needs 2 dimensions, or 3 for batches"))),
    };
    let (b_rows, b_cols) = match (b.dims(), batch) {
        (&[rows, cols], _) => (rows, cols),
        (&[b_batch, rows, cols], Some(batch)) if b_batch == batch => (rows, cols),
        (&[b_batch, _, _], Some(batch)) => {
            let problem = format!("has shape {b}, but `a` is {a}: its {b_batch} batches are not {batch}");
            return Err(ArgError::input("b", problem));
        }
        (&[_, _, _], None) => {
            return Err(ArgError::input("b", format!("has shape {b}, but `a` is {a}: only a 3-D `a` takes batches")));
        }
        _ => return Err(ArgError::input("b", format!("has shape {b}: it needs 2 dimensions, or 3 for batches"))),
    };
    let (transpose_a, transpose_b) = (rule::flag(params, 0), rule::flag(params, 1));
    let (m, k) = if transpose_a { (a_cols, a_rows) } else { (a_rows, a_cols) };
    let (b_k, n) = if transpose_b { (b_cols, b_rows) } else { (b_rows, b_cols) };
    if k != b_k {
        let problem = format!(
            "has shape {b}{}, but `a` is {a}{}: {b_k} rows meet {k} columns",
            if transpose_b { " transposed" } else { "" },
            if transpose_a { " transposed" } else { "" },
        );
        return Err(ArgError::input("b", problem));
    }
    if let Some(bias) = bias.filter(|bias| bias.dims() != [n]) {
        return Err(ArgError::input(
            "bias",
            format!("has shape {bias}, but the product has {n} columns: it needs [{n}]"),
        ));
    }
    let out = match batch {
        Some(batch) => Shape::new(&[batch, m, n]),
        None => Shape::new(&[m, n]),
    };
    out.map(|out| vec![out])
        .map_err(|error| ArgError::input("b", format!("makes an output that is too large: {error}")))
}

/// The extents of one launch, checked before.
#[cfg(feature = "reference")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extents {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    /// Whether all batches multiply with one b.
    pub(crate) shared_b: bool,
    pub(crate) transpose_a: bool,
    pub(crate) transpose_b: bool,
}

#[cfg(feature = "reference")]
impl Extents {
    fn of(launch: &Launch<'_, '_>, params: &[Option<ParamValue>]) -> Extents {
        let last_two = |shape: Shape| match *shape.dims() {
            [.., rows, columns] => (rows as usize, columns as usize),
            _ => unreachable!("the shape rule takes 2 or 3 dimensions"),
        };
        let (transpose_a, transpose_b) = (rule::flag(params, 0), rule::flag(params, 1));
        let (a_rows, a_columns) = last_two(launch.shape(0));
        let (b_rows, b_columns) = last_two(launch.shape(1));
        let (m, k) = if transpose_a { (a_columns, a_rows) } else { (a_rows, a_columns) };
        let n = if transpose_b { b_rows } else { b_columns };
        Extents { m, n, k, shared_b: launch.shape(1).ndim() == 2, transpose_a, transpose_b }
    }

    /// Where element (i, k) of a lies.
    #[inline(always)]
    fn a_at(&self, batch: usize, i: usize, k: usize) -> usize {
        batch * self.m * self.k + if self.transpose_a { k * self.m + i } else { i * self.k + k }
    }

    /// Where element (k, j) of b lies.
    #[inline(always)]
    fn b_at(&self, batch: usize, k: usize, j: usize) -> usize {
        let batch = if self.shared_b { 0 } else { batch };
        batch * self.k * self.n + if self.transpose_b { j * self.k + k } else { k * self.n + j }
    }
}
