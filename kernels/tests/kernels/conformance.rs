//! The conformance cases against their golden digests, which an independent reading derived: the plain reference gives
//! them, and every case has one.

use sha2::{Digest as _, Sha256};

use crate::arrays::{Array, How, hows};
use clamp_kernels::catalogue::{KernelSpec, Shape, all};
use clamp_kernels::conformance::{Case, GOLDEN, cases, golden};
use clamp_kernels::{Data, Input, Kernel, Launch, Output};

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_case_has_its_golden_digests() {
    let mut lines = GOLDEN.lines();
    for spec in all() {
        for case in cases(spec) {
            let what = format!("{} {}", case.kernel, case.name);
            let golden = golden(case.kernel, &case.name).unwrap_or_else(|| panic!("{what}: run `cargo xtask golden`"));
            let text = serde_json::to_string(&case).expect("json");
            assert_eq!(golden.case, hex(text.as_bytes()), "{what} has changed: run `cargo xtask golden`");
            let mut outputs: Vec<&str> = spec.outputs.iter().map(|output| output.name).collect();
            outputs.sort_unstable();
            assert_eq!(golden.outputs.iter().map(|(name, _)| *name).collect::<Vec<_>>(), outputs, "{what}");
            assert_eq!(lines.next(), Some(golden.line), "golden.txt has the order of the cases");
        }
    }
    assert_eq!(lines.next(), None, "golden.txt has cases that do not exist");
}

#[test]
fn reference_and_fast_code_give_the_golden_digests() {
    for spec in all() {
        for case in cases(spec) {
            for how in hows() {
                let outputs = run(spec, &case, how);
                for (spec, output) in spec.outputs.iter().zip(&outputs) {
                    let golden = golden(case.kernel, &case.name).expect("the test above");
                    let expected = golden.outputs.iter().find(|(name, _)| *name == spec.name).expect("the test above");
                    let what = format!("{} {}: `{}` by {how:?}", case.kernel, case.name, spec.name);
                    assert_eq!(hex(output.bytes()), expected.1, "{what}");
                }
            }
        }
    }
}

fn run(spec: &'static KernelSpec, case: &Case, how: How) -> Vec<Array> {
    let (fixed, params) = spec.split_params(&case.given()).expect("parameters");
    let values = spec.param_values(&fixed, &params).expect("parameters");
    let shapes: Vec<Option<Shape>> = case.inputs.iter().map(|input| input.as_ref().map(|input| input.shape)).collect();
    let shapes = spec.output_shapes(&shapes, &values).expect("shapes");
    let inputs: Vec<Option<Array>> = case
        .inputs
        .iter()
        .map(|input| {
            let input = input.as_ref()?;
            let mut array = Array::new(input.dtype, input.shape.dims());
            array.bytes_mut().copy_from_slice(&input.bytes());
            Some(array)
        })
        .collect();
    let inputs: Vec<Option<Input<'_>>> = inputs
        .iter()
        .map(|array| {
            let array = array.as_ref()?;
            Some(Input { dtype: array.dtype, shape: array.shape, data: Data::Bytes(array.bytes()) })
        })
        .collect();
    let mut arrays: Vec<Array> =
        spec.outputs.iter().zip(&shapes).map(|(output, shape)| Array::new(output.dtype, shape.dims())).collect();
    let mut outputs: Vec<Output<'_>> = arrays
        .iter_mut()
        .map(|array| Output { dtype: array.dtype, shape: array.shape, data: array.bytes_mut() })
        .collect();
    let mut launch = Launch { inputs: &inputs, outputs: &mut outputs, params: &params.values, present: params.present };
    let kernel = Kernel::open(spec.id, &fixed).expect("open");
    let ran = match how {
        How::Reference => kernel.run_reference(&mut launch),
        How::Cpu(level) => kernel.at_level(level).run(&mut launch),
    };
    assert_eq!(ran, Ok(()), "{} {}", case.kernel, case.name);
    arrays
}
