//! Matrix products and attention: the fast code gives the reference's bits around every border of tile, block and panel,
//! in every layout, and a row's bits do not depend on the rows beside it.

use clamp_kernels::catalogue::{Dtype, Given, KernelSpec};
use clamp_kernels::{Data, Input, Kernel, Launch, Output};

use crate::agree::{Case, FILLS, check_all};
use crate::arrays::{Array, Fill, How, filled, hows, levels, run, spec};

/// m, k and n, each around the rows and columns of tiles, their blocks and the panel of 1024.
const EXTENTS: [(u64, u64, u64); 38] = [
    (0, 3, 2),
    (3, 0, 5),
    (2, 3, 0),
    (1, 1, 1),
    (5, 7, 9),
    (7, 8, 13),
    (8, 15, 14),
    (9, 16, 15),
    (13, 17, 16),
    (14, 31, 17),
    (15, 32, 31),
    (16, 33, 32),
    (17, 64, 33),
    (31, 100, 47),
    (32, 13, 48),
    (33, 14, 49),
    (64, 1437, 10),
    (10, 64, 64),
    (1, 100, 100),
    (100, 1, 100),
    (100, 100, 1),
    (130, 64, 70),
    (37, 1025, 17),
    (2, 2049, 33),
    (1, 1024, 31),
    (1, 1023, 65),
    (3, 1025, 1),
    (8, 1024, 48),
    (9, 1023, 49),
    (24, 1024, 16),
    (25, 1025, 16),
    (1, 3, 1023),
    (1, 5, 1025),
    (2, 9, 2049),
    (1023, 2, 7),
    (1025, 7, 2),
    (2049, 3, 3),
    (200, 33, 130),
];

#[test]
fn matrix_products_agree() {
    check_all(|name, spec| (name == "matmul").then(|| products(spec)));
}

#[test]
fn products_of_several_blocks_agree() {
    check_all(|name, spec| {
        (name == "matmul").then(|| vec![large(spec, (70, 1100, 500)), large(spec, (530, 130, 410))])
    });
}

fn products(spec: &KernelSpec) -> Vec<Case> {
    let mut cases = Vec::new();
    for (m, k, n) in EXTENTS {
        for fill in FILLS {
            for transposes in 0..4 {
                let (transpose_a, transpose_b) = (transposes & 1 == 1, transposes & 2 == 2);
                let a = if transpose_a { [k, m] } else { [m, k] };
                let b = if transpose_b { [n, k] } else { [k, n] };
                let bias = (transposes != 1).then(|| factor(spec.outputs[0].dtype, &[n], fill, 3));
                let given = vec![("transpose_a", Given::Flag(transpose_a)), ("transpose_b", Given::Flag(transpose_b))];
                let mut add = |a: &[u64], b: &[u64]| {
                    let [a, b] = [(a, 1), (b, 2)].map(|(dims, seed)| factor(spec.inputs[0].dtype, dims, fill, seed));
                    cases.push(Case { inputs: vec![Some(a), Some(b), bias.clone()], given: given.clone() });
                };
                add(&a, &b);
                if m * k * n < 20_000 {
                    let batched = |[rows, columns]: [u64; 2]| [3, rows, columns];
                    add(&batched(a), &batched(b));
                    add(&batched(a), &b);
                }
            }
        }
    }
    let [a, b] =
        [([0, 2, 3], 1), ([0, 3, 2], 2)].map(|(dims, seed)| factor(spec.inputs[0].dtype, &dims, FILLS[0], seed));
    cases.push(Case { inputs: vec![Some(a), Some(b), None], given: vec![] });
    cases
}

fn large(spec: &KernelSpec, (m, k, n): (u64, u64, u64)) -> Case {
    let [a, b] = [([m, k], 1), ([k, n], 2)].map(|(dims, seed)| factor(spec.inputs[0].dtype, &dims, Fill::Tame, seed));
    let bias = factor(spec.outputs[0].dtype, &[n], Fill::Tame, 3);
    Case { inputs: vec![Some(a), Some(b), Some(bias)], given: vec![] }
}

/// An array whose wild values are few, or every sum is NaN; integers are all wild.
fn factor(dtype: Dtype, dims: &[u64], fill: Fill, seed: u64) -> Array {
    let mut array = filled(dtype, dims, if dtype == Dtype::I8 { Fill::Wild } else { Fill::Tame }, seed);
    if fill == Fill::Wild {
        let size = dtype.size() as usize;
        let wild = filled(dtype, dims, Fill::Wild, seed + 10);
        let sparse = array.bytes_mut().chunks_exact_mut(size).zip(wild.bytes().chunks_exact(size));
        sparse.step_by(97).for_each(|(to, from)| to.copy_from_slice(from));
    }
    array
}

