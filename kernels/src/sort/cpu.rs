//! Sorting by integer keys: floats in the page's order are unsigned integers in theirs, once the bits are turned.

use rayon::prelude::*;

use super::radix::{Item, Placed, sort_items};
use crate::blocks::{PARALLEL_FROM, walk_each};
use crate::catalogue::Dtype;
use crate::dispatch::Level;
use crate::float::Float;
use crate::launch::{Launch, LaunchError, Operand, aside};

/// The elements, ascending.
pub(crate) fn sort(level: Level, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.input_dtype() {
        Dtype::F32 => {
            let x = launch.slice::<f32>(0)?;
            let out = launch.output::<u32>()?;
            walk_each(level, [Operand::Slice(x)], out, |[x]| key_of_f32(x));
            sort_items(out)?;
            walk_each(level, [Operand::Output], out, |[keys]| bits_of_key_32(keys));
        }
        _ => {
            let x = launch.slice::<f64>(0)?;
            let out = launch.output::<u64>()?;
            walk_each(level, [Operand::Slice(x)], out, |[x]| key_of_f64(x));
            sort_items(out)?;
            walk_each(level, [Operand::Output], out, |[keys]| bits_of_key_64(keys));
        }
    }
    Ok(())
}

/// The places of the elements, ascending. Key and place are sorted as one item, so no two are equal.
pub(crate) fn argsort(launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.input_dtype() {
        Dtype::F32 => {
            let x = launch.slice::<f32>(0)?;
            if x.len() as u64 <= 1 << 32 {
                let item = |place: usize, &x: &f32| Placed::new(key_of_f32(x), place as u32);
                places(x, launch.output()?, item, |item| i64::from(item.place()))
            } else {
                let item = |place: usize, &x: &f32| (u64::from(key_of_f32(x)), place as u64);
                places(x, launch.output()?, item, |(_, place)| place as i64)
            }
        }
        _ => {
            let item = |place: usize, &x: &f64| (key_of_f64(x), place as u64);
            places(launch.slice(0)?, launch.output()?, item, |(_, place)| place as i64)
        }
    }
}

fn places<T: Sync, I: Item>(
    x: &[T],
    out: &mut [i64],
    item: impl Fn(usize, &T) -> I + Sync,
    place: impl Fn(I) -> i64 + Sync,
) -> Result<(), LaunchError> {
    let mut items = aside(x.len(), I::default())?;
    if x.len() < PARALLEL_FROM {
        items.iter_mut().zip(x).enumerate().for_each(|(at, (to, x))| *to = item(at, x));
    } else {
        items.par_iter_mut().zip(x).enumerate().for_each(|(at, (to, x))| *to = item(at, x));
    }
    sort_items(&mut items)?;
    let write = |(out, items): (&mut [i64], &[I])| {
        out.iter_mut().zip(items).for_each(|(out, &item)| *out = place(item));
    };
    if x.len() < PARALLEL_FROM {
        write((out, &items));
    } else {
        out.par_chunks_mut(PARALLEL_FROM).zip(items.par_chunks(PARALLEL_FROM)).for_each(write);
    }
    Ok(())
}

/// Negative numbers turn all bits, the others the sign alone.
#[inline(always)]
fn key_of_f32(x: f32) -> u32 {
    let bits = x.canonical().to_bits();
    bits ^ ((bits as i32 >> 31) as u32 | 1 << 31)
}

#[inline(always)]
fn bits_of_key_32(key: u32) -> u32 {
    key ^ (!(key as i32 >> 31) as u32 | 1 << 31)
}

#[inline(always)]
fn key_of_f64(x: f64) -> u64 {
    let bits = x.canonical().to_bits();
    bits ^ ((bits as i64 >> 63) as u64 | 1 << 63)
}

#[inline(always)]
fn bits_of_key_64(key: u64) -> u64 {
    key ^ (!(key as i64 >> 63) as u64 | 1 << 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_the_order_and_go_back() {
        let values = [f32::NEG_INFINITY, f32::MIN, -1.0, -1e-45, -0.0, 0.0, 1e-45, 1.0, f32::MAX, f32::INFINITY];
        let keys = values.map(key_of_f32);
        assert!(keys.is_sorted_by(|one, other| one < other), "{keys:?}");
        assert_eq!(keys.map(bits_of_key_32), values.map(f32::to_bits));
        let values = values.map(f64::from);
        let keys = values.map(key_of_f64);
        assert!(keys.is_sorted_by(|one, other| one < other), "{keys:?}");
        assert_eq!(keys.map(bits_of_key_64), values.map(f64::to_bits));
        assert_eq!(bits_of_key_32(key_of_f32(f32::from_bits(0xffff_ffff))), 0x7fc0_0000);
        assert!(key_of_f64(f64::from_bits(0xfff0_0000_0000_0001)) > key_of_f64(f64::INFINITY));
    }
}
