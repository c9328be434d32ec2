//! Attention: matmul(q, k^T) * scale + mask, softmax of each row, matmul with v. The rows of q are independent, so its
//! bits never depend on how many there are, nor on the batches.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "device")]
pub(crate) mod device;
#[cfg(feature = "reference")]
pub(crate) mod reference;

#[cfg(feature = "reference")]
use super::only_param;
use crate::catalogue::{
    ArgError, ArgSpec, Dtype, KernelSpec, MAX_DIMS, Op, ParamKind, ParamSpec, ParamValue, Shape, When, rule,
};
#[cfg(feature = "reference")]
use crate::launch::{Launch, LaunchError};

/// The entry in the catalogue.
pub(super) const SPEC: KernelSpec = KernelSpec {
    id: "attention.f32.v1",
    summary: "softmax(q times k transposed, times scale, plus mask) times v",
    inputs: &[
        ArgSpec::required("q", Dtype::F32),
        ArgSpec::required("k", Dtype::F32),
        ArgSpec::required("v", Dtype::F32),
        ArgSpec::optional("mask", Dtype::F32),
    ],
    outputs: &[ArgSpec::required("out", Dtype::F32)],
    params: &[ParamSpec { name: "scale", kind: ParamKind::F32, when: When::Launch, required: true }],
    in_place: false,
    shapes: attended,
    op: Op::Attention,
};

fn attended(inputs: &[Option<Shape>], _: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let [q, k, v] = [(0, "q"), (1, "k"), (2, "v")].map(|(position, name)| rule::required(inputs, position, name));
    let (q, k, v) = (q?, k?, v?);
    let (q_lead, [s, d]) = split("q", q)?;
    let (k_lead, [t, k_d]) = split("k", k)?;
    let (v_lead, [v_t, e]) = split("v", v)?;
    for (name, shape, lead) in [("k", k, k_lead), ("v", v, v_lead)] {
        if lead != q_lead {
            let problem = format!("has shape {shape}, but `q` is {q}: all but the last two extents must be equal");
            return Err(ArgError::input(name, problem));
        }
    }
    if k_d != d {
        return Err(ArgError::input("k", format!("has shape {k}, but `q` is {q}: {k_d} columns meet {d}")));
    }
    if v_t != t {
        return Err(ArgError::input("v", format!("has shape {v}, but `k` is {k}: {v_t} rows meet {t}")));
    }
    if let Some(mask) = inputs.get(3).copied().flatten() {
        let (lead, last) = split("mask", mask)?;
        if last != [s, t] || !(lead.is_empty() || lead == q_lead) {
            let problem = format!(
                "has shape {mask}, but each row of `q` ({q}) has a score for each of `k` ({k}): it needs [{s}, {t}], \
                 with the leading extents of `q` or without"
            );
            return Err(ArgError::input("mask", problem));
        }
    }
    let mut dims = [0; MAX_DIMS];
    let dims = &mut dims[..q.ndim()];
    dims.copy_from_slice(q.dims());
    dims[q.ndim() - 1] = e;
    Shape::new(dims)
        .map(|out| vec![out])
        .map_err(|error| ArgError::input("v", format!("makes an output that is too large: {error}")))
}

/// The leading extents and the last two.
fn split(name: &'static str, shape: Shape) -> Result<(Vec<u64>, [u64; 2]), ArgError> {
    match *shape.dims() {
        [ref lead @ .., rows, columns] => Ok((lead.to_vec(), [rows, columns])),
        _ => Err(ArgError::input(name, format!("has shape {shape}: it needs 2 dimensions or more"))),
    }
}

/// One launch's extents and arrays, checked before.
#[cfg(feature = "reference")]
#[derive(Clone, Copy)]
struct Attention<'a> {
    /// Rows of q.
    s: usize,
    /// Rows of k and of v.
    t: usize,
    /// Columns of q and of k.
    d: usize,
    /// Columns of v.
    e: usize,
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    mask: Option<&'a [f32]>,
    /// Whether all batches add one mask.
    shared_mask: bool,
    scale: f32,
}

#[cfg(feature = "reference")]
impl<'a> Attention<'a> {
    fn of(launch: &Launch<'a, '_>, params: &[Option<ParamValue>]) -> Result<Attention<'a>, LaunchError> {
        let last_two = |shape: Shape| match *shape.dims() {
            [.., rows, columns] => (rows as usize, columns as usize),
            _ => unreachable!("the shape rule takes 2 dimensions or more"),
        };
        let ((s, d), (t, e)) = (last_two(launch.shape(0)), last_two(launch.shape(2)));
        Ok(Attention {
            s,
            t,
            d,
            e,
            q: launch.slice(0)?,
            k: launch.slice(1)?,
            v: launch.slice(2)?,
            mask: launch.optional_slice(3)?,
            shared_mask: launch.shape(3).ndim() < launch.shape(0).ndim(),
            scale: only_param(params),
        })
    }

    /// One batch of it, alone.
    fn batch(&self, batch: usize) -> Attention<'a> {
        let part = |array: &'a [f32], rows: usize, columns: usize| &array[batch * rows * columns..][..rows * columns];
        let Attention { s, t, d, e, shared_mask, .. } = *self;
        Attention {
            q: part(self.q, s, d),
            k: part(self.k, t, d),
            v: part(self.v, t, e),
            mask: self.mask.map(|mask| if shared_mask { mask } else { part(mask, s, t) }),
            ..*self
        }
    }
}
