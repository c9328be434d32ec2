//! Moves by index and by place, and the anchor mirror, against the reference.

use clamp_kernels::catalogue::{Dtype, Given, KernelSpec};

use super::arrays::{Array, Fill, filled};
use super::bits::{Case, SIZES, check_all};
use super::session_or_skip;

fn gathers(spec: &KernelSpec) -> Vec<Case> {
    let case = |table: &[u64], count: u64| {
        let ids: Vec<i64> = filled(Dtype::U32, &[count], Fill::Wild, 9)
            .values::<u32>()
            .iter()
            .map(|&id| i64::from(id) % table[0].max(1) as i64)
            .collect();
        let table = filled(spec.inputs[0].dtype, table, Fill::Wild, 1);
        Case { inputs: vec![Some(table), Some(Array::of(Dtype::I64, &[count], &ids))], given: vec![] }
    };
    vec![
        case(&[5, 3], 0),
        case(&[0, 3], 0),
        case(&[5, 0], 7),
        case(&[1, 1], 129),
        case(&[1437, 64], 32),
        case(&[10, 2, 3], 8193),
        case(&[70000, 1], 70000),
        case(&[300, 129], 1000),
        case(&[9, 5000], 20),
    ]
}

fn scatters(spec: &KernelSpec) -> Vec<Case> {
    let case = |table: &[u64], count: u64| {
        let ids: Vec<i64> = filled(Dtype::U32, &[count], Fill::Wild, 9)
            .values::<u32>()
            .iter()
            .map(|&id| i64::from(id) % table[0].max(1) as i64)
            .collect();
        let (dtype, mut rows) = (spec.inputs[0].dtype, table.to_vec());
        rows[0] = count;
        let inputs = [
            filled(dtype, table, Fill::Wild, 1),
            Array::of(Dtype::I64, &[count], &ids),
            filled(dtype, &rows, Fill::Wild, 2),
        ];
        Case { inputs: inputs.map(Some).into(), given: vec![] }
    };
    vec![
        case(&[5, 3], 0),
        case(&[0, 3], 0),
        case(&[5, 0], 7),
        case(&[1, 1], 129),
        case(&[1437, 64], 32),
        case(&[10, 2, 3], 8193),
        case(&[300, 129], 1000),
    ]
}

pub fn transposes(spec: &KernelSpec) -> Vec<Case> {
    let shapes: [&[u64]; 9] =
        [&[0, 3], &[3, 0], &[1, 1], &[1, 129], &[31, 33], &[32, 32], &[65, 127], &[3, 2, 5, 7], &[2, 0, 3]];
    shapes
        .iter()
        .map(|dims| Case { inputs: vec![Some(filled(spec.inputs[0].dtype, dims, Fill::Wild, 1))], given: vec![] })
        .collect()
}

fn concats(spec: &KernelSpec) -> Vec<Case> {
    let case = |axis: u64, parts: &[Option<&[u64]>]| {
        let mut inputs: Vec<Option<Array>> = parts
            .iter()
            .enumerate()
            .map(|(seed, dims)| dims.map(|dims| filled(spec.inputs[0].dtype, dims, Fill::Wild, seed as u64 + 1)))
            .collect();
        inputs.resize_with(8, || None);
        Case { inputs, given: vec![("axis", Given::Bits(axis))] }
    };
    vec![
        case(0, &[Some(&[5])]),
        case(0, &[Some(&[0]), Some(&[0])]),
        case(0, &[Some(&[3, 4]), None, Some(&[129, 4]), Some(&[0, 4])]),
        case(1, &[Some(&[3, 4]), Some(&[3, 129]), None, None, None, None, None, Some(&[3, 1])]),
        case(1, &[Some(&[2, 3, 5]), Some(&[2, 700, 5])]),
        case(2, &[Some(&[2, 3, 5]), Some(&[2, 3, 0]), Some(&[2, 3, 1])]),
    ]
}

fn mirrors() -> Vec<Case> {
    let case = |n: u64| {
        let mut seeds = filled(Dtype::U64, &[n], Fill::Wild, 1);
        seeds.bytes_mut().chunks_exact_mut(8).for_each(|seed| seed[7] |= 1);
        Case { inputs: vec![Some(seeds), Some(filled(Dtype::U32, &[n], Fill::Wild, 2))], given: vec![] }
    };
    SIZES.map(case).into()
}

#[test]
fn moves_have_the_reference_s_bits() {
    let session = session_or_skip!();
    check_all(&session, |name, spec| match name {
        "gather_rows" => Some(gathers(spec)),
        "scatter_rows" => Some(scatters(spec)),
        "transpose" => Some(transposes(spec)),
        "concat" => Some(concats(spec)),
        "mirror" => Some(mirrors()),
        _ => None,
    });
}
