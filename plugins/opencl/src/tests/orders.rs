//! Sorts, histograms and exact sums have the reference's bits around the blocks of their device sources.

use clamp_kernels::catalogue::{Dtype, KernelSpec};

use super::arrays::{Array, Fill, filled};
use super::bits::{Case, check_all};
use super::session_or_skip;

const FILLS: [Fill; 2] = [Fill::Tame, Fill::Wild];

fn of(array: Array) -> Case {
    Case { inputs: vec![Some(array)], given: vec![] }
}

fn sorts(spec: &KernelSpec) -> Vec<Case> {
    let dtype = spec.inputs[0].dtype;
    let sizes = [0, 1, 2, 3, 127, 128, 129, 2047, 2048, 2049, 8191, 8192, 8193, 16385, 70000, 200_001];
    let mut cases: Vec<Case> =
        sizes.iter().flat_map(|&size| FILLS.map(|fill| of(filled(dtype, &[size], fill, 1)))).collect();
    // Few values, many times: equal ones keep their order.
    for size in [300, 40_000] {
        let few = filled(Dtype::U32, &[size], Fill::Wild, 7);
        let value = |word: &u32| [0.0, -0.0, 1.5, -1.5, f32::NAN, f32::INFINITY, -f32::NAN, 1.5][*word as usize % 8];
        let few: Vec<f32> = few.values::<u32>().iter().map(value).collect();
        cases.push(of(match dtype {
            Dtype::F32 => Array::of(dtype, &[size], &few),
            _ => Array::of(dtype, &[size], &few.iter().map(|&value| f64::from(value)).collect::<Vec<f64>>()),
        }));
    }
    cases
}

#[test]
fn sorts_have_the_reference_s_bits() {
    let session = session_or_skip!();
    check_all(&session, |name, spec| matches!(name, "sort" | "argsort").then(|| sorts(spec)));
}
