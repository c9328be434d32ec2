//! Cases of the reductions: around lanes, chunks and the second level of partials, of all elements and of rows, and
//! values whose sums cancel, overflow on the way, or vanish.

use super::edges::{constant, edges, listed, numbers, pairs, spread};
use super::{Cases, Fill, Wish, array};
use crate::catalogue::Dtype;

const ROWS: &[(&str, &str)] = &[("rows", "true")];

pub(super) fn reduction(cases: &mut Cases) {
    let dtype = cases.dtype(0);
    let (name, inputs) = (cases.name(), cases.spec.inputs.len());
    let lanes: u64 = if dtype == Dtype::F64 { 64 } else { 128 };
    let chunk = 64 * lanes;
    let all = |dims: &[u64], fill: Fill| -> Vec<Wish> { vec![array(dims, fill); inputs] };
    let of_nothing = matches!(name, "sum" | "dot" | "sum_sq" | "norm2" | "sum_exact" | "dot_exact");
    let ordered = matches!(name, "sum" | "dot" | "sum_sq" | "norm2" | "mean" | "var");
    if of_nothing {
        cases.add("empty", all(&[0], Fill::TAME), &[]);
        cases.add("rows-0x5", all(&[0, 5], Fill::TAME), ROWS);
        cases.add("rows-3x0", all(&[3, 0], Fill::TAME), ROWS);
    }
    cases.add("one", all(&[], Fill::TAME), &[("rows", "false")]);
    for size in [2, lanes - 1, lanes + 1, chunk, chunk + 1, 3 * chunk + lanes + 5] {
        cases.add(&format!("tame-{size}"), all(&[size], Fill::TAME), &[]);
    }
    cases.add("tame-3x41x7", all(&[3, 41, 7], Fill::TAME), &[]);
    if ordered {
        // More partials than lanes.
        let size = (lanes + 1) * chunk + 1;
        cases.add(&format!("tame-{size}"), all(&[size], Fill::TAME), &[]);
    }
    for [rows, columns] in [[1, lanes], [7, lanes + 1], [3, chunk + 1], [300, 3]] {
        cases.add(&format!("rows-{rows}x{columns}"), all(&[rows, columns], Fill::TAME), ROWS);
    }
    cases.add("wild-rows-200x2", all(&[200, 2], Fill::WILD), ROWS);
    cases.add("wild-1000", all(&[1000], Fill::WILD), &[]);
    values(cases, dtype);
}

fn values(cases: &mut Cases, dtype: Dtype) {
    let two = cases.spec.inputs.len() == 2;
    let with = |x: Wish, y: Fill| -> Vec<Wish> {
        let dims = x.as_ref().map(|(dims, _)| dims.clone()).unwrap_or_default();
        if two { vec![x, array(&dims, y)] } else { vec![x] }
    };
    let one = || constant(dtype, super::edges::number(dtype, 1.0));
    let [first, second] = pairs(&edges(dtype));
    let interleaved: Vec<u64> = first.iter().zip(&second).flat_map(|(one, other)| [*one, *other]).collect();
    let x = array(&[first.len() as u64, 2], listed(dtype, &interleaved));
    cases.add("values-pairs", with(x, one()), ROWS);

    let largest = if dtype == Dtype::F64 { f64::MAX } else { f64::from(f32::MAX) };
    let least = if dtype == Dtype::F64 { f64::from_bits(1) } else { f64::from(f32::from_bits(1)) };
    let big = if dtype == Dtype::F64 { 2f64.powi(53) } else { 2f64.powi(24) };
    let rows = [
        [largest, largest, -largest, -largest],
        [largest, largest, -largest, least],
        [big, 1.0, 1.0 / big, -big],
        [big, 1.0, 1.0, 1.0],
        [least, least, -0.0, 0.0],
        [-0.0, -0.0, -0.0, -0.0],
        [0.0, -0.0, -0.0, -0.0],
        [1.0, -1.0, -0.0, -0.0],
        [f64::INFINITY, 1.0, -largest, 0.0],
        [f64::INFINITY, f64::NEG_INFINITY, 0.0, 1.0],
        [-0.0, 0.0, 3.0, 3.0],
    ];
    let x = array(&[rows.len() as u64, 4], numbers(dtype, rows.as_flattened()));
    cases.add("values-cancelling", with(x, one()), ROWS);

    let list = spread(dtype, 1000);
    let backwards: Vec<u64> = list.iter().rev().copied().collect();
    cases.add("values-spread", with(array(&[1000], listed(dtype, &list)), listed(dtype, &backwards)), &[]);
    let zeros = |count| array(&[count], constant(dtype, super::edges::number(dtype, -0.0)));
    cases.add("minus-zeros", with(zeros(300), one()), &[]);
}
