//! What is refused, word by word: each message names the argument.

use clamp_kernels::catalogue::{Dtype, FixedParams, Given, Shape};
use clamp_kernels::{Data, Input, Kernel, Launch, LaunchError, Output};

use crate::arrays::{Array, hows, run, spec};

/// The shape rule's refusal.
fn shapes(id: &str, inputs: &[&[u64]], given: &[(&str, Given<'_>)]) -> String {
    let (fixed, launch) = spec(id).split_params(given).expect("parameters");
    let params = spec(id).param_values(&fixed, &launch).expect("parameters");
    let mut inputs: Vec<Option<Shape>> = inputs.iter().map(|dims| Some(Shape::new(dims).expect("shape"))).collect();
    inputs.resize(spec(id).inputs.len(), None);
    spec(id).output_shapes(&inputs, &params).expect_err("refused").to_string()
}

#[test]
fn shapes_that_do_not_fit() {
    assert_eq!(
        shapes("add.f32.v1", &[&[2, 5], &[3, 4]], &[]),
        "input `y`: has shape [3, 4], but `x` is [2, 5]: all operands have one shape, none is broadcast"
    );
    assert_eq!(
        shapes("sum.f32.v1", &[&[2, 3, 4]], &[("rows", Given::Flag(true))]),
        "input `x`: has shape [2, 3, 4]: with rows=true it needs exactly 2 dimensions"
    );
    assert_eq!(shapes("softmax.f32.v1", &[&[]], &[]), "input `x`: has shape []: it needs 1 dimension or more");
    assert_eq!(
        shapes("gather_rows.f32.v1", &[&[4], &[2]], &[]),
        "input `table`: has shape [4]: it needs 2 dimensions or more"
    );
    assert_eq!(
        shapes("gather_rows.f32.v1", &[&[4, 2], &[2, 1]], &[]),
        "input `ids`: has shape [2, 1]: it needs exactly 1 dimension"
    );
    assert_eq!(
        shapes("gather_rows.f32.v1", &[&[1, 1 << 30], &[1 << 30]], &[]),
        "input `ids`: makes an output that is too large: the extents multiply to more than 1099511627776 (2^40) elements"
    );
}

#[test]
fn nothing_has_no_mean_and_no_extreme() {
    let rows = [("rows", Given::Flag(true))];
    for name in ["mean", "var", "reduce_min", "reduce_max", "argmin", "argmax"] {
        for dtype in ["f32", "f64"] {
            let id = format!("{name}.{dtype}.v1");
            assert_eq!(shapes(&id, &[&[0]], &[]), "input `x`: has shape [0]: it needs 1 element or more");
            assert_eq!(shapes(&id, &[&[0, 3]], &[]), "input `x`: has shape [0, 3]: it needs 1 element or more");
            assert_eq!(shapes(&id, &[&[3, 0]], &rows), "input `x`: has shape [3, 0]: each row needs 1 element or more");
            for dims in [[0, 3], [0, 0]] {
                let x = Array::new(if dtype == "f32" { Dtype::F32 } else { Dtype::F64 }, &dims);
                let out = run(&id, &[Some(&x)], &rows, hows()[1]).expect("no rows");
                assert_eq!(out.shape.dims(), [0], "{id}");
            }
        }
    }
    assert_eq!(shapes("scan.f32.v1", &[&[2, 3]], &[]), "input `x`: has shape [2, 3]: it needs exactly 1 dimension");
    assert_eq!(shapes("scan.f64.v1", &[&[]], &[]), "input `x`: has shape []: it needs exactly 1 dimension");
}

#[test]
fn products_that_do_not_fit() {
    let refusal = |inputs: &[&[u64]], given: &[(&str, Given<'_>)]| shapes("matmul.f32.v1", inputs, given);
    assert_eq!(
        refusal(&[&[2, 5], &[3, 4]], &[]),
        "input `b`: has shape [3, 4], but `a` is [2, 5]: 3 rows meet 5 columns"
    );
    assert_eq!(
        refusal(&[&[2, 5], &[5, 4]], &[("transpose_a", Given::Flag(true)), ("transpose_b", Given::Flag(true))]),
        "input `b`: has shape [5, 4] transposed, but `a` is [2, 5] transposed: 4 rows meet 2 columns"
    );
    assert_eq!(refusal(&[&[5], &[5, 4]], &[]), "input `a`: has shape [5]: it needs 2 dimensions, or 3 for batches");
    assert_eq!(refusal(&[&[5, 5], &[5]], &[]), "input `b`: has shape [5]: it needs 2 dimensions, or 3 for batches");
    assert_eq!(
        refusal(&[&[2, 5], &[3, 5, 4]], &[]),
        "input `b`: has shape [3, 5, 4], but `a` is [2, 5]: only a 3-D `a` takes batches"
    );
    assert_eq!(
        refusal(&[&[2, 2, 5], &[3, 5, 4]], &[]),
        "input `b`: has shape [3, 5, 4], but `a` is [2, 2, 5]: its 3 batches are not 2"
    );
    assert_eq!(
        refusal(&[&[2, 5], &[5, 4], &[2]], &[]),
        "input `bias`: has shape [2], but the product has 4 columns: it needs [4]"
    );
    assert_eq!(
        refusal(&[&[1 << 30, 1], &[1, 1 << 30]], &[]),
        "input `b`: makes an output that is too large: the extents multiply to more than 1099511627776 (2^40) elements"
    );
}

#[test]
fn products_of_i8_that_may_not_fit_their_sums() {
    let most: [&[u64]; 2] = [&[2, 131_072], &[131_072, 1]];
    assert_eq!(
        shapes("matmul.i8.v1", &most, &[]),
        "input `a`: has shape [2, 131072]: the product runs over 131072 steps, but at most 131071 fit an i32"
    );
    let transposed: [&[u64]; 2] = [&[131_073, 2], &[131_073, 1]];
    assert_eq!(
        shapes("matmul.i8.v1", &transposed, &[("transpose_a", Given::Flag(true))]),
        "input `a`: has shape [131073, 2]: the product runs over 131073 steps, but at most 131071 fit an i32"
    );
}

#[test]
fn rows_that_do_not_fit() {
    let eps = [("eps", Given::Written("0"))];
    assert_eq!(shapes("layernorm.f32.v1", &[&[]], &eps), "input `x`: has shape []: it needs 1 dimension or more");
    assert_eq!(
        shapes("layernorm.f32.v1", &[&[2, 3], &[3], &[2]], &eps),
        "input `beta`: has shape [2], but the rows of `x` have 3 columns: it needs [3]"
    );
    assert_eq!(
        shapes("rmsnorm.f32.v1", &[&[2, 3], &[1, 3]], &eps),
        "input `gamma`: has shape [1, 3], but the rows of `x` have 3 columns: it needs [3]"
    );
}

#[test]
fn attention_that_does_not_fit() {
    let refusal = |inputs: &[&[u64]]| shapes("attention.f32.v1", inputs, &[("scale", Given::Written("1"))]);
    assert_eq!(refusal(&[&[3], &[4, 2], &[4, 5]]), "input `q`: has shape [3]: it needs 2 dimensions or more");
    assert_eq!(
        refusal(&[&[2, 3, 2], &[4, 2], &[2, 4, 5]]),
        "input `k`: has shape [4, 2], but `q` is [2, 3, 2]: all but the last two extents must be equal"
    );
    assert_eq!(
        refusal(&[&[3, 2], &[4, 3], &[4, 5]]),
        "input `k`: has shape [4, 3], but `q` is [3, 2]: 3 columns meet 2"
    );
    assert_eq!(refusal(&[&[3, 2], &[4, 2], &[5, 5]]), "input `v`: has shape [5, 5], but `k` is [4, 2]: 5 rows meet 4");
    assert_eq!(
        refusal(&[&[2, 3, 2], &[2, 4, 2], &[2, 4, 5], &[1, 3, 4]]),
        "input `mask`: has shape [1, 3, 4], but each row of `q` ([2, 3, 2]) has a score for each of `k` ([2, 4, 2]): it \
         needs [3, 4], with the leading extents of `q` or without"
    );
    assert_eq!(
        refusal(&[&[1 << 30, 1], &[1, 1], &[1, 1 << 30]]),
        "input `v`: makes an output that is too large: the extents multiply to more than 1099511627776 (2^40) elements"
    );
}

#[test]
fn parameters_out_of_range() {
    let bounds = |lo, hi| [("lo", Given::Written(lo)), ("hi", Given::Written(hi))];
    assert_eq!(
        shapes("clamp.f32.v1", &[&[2]], &bounds("2", "1")),
        "parameter `lo`: is 2, but `hi` is 1: lo may not be above hi"
    );
    assert_eq!(shapes("clamp.f64.v1", &[&[2]], &bounds("0", "nan")), "parameter `hi`: is NaN, which bounds nothing");
    assert_eq!(
        shapes("philox.u32.v1", &[], &[("n", Given::Bits(u64::MAX)), ("seed", Given::Int(0))]),
        "parameter `n`: is 18446744073709551615: the extents multiply to more than 1099511627776 (2^40) elements"
    );
}

#[test]
fn kernels_that_do_not_open() {
    let refusal = |id: &str, fixed: FixedParams| Kernel::open(id, &fixed).expect_err("refused").to_string();
    assert_eq!(
        refusal("matmul.f16.v1", FixedParams::default()),
        "there is no kernel matmul.f16.v1; the nearest is matmul.f32.v1"
    );
    assert_eq!(refusal("convolve", FixedParams::default()), "there is no kernel convolve");
    assert_eq!(
        refusal("sum.f32.v1", FixedParams::default()),
        "kernel sum.f32.v1 takes 1 parameters at open, not 0 values with presence bits 0x0"
    );
    assert_eq!(
        refusal("add.f32.v1", FixedParams { text: Some("x0".to_owned()), ..FixedParams::default() }),
        "kernel add.f32.v1: the text parameter and its presence bit do not agree"
    );
}

#[test]
fn an_id_out_of_range_names_its_lowest_place() {
    let table = Array::of(Dtype::F32, &[3, 1], &[0f32, 1.0, 2.0]);
    for (ids, element, id) in
        [([0i64, 3, -1], 1, "3"), ([2, 1, -1], 2, "-1"), ([i64::MIN, 9, 9], 0, "-9223372036854775808")]
    {
        let ids = Array::of(Dtype::I64, &[3], &ids);
        for how in hows() {
            let error = run("gather_rows.f32.v1", &[Some(&table), Some(&ids)], &[], how).expect_err("refused");
            let message = format!("input `ids`: element {element} is {id}, but `table` has 3 rows");
            assert_eq!(error, LaunchError::Data { element, message });
        }
    }
    let (empty, ids) = (Array::of::<f32>(Dtype::F32, &[0, 2], &[]), Array::of(Dtype::I64, &[1], &[0i64]));
    let error = run("gather_rows.f32.v1", &[Some(&empty), Some(&ids)], &[], hows()[1]).expect_err("refused");
    assert_eq!(error.to_string(), "input `ids`: element 0 is 0, but `table` has 0 rows");
}

/// Launches `neg` over memory that the caller got wrong.
fn negate(input: &[u8], output: &mut [u8]) -> String {
    let kernel = Kernel::open("neg.f32.v1", &FixedParams::default()).expect("open");
    let shape = Shape::new(&[2]).expect("shape");
    let inputs = [Some(Input { dtype: Dtype::F32, shape, data: Data::Bytes(input) })];
    let mut outputs = [Output { dtype: Dtype::F32, shape, data: output }];
    let mut launch = Launch { inputs: &inputs, outputs: &mut outputs, params: &[], present: 0 };
    let error = kernel.run(&mut launch).expect_err("refused");
    assert_eq!(kernel.run_reference(&mut launch), Err(error.clone()));
    error.to_string()
}

#[test]
fn memory_that_does_not_fit() {
    let mut words = [[0u64; 2]; 2];
    let [input, output] = &mut words;
    let (input, output) = (bytemuck::cast_slice(&*input), bytemuck::cast_slice_mut(output));
    assert_eq!(negate(&input[1..9], &mut output[..8]), "input `x`: is not aligned to the 4 bytes of f32");
    assert_eq!(negate(&input[..8], &mut output[2..10]), "output `out`: is not aligned to the 4 bytes of f32");
    assert_eq!(negate(&input[..12], &mut output[..8]), "input `x`: holds 12 bytes, but f32 [2] takes 8");
    assert_eq!(negate(&input[..8], &mut output[..4]), "output `out`: holds 4 bytes, but f32 [2] takes 8");
}

/// What both ways of running say of a launch.
fn refusal<'a>(
    id: &str,
    inputs: &[Option<Input<'a>>],
    outputs: &mut [Output<'a>],
    params: &[u64],
    present: u64,
) -> String {
    let fixed = spec(id).fixed_params(&[]).expect("parameters");
    let kernel = Kernel::open(id, &fixed).expect("open");
    let mut launch = Launch { inputs, outputs, params, present };
    let error = kernel.run(&mut launch).expect_err("refused");
    assert_eq!(kernel.run_reference(&mut launch), Err(error.clone()));
    error.to_string()
}

#[test]
fn launches_that_do_not_fit() {
    let shape = Shape::new(&[1]).expect("shape");
    let (mut word, other) = ([0f32], [0f32]);
    let input = |data| Some(Input { dtype: Dtype::F32, shape, data });
    let other = input(Data::Bytes(bytemuck::cast_slice(&other)));
    let mut outputs = [Output { dtype: Dtype::F32, shape, data: bytemuck::cast_slice_mut(&mut word) }];
    assert_eq!(refusal("neg.f32.v1", &[], &mut outputs, &[], 0), "inputs: 0 are given, but the kernel takes 1");
    assert_eq!(refusal("add.f32.v1", &[other, None], &mut outputs, &[], 0), "input `y`: is missing");
    assert_eq!(
        refusal("softmax.f32.v1", &[input(Data::Output(0))], &mut outputs, &[], 0),
        "output `out`: shares memory with input `x`"
    );
    assert_eq!(
        refusal("neg.f32.v1", &[input(Data::Output(1))], &mut outputs, &[], 0),
        "input `x`: is output 1, which does not exist"
    );
    assert_eq!(
        refusal("neg.f32.v1", &[other], &mut outputs, &[7], 1),
        "kernel neg.f32.v1 takes 0 parameters per launch, not 1 values with presence bits 0x1"
    );
    assert_eq!(
        refusal("clamp.f32.v1", &[other], &mut outputs, &[0, 0], 1),
        "kernel clamp.f32.v1 needs the parameter `hi`; it takes lo (f32, per launch, required), hi (f32, per launch, required)"
    );
    assert_eq!(
        refusal("clamp.f32.v1", &[other], &mut outputs, &[1 << 32, 0], 3),
        "parameter `lo`: 0x100000000 is no bit pattern of an f32"
    );
}
