//! The exact sums against integers of this file's own, which know nothing of the crate's, and the cases that decide what
//! exact means.

use clamp_kernels::catalogue::Dtype;
use proptest::prelude::*;

use crate::arrays::{Array, How, hows, levels, run};

/// Digits of 32 bits, the lowest worth 2^-2208.
const LOWEST: i32 = -2208;

/// A signed integer whose digits carry only when it is looked at.
struct Big([i128; 145]);

impl Big {
    fn zero() -> Big {
        Big([0; 145])
    }

    /// Adds a product of two small integers times two to a power.
    fn add(&mut self, value: i128, exponent: i32) {
        let position = (exponent - LOWEST) as usize;
        let shifted = value.unsigned_abs() << (position % 32 % 16);
        let digits = (0..4).map(|digit| (shifted >> (32 * digit) & 0xffff_ffff) as i128);
        // In two steps, so that the shift of 106 bits stays within 128.
        let rest = 1 << (position % 32 - position % 32 % 16);
        for (digit, value_of) in digits.enumerate() {
            self.0[position / 32 + digit] += value_of * rest * value.signum();
        }
    }

    fn sign(&self) -> i128 {
        let mut carry = 0;
        let mut any = false;
        for digit in self.0 {
            let sum = digit + carry;
            any |= sum & 0xffff_ffff != 0;
            carry = sum >> 32;
        }
        // What is left beyond the last digit is the sign of the whole.
        if carry < 0 { -1 } else { i128::from(any || carry > 0) }
    }
}

/// The significand and exponent of a finite f64.
fn parts(x: f64) -> (i128, i32) {
    let bits = x.to_bits();
    let field = (bits >> 52 & 0x7ff) as i32;
    let fraction = i128::from(bits & ((1 << 52) - 1));
    let significand = if field == 0 { fraction } else { fraction | 1 << 52 };
    (if x.is_sign_negative() { -significand } else { significand }, field.max(1) - 1075)
}

/// A finite sum as a float: its two neighbours, which may be 2^1024, and whether its last bit is 0.
struct Rounded {
    value: (i128, i32),
    above: (i128, i32),
    below: (i128, i32),
    even: bool,
}

fn around_f32(x: f32) -> Rounded {
    let widened = |x: f32| if x.is_finite() { parts(f64::from(x)) } else { (x.signum() as i128, 128) };
    Rounded {
        value: widened(x),
        above: widened(x.next_up()),
        below: widened(x.next_down()),
        even: x.to_bits() & 1 == 0,
    }
}

fn around_f64(x: f64) -> Rounded {
    let wide = |x: f64| if x.is_finite() { parts(x) } else { (x.signum() as i128, 1024) };
    Rounded { value: wide(x), above: wide(x.next_up()), below: wide(x.next_down()), even: x.to_bits() & 1 == 0 }
}

/// Whether `sum` is the nearest float to the exact sum of the products: between the midpoints to its neighbours.
fn is_nearest(products: &[(f64, f64)], sum: &Rounded) -> bool {
    let distance = |neighbour: (i128, i32)| {
        let mut twice = Big::zero();
        for &(x, y) in products {
            let ((x, x_exponent), (y, y_exponent)) = (parts(x), parts(y));
            twice.add(x * y, x_exponent + y_exponent + 1);
        }
        twice.add(-sum.value.0, sum.value.1);
        twice.add(-neighbour.0, neighbour.1);
        twice.sign()
    };
    let limit = i128::from(sum.even) - 1;
    distance(sum.above) <= limit && distance(sum.below) >= -limit
}

/// The result of `id`, the same from the reference and from every level.
fn result(id: &str, inputs: &[&Array]) -> u64 {
    let inputs: Vec<Option<&Array>> = inputs.iter().map(|&input| Some(input)).collect();
    let mut bits = std::iter::once(How::Reference).chain(levels().map(How::Cpu)).map(|how| {
        let out = run(id, &inputs, &[], how).expect("run");
        if out.dtype == Dtype::F32 { u64::from(out.values::<u32>()[0]) } else { out.values::<u64>()[0] }
    });
    let first = bits.next().expect("reference");
    assert!(bits.all(|bits| bits == first), "{id}");
    first
}

