//! Sorting, histograms and normal numbers: agreement, single cases of the specification, and what is refused.

use clamp_kernels::catalogue::{Dtype, Given, KernelSpec, Shape};
use clamp_kernels::{LaunchError, Level};

use crate::agree::{Case, FILLS, SIZES, check_all};
use crate::arrays::{Array, Fill, How, filled, hows, run, spec};

#[test]
fn sorts_and_histograms_agree() {
    check_all(|name, spec| match name {
        "sort" | "argsort" => Some(sorts(spec)),
        "histogram" => Some(histograms(spec)),
        _ => None,
    });
}

fn sorts(spec: &KernelSpec) -> Vec<Case> {
    let dtype = spec.inputs[0].dtype;
    let case = |x| Case { inputs: vec![Some(x)], given: vec![] };
    let mut cases = Vec::new();
    for &size in SIZES.iter().chain(&[511, 512, 513, 65535, 65536, 65537, 200_003]) {
        for fill in FILLS {
            cases.push(case(filled(dtype, &[size], fill, size)));
        }
    }
    // Few values, ascending, descending, and no value but NaN.
    let size = 70_001;
    let few = filled(Dtype::U32, &[size], Fill::Tame, 1).values::<u32>();
    let floats = |value: &dyn Fn(u32) -> f64| -> Array {
        let values: Vec<f64> = few.iter().map(|&word| value(word)).collect();
        match dtype {
            Dtype::F32 => Array::of(dtype, &[size], &values.iter().map(|&value| value as f32).collect::<Vec<f32>>()),
            _ => Array::of(dtype, &[size], &values),
        }
    };
    let place = std::cell::Cell::new(0f64);
    let next = |step: f64| {
        place.set(place.get() + step);
        place.get()
    };
    cases.push(case(floats(&|word| f64::from(word % 3) - 1.0)));
    cases.push(case(floats(&|_| next(1.0))));
    cases.push(case(floats(&|_| next(-1.0))));
    cases.push(case(floats(&|word| if word % 2 == 0 { f64::NAN } else { -f64::NAN })));
    cases.push(case(floats(&|word| if word % 2 == 0 { 0.0 } else { -0.0 })));
    cases
}

fn histograms(spec: &KernelSpec) -> Vec<Case> {
    let dtype = spec.inputs[0].dtype;
    let array = |values: &[f64]| match dtype {
        Dtype::F32 => Array::f32s(&values.iter().map(|&value| value as f32).collect::<Vec<f32>>()),
        _ => Array::of(dtype, &[values.len() as u64], values),
    };
    let even: Vec<f64> = (0..=200).map(|edge| -1.0 + f64::from(edge) * 0.01).collect();
    let uneven: Vec<f64> = (0..=100).map(|edge| -1.0 + f64::from(edge * edge) * 2e-4).collect();
    let widest = [f64::from(f32::MIN), -1.0, -1e-30, 0.0, 1e-30, 0.5, f64::from(f32::MAX)];
    let edges = [array(&[0.0, 1.0]), array(&[-0.5, 0.5, 0.75]), array(&even), array(&uneven), array(&widest)];
    let mut cases = Vec::new();
    for edges in &edges {
        let shapes = SIZES.iter().map(|&size| vec![size]).chain([vec![], vec![3, 0, 2], vec![20, 30, 50]]);
        for dims in shapes {
            for fill in FILLS {
                let inputs = vec![Some(filled(dtype, &dims, fill, 3)), Some(edges.clone())];
                cases.push(Case { inputs, given: vec![] });
            }
        }
        // The edges themselves, where a guess is most likely off.
        cases.push(Case { inputs: vec![Some(edges.clone()), Some(edges.clone())], given: vec![] });
    }
    cases
}

#[test]
fn the_order_of_a_sort() {
    let bits = [
        0x7fc0_0001u32,
        0x3f80_0000,
        0x0000_0000,
        0xff80_0000,
        0x8000_0000,
        0x7f80_0000,
        0xffff_ffff,
        0x8000_0001,
        0x0000_0001,
        0x0000_0000,
    ];
    let x = Array::of(Dtype::F32, &[10], &bits);
    let sorted = [
        0xff80_0000u32,
        0x8000_0001,
        0x8000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0001,
        0x3f80_0000,
        0x7f80_0000,
        0x7fc0_0000,
        0x7fc0_0000,
    ];
    for how in hows() {
        assert_eq!(run("sort.f32.v1", &[Some(&x)], &[], how).expect("run").values::<u32>(), sorted);
        // The first NaN stays first whatever its sign and its payload.
        let places = run("argsort.f32.v1", &[Some(&x)], &[], how).expect("run").values::<i64>();
        assert_eq!(places, [3, 7, 4, 2, 9, 8, 1, 5, 0, 6]);
    }
}

