//! Moves by index and by place, and the anchor mirror: agreement, what is moved where, and what is refused.

use clamp_kernels::LaunchError;
use clamp_kernels::catalogue::{Dtype, Given, KernelSpec, Shape};
use clamp_kernels::random::philox;

use crate::agree::{Case, SIZES, check_all};
use crate::arrays::{Array, Fill, filled, hows, run, run_all, spec};

#[test]
fn moves_and_the_mirror_agree() {
    check_all(|name, spec| match name {
        "scatter_rows" => Some(scatters(spec)),
        "transpose" => Some(transposes(spec)),
        "concat" => Some(concats(spec)),
        "mirror" => Some(mirrors()),
        _ => None,
    });
}

fn scatters(spec: &KernelSpec) -> Vec<Case> {
    let dtype = spec.inputs[0].dtype;
    let case = |table: &[u64], count: u64| {
        let words = filled(Dtype::U32, &[count], Fill::Wild, 9).values::<u32>();
        let ids: Vec<i64> = words.iter().map(|&id| i64::from(id) % table[0].max(1) as i64).collect();
        let rows: Vec<u64> = std::iter::once(count).chain(table[1..].iter().copied()).collect();
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
        case(&[3, 5], 2),
        case(&[1437, 64], 32),
        case(&[10, 2, 3], 8193),
        case(&[70000, 1], 70000),
        case(&[300, 1029], 1000),
    ]
}

fn transposes(spec: &KernelSpec) -> Vec<Case> {
    let shapes: [&[u64]; 15] = [
        &[0, 3],
        &[3, 0],
        &[1, 1],
        &[1, 70000],
        &[70000, 1],
        &[15, 17],
        &[16, 16],
        &[17, 15],
        &[64, 64],
        &[63, 130],
        &[2, 0, 3],
        &[3, 33, 20],
        &[2, 2, 200, 200],
        &[300, 257],
        &[2, 513, 300],
    ];
    let case =
        |dims: &&[u64]| Case { inputs: vec![Some(filled(spec.inputs[0].dtype, dims, Fill::Wild, 1))], given: vec![] };
    shapes.iter().map(case).collect()
}

fn concats(spec: &KernelSpec) -> Vec<Case> {
    let case = |axis: Option<i64>, parts: &[Option<&[u64]>]| {
        let part = |(position, dims): (usize, &Option<&[u64]>)| {
            dims.map(|dims| filled(spec.inputs[0].dtype, dims, Fill::Wild, position as u64 + 1))
        };
        let mut inputs: Vec<Option<Array>> = parts.iter().enumerate().map(part).collect();
        inputs.resize_with(8, || None);
        Case { inputs, given: axis.map(|axis| ("axis", Given::Int(axis))).into_iter().collect() }
    };
    vec![
        case(None, &[Some(&[3])]),
        case(None, &[Some(&[0]), Some(&[0])]),
        case(None, &[Some(&[3]), None, Some(&[0]), Some(&[70001])]),
        case(Some(0), &[Some(&[40000]), Some(&[1]), Some(&[40000])]),
        case(Some(1), &[Some(&[700, 3]), Some(&[700, 129]), None, Some(&[700, 1])]),
        case(Some(1), &[Some(&[0, 3]), Some(&[0, 4])]),
        case(Some(1), &[Some(&[2, 3, 0]), Some(&[2, 1, 0])]),
        case(Some(2), &[Some(&[30, 40, 50]), Some(&[30, 40, 0]), Some(&[30, 40, 7])]),
        case(Some(0), &[Some(&[1u64, 2][..]); 8]),
    ]
}

fn mirrors() -> Vec<Case> {
    let case = |&count: &u64| {
        let seeds = filled(Dtype::U64, &[count], Fill::Wild, 1).values::<u64>();
        let seeds: Vec<u64> = seeds.into_iter().map(|seed| seed.max(1)).collect();
        let states = filled(Dtype::U32, &[count], Fill::Wild, 2);
        Case { inputs: vec![Some(Array::of(Dtype::U64, &[count], &seeds)), Some(states)], given: vec![] }
    };
    SIZES.iter().map(case).collect()
}

