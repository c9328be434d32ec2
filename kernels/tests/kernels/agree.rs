//! Every kernel of the catalogue: the fast code gives the reference's bits at awkward sizes, for tame and for wild
//! values, on one, two and four threads, in place and not.

use std::sync::LazyLock;

use crate::arrays::{Array, Fill, How, filled, hows, levels, run, run_all, run_into};
use clamp_kernels::catalogue::{Dtype, Given, KernelSpec, all};
use rayon::{ThreadPool, ThreadPoolBuilder};

pub const SIZES: [u64; 10] = [0, 1, 2, 127, 128, 129, 8191, 8192, 8193, 70000];

pub const FILLS: [Fill; 2] = [Fill::Tame, Fill::Wild];

const FUNCTIONS: [&str; 17] = [
    "exp", "log", "exp2", "expm1", "log2", "log10", "log1p", "sin", "cos", "tan", "sinpi", "cospi", "tanh", "erf",
    "sigmoid", "silu", "gelu",
];

static POOLS: LazyLock<Vec<ThreadPool>> = LazyLock::new(|| {
    [1, 2, 4].map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("pool")).into()
});

/// One launch.
pub struct Case {
    pub inputs: Vec<Option<Array>>,
    pub given: Vec<(&'static str, Given<'static>)>,
}

#[test]
fn elementwise_kernels_agree() {
    check_all(|name, spec| match name {
        "copy" | "neg" | "abs" | "sqrt" | "rsqrt" | "relu" | "add" | "sub" | "mul" | "div" | "min" | "max" | "fma"
        | "select" => Some(elementwise(spec, &[])),
        "clamp" => Some(bounds(spec.outputs[0].dtype).iter().flat_map(|given| elementwise(spec, given)).collect()),
        _ if name.starts_with("compare_") || name.starts_with("cast_") => Some(elementwise(spec, &[])),
        _ => None,
    });
}

#[test]
fn functions_agree() {
    check_all(|name, spec| FUNCTIONS.contains(&name).then(|| elementwise(spec, &[])));
}

#[test]
fn reductions_agree() {
    check_all(|name, spec| matches!(name, "sum" | "dot").then(|| reductions(spec)));
    check_all(|name, spec| REDUCTIONS.contains(&name).then(|| reductions(spec)));
}

/// The other reductions.
const REDUCTIONS: [&str; 10] =
    ["sum_sq", "mean", "var", "norm2", "reduce_min", "reduce_max", "argmin", "argmax", "sum_exact", "dot_exact"];

#[test]
fn scans_agree() {
    check_all(|name, spec| (name == "scan").then(|| scans(spec)));
}

#[test]
fn moves_and_random_numbers_agree() {
    check_all(|name, spec| match name {
        "gather_rows" => Some(gathers(spec)),
        "philox" | "philox_uniform" | "philox_normal" => Some(randoms()),
        _ => None,
    });
}

/// The tests above cover these names; a kernel of another name needs cases first.
/// The tests above, and those of `products` and `rows`, cover these names; a kernel of another name needs cases first.
#[test]
fn no_kernel_is_left_out() {
    let covered = [
        "copy",
        "neg",
        "abs",
        "sqrt",
        "rsqrt",
        "relu",
        "add",
        "sub",
        "mul",
        "div",
        "min",
        "max",
        "fma",
        "select",
        "clamp",
        "sum",
        "dot",
        "matmul",
        "softmax",
        "layernorm",
        "rmsnorm",
        "attention",
        "gather_rows",
        "philox",
        "philox_uniform",
        "scan",
        "map",
        "philox_normal",
        "scatter_rows",
        "transpose",
        "concat",
        "mirror",
        "sort",
        "argsort",
        "histogram",
    ];
    for spec in all() {
        let name = name_of(spec);
        let prefixed = name.starts_with("compare_") || name.starts_with("cast_");
        assert!(
            prefixed || covered.contains(&name) || REDUCTIONS.contains(&name) || FUNCTIONS.contains(&name),
            "{} has no cases",
            spec.id
        );
    }
}

fn name_of(spec: &KernelSpec) -> &'static str {
    spec.id.split('.').next().expect("name")
}

