//! Every kernel that has a device source gives the reference's bits, at sizes around every block boundary, for tame and
//! wild values, at byte offsets that are aligned to an element only, and in place.

use clamp_kernels::catalogue::{Dtype, Given, KernelSpec, all};
use clamp_kernels::{Data, Input, Kernel, Launch, Output};

use super::arrays::{Array, Fill, filled};
use super::session::Session;
use super::session_or_skip;

const SIZES: [u64; 10] = [0, 1, 2, 127, 128, 129, 8191, 8192, 8193, 70000];

const FILLS: [Fill; 2] = [Fill::Tame, Fill::Wild];

/// One launch.
pub struct Case {
    pub inputs: Vec<Option<Array>>,
    pub given: Vec<(&'static str, Given<'static>)>,
}

fn name_of(spec: &KernelSpec) -> &'static str {
    spec.id.split('.').next().expect("name")
}

/// Runs the cases of every kernel that `cases` has some for; gives how many kernels that were.
pub fn check_all(session: &Session, cases: impl Fn(&str, &'static KernelSpec) -> Option<Vec<Case>>) {
    let mut kernels = 0;
    for spec in all() {
        let Some(cases) = cases(name_of(spec), spec) else { continue };
        kernels += 1;
        for (position, case) in cases.iter().enumerate() {
            check(session, spec, case, position as u64 % 3);
        }
    }
    assert!(kernels > 0);
}

/// What the plain reading of the specification gives.
pub fn reference(spec: &'static KernelSpec, case: &Case) -> Vec<Array> {
    let (fixed, params) = spec.split_params(&case.given).expect("parameters");
    let values = spec.param_values(&fixed, &params).expect("parameters");
    let shapes: Vec<_> = case.inputs.iter().map(|input| input.as_ref().map(|input| input.shape)).collect();
    let shapes = spec.output_shapes(&shapes, &values).expect("shapes");
    let mut arrays: Vec<Array> =
        spec.outputs.iter().zip(shapes).map(|(output, shape)| Array::new(output.dtype, shape.dims())).collect();
    let inputs: Vec<Option<Input<'_>>> = case
        .inputs
        .iter()
        .map(|input| {
            input.as_ref().map(|input| Input {
                dtype: input.dtype,
                shape: input.shape,
                data: Data::Bytes(input.bytes()),
            })
        })
        .collect();
    let mut outputs: Vec<Output<'_>> = arrays
        .iter_mut()
        .map(|array| Output { dtype: array.dtype, shape: array.shape, data: array.bytes_mut() })
        .collect();
    let mut launch = Launch { inputs: &inputs, outputs: &mut outputs, params: &params.values, present: params.present };
    Kernel::open(spec.id, &fixed).expect("open").run_reference(&mut launch).expect("reference");
    arrays
}

fn check(session: &Session, spec: &'static KernelSpec, case: &Case, shift: u64) {
    let expected = reference(spec, case);
    let inputs: Vec<Option<&Array>> = case.inputs.iter().map(Option::as_ref).collect();
    let shapes: Vec<String> = inputs.iter().map(|input| format!("{:?}", input.map(|input| input.shape))).collect();
    let what = format!("{} of {} {:?} from element {shift}", spec.id, shapes.join(" "), case.given);
    let run = |in_place: &[usize]| {
        let got = session.run(spec, &inputs, &case.given, shift, in_place);
        got.unwrap_or_else(|failure| panic!("{what}: {failure:?}"))
    };
    for (expected, got) in expected.iter().zip(run(&[])) {
        same(expected, &got, &what);
    }
    let fits = |input: &Option<&Array>| input.is_some_and(|input| input.dtype == spec.outputs[0].dtype);
    if spec.in_place && inputs.iter().any(fits) {
        let position = inputs.iter().position(fits).expect("one");
        same(&expected[0], &run(&[position])[0], &format!("{what} in place of input {position}"));
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

pub fn elementwise(spec: &KernelSpec, given: &[(&'static str, Given<'static>)]) -> Vec<Case> {
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
    let pairs = [("-0.25", "0.5"), ("0", "-0"), ("-0", "0"), ("-inf", "inf"), ("1e-44", "1e-43")];
    let bound = |text: &str| match dtype {
        Dtype::F32 => u64::from(text.parse::<f32>().expect("f32").to_bits()),
        _ => text.parse::<f64>().expect("f64").to_bits(),
    };
    pairs.map(|(lo, hi)| [("lo", Given::Bits(bound(lo))), ("hi", Given::Bits(bound(hi)))]).into()
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

#[test]
fn elementwise_kernels_have_the_reference_s_bits() {
    let session = session_or_skip!();
    check_all(&session, |name, spec| match name {
        "copy" | "neg" | "abs" | "sqrt" | "rsqrt" | "relu" | "add" | "sub" | "mul" | "div" | "min" | "max" | "fma"
        | "select" => Some(elementwise(spec, &[])),
        "clamp" => Some(bounds(spec.outputs[0].dtype).iter().flat_map(|given| elementwise(spec, given)).collect()),
        _ => None,
    });
}

#[test]
fn comparisons_and_casts_have_the_reference_s_bits() {
    let session = session_or_skip!();
    check_all(&session, |name, spec| {
        (name.starts_with("compare_") || name.starts_with("cast_")).then(|| elementwise(spec, &[]))
    });
}

#[test]
fn random_numbers_have_the_reference_s_bits() {
    let session = session_or_skip!();
    check_all(&session, |name, _| matches!(name, "philox" | "philox_uniform" | "philox_normal").then(randoms));
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
        case(&[9, 5000], 20),
    ]
}

#[test]
fn moves_have_the_reference_s_bits() {
    let session = session_or_skip!();
    check_all(&session, |name, spec| match name {
        "gather_rows" => Some(gathers(spec)),
        "scatter_rows" => Some(scatters(spec)),
        "transpose" => Some(transposes(spec)),
        "concat" => Some(concats(spec)),
        "mirror" => Some(mirrors()),
        _ => None,
    });
}

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

fn scatters(spec: &KernelSpec) -> Vec<Case> {
    let case = |table: &[u64], count: u64| {
        let ids: Vec<i64> = filled(Dtype::U32, &[count], Fill::Wild, 9)
            .values::<u32>()
            .iter()
            .map(|&id| i64::from(id) % table[0].max(1) as i64)
            .collect();
        let (dtype, mut rows) = (spec.inputs[0].dtype, table.to_vec());
        rows[0] = count;
        let inputs = [
            filled(dtype, table, Fill::Wild, 1),
            Array::of(Dtype::I64, &[count], &ids),
            filled(dtype, &rows, Fill::Wild, 2),
        ];
        Case { inputs: inputs.map(Some).into(), given: vec![] }
    };
    vec![
        case(&[5, 3], 0),
        case(&[0, 3], 0),
        case(&[5, 0], 7),
        case(&[1, 1], 129),
        case(&[1437, 64], 32),
        case(&[10, 2, 3], 8193),
        case(&[300, 129], 1000),
    ]
}

fn transposes(spec: &KernelSpec) -> Vec<Case> {
    let shapes: [&[u64]; 9] =
        [&[0, 3], &[3, 0], &[1, 1], &[1, 129], &[31, 33], &[32, 32], &[65, 127], &[3, 2, 5, 7], &[2, 0, 3]];
    shapes
        .iter()
        .map(|dims| Case { inputs: vec![Some(filled(spec.inputs[0].dtype, dims, Fill::Wild, 1))], given: vec![] })
        .collect()
}

fn concats(spec: &KernelSpec) -> Vec<Case> {
    let case = |axis: u64, parts: &[Option<&[u64]>]| {
        let mut inputs: Vec<Option<Array>> = parts
            .iter()
            .enumerate()
            .map(|(seed, dims)| dims.map(|dims| filled(spec.inputs[0].dtype, dims, Fill::Wild, seed as u64 + 1)))
            .collect();
        inputs.resize_with(8, || None);
        Case { inputs, given: vec![("axis", Given::Bits(axis))] }
    };
    vec![
        case(0, &[Some(&[5])]),
        case(0, &[Some(&[0]), Some(&[0])]),
        case(0, &[Some(&[3, 4]), None, Some(&[129, 4]), Some(&[0, 4])]),
        case(1, &[Some(&[3, 4]), Some(&[3, 129]), None, None, None, None, None, Some(&[3, 1])]),
        case(1, &[Some(&[2, 3, 5]), Some(&[2, 700, 5])]),
        case(2, &[Some(&[2, 3, 5]), Some(&[2, 3, 0]), Some(&[2, 3, 1])]),
    ]
}

fn mirrors() -> Vec<Case> {
    let case = |n: u64| {
        let mut seeds = filled(Dtype::U64, &[n], Fill::Wild, 1);
        seeds.bytes_mut().chunks_exact_mut(8).for_each(|seed| seed[7] |= 1);
        Case { inputs: vec![Some(seeds), Some(filled(Dtype::U32, &[n], Fill::Wild, 2))], given: vec![] }
    };
    SIZES.map(case).into()
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
