//! Cases of the kernels that treat each row alone: softmax, the norms, attention.

use super::edges::{edges, listed, numbers};
use super::{Cases, Fill, array};
use crate::catalogue::Dtype;

/// Rows around the lanes and chunks of the sum within, many short rows, more dimensions, and nothing.
const SHAPES: [&[u64]; 9] =
    [&[0, 5], &[5, 0], &[1], &[3, 127], &[2, 3, 129], &[2, 1000], &[2, 8193], &[300, 10], &[3, 8192]];

pub(super) fn softmax(cases: &mut Cases) {
    for dims in SHAPES {
        cases.add(&format!("tame-{}", words(dims)), [array(dims, Fill::TAME)], &[]);
    }
    cases.add("wild-300x2", [array(&[300, 2], Fill::WILD)], &[]);
    let inf = f64::INFINITY;
    let rows = [
        [-inf, -inf, -inf, -inf, -inf],
        [-inf, 0.0, -inf, 1.0, -0.0],
        [inf, 0.0, 1.0, 2.0, 3.0],
        [88.75, -88.75, 0.0, 100.0, -100.0],
        [-150.0, -250.5, -149.5, -200.0, -253.25],
        [f64::from(f32::MAX), -f64::from(f32::MAX), 0.0, 1.0, 2.0],
        [f64::from(f32::NAN), 0.0, 1.0, 2.0, 3.0],
        [0.0, -103.0, -104.0, -87.0, -88.0],
    ];
    cases.add("values", [array(&[8, 5], numbers(Dtype::F32, rows.as_flattened()))], &[]);
}

/// layernorm and rmsnorm: with and without what is optional.
pub(super) fn norm(cases: &mut Cases) {
    let optional = cases.spec.inputs.len() - 1;
    for (number, dims) in SHAPES.iter().enumerate() {
        let columns = dims[dims.len() - 1];
        let eps = ["1e-5", "0x1p-20", "0"][number % 3];
        // Bit i: the optional input i is there.
        let there = number % (1 << optional);
        let of_row = |bit: usize| (there >> bit & 1 == 1).then(|| (vec![columns], Fill::TAME));
        let inputs = std::iter::once(array(dims, Fill::TAME)).chain((0..optional).map(of_row));
        cases.add(&format!("tame-{}", words(dims)), inputs, &[("eps", eps)]);
    }
    let all = |dims: &[u64], fill: Fill| {
        let columns = dims[dims.len() - 1];
        std::iter::once(array(dims, fill)).chain(std::iter::repeat_n(array(&[columns], Fill::TAME), optional))
    };
    cases.add("all-7x65", all(&[7, 65], Fill::TAME), &[("eps", "1e-5")]);
    cases.add("wild-300x2", all(&[300, 2], Fill::WILD), &[("eps", "1e-5")]);
    let list = edges(Dtype::F32);
    let square = array(&[4, 6], listed(Dtype::F32, &list));
    let of_row = array(&[6], Fill::WILD);
    cases.add("values", std::iter::once(square).chain(std::iter::repeat_n(of_row, optional)), &[("eps", "0")]);
}

/// One attention: leading extents, S, T, D, E, and how the mask is.
type Attention = (&'static str, &'static [u64], [u64; 4], Mask, &'static str);

#[derive(Clone, Copy)]
enum Mask {
    None,
    Shared,
    Each,
}

pub(super) fn attention(cases: &mut Cases) {
    let list: [Attention; 9] = [
        ("one", &[], [1, 1, 1, 1], Mask::None, "1"),
        ("plain", &[], [5, 7, 9, 6], Mask::None, "0.125"),
        ("heads", &[2, 3], [17, 33, 16, 20], Mask::Shared, "0x1.6a09e6p-2"),
        ("masks", &[2, 2], [9, 65, 8, 5], Mask::Each, "0.25"),
        ("long", &[2], [3, 1030, 64, 32], Mask::Shared, "0.125"),
        ("no-keys", &[2], [3, 0, 4, 5], Mask::None, "0.5"),
        ("no-depth", &[], [3, 4, 0, 5], Mask::Each, "0.5"),
        ("no-queries", &[2], [0, 4, 3, 5], Mask::None, "0.5"),
        ("no-values", &[1], [2, 4, 3, 0], Mask::Shared, "-2"),
    ];
    for (name, leading, [s, t, d, e], mask, scale) in list {
        let of = |rows: u64, columns: u64| [leading, &[rows, columns]].concat();
        let mask = match mask {
            Mask::None => None,
            Mask::Shared => Some((vec![s, t], Fill::TAME)),
            Mask::Each => Some((of(s, t), Fill::TAME)),
        };
        let inputs = [array(&of(s, d), Fill::TAME), array(&of(t, d), Fill::TAME), array(&of(t, e), Fill::TAME), mask];
        cases.add(name, inputs, &[("scale", scale)]);
    }
    // A causal mask; one row sees nothing.
    let inf = f64::INFINITY;
    let rows =
        [[-inf; 4], [0.0, -inf, -inf, -inf], [0.0, 0.0, -inf, -inf], [0.0, 0.0, 0.0, -inf], [0.0, -0.0, 1.0, 0.0]];
    let mask = array(&[5, 4], numbers(Dtype::F32, rows.as_flattened()));
    let tame = |dims: &[u64]| array(dims, Fill::TAME);
    cases.add("causal", [tame(&[2, 5, 8]), tame(&[2, 4, 8]), tame(&[2, 4, 3]), mask], &[("scale", "0.5")]);
    let wild = |dims: &[u64]| array(dims, Fill::WILD);
    cases.add("wild", [wild(&[40, 1, 1]), wild(&[40, 2, 1]), wild(&[40, 2, 2]), None], &[("scale", "1")]);
}

/// `2x3x129`.
fn words(dims: &[u64]) -> String {
    dims.iter().map(u64::to_string).collect::<Vec<_>>().join("x")
}
