//! Comparisons one pair at a time.

use crate::catalogue::{Dtype, Relation};
use crate::float::Float;
use crate::launch::{Launch, LaunchError};

/// 1 where the relation holds, else 0.
pub(crate) fn compare(relation: Relation, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.input_dtype() {
        Dtype::F32 => compare_of::<f32>(relation, launch),
        _ => compare_of::<f64>(relation, launch),
    }
}

fn compare_of<T: Float>(relation: Relation, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let holds: fn(&T, &T) -> bool = match relation {
        Relation::Lt => T::lt,
        Relation::Le => T::le,
        Relation::Eq => T::eq,
        Relation::Ne => T::ne,
        Relation::Gt => T::gt,
        Relation::Ge => T::ge,
    };
    let (x, y) = (launch.slice(0)?, launch.slice(1)?);
    for ((out, x), y) in launch.output::<u8>()?.iter_mut().zip(x).zip(y) {
        *out = u8::from(holds(x, y));
    }
    Ok(())
}
