//! Row-wise kernels: the fast code gives the reference's bits, and each is what its steps say, one after another.

use clamp_kernels::catalogue::{Dtype, Given};

use crate::agree::{Case, FILLS, SIZES, check_all};
use crate::arrays::{Array, filled, hows, run};

const EPS: (&str, Given<'static>) = ("eps", Given::Written("1e-5"));

#[test]
fn rows_agree() {
    check_all(|name, _| match name {
        "softmax" => Some(softmaxes()),
        "layernorm" => Some(norms(2)),
        "rmsnorm" => Some(norms(1)),
        _ => None,
    });
}

fn shapes() -> impl Iterator<Item = Vec<u64>> {
    SIZES.iter().map(|&size| vec![size]).chain([
        vec![0, 5],
        vec![5, 0],
        vec![700, 10],
        vec![1437, 17],
        vec![200, 384],
        vec![65, 1025],
        vec![9, 8193],
        vec![2, 3, 4],
        vec![70000, 1],
    ])
}

fn softmaxes() -> Vec<Case> {
    let mut cases: Vec<Case> = shapes()
        .flat_map(|dims| {
            FILLS.map(|fill| Case { inputs: vec![Some(filled(Dtype::F32, &dims, fill, 1))], given: vec![] })
        })
        .collect();
    // Wide apart but finite, and rows of one infinity.
    let mut values: Vec<f32> = filled(Dtype::F32, &[100, 33], FILLS[0], 5).values();
    values.iter_mut().for_each(|value| *value *= 90.0);
    values[..33].fill(f32::NEG_INFINITY);
    values[40] = f32::NEG_INFINITY;
    values[70] = f32::INFINITY;
    cases.push(Case { inputs: vec![Some(Array::of(Dtype::F32, &[100, 33], &values))], given: vec![] });
    cases
}

/// Every choice of present and absent gamma, and beta where there is one.
fn norms(optional: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for dims in shapes() {
        let columns = dims[dims.len() - 1];
        for fill in FILLS {
            for present in 0..1 << optional {
                let mut inputs = vec![Some(filled(Dtype::F32, &dims, fill, 1))];
                inputs.extend((0..optional).map(|position| {
                    (present >> position & 1 == 1).then(|| filled(Dtype::F32, &[columns], fill, 2 + position as u64))
                }));
                cases.push(Case { inputs, given: vec![EPS] });
            }
        }
    }
    cases
}

/// One kernel's result both ways.
fn f32s(id: &str, inputs: &[&Array], given: &[(&str, Given<'_>)]) -> Array {
    let mut inputs: Vec<Option<&Array>> = inputs.iter().map(|&input| Some(input)).collect();
    inputs.resize(crate::arrays::spec(id).inputs.len(), None);
    let [reference, cpu] = hows().map(|how| run(id, &inputs, given, how).expect("run"));
    assert_eq!(reference.values::<u32>(), cpu.values::<u32>(), "{id}");
    reference
}

fn repeated(value: f32, n: u64) -> Array {
    Array::f32s(&vec![value; n as usize])
}

#[test]
fn norms_are_their_steps() {
    let n = 1300;
    let [x, gamma, beta] = [1, 2, 3].map(|seed| filled(Dtype::F32, &[n], FILLS[0], seed));
    let one = |array: Array| array.values::<f32>()[0];
    let eps = 1e-5f32;

    let mean = one(f32s("sum.f32.v1", &[&x], &[])) / n as f32;
    let differences = f32s("sub.f32.v1", &[&x, &repeated(mean, n)], &[]);
    let var = one(f32s("dot.f32.v1", &[&differences, &differences], &[])) / n as f32;
    let scaled = f32s("div.f32.v1", &[&differences, &repeated((var + eps).sqrt(), n)], &[]);
    let values = |array: &Array| array.values::<u32>();
    assert_eq!(values(&f32s("layernorm.f32.v1", &[&x], &[EPS])), values(&scaled));
    let times = f32s("mul.f32.v1", &[&scaled, &gamma], &[]);
    assert_eq!(values(&f32s("layernorm.f32.v1", &[&x, &gamma], &[EPS])), values(&times));
    let fused = f32s("fma.f32.v1", &[&scaled, &gamma, &beta], &[]);
    assert_eq!(values(&f32s("layernorm.f32.v1", &[&x, &gamma, &beta], &[EPS])), values(&fused));

    let square = one(f32s("dot.f32.v1", &[&x, &x], &[])) / n as f32;
    let scaled = f32s("div.f32.v1", &[&x, &repeated((square + eps).sqrt(), n)], &[]);
    assert_eq!(values(&f32s("rmsnorm.f32.v1", &[&x], &[EPS])), values(&scaled));
    let times = f32s("mul.f32.v1", &[&scaled, &gamma], &[]);
    assert_eq!(values(&f32s("rmsnorm.f32.v1", &[&x, &gamma], &[EPS])), values(&times));
}

#[test]
fn attention_is_its_steps() {
    let (s, d, t, e) = (7, 20, 33, 12);
    let array = |rows, columns, seed| filled(Dtype::F32, &[rows, columns], FILLS[0], seed);
    let (q, k, v, mask) = (array(s, d, 1), array(t, d, 2), array(t, e, 3), array(s, t, 4));
    let scores = f32s("matmul.f32.v1", &[&q, &k], &[("transpose_b", Given::Flag(true))]);
    let scale = Array::of(Dtype::F32, &[s, t], &vec![0.3f32; (s * t) as usize]);
    let scores = f32s("mul.f32.v1", &[&scores, &scale], &[]);
    for mask in [None, Some(&mask)] {
        let scores = mask.map_or(scores.clone(), |mask| f32s("add.f32.v1", &[&scores, mask], &[]));
        let expected = f32s("matmul.f32.v1", &[&f32s("softmax.f32.v1", &[&scores], &[]), &v], &[]);
        let inputs: Vec<&Array> = [&q, &k, &v].into_iter().chain(mask).collect();
        let got = f32s("attention.f32.v1", &inputs, &[("scale", Given::Written("0.3"))]);
        assert_eq!(got.values::<u32>(), expected.values::<u32>());
    }
}

#[test]
fn attention_to_nothing_is_plus_zero() {
    let array = |dims: &[u64]| Array::of::<f32>(Dtype::F32, dims, &vec![1.0; dims.iter().product::<u64>() as usize]);
    let out = f32s(
        "attention.f32.v1",
        &[&array(&[2, 3]), &array(&[0, 3]), &array(&[0, 4])],
        &[("scale", Given::Written("1"))],
    );
    assert_eq!((out.shape.dims(), out.values::<u32>()), (&[2u64, 4][..], vec![0; 8]));
}