/// Checks the kernels for which there are cases, by name.
pub fn check_all(cases: impl Fn(&str, &'static KernelSpec) -> Option<Vec<Case>>) {
    let mut kernels = 0;
    for spec in all() {
        let Some(cases) = cases(name_of(spec), spec) else { continue };
        assert!(!cases.is_empty(), "{}", spec.id);
        kernels += 1;
        for case in cases {
            check(spec, &case);
        }
    }
    assert!(kernels > 0);
}

fn check(spec: &'static KernelSpec, case: &Case) {
    let inputs: Vec<Option<&Array>> = case.inputs.iter().map(Option::as_ref).collect();
    let shapes: Vec<String> = inputs.iter().map(|input| format!("{:?}", input.map(|input| input.shape))).collect();
    let all_expected = run_all(spec.id, &inputs, &case.given, How::Reference).expect("reference");
    for level in levels() {
        for pool in POOLS.iter() {
            let all_got = pool.install(|| run_all(spec.id, &inputs, &case.given, How::Cpu(level))).expect("cpu");
            let threads = pool.current_num_threads();
            for ((output, expected), got) in spec.outputs.iter().zip(&all_expected).zip(&all_got) {
                let (id, name, given) = (spec.id, output.name, &case.given);
                let what = format!("`{name}` of {id} of {shapes:?} with {given:?}, {level}, {threads} threads");
                same(expected, got, &what);
            }
        }
    }
    if !spec.in_place {
        return;
    }
    let [expected] = &all_expected[..] else { panic!("{} has several outputs and is in place", spec.id) };
    let fits = |array: &Array| array.dtype == expected.dtype && array.shape == expected.shape;
    let places: Vec<usize> = (0..inputs.len()).filter(|&position| inputs[position].is_some_and(fits)).collect();
    for &position in &places {
        for how in hows() {
            let mut out = inputs[position].expect("input").clone();
            run_into(spec.id, &inputs, &[position], &case.given, &mut out, how).expect("in place");
            same(expected, &out, &format!("{} of {shapes:?} in place of input {position}, {how:?}", spec.id));
        }
    }
    if let [first, _, ..] = places[..] {
        // All of one dtype at once: add(x, x) into x.
        let mut twins = inputs.clone();
        places.iter().for_each(|&position| twins[position] = inputs[first]);
        let expected = run(spec.id, &twins, &case.given, How::Reference).expect("reference");
        for how in hows() {
            let mut out = inputs[first].expect("input").clone();
            run_into(spec.id, &twins, &places, &case.given, &mut out, how).expect("in place");
            same(&expected, &out, &format!("{} of {shapes:?} all in place, {how:?}", spec.id));
        }
    }
}

fn same(expected: &Array, got: &Array, what: &str) {
    let size = expected.dtype.size() as usize;
    let (expected, got) = (expected.bytes(), got.bytes());
    let difference = expected.chunks(size).zip(got.chunks(size)).position(|(expected, got)| expected != got);
    if let Some(element) = difference {
        let bits = |bytes: &[u8]| -> String {
            bytes[element * size..][..size].iter().rev().map(|byte| format!("{byte:02x}")).collect()
        };
        panic!("{what}: element {element} is {}, but the reference says {}", bits(got), bits(expected));
    }
}

fn elementwise(spec: &KernelSpec, given: &[(&'static str, Given<'static>)]) -> Vec<Case> {
    let shapes = SIZES.iter().map(|&size| vec![size]).chain([vec![], vec![3, 0, 2], vec![2, 3, 50]]);
    let case = |dims: Vec<u64>, fill| {
        let input = |(position, input): (usize, &clamp_kernels::catalogue::ArgSpec)| {
            Some(filled(input.dtype, &dims, fill, position as u64 + 1))
        };
        Case { inputs: spec.inputs.iter().enumerate().map(input).collect(), given: given.to_vec() }
    };
    shapes.flat_map(|dims| FILLS.map(|fill| case(dims.clone(), fill))).collect()
}

fn bounds(dtype: Dtype) -> Vec<[(&'static str, Given<'static>); 2]> {
    let pairs = [("-0.25", "0.5"), ("0", "-0"), ("-0", "0"), ("-inf", "inf"), ("-inf", "-inf"), ("1e-44", "1e-43")];
    let bound = |text: &str| match dtype {
        Dtype::F32 => u64::from(text.parse::<f32>().expect("f32").to_bits()),
        _ => text.parse::<f64>().expect("f64").to_bits(),
    };
    pairs.map(|(lo, hi)| [("lo", Given::Bits(bound(lo))), ("hi", Given::Bits(bound(hi)))]).into()
}

fn reductions(spec: &KernelSpec) -> Vec<Case> {
    let mut cases = Vec::new();
    let of_something = ["mean", "var", "reduce_min", "reduce_max", "argmin", "argmax"].contains(&name_of(spec));
    let mut add = |dims: &[u64], fill, rows: bool| {
        let nothing = dims.contains(&0) && !(rows && dims[0] == 0);
        if nothing && of_something {
            return;
        }
        let inputs = (1..=spec.inputs.len() as u64).map(|seed| Some(filled(spec.inputs[0].dtype, dims, fill, seed)));
        cases.push(Case { inputs: inputs.collect(), given: vec![("rows", Given::Flag(rows))] });
    };
    for fill in FILLS {
        for size in SIZES {
            add(&[size], fill, false);
            add(&[1, size], fill, true);
        }
        add(&[], fill, false);
        add(&[3, 41, 7], fill, false);
        for dims in [[0, 5], [3, 0], [7, 127], [5, 129], [9, 8193], [700, 100], [70000, 1]] {
            add(&dims, fill, true);
            add(&dims, fill, false);
        }
    }
    // More partials than lanes.
    add(&[1_100_000], Fill::Tame, false);
    cases
}

fn scans(spec: &KernelSpec) -> Vec<Case> {
    let dtype = spec.inputs[0].dtype;
    let case = |size: u64, fill| Case { inputs: vec![Some(filled(dtype, &[size], fill, size))], given: vec![] };
    let sizes = [0, 1, 15, 16, 17, 31, 33, 1008, 1009, 1023, 1024, 1025, 2048, 2049, 16384, 17000, 70000, 300_001];
    let mut cases: Vec<Case> = sizes.iter().flat_map(|&size| FILLS.map(|fill| case(size, fill))).collect();
    // A second level of block totals.
    cases.push(case(1024 * 1024 + 1, Fill::Tame));
    cases
}

fn products() -> Vec<Case> {
    let mut cases = Vec::new();
    let sizes = [
        (0, 3, 2),
        (3, 0, 5),
        (2, 3, 0),
        (1, 1, 1),
        (5, 7, 9),
        (4, 16, 16),
        (64, 1437, 10),
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
                let array = |dims: &[u64], seed| {
                    let mut array = filled(Dtype::F32, dims, Fill::Tame, seed);
                    if fill == Fill::Wild {
                        let wild = filled(Dtype::F32, dims, Fill::Wild, seed);
                        let sparse = array.bytes_mut().chunks_exact_mut(4).zip(wild.bytes().chunks_exact(4));
                        sparse.step_by(97).for_each(|(to, from)| to.copy_from_slice(from));
                    }
                    array
                };
                let bias = (transposes != 1).then(|| array(&[n], 3));
                let given = vec![("transpose_a", Given::Flag(transpose_a)), ("transpose_b", Given::Flag(transpose_b))];
                let inputs = vec![Some(array(&a, 1)), Some(array(&b, 2)), bias.clone()];
                cases.push(Case { inputs, given: given.clone() });
                if k < 1000 {
                    let batched = |[rows, columns]: [u64; 2]| [3, rows, columns];
                    let inputs = vec![Some(array(&batched(a), 1)), Some(array(&batched(b), 2)), bias.clone()];
                    cases.push(Case { inputs, given: given.clone() });
                    let inputs = vec![Some(array(&batched(a), 1)), Some(array(&b, 2)), bias];
                    cases.push(Case { inputs, given });
                }
            }
        }
    }
    let empty = filled(Dtype::F32, &[0, 2, 3], Fill::Tame, 1);
    let b = filled(Dtype::F32, &[0, 3, 2], Fill::Tame, 2);
    cases.push(Case { inputs: vec![Some(empty), Some(b), None], given: vec![] });
    cases
}

