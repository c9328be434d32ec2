//! Cases of the moves: gather, scatter, transpose, concat. Bits are kept, so all values are wild.

use super::edges::listed;
use super::{Cases, Fill, Wish, array};
use crate::catalogue::Dtype;

pub(super) fn by_index(cases: &mut Cases) {
    let sizes: [(&[u64], u64); 7] = [
        (&[5, 3], 0),
        (&[5, 0], 7),
        (&[1, 1], 129),
        (&[257, 16], 40),
        (&[10, 2, 3], 2049),
        (&[20_000, 1], 20_000),
        (&[300, 129], 100),
    ];
    for (table, count) in sizes {
        let name = format!("{}-of-{}", count, words(table));
        let ids = array(&[count], Fill::below(table[0]));
        add(cases, &name, table, ids, count);
    }
    add(cases, "0-of-0x3", &[0, 3], array(&[0], Fill::TAME), 0);
    // The first, the last, and one that comes three times.
    let ids = [0, 6, 3, 3, 1, 3, 0];
    add(cases, "repeated", &[7, 5], array(&[7], listed(Dtype::I64, &ids)), 7);
}

fn add(cases: &mut Cases, name: &str, table: &[u64], ids: Wish, count: u64) {
    let scatters = cases.spec.inputs.len() == 3;
    let rows: Vec<u64> = std::iter::once(count).chain(table[1..].iter().copied()).collect();
    let x = scatters.then_some((rows, Fill::WILD));
    cases.add(name, [array(table, Fill::WILD), ids, x], &[]);
}

pub(super) fn transpose(cases: &mut Cases) {
    let shapes: [&[u64]; 8] = [&[0, 3], &[3, 0], &[1, 1], &[1, 300], &[300, 1], &[33, 65], &[4, 31, 64], &[2, 3, 1, 5]];
    for dims in shapes {
        cases.add(&words(dims), [array(dims, Fill::WILD)], &[]);
    }
    cases.add("257x130", [array(&[257, 130], Fill::WILD)], &[]);
}

pub(super) fn concat(cases: &mut Cases) {
    let lists: [(&str, &str, &[&[u64]]); 8] = [
        ("one", "0", &[&[5]]),
        ("two", "0", &[&[5], &[1000]]),
        ("rows", "0", &[&[2, 3], &[0, 3], &[4, 3]]),
        ("columns", "1", &[&[33, 5], &[33, 1], &[33, 64]]),
        ("middle", "1", &[&[3, 2, 5], &[3, 1, 5], &[3, 7, 5]]),
        ("last", "2", &[&[3, 2, 5], &[3, 2, 0], &[3, 2, 8]]),
        ("eight", "0", &[&[1], &[2], &[3], &[4], &[5], &[6], &[7], &[8]]),
        ("nothing", "0", &[&[0, 4], &[0, 4]]),
    ];
    for (name, axis, shapes) in lists {
        cases.add(name, shapes.iter().map(|dims| array(dims, Fill::WILD)), &[("axis", axis)]);
    }
    let gap = [array(&[3, 4], Fill::WILD), None, None, array(&[2, 4], Fill::WILD)];
    cases.add("gap", gap, &[]);
}

/// `4x31x64`.
fn words(dims: &[u64]) -> String {
    dims.iter().map(u64::to_string).collect::<Vec<_>>().join("x")
}