#[test]
fn arrays_may_begin_at_any_element() {
    for (id, dtype, (m, k, n)) in [
        ("matmul.f32.v1", Dtype::F32, (19u64, 70u64, 53u64)),
        ("matmul.f32.v1", Dtype::F32, (3, 1100, 100)),
        ("matmul.f64.v1", Dtype::F64, (19, 70, 53)),
        ("matmul.i8.v1", Dtype::I8, (19, 70, 53)),
    ] {
        let (a, b) = (factor(dtype, &[m, k], Fill::Tame, 1), factor(dtype, &[k, n], Fill::Tame, 2));
        let expected = run(id, &[Some(&a), Some(&b), None], &[], How::Reference).expect("reference");
        let (size, out_size) = (dtype.size() as usize, expected.dtype.size() as usize);
        let held = |array: &Array| [&vec![0; size][..], array.bytes(), &[0; 8]].concat();
        let padded = |array: &Array| {
            let bytes = held(array);
            Array::of(Dtype::U8, &[bytes.len() as u64], &bytes)
        };
        let (a_held, b_held) = (padded(&a), padded(&b));
        for level in levels() {
            let mut out = Array::new(Dtype::U8, &[expected.bytes().len() as u64 + out_size as u64]);
            let inputs = [(&a, &a_held), (&b, &b_held)].map(|(array, held)| {
                let data = Data::Bytes(&held.bytes()[size..][..array.bytes().len()]);
                Some(Input { dtype: array.dtype, shape: array.shape, data })
            });
            let data = &mut out.bytes_mut()[out_size..];
            let mut outputs = [Output { dtype: expected.dtype, shape: expected.shape, data }];
            let kernel =
                Kernel::open(id, &spec(id).fixed_params(&[]).expect("parameters")).expect("open").at_level(level);
            let mut launch =
                Launch { inputs: &[inputs[0], inputs[1], None], outputs: &mut outputs, params: &[], present: 0 };
            kernel.run(&mut launch).expect("run");
            assert!(out.bytes()[out_size..] == *expected.bytes(), "{id}, {level}");
        }
    }
}

#[test]
fn a_row_of_a_product_is_multiplied_as_if_it_were_alone() {
    let (m, k, n) = (67u64, 1030u64, 50u64);
    let (a, b) = (filled(Dtype::F32, &[m, k], Fill::Tame, 1), filled(Dtype::F32, &[k, n], Fill::Tame, 2));
    for how in hows() {
        let product =
            |a: &Array| run("matmul.f32.v1", &[Some(a), Some(&b), None], &[], how).expect("run").values::<u32>();
        let all = product(&a);
        for rows in [1u64, 7, 16] {
            let first = &a.values::<f32>()[..(rows * k) as usize];
            let some = product(&Array::of(Dtype::F32, &[rows, k], first));
            assert_eq!(some, all[..(rows * n) as usize], "{rows} rows, {how:?}");
        }
    }
}

#[test]
fn the_greatest_sums_of_i8_fit_and_a_bias_saturates() {
    let k = 131_071;
    let low = Array::of(Dtype::I8, &[1, k], &vec![-128i8; k as usize]);
    let b = Array::of(Dtype::I8, &[k, 1], &vec![-128i8; k as usize]);
    let greatest = 131_071 * 128 * 128;
    for (bias, expected) in [(0, greatest), (20_000, i32::MAX), (i32::MIN, greatest + i32::MIN), (-1, greatest - 1)] {
        let bias = Array::of(Dtype::I32, &[1], &[bias]);
        let ways = levels().map(How::Cpu).chain([How::Reference]);
        for how in ways {
            let out = run("matmul.i8.v1", &[Some(&low), Some(&b), Some(&bias)], &[], how).expect("run");
            assert_eq!(out.values::<i32>(), [expected], "{how:?}");
        }
    }
}

/// Batches, then S, D, T and E; the mask's leading extents are those of q where the flag says so.
const ATTENTIONS: [(&[u64], [u64; 4], Option<bool>); 15] = [
    (&[], [1, 1, 1, 1], None),
    (&[], [5, 3, 7, 4], Some(false)),
    (&[2], [5, 3, 7, 4], Some(true)),
    (&[2], [5, 3, 7, 4], Some(false)),
    (&[2, 3], [9, 16, 17, 8], Some(true)),
    (&[], [0, 3, 5, 2], Some(false)),
    (&[2], [3, 4, 0, 5], Some(false)),
    (&[2], [3, 0, 4, 5], None),
    (&[2], [3, 4, 5, 0], None),
    (&[0], [3, 4, 5, 2], Some(true)),
    (&[], [130, 40, 65, 33], None),
    (&[3], [33, 64, 129, 64], Some(false)),
    (&[], [5, 8, 1030, 9], Some(true)),
    (&[], [3, 1030, 20, 16], None),
    // More keys than scores are kept at a time.
    (&[], [3, 2, 131_080, 1], None),
];

#[test]
fn attention_agrees() {
    check_all(|name, _| (name == "attention").then(attentions));
}

fn attentions() -> Vec<Case> {
    let mut cases = Vec::new();
    for (lead, [s, d, t, e], mask) in ATTENTIONS {
        for fill in FILLS {
            let array = |rows, columns, seed| factor(Dtype::F32, &[lead, &[rows, columns]].concat(), fill, seed);
            let mask = mask.map(|own| match own {
                true => array(s, t, 4),
                false => factor(Dtype::F32, &[s, t], fill, 4),
            });
            let inputs = vec![Some(array(s, d, 1)), Some(array(t, d, 2)), Some(array(t, e, 3)), mask];
            cases.push(Case { inputs, given: vec![("scale", Given::Bits(u64::from(0.125f32.to_bits())))] });
        }
    }
    cases
}
