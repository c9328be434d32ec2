//! Kernels on the device against the reference, at sizes around every block boundary, for tame and wild values, at byte
//! offsets that are aligned to an element only, and in place. Elementwise kernels and random numbers are here.

use clamp_kernels::catalogue::{Dtype, Given, KernelSpec, all};
use clamp_kernels::{Data, Input, Kernel, Launch, Output};

use super::arrays::{Array, Fill, filled};
use super::session::Session;
use super::session_or_skip;

pub const SIZES: [u64; 10] = [0, 1, 2, 127, 128, 129, 8191, 8192, 8193, 70000];

pub const FILLS: [Fill; 2] = [Fill::Tame, Fill::Wild];

/// One launch.
pub struct Case {
    pub inputs: Vec<Option<Array>>,
    pub given: Vec<(&'static str, Given<'static>)>,
}

pub fn name_of(spec: &KernelSpec) -> &'static str {
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