fn f64s(values: &[f64]) -> Array {
    Array::of(Dtype::F64, &[values.len() as u64], values)
}

fn sum32(x: &[f32]) -> f32 {
    f32::from_bits(result("sum_exact.f32.v1", &[&Array::f32s(x)]) as u32)
}

fn sum64(x: &[f64]) -> f64 {
    f64::from_bits(result("sum_exact.f64.v1", &[&f64s(x)]))
}

fn dot32(x: &[f32], y: &[f32]) -> f32 {
    f32::from_bits(result("dot_exact.f32.v1", &[&Array::f32s(x), &Array::f32s(y)]) as u32)
}

fn dot64(x: &[f64], y: &[f64]) -> f64 {
    f64::from_bits(result("dot_exact.f64.v1", &[&f64s(x), &f64s(y)]))
}

/// Finite floats around a few exponents, or anywhere, some of them with their opposites.
fn values(mantissa: u32, lowest: i32, highest: i32) -> impl Strategy<Value = Vec<f64>> {
    let spread = prop_oneof![Just(0), Just(3), Just(30), Just(highest - lowest)];
    (lowest..=highest, spread).prop_flat_map(move |(center, spread)| {
        let (low, high) = ((center - spread).max(lowest), (center + spread).min(highest));
        let one = (any::<bool>(), any::<u64>(), low..=high, any::<bool>()).prop_map(
            move |(zero, bits, exponent, negative)| {
                let significand = (bits >> (64 - mantissa)) as f64;
                // In two steps, since 2^-1074 has no reciprocal.
                let value = significand * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2);
                let value = if zero && bits % 8 == 0 { 0.0 } else { value };
                if negative { -value } else { value }
            },
        );
        (proptest::collection::vec(one, 0..70), any::<bool>()).prop_map(|(mut values, cancel)| {
            if cancel {
                let opposites: Vec<f64> = values.iter().skip(1).map(|x| -x).collect();
                values.extend(opposites);
            }
            values
        })
    })
}

fn ones<T>(values: &[T]) -> Vec<(f64, f64)>
where
    f64: From<T>,
    T: Copy,
{
    values.iter().map(|&x| (f64::from(x), 1.0)).collect()
}

proptest! {
    #[test]
    fn sums_of_f32_are_nearest(x in values(24, -149, 103)) {
        let x: Vec<f32> = x.into_iter().map(|x| x as f32).collect();
        let sum = sum32(&x);
        if sum.is_finite() {
            prop_assert!(is_nearest(&ones(&x), &around_f32(sum)), "{x:?} {sum:e}");
        }
    }

    #[test]
    fn sums_of_f64_are_nearest(x in values(53, -1074, 970)) {
        let sum = sum64(&x);
        if sum.is_finite() {
            prop_assert!(is_nearest(&ones(&x), &around_f64(sum)), "{x:?} {sum:e}");
        }
    }

    #[test]
    fn sums_of_products_of_f32_are_nearest(x in values(24, -149, 103), y in values(24, -149, 103)) {
        let (x, y): (Vec<f32>, Vec<f32>) = x.into_iter().zip(y).map(|(x, y)| (x as f32, y as f32)).unzip();
        let sum = dot32(&x, &y);
        let products: Vec<(f64, f64)> = x.iter().zip(&y).map(|(&x, &y)| (f64::from(x), f64::from(y))).collect();
        if sum.is_finite() {
            prop_assert!(is_nearest(&products, &around_f32(sum)), "{products:?} {sum:e}");
        }
    }

    #[test]
    fn sums_of_products_of_f64_are_nearest(x in values(53, -1074, 970), y in values(53, -1074, 970)) {
        let products: Vec<(f64, f64)> = x.into_iter().zip(y).collect();
        let (x, y): (Vec<f64>, Vec<f64>) = products.iter().copied().unzip();
        let sum = dot64(&x, &y);
        if sum.is_finite() {
            prop_assert!(is_nearest(&products, &around_f64(sum)), "{products:?} {sum:e}");
        }
    }

    #[test]
    fn any_order_gives_the_same_bits(x in values(53, -1074, 970), turn in 0usize..100) {
        let mut other = x.clone();
        other.reverse();
        if !other.is_empty() {
            let turn = turn % other.len();
            other.rotate_left(turn);
        }
        prop_assert_eq!(sum64(&x).to_bits(), sum64(&other).to_bits());
        prop_assert_eq!(dot64(&x, &x).to_bits(), dot64(&other, &other).to_bits());
    }
}

