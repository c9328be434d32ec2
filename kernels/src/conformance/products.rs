//! Cases of the matrix products: transposes, batches, biases, panels of k, and sizes that no tile divides.

use super::edges::{constant, edges, listed};
use super::{Cases, Fill, Wish, array};
use crate::catalogue::Dtype;

/// How many matrices there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Batch {
    None,
    Each(u64),
    SharedB(u64),
}

/// One product, m by k times k by n.
struct Product {
    name: &'static str,
    size: [u64; 3],
    batch: Batch,
    /// `transpose_a`, `transpose_b`.
    transposes: [bool; 2],
    bias: bool,
    fill: Fill,
}

pub(super) fn product(cases: &mut Cases) {
    let plain =
        |name, size| Product { name, size, batch: Batch::None, transposes: [false; 2], bias: false, fill: Fill::TAME };
    let list = [
        Product { bias: true, ..plain("no-k", [3, 0, 2]) },
        plain("no-rows", [0, 3, 2]),
        plain("no-columns", [2, 3, 0]),
        plain("one", [1, 1, 1]),
        plain("row", [1, 300, 67]),
        plain("column", [67, 300, 1]),
        Product { bias: true, ..plain("odd", [5, 7, 9]) },
        Product { transposes: [true, false], bias: true, ..plain("odd-a", [5, 7, 9]) },
        Product { transposes: [false, true], ..plain("odd-b", [5, 7, 9]) },
        Product { transposes: [true, true], bias: true, ..plain("odd-a-b", [37, 65, 33]) },
        Product { bias: true, ..plain("tiles", [65, 64, 130]) },
        plain("panel", [9, 1024, 17]),
        Product { transposes: [true, false], ..plain("panels-a", [6, 1025, 33]) },
        Product { transposes: [false, true], bias: true, ..plain("panels-b", [4, 2049, 70]) },
        Product { batch: Batch::Each(3), bias: true, ..plain("batch", [6, 20, 11]) },
        Product { batch: Batch::Each(3), transposes: [true, true], ..plain("batch-a-b", [6, 20, 11]) },
        Product { batch: Batch::SharedB(3), bias: true, ..plain("shared", [6, 20, 11]) },
        Product { batch: Batch::Each(0), ..plain("no-batch", [2, 3, 4]) },
        Product { bias: true, fill: Fill::WILD, ..plain("wild", [40, 2, 60]) },
    ];
    list.into_iter().for_each(|product| one(cases, product));
    match cases.dtype(0) {
        Dtype::I8 => longest(cases),
        dtype => {
            let list = listed(dtype, &edges(dtype));
            let count = edges(dtype).len() as u64;
            cases.add("values", [array(&[count, 1], list.clone()), array(&[1, count], list)], &[]);
        }
    }
}

fn one(cases: &mut Cases, product: Product) {
    let Product { name, size: [m, k, n], batch, transposes: [transpose_a, transpose_b], bias, fill } = product;
    let mut a = if transpose_a { vec![k, m] } else { vec![m, k] };
    let mut b = if transpose_b { vec![n, k] } else { vec![k, n] };
    if let Batch::Each(count) | Batch::SharedB(count) = batch {
        a.insert(0, count);
    }
    if let Batch::Each(count) = batch {
        b.insert(0, count);
    }
    let bias: Wish = bias.then(|| (vec![n], fill.clone()));
    let word = |flag: bool| if flag { "true" } else { "false" };
    let given = [("transpose_a", word(transpose_a)), ("transpose_b", word(transpose_b))];
    cases.add(name, [Some((a, fill.clone())), Some((b, fill)), bias], &given);
}

/// The longest sum of the largest products, which just fits, and biases that no longer do.
fn longest(cases: &mut Cases) {
    let least = || constant(Dtype::I8, 0x80);
    let bias = listed(Dtype::I32, &[0x7fff_ffff, 0xffff_ffff, 0]);
    cases.add("longest", [array(&[1, 131_071], least()), array(&[131_071, 3], least()), array(&[3], bias)], &[]);
    let largest = constant(Dtype::I8, 0x7f);
    let bias = listed(Dtype::I32, &[0x8000_0000, 0x7fff_ffff]);
    cases.add("lowest", [array(&[1, 70_000], least()), array(&[70_000, 2], largest), array(&[2], bias)], &[]);
}
