//! The functions of one variable have the reference's bits over elements of every magnitude.

use clamp_kernels::catalogue::{Dtype, KernelSpec};

use super::arrays::Array;
use super::bits::{Case, check_all, elementwise};
use super::session_or_skip;

const NAMES: [&str; 17] = [
    "exp", "log", "exp2", "expm1", "log2", "log10", "log1p", "sin", "cos", "tan", "sinpi", "cospi", "tanh", "erf",
    "sigmoid", "silu", "gelu",
];

/// Every 2^14th float and a few beside it.
fn sweep(spec: &'static KernelSpec) -> Vec<Case> {
    let bits: Vec<u32> = (0..1u32 << 18).map(|i| (i << 14) ^ (i.wrapping_mul(0x9e37_79b9) >> 19)).collect();
    let array = Array::of(Dtype::U32, &[bits.len() as u64], &bits);
    let mut x = Array::new(Dtype::F32, array.shape.dims());
    x.bytes_mut().copy_from_slice(array.bytes());
    let mut cases = elementwise(spec, &[]);
    cases.push(Case { inputs: vec![Some(x)], given: vec![] });
    cases
}

#[test]
fn functions_have_the_reference_s_bits() {
    let session = session_or_skip!();
    check_all(&session, |name, spec| NAMES.contains(&name).then(|| sweep(spec)));
}
