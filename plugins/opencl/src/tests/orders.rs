//! Sorts, histograms, exact sums and attention have the reference's bits around the blocks of their device sources.

use clamp_kernels::catalogue::{Dtype, Given, KernelSpec};

use super::arrays::{Array, Fill, filled};
use super::bits::{Case, FILLS, check_all};
use super::session_or_skip;

fn of(array: Array) -> Case {
    Case { inputs: vec![Some(array)], given: vec![] }
}

pub fn sorts(spec: &KernelSpec) -> Vec<Case> {
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

fn histograms(spec: &KernelSpec) -> Vec<Case> {
    let dtype = spec.inputs[0].dtype;
    let case = |dims: &[u64], fill, edges: &[f32]| {
        let edges = match dtype {
            Dtype::F32 => Array::of(dtype, &[edges.len() as u64], edges),
            _ => Array::of(dtype, &[edges.len() as u64], &edges.iter().copied().map(f64::from).collect::<Vec<_>>()),
        };
        Case { inputs: vec![Some(filled(dtype, dims, fill, 1)), Some(edges)], given: vec![] }
    };
    let even = |count: u16| (0..count).map(|i| f32::from(i) / f32::from(count) - 0.5).collect::<Vec<f32>>();
    let few = vec![-1.0, -0.5, 0.0, f32::MIN_POSITIVE, 0.75];
    let ends = vec![-f32::MAX, f32::MAX];
    let mut cases = Vec::new();
    for fill in FILLS {
        for edges in [ends.clone(), few.clone(), vec![-1.0, -0.0, 1.0], even(1023), even(1024), even(1025), even(5000)]
        {
            for dims in [&[0][..], &[1], &[], &[129], &[3, 4, 5], &[8193]] {
                cases.push(case(dims, fill, &edges));
            }
        }
        cases.push(case(&[200_000], fill, &few));
    }
    cases
}

#[test]
fn histograms_have_the_reference_s_bits() {
    let session = session_or_skip!();
    check_all(&session, |name, spec| (name == "histogram").then(|| histograms(spec)));
}

/// Terms of both signs whose exact sum is far below most of them, infinite, at the bottom, or between two floats.
fn exacts(spec: &KernelSpec) -> Vec<Case> {
    let dtype = spec.inputs[0].dtype;
    let arrays = |dims: &[u64], values: &dyn Fn(usize) -> f64| {
        let count = dims.iter().product::<u64>() as usize;
        let values: Vec<f64> = (0..count).map(values).collect();
        match dtype {
            Dtype::F32 => Array::of(dtype, dims, &values.iter().map(|&value| value as f32).collect::<Vec<f32>>()),
            _ => Array::of(dtype, dims, &values),
        }
    };
    let (greatest, least) = match dtype {
        Dtype::F32 => (f64::from(f32::MAX), f64::from(f32::from_bits(1))),
        _ => (f64::MAX, f64::from_bits(1)),
    };
    let mut cases = Vec::new();
    let mut add = |x: Array, rows: bool| {
        let y = filled(dtype, x.shape.dims(), Fill::Tame, 5);
        let inputs = [Some(x), Some(y)].into_iter().take(spec.inputs.len()).collect();
        cases.push(Case { inputs, given: vec![("rows", Given::Flag(rows))] });
    };
    for dims in [[3, 0], [0, 3], [5, 1], [300, 10], [2, 20_000], [2, 4096]] {
        for fill in FILLS {
            add(filled(dtype, &dims, fill, 1), true);
        }
        add(arrays(&dims, &|_| -0.0), true);
        add(arrays(&dims, &|i| if i.is_multiple_of(2) { greatest } else { -greatest }), true);
        add(arrays(&dims, &|i| if i.is_multiple_of(3) { greatest } else { least }), true);
        add(arrays(&dims, &|i| if i.is_multiple_of(2) { -least } else { least * 3.0 }), true);
    }
    for size in [1, 2, 3, 1000, 70_000] {
        for fill in FILLS {
            add(filled(dtype, &[size], fill, 2), false);
        }
        // Ties, and a little more and less.
        for rest in [0.0, least, -least] {
            let value = move |i: usize| match i {
                0 => 1.0,
                1 if dtype == Dtype::F32 => f64::from(f32::EPSILON) / 2.0,
                1 => f64::EPSILON / 2.0,
                2 => rest,
                _ => -0.0,
            };
            add(arrays(&[size], &value), false);
            add(arrays(&[size], &|i| -value(i)), false);
        }
    }
    cases
}

#[test]
fn exact_sums_have_the_reference_s_bits() {
    let session = session_or_skip!();
    check_all(&session, |name, spec| matches!(name, "sum_exact" | "dot_exact").then(|| exacts(spec)));
}

fn attentions() -> Vec<Case> {
    let mut cases = Vec::new();
    for (lead, s, t, d, e) in [
        (vec![], 1, 1, 1, 1),
        (vec![], 0, 3, 2, 2),
        (vec![], 3, 0, 2, 2),
        (vec![3], 4, 7, 0, 5),
        (vec![2, 2], 5, 129, 8, 3),
        (vec![2], 9, 130, 64, 200),
        (vec![], 3, 1025, 1025, 2),
        (vec![], 2, 8193, 2, 3),
    ] {
        for fill in FILLS {
            for mask in 0..3 {
                let array = |rows: u64, columns: u64, seed| {
                    let dims = [&lead[..], &[rows, columns]].concat();
                    let mut array = filled(Dtype::F32, &dims, Fill::Tame, seed);
                    if fill == Fill::Wild {
                        // Few infinities, or every row is NaN.
                        let wild = filled(Dtype::F32, &dims, Fill::Wild, seed);
                        let sparse = array.bytes_mut().chunks_exact_mut(4).zip(wild.bytes().chunks_exact(4));
                        sparse.skip(50).step_by(97).for_each(|(to, from)| to.copy_from_slice(from));
                    }
                    array
                };
                let mask = match mask {
                    0 => None,
                    1 => Some(filled(Dtype::F32, &[s, t], Fill::Tame, 4)),
                    _ => Some(array(s, t, 4)),
                };
                let inputs = vec![Some(array(s, d, 1)), Some(array(t, d, 2)), Some(array(t, e, 3)), mask];
                cases.push(Case { inputs, given: vec![("scale", Given::Written("0.3"))] });
            }
        }
    }
    cases
}

#[test]
fn attention_has_the_reference_s_bits() {
    let session = session_or_skip!();
    check_all(&session, |name, _| (name == "attention").then(attentions));
}

/// The narrow digits and the groups that a GPU sorts by, and its attention.
#[test]
fn plans_for_a_gpu_sort_and_attend_alike() {
    let session = session_or_skip!(&[("plan_for", "gpu")]);
    check_all(&session, |name, spec| match name {
        "sort" | "argsort" => Some(sorts(spec)),
        "attention" => Some(attentions()),
        _ => None,
    });
}
