//! Reductions, products, scans, rows and expressions against the reference.

use clamp_kernels::catalogue::{Dtype, Given, KernelSpec};

use super::arrays::{Array, Fill, filled};
use super::bits::{Case, FILLS, SIZES, check_all, elementwise, name_of};
use super::moves::transposes;
use super::session_or_skip;

fn reductions(spec: &KernelSpec) -> Vec<Case> {
    let of_something = |dims: &[u64], rows: bool| {
        let empty = dims.contains(&0) && !(rows && dims[0] == 0);
        !empty || matches!(name_of(spec), "sum" | "dot" | "sum_sq" | "norm2" | "sum_exact" | "dot_exact")
    };
    let mut cases = Vec::new();
    let mut add = |dims: &[u64], fill, rows: bool| {
        if of_something(dims, rows) {
            let inputs =
                (1..=spec.inputs.len() as u64).map(|seed| Some(filled(spec.inputs[0].dtype, dims, fill, seed)));
            cases.push(Case { inputs: inputs.collect(), given: vec![("rows", Given::Flag(rows))] });
        }
    };
    for fill in FILLS {
        for size in SIZES {
            add(&[size], fill, false);
        }
        add(&[], fill, false);
        add(&[3, 41, 7], fill, false);
        for dims in [[0, 5], [3, 0], [7, 127], [5, 129], [9, 8193], [4, 8192], [700, 10], [70000, 1], [2, 20000]] {
            add(&dims, fill, true);
        }
    }
    // More partials than lanes.
    add(&[1_100_000], Fill::Tame, false);
    cases
}

#[test]
fn reductions_have_the_reference_s_bits() {
    let session = session_or_skip!();
    let names = ["sum", "dot", "sum_sq", "mean", "var", "norm2", "reduce_min", "reduce_max", "argmin", "argmax"];
    check_all(&session, |name, spec| names.contains(&name).then(|| reductions(spec)));
}

fn products(spec: &KernelSpec) -> Vec<Case> {
    let mut cases = Vec::new();
    let (factor, out) = (spec.inputs[0].dtype, spec.outputs[0].dtype);
    let sizes = [
        (0, 3, 2),
        (3, 0, 5),
        (2, 3, 0),
        (1, 1, 1),
        (5, 7, 9),
        (64, 137, 10),
        (130, 64, 70),
        (37, 1025, 17),
        (2, 2049, 33),
        (1, 1024, 31),
    ];
    for (m, k, n) in sizes {
        for fill in FILLS {
            for transposes in 0..4 {
                let (transpose_a, transpose_b) = (transposes & 1 == 1, transposes & 2 == 2);
                let a = if transpose_a { [k, m] } else { [m, k] };
                let b = if transpose_b { [n, k] } else { [k, n] };
                // Few infinities, or every sum is NaN.
                let array = |dtype: Dtype, dims: &[u64], seed| {
                    let mut array = filled(dtype, dims, if dtype == Dtype::I8 { fill } else { Fill::Tame }, seed);
                    if fill == Fill::Wild {
                        let wild = filled(dtype, dims, Fill::Wild, seed);
                        let size = dtype.size() as usize;
                        let sparse = array.bytes_mut().chunks_exact_mut(size).zip(wild.bytes().chunks_exact(size));
                        sparse.step_by(97).for_each(|(to, from)| to.copy_from_slice(from));
                    }
                    array
                };
                let bias = (transposes != 1).then(|| array(out, &[n], 3));
                let given = vec![("transpose_a", Given::Flag(transpose_a)), ("transpose_b", Given::Flag(transpose_b))];
                let batched = |[rows, columns]: [u64; 2]| [3, rows, columns];
                let (shared, factors) = match transposes {
                    0 | 1 => (vec![Some(array(factor, &a, 1)), Some(array(factor, &b, 2)), bias.clone()], None),
                    2 => (vec![Some(array(factor, &batched(a), 1)), Some(array(factor, &b, 2)), bias.clone()], None),
                    _ => (
                        vec![Some(array(factor, &a, 1)), Some(array(factor, &b, 2)), None],
                        Some(vec![Some(array(factor, &batched(a), 1)), Some(array(factor, &batched(b), 2)), bias]),
                    ),
                };
                cases.push(Case { inputs: shared, given: given.clone() });
                cases.extend(factors.map(|inputs| Case { inputs, given }));
            }
        }
    }
    cases
}

#[test]
fn matrix_products_have_the_reference_s_bits() {
    let session = session_or_skip!();
    check_all(&session, |name, spec| (name == "matmul").then(|| products(spec)));
}

#[test]
fn scans_have_the_reference_s_bits() {
    let session = session_or_skip!();
    check_all(&session, |name, spec| {
        let sizes = SIZES.iter().chain(&[15, 16, 17, 1023, 1024, 1025, 1024 * 1024 + 1]);
        (name == "scan").then(|| {
            sizes
                .flat_map(|&size| {
                    FILLS.map(|fill| Case {
                        inputs: vec![Some(filled(spec.inputs[0].dtype, &[size], fill, 1))],
                        given: vec![],
                    })
                })
                .collect()
        })
    });
}

