//! The short form of `cargo xtask prove functions`: the awkward inputs and a stride through the rest, in every form.
#![cfg(feature = "cpu")]

#[path = "../examples/prove_functions/forms.rs"]
mod forms;
#[path = "../examples/prove_functions/inputs.rs"]
mod inputs;
#[path = "../examples/prove_functions/oracle.rs"]
mod oracle;
#[path = "../examples/prove_functions/proof.rs"]
mod proof;

use std::collections::BTreeSet;

use clamp_kernels::Level;
use clamp_kernels::catalogue::all;
use inputs::{CHUNK, Inputs};
use oracle::{FUNCTIONS, Function};

#[test]
fn every_function_is_rounded_correctly_in_every_form() {
    let forms = forms::all().expect("forms");
    for function in &FUNCTIONS {
        let (outcomes, inputs) = proof::prove(Inputs::Short, function, &forms, 2, |_, _| {});
        assert!(inputs > 150_000, "{}", function.name);
        for (form, outcome) in forms.iter().zip(outcomes) {
            let first = outcome.first.map(|first| first.map(|bits| format!("{bits:#010x}")));
            assert_eq!(outcome.differences, 0, "{} {}: {first:?}", function.name, form.name());
        }
    }
}

#[test]
fn the_long_form_has_every_input() {
    assert_eq!(Inputs::All.chunks() * CHUNK as u64, 1 << 32);
    let mut x = Vec::new();
    for chunk in [0, 1, Inputs::All.chunks() - 1] {
        Inputs::All.fill(chunk, &mut x);
        let bits: Vec<u64> = x.iter().map(|x| u64::from(x.to_bits())).collect();
        assert!(bits.into_iter().eq((chunk * CHUNK as u64)..(chunk + 1) * CHUNK as u64));
    }
}

/// A proof that could not fail would prove nothing.
#[test]
fn a_wrong_result_is_counted_and_named() {
    let wrong = |x: f32| match x.to_bits() {
        0x4000_0000 | 0x3f80_0000 => 7.0,
        _ => (oracle::find("exp").expect("exp").right)(x),
    };
    let forms = [forms::Form::Scalar, forms::Form::Block(Level::best())];
    for outcome in proof::prove(Inputs::Short, &Function { name: "exp", right: wrong }, &forms, 2, |_, _| {}).0 {
        assert_eq!(outcome.differences, 2);
        assert_eq!(outcome.first, Some([0x3f80_0000, 7f32.to_bits(), 0x402d_f854]));
    }
}

#[test]
fn no_function_of_the_catalogue_is_left_out() {
    let correctly_rounded = all().filter(|spec| spec.summary.ends_with(", correctly rounded"));
    let ids: BTreeSet<String> = correctly_rounded.map(|spec| spec.id.to_owned()).collect();
    let proved: BTreeSet<String> = FUNCTIONS.iter().map(|function| format!("{}.f32.v1", function.name)).collect();
    assert!(ids.len() == 14 && ids.is_subset(&proved), "{ids:?}");
}

/// A great output is written past the caches where it is aligned; in small pieces it never is.
#[test]
fn great_arrays_have_the_bits_of_small_ones() {
    let mut x = Vec::new();
    Inputs::Short.fill(3, &mut x);
    let x: Vec<f32> = x.into_iter().cycle().take((4 << 20) + 77).collect();
    let (mut expected, mut got) = (vec![0.0; x.len()], vec![0.0f32; x.len() + 16]);
    for level in Level::ALL.into_iter().filter(|&level| level.is_here() && level != Level::Portable) {
        let form = forms::Form::Block(level);
        // The way past the caches is one for all functions; a composition takes its steps within them.
        for function in FUNCTIONS.iter().filter(|function| ["exp", "log", "erf", "gelu"].contains(&function.name)) {
            x.chunks(CHUNK).zip(expected.chunks_mut(CHUNK)).for_each(|(x, y)| form.run(function, x, y));
            let aligned = got.as_ptr().align_offset(64);
            for start in [aligned, aligned + 1] {
                let got = &mut got[start..][..x.len()];
                form.run(function, &x, got);
                let equal = got.iter().zip(&expected).all(|(got, expected)| got.to_bits() == expected.to_bits());
                assert!(equal, "{} {level}, {start}", function.name);
            }
        }
    }
}