/// The bits of a result in words of 4 bytes, the same both ways.
fn moved(id: &str, inputs: &[Option<&Array>], given: &[(&str, Given<'_>)]) -> (Vec<u64>, Vec<u32>) {
    let [reference, cpu] = hows().map(|how| run(id, inputs, given, how).expect("run"));
    assert_eq!(reference.values::<u32>(), cpu.values::<u32>(), "{id}");
    (reference.shape.dims().to_vec(), reference.values())
}

fn u32s(dims: &[u64], values: &[u32]) -> Array {
    Array::of(Dtype::U32, dims, values)
}

#[test]
fn the_highest_source_of_a_repeated_id_wins() {
    let (table, x) = (u32s(&[3, 2], &[1, 2, 3, 4, 5, 6]), u32s(&[4, 2], &[10, 20, 30, 40, 50, 60, 70, 80]));
    let ids = Array::of(Dtype::I64, &[4], &[2i64, 0, 2, 0]);
    let (dims, rows) = moved("scatter_rows.u32.v1", &[Some(&table), Some(&ids), Some(&x)], &[]);
    assert_eq!((dims, rows), (vec![3, 2], vec![70, 80, 3, 4, 50, 60]));
    // The bits of a signalling NaN stay.
    let odd = Array::of(Dtype::F32, &[1, 2], &[0x7f80_0001u32, 0xffc1_2345]);
    let none = Array::of::<i64>(Dtype::I64, &[0], &[]);
    let nothing = Array::new(Dtype::F32, &[0, 2]);
    let (_, rows) = moved("scatter_rows.f32.v1", &[Some(&odd), Some(&none), Some(&nothing)], &[]);
    assert_eq!(rows, [0x7f80_0001, 0xffc1_2345]);
}

#[test]
fn transpose_exchanges_the_last_two() {
    let x = u32s(&[2, 2, 3], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    let (dims, values) = moved("transpose.u32.v1", &[Some(&x)], &[]);
    assert_eq!((dims, values), (vec![2, 3, 2], vec![1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12]));
    let (dims, _) = moved("transpose.f32.v1", &[Some(&Array::new(Dtype::F32, &[0, 3]))], &[]);
    assert_eq!(dims, [3, 0]);
}

#[test]
fn concat_joins_along_its_axis() {
    let (x, y) = (u32s(&[2, 2], &[1, 2, 3, 4]), u32s(&[2, 1], &[5, 6]));
    let absent = [None; 5];
    let inputs = [&[Some(&x), None, Some(&y)][..], &absent].concat();
    let (dims, values) = moved("concat.u32.v1", &inputs, &[("axis", Given::Int(1))]);
    assert_eq!((dims, values), (vec![2, 3], vec![1, 2, 5, 3, 4, 6]));
    let inputs = [&[Some(&x), None, Some(&x)][..], &absent].concat();
    let (dims, values) = moved("concat.u32.v1", &inputs, &[]);
    assert_eq!((dims, values), (vec![4, 2], vec![1, 2, 3, 4, 1, 2, 3, 4]));
}

#[test]
fn the_mirror_gives_back_what_it_read_and_a_word_for_each() {
    let seeds = [5u64, u64::MAX, 0x0123_4567_89ab_cdef];
    let states = [7u32, 0, u32::MAX];
    let arrays = (Array::of(Dtype::U64, &[3], &seeds), u32s(&[3], &states));
    for how in hows() {
        let outputs = run_all("mirror.u64.v1", &[Some(&arrays.0), Some(&arrays.1)], &[], how).expect("run");
        assert_eq!(outputs[0].values::<u64>(), seeds);
        assert_eq!(outputs[1].values::<u32>(), states);
        let word = |index: usize| {
            let key = [seeds[index] as u32, (seeds[index] >> 32) as u32];
            philox(key, [states[index], index as u32, 0, 0])[0]
        };
        assert_eq!(outputs[2].values::<u32>(), [0, 1, 2].map(word));
        let seeds = Array::of(Dtype::U64, &[3], &[1u64, 0, 0]);
        let error = run_all("mirror.u64.v1", &[Some(&seeds), Some(&arrays.1)], &[], how).expect_err("refused");
        let message = "input `seeds`: element 1 is 0, which is no seed of an anchor".to_owned();
        assert_eq!(error, LaunchError::Data { element: 1, message });
    }
}

#[test]
fn an_id_that_is_no_row_is_refused() {
    let table = u32s(&[3, 1], &[1, 2, 3]);
    let ids = Array::of(Dtype::I64, &[2], &[0i64, 3]);
    for how in hows() {
        let x = u32s(&[2, 1], &[1, 2]);
        let error = run("scatter_rows.u32.v1", &[Some(&table), Some(&ids), Some(&x)], &[], how).expect_err("refused");
        let message = "input `ids`: element 1 is 3, but `table` has 3 rows".to_owned();
        assert_eq!(error, LaunchError::Data { element: 1, message });
    }
}

#[test]
fn shapes_that_do_not_fit() {
    let refusal = |id: &str, inputs: &[&[u64]], given: &[(&str, Given<'_>)]| {
        let (fixed, launch) = spec(id).split_params(given).expect("parameters");
        let params = spec(id).param_values(&fixed, &launch).expect("parameters");
        let mut shapes: Vec<Option<Shape>> = inputs.iter().map(|dims| Some(Shape::new(dims).expect("shape"))).collect();
        shapes.resize(spec(id).inputs.len(), None);
        spec(id).output_shapes(&shapes, &params).expect_err("refused").to_string()
    };
    assert_eq!(
        refusal("scatter_rows.f32.v1", &[&[4, 2], &[3], &[3, 1]], &[]),
        "input `x`: has shape [3, 1], but `ids` and `table` need [3, 2]"
    );
    assert_eq!(
        refusal("scatter_rows.f32.v1", &[&[1, 1 << 30], &[1 << 30], &[1]], &[]),
        "input `ids`: takes an `x` that is too large: the extents multiply to more than 1099511627776 (2^40) elements"
    );
    assert_eq!(
        refusal("scatter_rows.f32.v1", &[&[4], &[3], &[3]], &[]),
        "input `table`: has shape [4]: it needs 2 dimensions or more"
    );
    assert_eq!(refusal("transpose.f32.v1", &[&[4]], &[]), "input `x`: has shape [4]: it needs 2 dimensions or more");
    assert_eq!(refusal("concat.f32.v1", &[&[]], &[]), "input `x0`: has shape []: it needs 1 dimension or more");
    assert_eq!(
        refusal("concat.f32.v1", &[&[2, 3]], &[("axis", Given::Int(2))]),
        "parameter `axis`: is 2, but `x0` is [2, 3]: the last axis is 1"
    );
    assert_eq!(
        refusal("concat.f32.v1", &[&[2, 3], &[2, 4]], &[]),
        "input `x1`: has shape [2, 4], but `x0` is [2, 3]: all extents but that of axis 0 are equal"
    );
    assert_eq!(
        refusal("concat.f32.v1", &[&[2, 3], &[2]], &[]),
        "input `x1`: has shape [2], but `x0` is [2, 3]: all extents but that of axis 0 are equal"
    );
    assert_eq!(
        refusal("concat.f32.v1", &[&[1 << 39, 2], &[1, 2]], &[]),
        "input `x0`: and the others make an output that is too large: the extents multiply to more than 1099511627776 (2^40) elements"
    );
    assert_eq!(
        refusal("mirror.u64.v1", &[&[2, 2], &[4]], &[]),
        "input `seeds`: has shape [2, 2]: it needs exactly 1 dimension"
    );
    assert_eq!(
        refusal("mirror.u64.v1", &[&[2], &[3]], &[]),
        "input `states`: has shape [3], but `seeds` is [2]: each has its own"
    );
    assert_eq!(
        refusal("mirror.u64.v1", &[&[(1 << 32) + 1], &[(1 << 32) + 1]], &[]),
        "input `seeds`: has shape [4294967297]: 4294967296 (2^32) anchors are allowed"
    );
}
