//! The reductions on threads: rows where there are many, chunks or blocks of one row where it is long. Who computes which
//! changes nothing.

mod ordered;

pub(crate) use ordered::{mean_of, sum, sum_sq_of, var_of};

use bytemuck::Pod;
use rayon::prelude::*;

use super::reference::{Exact, arg, dot_exact, extreme, sum_exact};
use crate::blocks::PARALLEL_FROM;
use crate::catalogue::{Dtype, ParamValue, Reduction, rule};
use crate::dispatch::Level;
use crate::float::Float;
use crate::launch::{DataError, Launch};
use ordered::{Chunked, dot};

/// All elements, or those of each row, to one value.
pub(crate) fn reduce(
    level: Level,
    reduction: Reduction,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), DataError> {
    match launch.input_dtype() {
        Dtype::F32 => reduce_of::<f32>(level, reduction, launch, params),
        _ => reduce_of::<f64>(level, reduction, launch, params),
    }
}

fn reduce_of<T: Chunked + Exact>(
    level: Level,
    reduction: Reduction,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), DataError> {
    let x = launch.slice::<T>(0)?;
    let y = if reduction.takes_two() { launch.slice::<T>(1)? } else { &[] };
    let columns = if rule::flag(params, 0) { launch.shape(0).dims()[1] as usize } else { x.len() };
    let row_of = |row: usize| row * columns..(row + 1) * columns;
    if matches!(reduction, Reduction::ArgMin | Reduction::ArgMax) {
        let greatest = reduction == Reduction::ArgMax;
        each(launch.output::<i64>()?, columns, |row| arg(&x[row_of(row)], greatest) as i64);
        return Ok(());
    }
    each(launch.output::<T>()?, columns, |row| {
        let row = row_of(row);
        let value = match reduction {
            Reduction::Sum => sum(level, &x[row]),
            Reduction::Dot => dot(level, &x[row.clone()], &y[row]),
            Reduction::SumSq => sum_sq_of(level, &x[row]),
            Reduction::Mean => mean_of(level, &x[row]),
            Reduction::Var => var_of(level, &x[row.clone()], mean_of(level, &x[row])),
            Reduction::Norm2 => sum_sq_of(level, &x[row]).root(),
            Reduction::Min | Reduction::ArgMin => extreme(&x[row], false),
            Reduction::Max | Reduction::ArgMax => extreme(&x[row], true),
            Reduction::SumExact => sum_exact(&x[row]),
            Reduction::DotExact => dot_exact(&x[row.clone()], &y[row]),
        };
        value.canonical()
    });
    Ok(())
}

/// Fills each output by its row.
fn each<R: Pod + Send>(out: &mut [R], columns: usize, of_row: impl Fn(usize) -> R + Sync) {
    let one = |(row, out): (usize, &mut R)| *out = of_row(row);
    if out.len() > 1 && out.len() * columns >= PARALLEL_FROM {
        let rows_at_once = (PARALLEL_FROM / 8).div_ceil(columns.max(1));
        out.par_iter_mut().with_min_len(rows_at_once).enumerate().for_each(one);
    } else {
        out.iter_mut().enumerate().for_each(one);
    }
}