#[test]
fn the_check_itself_tells_neighbours_apart() {
    let x = [1.0f64, 2f64.powi(-60)];
    assert!(is_nearest(&ones(&x), &around_f64(1.0)));
    assert!(!is_nearest(&ones(&x), &around_f64(1.0f64.next_up())));
    assert!(!is_nearest(&ones(&x), &around_f64(1.0f64.next_down())));
    let halfway = [1.0f64, 2f64.powi(-53)];
    assert!(is_nearest(&ones(&halfway), &around_f64(1.0)), "a tie goes to the even one");
    assert!(!is_nearest(&ones(&halfway), &around_f64(1.0f64.next_up())));
    assert!(is_nearest(&[], &around_f64(0.0)) && !is_nearest(&[], &around_f64(5e-324)));
}

#[test]
fn what_an_ordered_sum_loses() {
    assert_eq!(sum32(&[1.0, 1e30, -1e30]), 1.0);
    assert_eq!(sum64(&[1e308, 5e-324, 1e308, -1e308, -1e308]), 5e-324);
    assert_eq!(dot32(&[1e20, 1.0, 1e20], &[1e20, 1.0, -1e20]), 1.0);
    // A tie that the last bit of all breaks.
    let tie = 2f32.powi(-24);
    assert_eq!(sum32(&[1.0, tie]), 1.0);
    assert_eq!(sum32(&[1.0, tie, f32::from_bits(1)]), 1.0 + f32::EPSILON);
    assert_eq!(sum32(&[1.0 + f32::EPSILON, tie]), 1.0 + 2.0 * f32::EPSILON);
}

#[test]
fn nothing_overflows_before_the_rounding() {
    assert_eq!(sum32(&[f32::MAX, f32::MAX, -f32::MAX]), f32::MAX);
    assert_eq!(sum32(&[f32::MAX, f32::MAX]), f32::INFINITY);
    // Half a unit above the greatest is a tie, and goes to infinity.
    assert_eq!(sum32(&[f32::MAX, 2f32.powi(103)]), f32::INFINITY);
    assert_eq!(sum32(&[f32::MAX, 2f32.powi(103), -f32::from_bits(1)]), f32::MAX);
    assert_eq!(sum64(&vec![f64::MAX; 100]), f64::INFINITY);
    let mut both = vec![f64::MAX; 5000];
    both.extend(vec![-f64::MAX; 4999]);
    assert_eq!(sum64(&both), f64::MAX);
    assert_eq!(dot64(&[f64::MAX, f64::MAX, 3.0], &[f64::MAX, -f64::MAX, 1.0]), 3.0);
    assert_eq!(dot64(&[f64::MAX, -1e300], &[2.0, 1e300]), f64::NEG_INFINITY);
}

#[test]
fn nothing_underflows_before_the_rounding() {
    let least = f64::from_bits(1);
    // A quarter of the least float, four times, of which each alone would be 0.
    assert_eq!(dot64(&[least; 4], &[0.25; 4]), least);
    assert_eq!(dot64(&[least; 2], &[0.25; 2]), 0.0, "half of it is a tie");
    assert_eq!(dot64(&[least; 3], &[0.25; 3]), least);
    assert_eq!(dot64(&[1.0, least, -1.0], &[1.0, least, 1.0]).to_bits(), 0);
    assert_eq!(dot64(&[1.0, least, 2f64.powi(-53)], &[1.0, least, 1.0]), 1.0f64.next_up());
    // Not zero, but rounded to it: the sign stays.
    assert_eq!(dot64(&[least], &[-least]).to_bits(), 1 << 63);
    assert_eq!(dot32(&[f32::from_bits(1)], &[-f32::from_bits(1)]).to_bits(), 1 << 31);
    assert_eq!(dot64(&[least, 0.0], &[-least, 1.0]).to_bits(), 1 << 63);
}

