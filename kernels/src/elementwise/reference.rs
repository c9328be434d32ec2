//! Elementwise operations one element at a time, as the specification writes them.

use bytemuck::Pod;

use super::rsqrt::Rsqrt;
use crate::catalogue::{Binary, Dtype, ParamValue, Unary};
use crate::float::Float;
use crate::launch::{Launch, LaunchError};

/// One operand.
pub(crate) fn unary(op: Unary, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.output_dtype() {
        // A move is one of bit patterns: it keeps a NaN as it is.
        Dtype::F32 if op == Unary::Copy => each1(launch, |x: u32| x),
        Dtype::F32 => each1(launch, unary_step::<f32>(op)),
        _ if op == Unary::Copy => each1(launch, |x: u64| x),
        _ => each1(launch, unary_step::<f64>(op)),
    }
}

fn unary_step<T: Rsqrt>(op: Unary) -> fn(T) -> T {
    match op {
        Unary::Copy => |x| x,
        Unary::Neg => |x| x.negated().canonical(),
        Unary::Abs => |x| x.magnitude().canonical(),
        Unary::Sqrt => |x| x.root().canonical(),
        Unary::Rsqrt => |x| x.rsqrt().canonical(),
        Unary::Relu => |x| x.greatest(T::ZERO),
    }
}

/// Two operands.
pub(crate) fn binary(op: Binary, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.output_dtype() {
        Dtype::F32 => each2(launch, binary_step::<f32>(op)),
        _ => each2(launch, binary_step::<f64>(op)),
    }
}

fn binary_step<T: Float>(op: Binary) -> fn(T, T) -> T {
    match op {
        Binary::Add => |x, y| (x + y).canonical(),
        Binary::Sub => |x, y| (x - y).canonical(),
        Binary::Mul => |x, y| (x * y).canonical(),
        Binary::Div => |x, y| (x / y).canonical(),
        Binary::Min => |x, y| x.least(y),
        Binary::Max => |x, y| x.greatest(y),
    }
}

/// x * y + z, rounded once.
pub(crate) fn fma(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.output_dtype() {
        Dtype::F32 => each3(launch, |x: f32, y, z| x.fused(y, z).canonical()),
        _ => each3(launch, |x: f64, y, z| x.fused(y, z).canonical()),
    }
}

/// min(max(x, lo), hi).
pub(crate) fn clamp(launch: &mut Launch<'_, '_>, params: &[Option<ParamValue>]) -> Result<(), LaunchError> {
    match *params {
        [Some(ParamValue::F32(lo)), Some(ParamValue::F32(hi))] => each1(launch, |x: f32| x.greatest(lo).least(hi)),
        [Some(ParamValue::F64(lo)), Some(ParamValue::F64(hi))] => each1(launch, |x: f64| x.greatest(lo).least(hi)),
        _ => unreachable!("the catalogue requires both bounds, of the array's dtype"),
    }
}

/// y where x is not 0, else z; a move of bit patterns.
pub(crate) fn select(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.output_dtype() {
        Dtype::F32 => select_bits::<u32>(launch),
        _ => select_bits::<u64>(launch),
    }
}

fn select_bits<T: Pod>(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let (x, y, z) = (launch.slice::<u8>(0)?, launch.operand::<T>(1)?, launch.operand::<T>(2)?);
    for (index, out) in launch.output::<T>()?.iter_mut().enumerate() {
        *out = if x[index] != 0 { y.get(index, *out) } else { z.get(index, *out) };
    }
    Ok(())
}

/// Writes `f(x)` everywhere.
pub(crate) fn each1<T: Pod>(launch: &mut Launch<'_, '_>, f: impl Fn(T) -> T) -> Result<(), LaunchError> {
    let x = launch.operand(0)?;
    for (index, out) in launch.output()?.iter_mut().enumerate() {
        *out = f(x.get(index, *out));
    }
    Ok(())
}

fn each2<T: Pod>(launch: &mut Launch<'_, '_>, f: impl Fn(T, T) -> T) -> Result<(), LaunchError> {
    let (x, y) = (launch.operand(0)?, launch.operand(1)?);
    for (index, out) in launch.output()?.iter_mut().enumerate() {
        *out = f(x.get(index, *out), y.get(index, *out));
    }
    Ok(())
}

fn each3<T: Pod>(launch: &mut Launch<'_, '_>, f: impl Fn(T, T, T) -> T) -> Result<(), LaunchError> {
    let (x, y, z) = (launch.operand(0)?, launch.operand(1)?, launch.operand(2)?);
    for (index, out) in launch.output()?.iter_mut().enumerate() {
        *out = f(x.get(index, *out), y.get(index, *out), z.get(index, *out));
    }
    Ok(())
}