#[test]
fn the_bins_of_a_histogram() {
    let edges = Array::f32s(&[-1.0, 0.0, 0.5, 2.0]);
    let nan = f32::from_bits(0xff80_0001);
    let x = Array::f32s(&[-1.0, -0.0, 0.0, 0.499, 0.5, 2.0, 2.0, 2.1, f32::INFINITY, -1.1, nan, f32::NAN, 1.0]);
    for how in hows() {
        let out = run("histogram.f32.v1", &[Some(&x), Some(&edges)], &[], how).expect("run");
        assert_eq!(out.values::<i64>(), [1, 3, 4, 1, 2, 2]);
        let none = run("histogram.f32.v1", &[Some(&Array::f32s(&[])), Some(&edges)], &[], how).expect("run");
        assert_eq!(none.values::<i64>(), [0; 6]);
    }
}

#[test]
fn edges_that_do_not_ascend_are_refused() {
    for (edges, element, edge) in [
        ([0.0f32, 1.0, 1.0], 2, "1.0"),
        ([-0.0, 0.0, 1.0], 1, "0.0"),
        ([0.0, f32::NAN, f32::INFINITY], 1, "NaN"),
        ([f32::NEG_INFINITY, 0.0, 0.0], 0, "-inf"),
    ] {
        let (x, edges) = (Array::f32s(&[0.0]), Array::f32s(&edges));
        for how in hows() {
            let error = run("histogram.f32.v1", &[Some(&x), Some(&edges)], &[], how).expect_err("refused");
            let problem = "edges are finite, and each is above the one before it";
            let message = format!("input `edges`: element {element} is {edge}: {problem}");
            assert_eq!(error, LaunchError::Data { element, message });
        }
    }
}

#[test]
fn shapes_that_do_not_fit() {
    let refusal = |id: &str, inputs: &[&[u64]]| {
        let shapes: Vec<Option<Shape>> = inputs.iter().map(|dims| Some(Shape::new(dims).expect("shape"))).collect();
        spec(id).output_shapes(&shapes, &[]).expect_err("refused").to_string()
    };
    for id in ["sort.f32.v1", "argsort.f64.v1"] {
        assert_eq!(refusal(id, &[&[2, 3]]), "input `x`: has shape [2, 3]: it needs exactly 1 dimension");
        assert_eq!(refusal(id, &[&[]]), "input `x`: has shape []: it needs exactly 1 dimension");
    }
    for edges in [&[1u64][..], &[], &[2, 2]] {
        let shape = Shape::new(edges).expect("shape");
        assert_eq!(
            refusal("histogram.f32.v1", &[&[2, 3], edges]),
            format!("input `edges`: has shape {shape}: it needs 2 edges or more in 1 dimension")
        );
    }
}

/// Each step of a normal number is a kernel of its own.
#[test]
fn normal_numbers_are_their_steps() {
    for n in [0i64, 1, 2, 3, 127, 128, 129, 1023, 1024, 1025, 3001] {
        let pairs = (n as u64).div_ceil(2);
        let given = |n: u64| [("n", Given::Bits(n)), ("seed", Given::Int(11)), ("stream", Given::Bits(5 << 40))];
        let reference = How::Reference;
        let kernel = |id: &str, x: &Array| run(id, &[Some(x)], &[], reference).expect("run");
        let words = run("philox.u32.v1", &[], &given(2 * pairs), reference).expect("run").values::<u32>();
        let floats = |value: &dyn Fn(&[u32]) -> f32| Array::f32s(&words.chunks(2).map(value).collect::<Vec<f32>>());
        let p = floats(&|pair| ((pair[0] >> 8) + 1) as f32 / 16_777_216.0);
        let t = floats(&|pair| (pair[1] >> 8) as f32 / 8_388_608.0);
        let minus_two = Array::f32s(&vec![-2.0; pairs as usize]);
        let log = kernel("log.f32.v1", &p);
        let square = run("mul.f32.v1", &[Some(&minus_two), Some(&log)], &[], reference).expect("run");
        let r = kernel("sqrt.f32.v1", &square);
        let times = |y: &Array| run("mul.f32.v1", &[Some(&r), Some(y)], &[], reference).expect("run").values::<u32>();
        let (even, odd) = (times(&kernel("cospi.f32.v1", &t)), times(&kernel("sinpi.f32.v1", &t)));
        let mut expected: Vec<u32> = even.into_iter().zip(odd).flat_map(|(even, odd)| [even, odd]).collect();
        expected.truncate(n as usize);
        for how in [How::Reference, How::Cpu(Level::best())] {
            let got = run("philox_normal.f32.v1", &[], &given(n as u64), how).expect("run");
            assert_eq!(got.values::<u32>(), expected, "{n}, {how:?}");
        }
    }
}
