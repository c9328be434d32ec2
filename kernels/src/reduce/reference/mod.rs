//! The reductions as the specification writes them: which elements go to which output. It takes one row at a time.

mod exact;
mod extreme;
mod ordered;

pub(crate) use exact::Exact;
#[cfg(feature = "cpu")]
pub(crate) use exact::{Term, Total};
pub(crate) use ordered::{mean_of, sum, sum_sq_of, var_of};

use exact::{dot_exact, sum_exact};
use extreme::{arg, extreme};
use ordered::{dot, norm2_of};

use crate::catalogue::{Dtype, ParamValue, Reduction, rule};
use crate::launch::{Launch, LaunchError};

/// All elements, or those of each row, to one value.
pub(crate) fn reduce(
    reduction: Reduction,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), LaunchError> {
    match launch.input_dtype() {
        Dtype::F32 => reduce_of::<f32>(reduction, launch, params),
        _ => reduce_of::<f64>(reduction, launch, params),
    }
}

fn reduce_of<T: Exact>(
    reduction: Reduction,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), LaunchError> {
    let x = launch.slice::<T>(0)?;
    let y = if reduction.takes_two() { launch.slice::<T>(1)? } else { &[] };
    let columns = if rule::flag(params, 0) { launch.shape(0).dims()[1] as usize } else { x.len() };
    let row_of = |row: usize| row * columns..(row + 1) * columns;
    if matches!(reduction, Reduction::ArgMin | Reduction::ArgMax) {
        for (row, out) in launch.output::<i64>()?.iter_mut().enumerate() {
            *out = arg(&x[row_of(row)], reduction == Reduction::ArgMax) as i64;
        }
        return Ok(());
    }
    for (row, out) in launch.output::<T>()?.iter_mut().enumerate() {
        let row = row_of(row);
        let value = match reduction {
            Reduction::Sum => sum(&x[row]),
            Reduction::Dot => dot(&x[row.clone()], &y[row]),
            Reduction::SumSq => sum_sq_of(&x[row]),
            Reduction::Mean => mean_of(&x[row]),
            Reduction::Var => var_of(&x[row.clone()], mean_of(&x[row])),
            Reduction::Norm2 => norm2_of(&x[row]),
            Reduction::Min | Reduction::ArgMin => extreme(&x[row], false),
            Reduction::Max | Reduction::ArgMax => extreme(&x[row], true),
            Reduction::SumExact => sum_exact(&x[row]),
            Reduction::DotExact => dot_exact(&x[row.clone()], &y[row]),
        };
        *out = value.canonical();
    }
    Ok(())
}
