//! What holds for the plans and modules of every kernel: steps that a device can take, sizes that do not wrap, keys that
//! name their text.

use std::collections::HashMap;

use super::*;
use crate::catalogue::{Given, KernelSpec, MAX_ELEMENTS, ParamKind, ParamSpec, Shape, When, all};

fn targets() -> Vec<Target> {
    let gpu = Target {
        dialect: Dialect::Cuda,
        max_group_size: 1024,
        local_bytes: 48 << 10,
        compute_units: 132,
        subgroup_size: 32,
        fp64: true,
        exact_div_sqrt: true,
        is_cpu: false,
    };
    let small = Target { dialect: Dialect::OpenCl, max_group_size: 256, local_bytes: 16 << 10, ..gpu };
    let cpu = Target { dialect: Dialect::OpenCl, max_group_size: 4096, compute_units: 2, is_cpu: true, ..gpu };
    vec![gpu, Target { dialect: Dialect::Hip, subgroup_size: 64, ..gpu }, small, cpu]
}

/// Something for each parameter that must be there.
fn given(spec: &KernelSpec) -> Vec<(&'static str, Given<'static>)> {
    let value = |param: &&ParamSpec| match (param.name, param.kind) {
        (_, ParamKind::Text) => Given::Written("x0 + x0"),
        ("n", _) => Given::Bits(MAX_ELEMENTS),
        _ => Given::Bits(0),
    };
    spec.params.iter().filter(|param| param.required).map(|param| (param.name, value(&param))).collect()
}

/// A kernel for a target, if it has a source.
fn open(spec: &'static KernelSpec, target: &Target) -> Option<DeviceKernel> {
    let (fixed, _) = spec.split_params(&given(spec)).expect("parameters");
    match DeviceKernel::open(spec.id, &fixed, target) {
        Ok(kernel) => Some(kernel),
        Err(OpenError::NoSource(_)) => None,
        Err(error) => panic!("{}: {error}", spec.id),
    }
}

/// Shapes for all inputs: nothing, one element, and the most, wherever the shape rule takes them.
fn input_shapes(spec: &'static KernelSpec) -> Vec<Vec<Option<Shape>>> {
    let dims: [&[u64]; 9] = [
        &[0],
        &[1],
        &[MAX_ELEMENTS],
        &[0, 0],
        &[1, 1],
        &[1 << 20, 1 << 20],
        &[MAX_ELEMENTS, 1],
        &[1, MAX_ELEMENTS],
        &[1 << 16, 1 << 12, 1 << 12],
    ];
    let of = |dims: &[u64]| Shape::new(dims).expect("shape");
    let same = |shape: Shape| {
        let is_there = |input: &crate::catalogue::ArgSpec| !input.optional || input.name == "x0";
        spec.inputs.iter().map(|input| is_there(input).then_some(shape)).collect::<Vec<_>>()
    };
    let mut shapes: Vec<Vec<Option<Shape>>> = dims.iter().map(|dims| same(of(dims))).collect();
    for (table, count) in [([1 << 20, 1 << 20], 1 << 20), ([MAX_ELEMENTS, 1], MAX_ELEMENTS)] {
        let by_name = |name: &str| match name {
            "ids" => Some(of(&[count])),
            "x" => Some(of(&[count, table[1]])),
            _ => Some(of(&table)),
        };
        shapes.push(spec.inputs.iter().map(|input| by_name(input.name)).collect());
    }
    shapes
}