fn rows(spec: &KernelSpec) -> Vec<Case> {
    let shapes: [&[u64]; 13] = [
        &[0, 5],
        &[5, 0],
        &[1],
        &[2],
        &[127],
        &[128],
        &[129],
        &[700, 10],
        &[143, 17],
        &[2, 3, 4],
        &[3, 8192],
        &[3, 8193],
        &[2, 20000],
    ];
    let mut cases = Vec::new();
    for dims in shapes {
        for fill in FILLS {
            let x = filled(Dtype::F32, dims, fill, 1);
            let columns = dims[dims.len() - 1];
            let vector = |seed| Some(filled(Dtype::F32, &[columns], Fill::Tame, seed));
            let given = match spec.params {
                [] => vec![],
                _ => vec![("eps", Given::Bits(u64::from(1e-5f32.to_bits())))],
            };
            // Every choice of what may be absent.
            for present in 0..1 << (spec.inputs.len() - 1) {
                let optional =
                    (1..spec.inputs.len()).map(|i| (present >> (i - 1) & 1 == 1).then(|| vector(i as u64 + 1)));
                let inputs = std::iter::once(Some(x.clone())).chain(optional.map(Option::flatten)).collect();
                cases.push(Case { inputs, given: given.clone() });
            }
        }
    }
    cases
}

#[test]
fn rows_have_the_reference_s_bits() {
    let session = session_or_skip!();
    check_all(&session, |name, spec| matches!(name, "softmax" | "layernorm" | "rmsnorm").then(|| rows(spec)));
}

fn maps(spec: &KernelSpec) -> Vec<Case> {
    let dtype = spec.outputs[0].dtype;
    let mut texts = vec![
        "x0",
        "-x1",
        "x0*c0 + x1/x0 - 2.5",
        "fma(x0, x0, -x1) < abs(x1)",
        "min(x0, x1) == max(x0, sqrt(x1))",
        "(x0 + x1) * (x0 + x1) - 0x1.8p-3 * c0 != c0",
    ];
    if dtype == Dtype::F32 {
        texts.extend([
            "x0*c0 + exp(-x1)",
            "relu(rsqrt(x0)) + gelu(x1)*sin(x0) - tanh(x1)",
            "log1p(erf(x0)) >= cospi(x1)",
        ]);
    }
    let case = |text: &'static str, size: u64, fill| {
        let uses = |name: &str| text.contains(name);
        let mut inputs: Vec<Option<Array>> = ["x0", "x1"]
            .iter()
            .zip(1..)
            .map(|(name, seed)| uses(name).then(|| filled(dtype, &[size], fill, seed)))
            .collect();
        inputs.resize_with(8, || None);
        let mut given = vec![("expr", Given::Written(text))];
        if uses("c0") {
            given.push(("c0", Given::Written("0.3")));
        }
        Case { inputs, given }
    };
    texts
        .iter()
        .flat_map(|text| [0, 1, 129, 8193].map(|size| FILLS.map(|fill| case(text, size, fill))))
        .flatten()
        .collect()
}

#[test]
fn expressions_have_the_reference_s_bits() {
    let session = session_or_skip!();
    check_all(&session, |name, spec| (name == "map").then(|| maps(spec)));
}

/// The plans that a GPU gets, wide loads and large tiles among them, and division through binary64.
#[test]
fn plans_for_a_gpu_have_the_reference_s_bits() {
    let session = session_or_skip!(&[("plan_for", "gpu"), ("div_sqrt", "f64")]);
    let sizes = |cases: Vec<Case>| {
        let few =
            |case: &Case| case.inputs.iter().flatten().all(|input| [0, 2, 129, 8193].contains(&input.shape.elements()));
        cases.into_iter().filter(few).collect()
    };
    check_all(&session, |name, spec| match name {
        "copy" | "sqrt" | "div" | "fma" | "max" => Some(sizes(elementwise(spec, &[]))),
        "sum" | "var" | "argmin" => Some(sizes(reductions(spec))),
        "matmul" if spec.id == "matmul.f32.v1" => {
            // Two modules of the four: compiling a large tile takes PoCL long.
            let alike = |case: &Case| case.given.len() == 2 && case.given[0].1 == case.given[1].1;
            Some(products(spec).into_iter().filter(alike).step_by(3).collect())
        }
        "softmax" | "layernorm" => Some(sizes(rows(spec))),
        "scan" => Some(sizes(
            elementwise(spec, &[])
                .into_iter()
                .filter(|case| case.inputs.iter().flatten().all(|x| x.shape.ndim() == 1))
                .collect(),
        )),
        "transpose" => Some(transposes(spec)),
        _ => None,
    });
}