fn softmaxes() -> Vec<Case> {
    let shapes = SIZES.iter().map(|&size| vec![size]).chain([
        vec![0, 5],
        vec![5, 0],
        vec![700, 10],
        vec![1437, 17],
        vec![9, 8193],
        vec![2, 3, 4],
        vec![70000, 1],
    ]);
    let mut cases: Vec<Case> = shapes
        .flat_map(|dims| {
            FILLS.map(|fill| Case { inputs: vec![Some(filled(Dtype::F32, &dims, fill, 1))], given: vec![] })
        })
        .collect();
    // Wide apart but finite, and rows of one infinity.
    let mut values: Vec<f32> = filled(Dtype::F32, &[100, 33], Fill::Tame, 5).values();
    values.iter_mut().for_each(|value| *value *= 90.0);
    values[..33].fill(f32::NEG_INFINITY);
    values[40] = f32::NEG_INFINITY;
    values[70] = f32::INFINITY;
    cases.push(Case { inputs: vec![Some(Array::of(Dtype::F32, &[100, 33], &values))], given: vec![] });
    cases
}

fn gathers(spec: &KernelSpec) -> Vec<Case> {
    let case = |table: &[u64], count: u64| {
        let ids: Vec<i64> = filled(Dtype::U32, &[count], Fill::Wild, 9)
            .values::<u32>()
            .iter()
            .map(|&id| i64::from(id) % table[0].max(1) as i64)
            .collect();
        let table = filled(spec.inputs[0].dtype, table, Fill::Wild, 1);
        Case { inputs: vec![Some(table), Some(Array::of(Dtype::I64, &[count], &ids))], given: vec![] }
    };
    vec![
        case(&[5, 3], 0),
        case(&[0, 3], 0),
        case(&[5, 0], 7),
        case(&[1, 1], 129),
        case(&[1437, 64], 32),
        case(&[10, 2, 3], 8193),
        case(&[70000, 1], 70000),
        case(&[300, 129], 1000),
    ]
}

fn randoms() -> Vec<Case> {
    let case = |n: u64, seed: u64, stream: Option<u64>| {
        let mut given = vec![("n", Given::Bits(n)), ("seed", Given::Bits(seed))];
        given.extend(stream.map(|stream| ("stream", Given::Bits(stream))));
        Case { inputs: vec![], given }
    };
    let sizes = SIZES.iter().chain(&[63, 64, 65, 300_001]);
    sizes.flat_map(|&n| [case(n, 0, None), case(n, 0x0123_4567_89ab_cdef, Some(u64::MAX - 5))]).collect()
}
