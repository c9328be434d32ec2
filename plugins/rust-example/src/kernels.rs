//! The kernels. To add one: write its function, and give it a line in `Kernel::ALL`. What stands at which place of a
//! launch is in clamp_kernels.h; the host has checked counts, types, shapes and overlap. The bits are fixed by the kernel
//! specification: one rounding for every operation, and one form of NaN.

use clamp_plugin_api::abi::{ArrayLayout, Fault, LaunchRef, Status};

use crate::Plain;
use crate::memory::Memory;

/// Runs one launch.
type Run = fn(&LaunchRef<'_, Plain>) -> Result<(), Fault>;

/// An opened kernel. One with fixed parameters keeps them here.
#[derive(Clone, Copy)]
pub(crate) struct Kernel {
    id: &'static str,
    run: Run,
}

impl Kernel {
    const ALL: &'static [Kernel] = &[
        Kernel { id: "add.f32.v1", run: |launch| binary(launch, |x, y| x + y) },
        Kernel { id: "clamp.f32.v1", run: clamp },
        Kernel { id: "copy.f32.v1", run: copy },
        Kernel { id: "gather_rows.f32.v1", run: gather_rows },
        Kernel { id: "mul.f32.v1", run: |launch| binary(launch, |x, y| x * y) },
        Kernel { id: "neg.f32.v1", run: |launch| unary(launch, |x| -x) },
    ];

    pub(crate) fn find(id: &str) -> Option<Kernel> {
        Self::ALL.iter().find(|kernel| kernel.id == id).copied()
    }
}

pub(crate) fn run(launch: &LaunchRef<'_, Plain>) -> Result<(), Fault> {
    (launch.kernel.run)(launch)
}

/// What is stored for a computed NaN is always the same one.
fn stored(x: f32) -> f32 {
    if x.is_nan() { f32::from_bits(0x7fc0_0000) } else { x }
}

/// The order of the specification: -0 lies before +0, and a NaN wins.
fn lesser(x: f32, y: f32) -> f32 {
    let first = if x == y { x.is_sign_negative() } else { x < y };
    if x.is_nan() || y.is_nan() {
        f32::NAN
    } else if first {
        x
    } else {
        y
    }
}

fn greater(x: f32, y: f32) -> f32 {
    -lesser(-x, -y)
}

fn unary(launch: &LaunchRef<'_, Plain>, f: impl Fn(f32) -> f32) -> Result<(), Fault> {
    let (x, out) = (input::<f32>(launch, 0)?, output::<f32>(launch, 0)?);
    for element in 0..out.count {
        out.put(element, stored(f(x.at(element))));
    }
    Ok(())
}

fn binary(launch: &LaunchRef<'_, Plain>, f: impl Fn(f32, f32) -> f32) -> Result<(), Fault> {
    let (x, y, out) = (input::<f32>(launch, 0)?, input::<f32>(launch, 1)?, output::<f32>(launch, 0)?);
    for element in 0..out.count {
        out.put(element, stored(f(x.at(element), y.at(element))));
    }
    Ok(())
}

/// Parameters come as 8 bytes each; the bits of an f32 are the low ones.
fn clamp(launch: &LaunchRef<'_, Plain>) -> Result<(), Fault> {
    let [lo, hi] = *launch.params else { return Err(Fault::invalid("clamp takes two parameters")) };
    let (lo, hi) = (f32::from_bits(lo as u32), f32::from_bits(hi as u32));
    unary(launch, |x| lesser(greater(x, lo), hi))
}

/// A move keeps every bit, so it does not go through a float.
fn copy(launch: &LaunchRef<'_, Plain>) -> Result<(), Fault> {
    let (x, out) = (input::<u32>(launch, 0)?, output::<u32>(launch, 0)?);
    for element in 0..out.count {
        out.put(element, x.at(element));
    }
    Ok(())
}

/// A wrong value is found here and nowhere else: a data error that names the lowest element.
fn gather_rows(launch: &LaunchRef<'_, Plain>) -> Result<(), Fault> {
    let (table, ids, out) = (input::<u32>(launch, 0)?, input::<i64>(launch, 1)?, output::<u32>(launch, 0)?);
    let rows = table.dims.first().copied().unwrap_or(0);
    let columns = out.count.checked_div(ids.count).unwrap_or(0);
    for place in 0..ids.count {
        let id = ids.at(place);
        let Some(row) = usize::try_from(id).ok().filter(|row| (*row as u64) < rows) else {
            let message = format!("input `ids`: element {place} is {id}, but `table` has {rows} rows");
            return Err(Fault { element: place as u64, ..Fault::new(Status::Data, message) });
        };
        for column in 0..columns {
            out.put(place * columns + column, table.at(row * columns + column));
        }
    }
    Ok(())
}

/// An array of a launch. The output may be exactly an input, so elements are read and written one at a time and no
/// slice is ever made.
struct Array<'a, T> {
    start: *mut T,
    count: usize,
    dims: &'a [u64],
}

fn input<'a, T>(launch: &LaunchRef<'a, Plain>, place: usize) -> Result<Array<'a, T>, Fault> {
    match launch.inputs.get(place) {
        Some(Some((buffer, layout))) => Array::of(buffer, layout),
        _ => Err(Fault::invalid(format!("input {place} is missing"))),
    }
}

fn output<'a, T>(launch: &LaunchRef<'a, Plain>, place: usize) -> Result<Array<'a, T>, Fault> {
    match launch.outputs.get(place) {
        Some((buffer, layout)) => Array::of(buffer, layout),
        None => Err(Fault::invalid(format!("output {place} is missing"))),
    }
}

impl<'a, T> Array<'a, T> {
    fn of(buffer: &Memory, layout: &'a ArrayLayout) -> Result<Self, Fault> {
        let dims = layout.dims();
        let count = dims.iter().try_fold(1_u64, |product, dim| product.checked_mul(*dim));
        let bytes = count.and_then(|count| count.checked_mul(size_of::<T>() as u64));
        let (Some(count), Some(bytes)) = (count, bytes) else { return Err(Fault::invalid("an array is too large")) };
        let start = buffer.to_read(layout.byte_offset, bytes)?.cast_mut().cast::<T>();
        if count > 0 && !start.is_aligned() {
            return Err(Fault::invalid("an array is not aligned to its elements"));
        }
        Ok(Self { start, count: count as usize, dims })
    }

    fn at(&self, element: usize) -> T
    where
        T: Copy,
    {
        assert!(element < self.count, "element {element} of {}", self.count);
        // SAFETY: inside, aligned, and all of these types are made of any bits.
        unsafe { self.start.add(element).read() }
    }

    fn put(&self, element: usize, value: T) {
        assert!(element < self.count, "element {element} of {}", self.count);
        // SAFETY: inside and aligned; `submit` has seen that outputs may be written.
        unsafe { self.start.add(element).write(value) };
    }
}
