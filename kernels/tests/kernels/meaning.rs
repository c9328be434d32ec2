//! Cases that the specification decides and a plausible implementation gets wrong, computed by hand.

use clamp_kernels::catalogue::{Dtype, Given};

use crate::arrays::{Array, Fill, filled, hows, run};

const ROWS: [(&str, Given<'static>); 1] = [("rows", Given::Flag(true))];

/// The bits of an f32 result, the same both ways.
fn bits(id: &str, inputs: &[&Array], given: &[(&str, Given<'_>)]) -> Vec<u32> {
    let inputs: Vec<Option<&Array>> = inputs.iter().map(|&input| Some(input)).collect();
    let [reference, cpu] = hows().map(|how| run(id, &inputs, given, how).expect("run").values::<u32>());
    assert_eq!(reference, cpu, "{id}");
    reference
}

fn f32_bits<const N: usize>(values: [f32; N]) -> [u32; N] {
    values.map(f32::to_bits)
}

fn matrix(rows: u64, columns: u64, values: &[f32]) -> Array {
    Array::of(Dtype::F32, &[rows, columns], values)
}

#[test]
fn reductions_of_nothing_are_plus_zero() {
    let nothing = Array::f32s(&[]);
    assert_eq!(bits("sum.f32.v1", &[&nothing], &[]), [0]);
    assert_eq!(bits("dot.f32.v1", &[&nothing, &nothing], &[]), [0]);
    assert_eq!(bits("sum.f32.v1", &[&matrix(3, 0, &[])], &ROWS), [0, 0, 0]);
    assert_eq!(bits("sum.f32.v1", &[&matrix(0, 3, &[])], &ROWS), [0u32; 0]);
}

#[test]
fn reductions_of_negative_zeros_are_negative_zero() {
    for n in [1, 5, 128, 8192, 8193] {
        let zeros = Array::f32s(&vec![-0.0; n]);
        let ones = Array::f32s(&vec![1.0; n]);
        assert_eq!(bits("sum.f32.v1", &[&zeros], &[]), f32_bits([-0.0]));
        assert_eq!(bits("dot.f32.v1", &[&zeros, &ones], &[]), f32_bits([-0.0]));
        assert_eq!(bits("dot.f32.v1", &[&zeros, &zeros], &[]), f32_bits([0.0]));
    }
}

#[test]
fn a_nan_that_is_summed_is_canonical() {
    let payload = f32::from_bits(0xff81_2345);
    assert_eq!(bits("sum.f32.v1", &[&Array::f32s(&[payload])], &[]), [0x7fc0_0000]);
    assert_eq!(bits("sum.f32.v1", &[&Array::f32s(&[f32::INFINITY, f32::NEG_INFINITY])], &[]), [0x7fc0_0000]);
    assert_eq!(bits("sum.f32.v1", &[&Array::f32s(&[f32::MAX, f32::MAX])], &[]), f32_bits([f32::INFINITY]));
}

#[test]
fn a_row_is_summed_as_if_it_were_alone() {
    let columns = 9000;
    let all = filled(Dtype::F32, &[7, columns], Fill::Tame, 4);
    let values = all.values::<f32>();
    let rows = bits("sum.f32.v1", &[&all], &ROWS);
    for (row, sum) in values.chunks(columns as usize).zip(rows) {
        assert_eq!(bits("sum.f32.v1", &[&Array::f32s(row)], &[]), [sum]);
    }
}

#[test]
fn zeros_and_nans_in_min_max_relu_and_clamp() {
    let (x, y) = (Array::f32s(&[-0.0, 0.0, 1.0, f32::NAN]), Array::f32s(&[0.0, -0.0, f32::NAN, 1.0]));
    let nan = 0x7fc0_0000;
    assert_eq!(bits("min.f32.v1", &[&x, &y], &[]), [0x8000_0000, 0x8000_0000, nan, nan]);
    assert_eq!(bits("max.f32.v1", &[&x, &y], &[]), [0, 0, nan, nan]);
    let x = Array::f32s(&[-0.0, -1.0, 2.0, f32::from_bits(0xffc1_0000)]);
    assert_eq!(bits("relu.f32.v1", &[&x], &[]), [0, 0, 0x4000_0000, nan]);
    let bounds = |lo, hi| [("lo", Given::Written(lo)), ("hi", Given::Written(hi))];
    assert_eq!(bits("clamp.f32.v1", &[&x], &bounds("0", "1")), [0, 0, 0x3f80_0000, nan]);
    assert_eq!(bits("clamp.f32.v1", &[&x], &bounds("0", "-0")), [0x8000_0000, 0x8000_0000, 0x8000_0000, nan]);
}

#[test]
fn moves_keep_bits_and_operations_do_not() {
    let odd = [0x7f80_0001, 0xffc1_2345, 0x8000_0001, 0x8000_0000];
    let x = Array::of(Dtype::U32, &[4], &odd);
    let x = Array::of(Dtype::F32, &[4], &x.values::<u32>());
    assert_eq!(bits("copy.f32.v1", &[&x], &[]), odd);
    assert_eq!(bits("neg.f32.v1", &[&x], &[]), [0x7fc0_0000, 0x7fc0_0000, 1, 0]);
    assert_eq!(bits("abs.f32.v1", &[&x], &[]), [0x7fc0_0000, 0x7fc0_0000, 1, 0]);
    let condition = Array::of(Dtype::U8, &[4], &[1u8, 0, 255, 0]);
    let z = Array::of(Dtype::F32, &[4], &[1u32, 0x7fa0_0000, 3, 4]);
    assert_eq!(bits("select.f32.v1", &[&condition, &x, &z], &[]), [odd[0], 0x7fa0_0000, odd[2], 4]);
    let table = Array::of(Dtype::F32, &[2, 2], &odd);
    let ids = Array::of(Dtype::I64, &[3], &[1i64, 0, 1]);
    let rows = [odd[2], odd[3], odd[0], odd[1], odd[2], odd[3]];
    assert_eq!(bits("gather_rows.f32.v1", &[&table, &ids], &[]), rows);
}

#[test]
fn only_ne_is_true_of_a_nan() {
    let x = Array::f32s(&[f32::NAN, 1.0, -0.0, 1.0]);
    let y = Array::f32s(&[f32::NAN, f32::NAN, 0.0, 2.0]);
    let results = [("lt", [0, 0, 0, 1]), ("le", [0, 0, 1, 1]), ("eq", [0, 0, 1, 0]), ("ne", [1, 1, 0, 1])];
    for (name, expected) in results.into_iter().chain([("gt", [0, 0, 0, 0]), ("ge", [0, 0, 1, 0])]) {
        for how in hows() {
            let got = run(&format!("compare_{name}.f32.v1"), &[Some(&x), Some(&y)], &[], how).expect("run");
            assert_eq!(got.values::<u8>(), expected, "{name}");
        }
    }
}

#[test]
fn fma_rounds_once() {
    let x = Array::f32s(&[1.0 + f32::EPSILON, f32::MAX]);
    let z = Array::f32s(&[-(1.0 + 2.0 * f32::EPSILON), f32::NEG_INFINITY]);
    let expected = f32_bits([f32::EPSILON * f32::EPSILON, f32::NEG_INFINITY]);
    assert_eq!(bits("fma.f32.v1", &[&x, &x, &z], &[]), expected);
}

#[test]
fn products_over_no_k_are_plus_zero_plus_bias() {
    let (a, b) = (matrix(2, 0, &[]), matrix(0, 3, &[]));
    assert_eq!(
        bits("matmul.f32.v1", &[&a, &b, &Array::f32s(&[-0.0, 1.0, 2.0])], &[]),
        f32_bits([0.0, 1.0, 2.0, 0.0, 1.0, 2.0])
    );
    for how in hows() {
        let out = run("matmul.f32.v1", &[Some(&a), Some(&b), None], &[], how).expect("run");
        assert_eq!((out.shape.dims(), out.values::<u32>()), (&[2u64, 3][..], vec![0; 6]));
    }
}

#[test]
fn a_product_by_hand_in_every_layout() {
    let a = matrix(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let a_transposed = matrix(3, 2, &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    let b = matrix(3, 2, &[7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let b_transposed = matrix(2, 3, &[7.0, 9.0, 11.0, 8.0, 10.0, 12.0]);
    let bias = Array::f32s(&[0.5, -0.5]);
    let expected = f32_bits([58.5, 63.5, 139.5, 153.5]);
    for (transpose_a, a) in [(false, &a), (true, &a_transposed)] {
        for (transpose_b, b) in [(false, &b), (true, &b_transposed)] {
            let flags = [("transpose_a", Given::Flag(transpose_a)), ("transpose_b", Given::Flag(transpose_b))];
            assert_eq!(bits("matmul.f32.v1", &[a, b, &bias], &flags), expected);
        }
    }
}

#[test]
fn a_batch_is_multiplied_as_if_it_were_alone() {
    let (m, k, n) = (5, 1030, 18);
    let a = filled(Dtype::F32, &[3, m, k], Fill::Tame, 1);
    let b = filled(Dtype::F32, &[3, k, n], Fill::Tame, 2);
    let bias = filled(Dtype::F32, &[n], Fill::Tame, 3);
    let (a_values, b_values) = (a.values::<f32>(), b.values::<f32>());
    let all = bits("matmul.f32.v1", &[&a, &b, &bias], &[]);
    let parts = a_values.chunks((m * k) as usize).zip(b_values.chunks((k * n) as usize));
    for ((a, b), all) in parts.zip(all.chunks((m * n) as usize)) {
        assert_eq!(bits("matmul.f32.v1", &[&matrix(m, k, a), &matrix(k, n, b), &bias], &[]), all);
    }
    let shared = matrix(k, n, &b_values[..(k * n) as usize]);
    let all = bits("matmul.f32.v1", &[&a, &shared, &bias], &[]);
    for (a, all) in a_values.chunks((m * k) as usize).zip(all.chunks((m * n) as usize)) {
        assert_eq!(bits("matmul.f32.v1", &[&matrix(m, k, a), &shared, &bias], &[]), all);
    }
}

#[test]
fn softmax_is_its_steps() {
    let columns = 1300;
    let x = filled(Dtype::F32, &[columns], Fill::Tame, 8);
    let greatest = x.values::<f32>().into_iter().fold(f32::NEG_INFINITY, f32::max);
    let repeated = |value: f32| Array::f32s(&vec![value; columns as usize]);
    let array = |bits: Vec<u32>| Array::of(Dtype::F32, &[bits.len() as u64], &bits);
    let powers = array(bits("exp.f32.v1", &[&array(bits("sub.f32.v1", &[&x, &repeated(greatest)], &[]))], &[]));
    let total = f32::from_bits(bits("sum.f32.v1", &[&powers], &[])[0]);
    let expected = bits("div.f32.v1", &[&powers, &repeated(total)], &[]);
    assert_eq!(bits("softmax.f32.v1", &[&x], &[]), expected);
}

#[test]
fn softmax_of_infinities() {
    let (infinity, nan) = (f32::INFINITY, 0x7fc0_0000);
    let x = matrix(4, 2, &[-infinity, 0.0, -infinity, -infinity, infinity, 0.0, f32::NAN, 0.0]);
    assert_eq!(bits("softmax.f32.v1", &[&x], &[]), [0, 0x3f80_0000, nan, nan, nan, nan, nan, nan]);
    assert_eq!(bits("softmax.f32.v1", &[&matrix(3, 0, &[])], &[]), [0u32; 0]);
}

#[test]
fn an_absent_stream_is_stream_zero() {
    let words = |given: &[(&str, Given<'_>)]| bits("philox.u32.v1", &[], given);
    let given = [("n", Given::Int(9)), ("seed", Given::Int(3)), ("stream", Given::Int(0))];
    assert_eq!(words(&given[..2]), words(&given));
    assert_eq!(words(&[("n", Given::Int(0)), ("seed", Given::Int(3))]), [0u32; 0]);
    // The stream is the upper half of the counter.
    let block = clamp_kernels::random::philox([3, 0], [0, 0, 9, 1]);
    assert_eq!(words(&[("n", Given::Int(4)), ("seed", Given::Int(3)), ("stream", Given::Bits(1 << 32 | 9))]), block);
}
