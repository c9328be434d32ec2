//! Elementwise operations in blocks. Each arm instantiates its own loop, so that the compiler can vectorise it.

use bytemuck::Pod;

use super::rsqrt::Rsqrt;
use crate::blocks::{walk, walk_each};
use crate::catalogue::{Binary, Dtype, ParamValue, Unary};
use crate::dispatch::Level;
use crate::float::Float;
use crate::launch::{Launch, LaunchError};

/// One operand.
pub(crate) fn unary(level: Level, op: Unary, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.output_dtype() {
        Dtype::F32 if op == Unary::Copy => each1(level, launch, |x: u32| x),
        Dtype::F32 => unary_of::<f32>(level, op, launch),
        _ if op == Unary::Copy => each1(level, launch, |x: u64| x),
        _ => unary_of::<f64>(level, op, launch),
    }
}

fn unary_of<T: Rsqrt>(level: Level, op: Unary, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match op {
        Unary::Copy => each1(level, launch, |x: T| x),
        Unary::Neg => each1(level, launch, |x: T| x.negated().canonical()),
        Unary::Abs => each1(level, launch, |x: T| x.magnitude().canonical()),
        Unary::Sqrt => each1(level, launch, |x: T| x.root().canonical()),
        Unary::Rsqrt => each1(level, launch, |x: T| x.rsqrt().canonical()),
        Unary::Relu => each1(level, launch, |x: T| x.greatest(T::ZERO)),
    }
}

/// Two operands.
pub(crate) fn binary(level: Level, op: Binary, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.output_dtype() {
        Dtype::F32 => binary_of::<f32>(level, op, launch),
        _ => binary_of::<f64>(level, op, launch),
    }
}

fn binary_of<T: Float>(level: Level, op: Binary, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match op {
        Binary::Add => each2(level, launch, |x: T, y| (x + y).canonical()),
        Binary::Sub => each2(level, launch, |x: T, y| (x - y).canonical()),
        Binary::Mul => each2(level, launch, |x: T, y| (x * y).canonical()),
        Binary::Div => each2(level, launch, |x: T, y| (x / y).canonical()),
        Binary::Min => each2(level, launch, |x: T, y| x.least(y)),
        Binary::Max => each2(level, launch, |x: T, y| x.greatest(y)),
    }
}

/// x * y + z, rounded once.
pub(crate) fn fma(level: Level, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.output_dtype() {
        Dtype::F32 => fma_of::<f32>(level, launch),
        _ => fma_of::<f64>(level, launch),
    }
}

fn fma_of<T: Float>(level: Level, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let operands = [launch.operand(0)?, launch.operand(1)?, launch.operand(2)?];
    walk_each(level, operands, launch.output()?, |[x, y, z]: [T; 3]| x.fused(y, z).canonical());
    Ok(())
}

/// min(max(x, lo), hi).
pub(crate) fn clamp(
    level: Level,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), LaunchError> {
    match *params {
        [Some(ParamValue::F32(lo)), Some(ParamValue::F32(hi))] => {
            each1(level, launch, move |x: f32| x.greatest(lo).least(hi))
        }
        [Some(ParamValue::F64(lo)), Some(ParamValue::F64(hi))] => {
            each1(level, launch, move |x: f64| x.greatest(lo).least(hi))
        }
        _ => unreachable!("the catalogue requires both bounds, of the array's dtype"),
    }
}

/// y where x is not 0, else z.
pub(crate) fn select(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.output_dtype() {
        Dtype::F32 => select_bits::<u32>(launch),
        _ => select_bits::<u64>(launch),
    }
}

fn select_bits<T: Pod + Send + Sync>(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let condition = launch.slice::<u8>(0)?;
    let operands = [launch.operand::<T>(1)?, launch.operand::<T>(2)?];
    walk(operands, launch.output()?, |start, [y, z], out| {
        let condition = &condition[start..start + out.len()];
        for (((out, &x), &y), &z) in out.iter_mut().zip(condition).zip(y).zip(z) {
            *out = if x != 0 { y } else { z };
        }
    });
    Ok(())
}

/// Writes `f(x)` everywhere.
pub(crate) fn each1<T: Pod + Send + Sync>(
    level: Level,
    launch: &mut Launch<'_, '_>,
    f: impl Fn(T) -> T + Copy + Sync,
) -> Result<(), LaunchError> {
    let operands = [launch.operand(0)?];
    walk_each(level, operands, launch.output()?, |[x]| f(x));
    Ok(())
}

fn each2<T: Pod + Send + Sync>(
    level: Level,
    launch: &mut Launch<'_, '_>,
    f: impl Fn(T, T) -> T + Copy + Sync,
) -> Result<(), LaunchError> {
    let operands = [launch.operand(0)?, launch.operand(1)?];
    walk_each(level, operands, launch.output()?, |[x, y]| f(x, y));
    Ok(())
}