#[test]
fn zeros_are_plus_unless_all_are_minus() {
    assert_eq!(sum32(&[]).to_bits(), 0);
    assert_eq!(dot64(&[], &[]).to_bits(), 0);
    for n in [1, 3, 4096, 5000] {
        let mut x = vec![-0f32; n];
        assert_eq!(sum32(&x).to_bits(), 1 << 31, "{n}");
        assert_eq!(dot32(&x, &vec![1.0; n]).to_bits(), 1 << 31, "{n}");
        assert_eq!(dot32(&x, &vec![-1.0; n]).to_bits(), 0, "{n}");
        x[n - 1] = 0.0;
        assert_eq!(sum32(&x).to_bits(), 0, "{n}");
    }
    assert_eq!(sum32(&[1.0, -1.0]).to_bits(), 0);
    assert_eq!(sum64(&[-0.0, -1.0, 1.0]).to_bits(), 0);
    assert_eq!(dot64(&[-0.0, 1.0], &[1.0, -0.0]).to_bits(), 1 << 63);
    // Each term underflows to -0 as a float, but is no zero; their sum is none either.
    let least = f64::from_bits(1);
    assert_eq!(dot64(&[least, -least], &[-least, -least]).to_bits(), 0);
}

#[test]
fn infinities_and_nans() {
    let (infinity, nan) = (f64::INFINITY, f64::NAN);
    let bits = |x: f64| x.to_bits();
    let canonical = 0x7ff8_0000_0000_0000;
    assert_eq!(sum64(&[1.0, infinity, -1e308]), infinity);
    assert_eq!(sum64(&[1.0, -infinity, f64::MAX, f64::MAX]), -infinity);
    assert_eq!(bits(sum64(&[infinity, 0.0, -infinity])), canonical);
    assert_eq!(bits(sum64(&[f64::from_bits(0xfff0_0000_0000_0001), 1.0])), canonical);
    assert_eq!(bits(sum64(&[infinity, nan])), canonical);
    assert_eq!(bits(dot64(&[infinity, 1.0], &[0.0, 1.0])), canonical);
    assert_eq!(bits(dot64(&[infinity, 1.0], &[-1e-300, 1.0])), bits(-infinity));
    assert_eq!(bits(dot64(&[-0.0, -infinity], &[1.0, -0.0])), canonical);
    // Finite factors make a finite product, however large.
    assert_eq!(dot64(&[f64::MAX, infinity], &[-f64::MAX, 1.0]), infinity);
    assert_eq!(sum32(&[f32::INFINITY, f32::MAX]).to_bits(), 0x7f80_0000);
    let mut x = vec![0.5f32; 20_000];
    x[19_999] = f32::NEG_INFINITY;
    assert_eq!(sum32(&x), f32::NEG_INFINITY);
    x[3] = f32::NAN;
    assert_eq!(sum32(&x).to_bits(), 0x7fc0_0000);
}

#[test]
fn a_row_is_summed_exactly_as_if_it_were_alone() {
    let given = [("rows", clamp_kernels::catalogue::Given::Flag(true))];
    let x = Array::of(Dtype::F32, &[3, 3], &[1e30f32, 1.0, -1e30, -0.0, -0.0, -0.0, f32::MAX, f32::MAX, 1.0]);
    for how in hows() {
        let sums = run("sum_exact.f32.v1", &[Some(&x)], &given, how).expect("run").values::<u32>();
        assert_eq!(sums, [0x3f80_0000, 0x8000_0000, 0x7f80_0000]);
    }
}
