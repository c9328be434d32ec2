//! The reductions on threads: rows where there are many, chunks or blocks of one row where it is long. Who computes which
//! changes nothing.

mod exact;
mod extreme;
mod lanes;
mod ordered;
mod short;
mod terms;

pub(crate) use ordered::{mean_of, sum, sum_sq_of, var_of};

use bytemuck::Pod;
use rayon::prelude::*;

use super::reference::Exact;
use crate::blocks::PARALLEL_FROM;
use crate::catalogue::{Dtype, ParamValue, Reduction, rule};
use crate::dispatch::Level;
use crate::launch::{Launch, LaunchError};
use exact::exact;
use extreme::{Ordered, arg, extreme};
use ordered::{Chunked, dot};
use terms::{Elements, Products};

/// All elements, or those of each row, to one value.
pub(crate) fn reduce(
    level: Level,
    reduction: Reduction,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), LaunchError> {
    match launch.input_dtype() {
        Dtype::F32 => reduce_of::<f32>(level, reduction, launch, params),
        _ => reduce_of::<f64>(level, reduction, launch, params),
    }
}

fn reduce_of<T: Chunked + Exactly + Ordered>(
    level: Level,
    reduction: Reduction,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), LaunchError> {
    let x = launch.slice::<T>(0)?;
    let y = if reduction.takes_two() { launch.slice::<T>(1)? } else { &[] };
    let columns = if rule::flag(params, 0) { launch.shape(0).dims()[1] as usize } else { x.len() };
    let row_of = |row: usize| row * columns..(row + 1) * columns;
    if matches!(reduction, Reduction::ArgMin | Reduction::ArgMax) {
        let greatest = reduction == Reduction::ArgMax;
        each(launch.output::<i64>()?, columns, |row| arg(level, &x[row_of(row)], greatest) as i64);
        return Ok(());
    }
    let out = launch.output::<T>()?;
    let ordered = !matches!(reduction, Reduction::Min | Reduction::Max | Reduction::SumExact | Reduction::DotExact);
    if ordered && out.len() > 1 && (1..=short::LONGEST).contains(&columns) {
        short::reduce(level, reduction, x, y, columns, out);
        return Ok(());
    }
    each(out, columns, |row| {
        let row = row_of(row);
        let value = match reduction {
            Reduction::Sum => sum(level, &x[row]),
            Reduction::Dot => dot(level, &x[row.clone()], &y[row]),
            Reduction::SumSq => sum_sq_of(level, &x[row]),
            Reduction::Mean => mean_of(level, &x[row]),
            Reduction::Var => var_of(level, &x[row.clone()], mean_of(level, &x[row])),
            Reduction::Norm2 => sum_sq_of(level, &x[row]).root(),
            Reduction::Min | Reduction::ArgMin => extreme(level, &x[row], false),
            Reduction::Max | Reduction::ArgMax => extreme(level, &x[row], true),
            Reduction::SumExact => T::sum_exact(level, &x[row]),
            Reduction::DotExact => T::dot_exact(level, &x[row.clone()], &y[row]),
        };
        value.canonical()
    });
    Ok(())
}

/// A float with its exact sums.
trait Exactly: Exact {
    fn sum_exact(level: Level, x: &[Self]) -> Self;
    fn dot_exact(level: Level, x: &[Self], y: &[Self]) -> Self;
}

macro_rules! exactly {
    ($float:ident) => {
        impl Exactly for $float {
            fn sum_exact(level: Level, x: &[$float]) -> $float {
                exact(level, Elements(x))
            }

            fn dot_exact(level: Level, x: &[$float], y: &[$float]) -> $float {
                exact(level, Products(x, y))
            }
        }
    };
}

exactly!(f32);
exactly!(f64);

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
