//! Cases of the kernels that work element by element: arithmetic, comparisons, conversions, functions, expressions.

use super::edges::{edges, listed, number, of_cast, of_function, pairs, spread};
use super::{Cases, Fill, Wish, array};
use crate::catalogue::{Dtype, ParamKind};

/// Around the lanes of a vector, the threads of a block, and enough for several threads.
const SIZES: [u64; 4] = [2, 33, 1025, 40_007];

pub(super) fn elementwise(cases: &mut Cases) {
    let bounds = cases.spec.params.iter().any(|param| param.name == "lo");
    let given: &[(&'static str, &str)] = if bounds { &[("lo", "-0.25"), ("hi", "0x1.8p-1")] } else { &[] };
    let count = cases.spec.inputs.len();
    let all = |dims: &[u64], fill: Fill| -> Vec<Wish> { vec![array(dims, fill); count] };
    cases.add("empty", all(&[0], Fill::TAME), given);
    cases.add("one", all(&[], Fill::TAME), given);
    for size in SIZES {
        cases.add(&format!("wild-{size}"), all(&[size], Fill::WILD), given);
    }
    cases.add("tame-3x41x7", all(&[3, 41, 7], Fill::TAME), given);
    if bounds {
        let more = [("bounds-zero", "0", "-0"), ("bounds-open", "-inf", "inf"), ("bounds-tiny", "1e-44", "1e-43")];
        for (name, lo, hi) in more {
            cases.add(name, all(&[257], Fill::WILD), &[("lo", lo), ("hi", hi)]);
        }
    }
    values(cases, given);
}

/// Listed values: all pairs where there are two operands, all triples of a few where there are three.
fn values(cases: &mut Cases, given: &[(&'static str, &str)]) {
    let (name, dtype) = (cases.name(), cases.dtype(cases.spec.inputs.len() - 1));
    let lists: Vec<Vec<u64>> = match cases.spec.inputs.len() {
        1 if name.starts_with("cast_") => vec![of_cast(dtype)],
        // Functions of one variable have no other inputs and exist for f32 only.
        1 if dtype == Dtype::F32 => vec![[of_function(), spread(dtype, 3000)].concat()],
        1 => vec![[edges(dtype), spread(dtype, 1000)].concat()],
        2 => pairs(&edges(dtype)).to_vec(),
        _ if name == "select" => return,
        _ => triples(dtype),
    };
    let inputs: Vec<Wish> = lists.iter().map(|list| array(&[list.len() as u64], listed(dtype, list))).collect();
    cases.add("values", inputs, given);
}

/// Every triple of some edges, and products that lie halfway between two numbers until z decides: two roundings lose it.
fn triples(dtype: Dtype) -> Vec<Vec<u64>> {
    let few: Vec<u64> = edges(dtype).into_iter().step_by(2).collect();
    let [x, rest] = pairs(&few);
    let mut lists = vec![Vec::new(), Vec::new(), Vec::new()];
    for (x, y) in x.iter().zip(&rest) {
        for z in &few {
            [*x, *y, *z].into_iter().zip(&mut lists).for_each(|(value, list)| list.push(value));
        }
    }
    let power = |exponent: i32| 2f64.powi(exponent);
    let half = if dtype == Dtype::F64 { 1.0 + power(-26) } else { 1.0 + power(-12) };
    let half = if dtype == Dtype::F64 { half + power(-27) } else { half };
    for z in [power(-60), -power(-60), power(-100), -power(-100), 0.0] {
        for sign in [1.0, -1.0] {
            let triple = [half * sign, half, z].map(|value| number(dtype, value));
            triple.into_iter().zip(&mut lists).for_each(|(value, list)| list.push(value));
        }
    }
    lists
}

/// A case's name, the expression, how many inputs it uses, and its scalars.
type Expression = (&'static str, &'static str, usize, &'static [(&'static str, &'static str)]);

/// What both dtypes have.
const EXPRESSIONS: [Expression; 6] = [
    ("input", "x0", 1, &[]),
    ("scaled", "x0*c0 + x1", 2, &[("c0", "0x1.921fb6p0")]),
    ("chain", "-x0 - x1 * -x2 / (x3 - c1) + c0", 4, &[("c0", "1e-3"), ("c1", "0.1")]),
    ("order", "x0 - x1 - x2 / x3 / x4 + x5 * x6 - x7 * c7", 8, &[("c7", "-2.5")]),
    (
        "choice",
        "(x0 < x1) * x0 + (x0 >= x1) * x1 + (x0 == x0) + (x0 != x1) + (x0 <= c0) + (x1 > c0)",
        2,
        &[("c0", "0.5")],
    ),
    ("parts", "fma(x0, x1, min(x2, max(x0, c0))) + sqrt(abs(x1))", 3, &[("c0", "-0.125")]),
];

/// The functions that only f32 has.
const FUNCTIONS: [Expression; 3] = [
    ("exponentials", "exp(-x0) + exp2(x1) * expm1(x0) - tanh(x1)", 2, &[]),
    ("logarithms", "log(x0) + log2(x0) - log10(x1) * log1p(x1) + erf(x0)", 2, &[]),
    ("circles", "sin(x0) * cos(x1) - tan(x0) + sinpi(x0) * cospi(x1)", 2, &[]),
];

pub(super) fn map(cases: &mut Cases) {
    let dtype = cases.dtype(0);
    let functions = if dtype == Dtype::F32 { &FUNCTIONS[..] } else { &[] };
    for (name, expression, used, scalars) in EXPRESSIONS.iter().chain(functions) {
        let scalars = scalars.iter().filter_map(|&(scalar, value)| {
            let param = cases.spec.params.iter().find(|param| param.name == scalar && param.kind != ParamKind::Text)?;
            Some((param.name, value))
        });
        let given: Vec<(&'static str, &str)> = std::iter::once(("expr", *expression)).chain(scalars).collect();
        let all = |dims: &[u64], fill: Fill| -> Vec<Wish> { vec![array(dims, fill); *used] };
        cases.add(&format!("{name}-tame"), all(&[3, 683], Fill::TAME), &given);
        cases.add(&format!("{name}-wild"), all(&[2049], Fill::WILD), &given);
    }
    cases.add("empty", [array(&[0], Fill::TAME)], &[("expr", "x0 + x0")]);
    cases.add("long", [array(&[40_007], Fill::TAME)], &[("expr", "x0*x0 - x0")]);
}