#[test]
fn steps_are_such_that_a_device_can_take_them_whatever_the_size() {
    let mut planned = 0;
    for target in targets() {
        for spec in all() {
            let Some(kernel) = open(spec, &target) else { continue };
            let entries = kernel.module().entries;
            let (fixed, params) = spec.split_params(&given(spec)).expect("parameters");
            let values = spec.param_values(&fixed, &params).expect("parameters");
            for shapes in input_shapes(spec) {
                let Ok(outputs) = spec.output_shapes(&shapes, &values) else { continue };
                let place = |dtype, shape| Place { dtype, shape, byte_offset: 0 };
                let inputs: Vec<Option<Place>> =
                    spec.inputs.iter().zip(&shapes).map(|(arg, shape)| shape.map(|s| place(arg.dtype, s))).collect();
                let outputs: Vec<Place> =
                    spec.outputs.iter().zip(outputs).map(|(arg, shape)| place(arg.dtype, shape)).collect();
                let launch = LaunchArrays {
                    inputs: &inputs,
                    outputs: &outputs,
                    params: &params.values,
                    present: params.present,
                };
                let plan = kernel.plan(&launch).expect("plan");
                planned += 1;
                for step in &plan.steps {
                    let what = format!("{} of {shapes:?}: {step:?}", spec.id);
                    assert!(entries.contains(&step.entry), "{what}");
                    assert!((1..1 << 31).contains(&step.groups), "{what}");
                    assert!(step.group_size <= target.max_group_size && step.group_size.is_power_of_two(), "{what}");
                    // As the portability header promises AMD's compiler.
                    assert!(target.is_cpu || step.group_size <= 256, "{what}");
                    for arg in &step.args {
                        assert!(
                            match *arg {
                                Arg::Input(position) => inputs[position].is_some(),
                                Arg::Output(position) => position < outputs.len(),
                                Arg::Scratch(position, offset) => offset < plan.scratch[position],
                                Arg::Status => plan.has_status,
                                _ => true,
                            },
                            "{what}"
                        );
                    }
                }
                // Scratch is no more than a few times the arrays.
                let bytes = |place: &Place| place.shape.bytes(place.dtype);
                let arrays: u64 = inputs.iter().flatten().chain(&outputs).map(bytes).sum();
                let scratch: u64 = plan.scratch.iter().sum();
                assert!(scratch <= 8 * arrays + (1 << 20), "{} of {shapes:?} takes {scratch} bytes", spec.id);
            }
        }
    }
    assert!(planned > 1000, "{planned}");
}

#[test]
fn keys_name_their_text_and_are_fit_for_names() {
    let mut known: HashMap<String, String> = HashMap::new();
    for target in targets() {
        for spec in all() {
            let Some(kernel) = open(spec, &target) else { continue };
            let Module { key, source, .. } = kernel.module();
            let fits = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
            assert!(!key.is_empty() && key.chars().all(fits), "{key}");
            // The targets that share a dialect differ in nothing that a text may depend on but what its key says.
            assert_eq!(*known.entry(key.clone()).or_insert_with(|| source.clone()), source, "{key}");
            assert!(source.is_ascii(), "{key}");
        }
    }
}

#[test]
fn what_a_device_lacks_is_said() {
    let target = Target { fp64: false, ..targets()[0] };
    let refusal = |id: &str| DeviceKernel::open(id, &Default::default(), &target).expect_err("refused").to_string();
    assert_eq!(refusal("add.f64.v1"), "kernel add.f64.v1 needs binary64, which the device lacks");
    assert_eq!(refusal("softmax.f32.v1"), "kernel softmax.f32.v1 needs binary64, which the device lacks");
    assert_eq!(refusal("add.f32.v2"), "there is no kernel add.f32.v2; the nearest is add.f32.v1");
    assert!(DeviceKernel::open("copy.f64.v1", &Default::default(), &target).is_ok(), "a move is none of numbers");
}

#[test]
fn all_but_maps_can_be_compiled_ahead_alike_for_every_gpu() {
    let ahead = |target: &Target| modules(target).into_iter().map(|module| (module.key, module.source)).collect();
    for target in targets() {
        let ahead: HashMap<String, String> = ahead(&target);
        assert!(ahead.keys().any(|key| key.starts_with("probe-")));
        for spec in all() {
            let Some(kernel) = open(spec, &target) else { continue };
            let is_map = spec.params.iter().any(|param| param.kind == ParamKind::Text);
            assert_eq!(ahead.contains_key(&kernel.module().key), !is_map, "{}", spec.id);
            for number in spec.params_at(When::Open).filter(|param| param.kind == ParamKind::Int) {
                let fixed = |value| spec.fixed_params(&[(number.name, Given::Bits(value))]).expect("parameters");
                let of = |value| DeviceKernel::open(spec.id, &fixed(value), &target).expect("opened").module();
                assert_eq!(of(1), of(0), "{}", spec.id);
            }
            let is_float = |param: ParamSpec| matches!(param.kind, ParamKind::F32 | ParamKind::F64);
            assert!(!spec.params_at(When::Open).any(|param| is_float(*param)), "{}", spec.id);
        }
        let matmul = ahead.keys().filter(|key| key.starts_with("matmul.f32.v1-")).count();
        assert_eq!(matmul, 4, "a module for each choice of its two flags");
    }
    let gpu = targets()[0];
    let other = Target { max_group_size: 256, local_bytes: 16 << 10, compute_units: 1, subgroup_size: 64, ..gpu };
    let lists: [HashMap<String, String>; 2] = [ahead(&gpu), ahead(&other)];
    assert_eq!(lists[0], lists[1]);
}