/// IEEE 754-2019, 9.2.1, and the limits, by hand.
#[test]
fn the_ends_follow_ieee() {
    const INFINITY: f32 = f32::INFINITY;
    let nan = f32::from_bits(0x7fc0_0000);
    let cases: [(&str, &[(f32, f32)]); 17] = [
        ("exp", &[(-INFINITY, 0.0), (INFINITY, INFINITY), (0.0, 1.0), (-0.0, 1.0), (89.0, INFINITY), (-104.0, 0.0)]),
        (
            "exp2",
            &[(-INFINITY, 0.0), (INFINITY, INFINITY), (-0.0, 1.0), (128.0, INFINITY), (-149.0, 1e-45), (-150.0, 0.0)],
        ),
        ("expm1", &[(-INFINITY, -1.0), (INFINITY, INFINITY), (0.0, 0.0), (-0.0, -0.0), (1e-45, 1e-45)]),
        (
            "log",
            &[(0.0, -INFINITY), (-0.0, -INFINITY), (1.0, 0.0), (INFINITY, INFINITY), (-1.0, nan), (-INFINITY, nan)],
        ),
        (
            "log2",
            &[(0.0, -INFINITY), (-0.0, -INFINITY), (1.0, 0.0), (1e-45, -149.0), (INFINITY, INFINITY), (-1.0, nan)],
        ),
        (
            "log10",
            &[(0.0, -INFINITY), (-0.0, -INFINITY), (1.0, 0.0), (1e10, 10.0), (INFINITY, INFINITY), (-1e-45, nan)],
        ),
        ("log1p", &[(-1.0, -INFINITY), (0.0, 0.0), (-0.0, -0.0), (INFINITY, INFINITY), (-1.5, nan), (-INFINITY, nan)]),
        ("sin", &[(0.0, 0.0), (-0.0, -0.0), (INFINITY, nan), (-INFINITY, nan), (1e-45, 1e-45)]),
        ("cos", &[(0.0, 1.0), (-0.0, 1.0), (INFINITY, nan), (-INFINITY, nan)]),
        ("tan", &[(0.0, 0.0), (-0.0, -0.0), (INFINITY, nan), (-INFINITY, nan)]),
        (
            "sinpi",
            &[
                (0.0, 0.0),
                (-0.0, -0.0),
                (1.0, 0.0),
                (-1.0, -0.0),
                (3.0, 0.0),
                (0.5, 1.0),
                (-1.5, 1.0),
                (INFINITY, nan),
                (1e10, 0.0),
                (-1e10, -0.0),
            ],
        ),
        (
            "cospi",
            &[
                (0.0, 1.0),
                (0.5, 0.0),
                (-0.5, 0.0),
                (1.5, 0.0),
                (-2.5, 0.0),
                (1.0, -1.0),
                (-2.0, 1.0),
                (16_777_215.0, -1.0),
                (1e10, 1.0),
                (INFINITY, nan),
            ],
        ),
        ("tanh", &[(INFINITY, 1.0), (-INFINITY, -1.0), (0.0, 0.0), (-0.0, -0.0), (-20.0, -1.0)]),
        ("erf", &[(INFINITY, 1.0), (-INFINITY, -1.0), (0.0, 0.0), (-0.0, -0.0), (5.0, 1.0)]),
        ("sigmoid", &[(INFINITY, 1.0), (-INFINITY, 0.0), (0.0, 0.5), (-0.0, 0.5)]),
        ("silu", &[(INFINITY, INFINITY), (-INFINITY, nan), (0.0, 0.0), (-0.0, -0.0)]),
        ("gelu", &[(INFINITY, INFINITY), (-INFINITY, nan), (0.0, 0.0), (-0.0, -0.0)]),
    ];
    let payloads = [(f32::from_bits(0xff80_0001), nan), (f32::from_bits(0x7fc1_2345), nan)];
    for form in forms::all().expect("forms") {
        for (name, cases) in cases {
            for &(x, right) in cases.iter().chain(&payloads) {
                let mut y = [0.0];
                form.run(oracle::find(name).expect("a function"), &[x], &mut y);
                assert_eq!(y[0].to_bits(), right.to_bits(), "{name}({x:?}) {}: {:?}, not {right:?}", form.name(), y[0]);
            }
        }
    }
}
