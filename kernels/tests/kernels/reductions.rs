//! Reductions and scans by hand: cases that tell the specified order and rules from the plausible others.

use clamp_kernels::catalogue::{Dtype, Given};

use crate::arrays::{Array, Fill, filled, hows, run};

const ROWS: [(&str, Given<'static>); 1] = [("rows", Given::Flag(true))];

/// The values of a result, the same both ways.
fn values<T: bytemuck::AnyBitPattern + PartialEq + std::fmt::Debug>(
    id: &str,
    inputs: &[&Array],
    given: &[(&str, Given<'_>)],
) -> Vec<T> {
    let inputs: Vec<Option<&Array>> = inputs.iter().map(|&input| Some(input)).collect();
    let [reference, cpu] = hows().map(|how| run(id, &inputs, given, how).expect("run"));
    assert_eq!(reference.bytes(), cpu.bytes(), "{id}");
    reference.values()
}

fn f32_of(id: &str, x: &[f32]) -> f32 {
    f32::from_bits(values::<u32>(id, &[&Array::f32s(x)], &[])[0])
}

fn f64_of(id: &str, x: &[f64]) -> f64 {
    f64::from_bits(values::<u64>(id, &[&Array::of(Dtype::F64, &[x.len() as u64], x)], &[])[0])
}

fn place(id: &str, x: &[f32]) -> i64 {
    values::<i64>(id, &[&Array::f32s(x)], &[])[0]
}

#[test]
fn squares_of_nothing_are_plus_zero() {
    for id in ["sum_sq.f32.v1", "norm2.f32.v1", "sum_exact.f32.v1"] {
        assert_eq!(f32_of(id, &[]).to_bits(), 0, "{id}");
        let rows = values::<u32>(id, &[&Array::of::<f32>(Dtype::F32, &[3, 0], &[])], &ROWS);
        assert_eq!(rows, [0; 3], "{id}");
    }
}

#[test]
fn squares_are_fused() {
    // The square of 4097 is 16785409, an odd number above 2^24: rounded on its own it loses the 1, and then the sum does.
    let mut x = vec![0f32; 129];
    (x[0], x[128]) = (1.0, 4097.0);
    assert_eq!(f32_of("sum_sq.f32.v1", &x), 16_785_410.0);
    (x[0], x[1], x[128]) = (0.0, 1.0, 4097.0);
    assert_eq!(f32_of("sum_sq.f32.v1", &x), 16_785_408.0, "in lanes of their own they meet rounded");
    assert_eq!(f32_of("norm2.f32.v1", &[3.0, -4.0]), 5.0);
    assert_eq!(f64_of("norm2.f64.v1", &[3.0, -4.0]), 5.0);
    // Squares overflow on the way to a norm: it is no scaled one.
    assert_eq!(f32_of("norm2.f32.v1", &[1e30]), f32::INFINITY);
    assert_eq!(f32_of("norm2.f32.v1", &[-0.0]).to_bits(), 0);
}

#[test]
fn a_mean_is_one_division_by_the_rounded_count() {
    assert_eq!(f32_of("mean.f32.v1", &[1.0, 2.0, 4.0]), 7.0f32 / 3.0);
    assert_eq!(f32_of("mean.f32.v1", &[-0.0, -0.0]).to_bits(), 1 << 31);
    assert_eq!(f32_of("mean.f32.v1", &[f32::MAX, f32::MAX]), f32::INFINITY, "the sum comes first");
    // 2^24 + 1 elements are 2^24 as an f32, and a sum of 2^24 is then a mean of 1.
    let n = (1 << 24) + 1;
    let mut x = vec![0f32; n];
    x[7] = 16_777_216.0;
    assert_eq!(f32_of("mean.f32.v1", &x), 1.0);
}

#[test]
fn a_variance_is_about_the_rounded_mean() {
    assert_eq!(f32_of("var.f32.v1", &[1.0, 3.0]), 1.0);
    assert_eq!(f64_of("var.f64.v1", &[5.0]).to_bits(), 0);
    // Not the mean of the squares less the square of the mean: that would lose all.
    assert_eq!(f32_of("var.f32.v1", &[16_777_214.0, 16_777_216.0]), 1.0);
    // The mean of 0, 0, 1 is rounded, and so is each distance from it.
    let mean = 1.0f32 / 3.0;
    let (low, high) = (0.0 - mean, 1.0 - mean);
    let lanes = [low.mul_add(low, -0.0), low.mul_add(low, -0.0), high.mul_add(high, -0.0)];
    // Of three lanes 0 meets 2 before it meets 1.
    assert_eq!(f32_of("var.f32.v1", &[0.0, 0.0, 1.0]), ((lanes[0] + lanes[2]) + lanes[1]) / 3.0);
    // A lane without an element takes no step: it does not add the square of the mean.
    assert_eq!(f32_of("var.f32.v1", &[7.0; 5]).to_bits(), 0);
    assert!(f32_of("var.f32.v1", &[f32::INFINITY, 1.0]).is_nan());
}

#[test]
fn extremes_know_the_zeros_and_nan_wins() {
    assert_eq!(f32_of("reduce_min.f32.v1", &[0.0, -0.0, 0.0]).to_bits(), 1 << 31);
    assert_eq!(f32_of("reduce_max.f32.v1", &[-0.0, 0.0, -0.0]).to_bits(), 0);
    assert_eq!(f64_of("reduce_max.f64.v1", &[f64::NEG_INFINITY]), f64::NEG_INFINITY);
    let nan = f32::from_bits(0xffc1_2345);
    for n in [3, 40, 5000, 70_000] {
        let mut x = vec![1f32; n];
        x[0] = f32::NEG_INFINITY;
        x[1] = f32::INFINITY;
        (x[n - 1], x[n / 2]) = (f32::NAN, nan);
        assert_eq!(f32_of("reduce_min.f32.v1", &x).to_bits(), 0x7fc0_0000);
        assert_eq!(f32_of("reduce_max.f32.v1", &x).to_bits(), 0x7fc0_0000);
        assert_eq!((place("argmin.f32.v1", &x), place("argmax.f32.v1", &x)), ((n / 2) as i64, (n / 2) as i64));
    }
}

#[test]
fn places_are_the_first() {
    assert_eq!(place("argmin.f32.v1", &[0.0, -0.0, -0.0]), 1);
    assert_eq!(place("argmax.f32.v1", &[-0.0, 0.0, 0.0]), 1);
    for n in [2, 33, 4097, 300_000] {
        let mut x = vec![0f32; n];
        assert_eq!((place("argmin.f32.v1", &x), place("argmax.f32.v1", &x)), (0, 0));
        x[n - 1] = 1.0;
        x[n / 2] = 1.0;
        assert_eq!((place("argmin.f32.v1", &x), place("argmax.f32.v1", &x)), (0, (n / 2) as i64));
    }
    // Within the row.
    let x = Array::of(Dtype::F64, &[3, 2], &[1.0f64, 2.0, 2.0, 1.0, 3.0, 3.0]);
    assert_eq!(values::<i64>("argmax.f64.v1", &[&x], &ROWS), [1, 0, 0]);
    assert_eq!(values::<i64>("argmin.f64.v1", &[&x], &ROWS), [0, 1, 0]);
}

#[test]
fn every_row_is_reduced_as_if_it_were_alone() {
    for name in ["sum_sq", "mean", "var", "norm2", "reduce_min", "sum_exact"] {
        for columns in [10, 64, 200] {
            let id = format!("{name}.f32.v1");
            let all = filled(Dtype::F32, &[37, columns], Fill::Tame, 4);
            let rows = values::<u32>(&id, &[&all], &ROWS);
            for (row, result) in all.values::<f32>().chunks(columns as usize).zip(rows) {
                assert_eq!(f32_of(&id, row).to_bits(), result, "{id} of {columns}");
            }
        }
    }
}

#[test]
fn a_scan_is_known_at_its_seams() {
    // Ones are exact in any order; what is counted is that each element is there once.
    let n = 1024 * 1024 + 1030;
    let x = Array::f32s(&vec![1f32; n]);
    let sums = values::<f32>("scan.f32.v1", &[&x], &[]);
    assert!(sums.iter().enumerate().all(|(index, &sum)| sum == (index + 1) as f32));
    // The total of 1024 blocks is not added to the first of them.
    let big = 16_777_216f32;
    let mut x = vec![0f32; n];
    (x[0], x[1024 * 1024], x[1024 * 1024 + 1024]) = (big, 1.0, 1.0);
    let sums = values::<f32>("scan.f32.v1", &[&Array::f32s(&x)], &[]);
    assert_eq!(sums[1024 * 1024], big);
    // Block 1025 takes the scanned total of block 1024, which is that of its own block of totals (1) and of what is before.
    assert_eq!(sums[1024 * 1024 + 1024], big);
    let mut x = vec![0f32; 1024 * 1026 + 1];
    (x[0], x[1024 * 1024], x[1024 * 1025], x[1024 * 1026]) = (big, 1.0, 1.0, 0.0);
    let sums = values::<f32>("scan.f32.v1", &[&Array::f32s(&x)], &[]);
    assert_eq!(sums[1024 * 1026], big + 2.0, "totals 1024 and 1025 meet before they meet the 1024 before them");
}

#[test]
fn a_scan_keeps_minus_zero_and_stores_the_canonical_nan() {
    let sums = values::<u32>("scan.f32.v1", &[&Array::f32s(&[-0.0; 1025])], &[]);
    assert!(sums.iter().all(|&sum| sum == 1 << 31));
    let mut x = vec![1f32; 3000];
    x[20] = f32::from_bits(0xff80_0001);
    let sums = values::<u32>("scan.f32.v1", &[&Array::f32s(&x)], &[]);
    assert!(sums[..20].iter().enumerate().all(|(index, &sum)| f32::from_bits(sum) == (index + 1) as f32));
    assert!(sums[20..].iter().all(|&sum| sum == 0x7fc0_0000));
}
