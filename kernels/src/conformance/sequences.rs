//! Cases of the kernels over one sequence: scan, sort, histogram, random numbers, the anchor mirror.

use super::edges::{constant, edges, listed, number, numbers, spread};
use super::{Cases, Fill, Wish, array};
use crate::catalogue::Dtype;

/// scan, sort and argsort: 1-D arrays only.
pub(super) fn one_array(cases: &mut Cases) {
    let dtype = cases.dtype(0);
    for size in [0, 1, 2, 15, 17, 255, 1023, 1024, 1025, 33_000] {
        cases.add(&format!("tame-{size}"), [array(&[size], Fill::TAME)], &[]);
    }
    cases.add("wild-3", [array(&[3], Fill::WILD)], &[]);
    cases.add("wild-2049", [array(&[2049], Fill::WILD)], &[]);
    let list = spread(dtype, 700);
    cases.add("values-spread", [array(&[700], listed(dtype, &list))], &[]);
    let list = edges(dtype);
    let twice: Vec<u64> = list.iter().chain(list.iter().rev()).copied().collect();
    cases.add("values-edges", [array(&[twice.len() as u64], listed(dtype, &twice))], &[]);
    cases.add("equal", [array(&[3000], constant(dtype, number(dtype, 0.1)))], &[]);
    cases.add("minus-zeros", [array(&[40], constant(dtype, number(dtype, -0.0)))], &[]);
    if cases.name() == "scan" {
        // More blocks than a block has values: three levels.
        cases.add("tame-1049601", [array(&[1_049_601], Fill::TAME)], &[]);
    } else {
        let down: Vec<f64> = (0..1500).rev().map(f64::from).collect();
        cases.add("descending", [array(&[1500], numbers(dtype, &down))], &[]);
    }
}

pub(super) fn histogram(cases: &mut Cases) {
    let dtype = cases.dtype(0);
    let few = || array(&[5], numbers(dtype, &[-1.0, -0.5, 0.0, 0.25, 1.0]));
    let x: [(&str, &[u64], Fill); 6] = [
        ("empty", &[0], Fill::TAME),
        ("one", &[], Fill::TAME),
        ("tame-5000", &[5000], Fill::TAME),
        ("tame-3x41x7", &[3, 41, 7], Fill::TAME),
        ("wild-3000", &[3000], Fill::WILD),
        ("tame-50001", &[50_001], Fill::TAME),
    ];
    for (name, dims, fill) in x {
        cases.add(name, [array(dims, fill), few()], &[]);
    }
    let on_edges = [-1.0, -0.5, 0.0, -0.0, 0.25, 1.0, 1.0, -1.0];
    cases.add("on-edges", [array(&[8], numbers(dtype, &on_edges)), few()], &[]);
    let one_bin = array(&[2], numbers(dtype, &[-0.0, 1.0]));
    cases.add("one-bin", [array(&[1000], Fill::WILD), one_bin], &[]);
    let many: Vec<f64> = (-512..512).map(|step| f64::from(step) / 256.0).collect();
    cases.add("many-bins", [array(&[4000], Fill::TAME), array(&[1024], numbers(dtype, &many))], &[]);
    let list = edges(dtype);
    cases.add("values", [array(&[list.len() as u64], listed(dtype, &list)), few()], &[]);
}

/// Words and numbers of Philox.
pub(super) fn random(cases: &mut Cases) {
    let list: [(&str, &str, Option<&str>); 10] = [
        ("0", "1", None),
        ("1", "0", None),
        ("2", "81985529216486895", None),
        ("3", "18446744073709551615", Some("0")),
        ("5", "7", Some("1")),
        ("63", "7", Some("4294967296")),
        ("65", "4294967296", Some("18446744073709551615")),
        ("1000", "11400714819323198485", Some("72057594037927937")),
        ("4097", "42", None),
        ("40007", "3735928559", Some("72057594037927936")),
    ];
    for (n, seed, stream) in list {
        let stream = stream.map(|stream| ("stream", stream));
        let given: Vec<(&'static str, &str)> = [("n", n), ("seed", seed)].into_iter().chain(stream).collect();
        cases.add(&format!("n-{n}"), [], &given);
    }
}

pub(super) fn mirror(cases: &mut Cases) {
    let both = |size: u64| -> [Wish; 2] { [array(&[size], Fill::TAME), array(&[size], Fill::TAME)] };
    for size in [0, 1, 5, 257, 8193] {
        cases.add(&format!("tame-{size}"), both(size), &[]);
    }
    let seeds = [1, u64::MAX, 1 << 32, 0xffff_ffff, 1 << 63, 0x9e37_79b9_7f4a_7c15];
    let states = [0, 0xffff_ffff, 1, 0x8000_0000, 7, 0x1234_5678];
    cases.add("values", [array(&[6], listed(Dtype::U64, &seeds)), array(&[6], listed(Dtype::U32, &states))], &[]);
}
