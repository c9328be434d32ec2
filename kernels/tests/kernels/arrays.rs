//! Owned, aligned arrays for the tests, how to fill them, and how to run a kernel over them. It expects nothing of the
//! results.

use clamp_kernels::catalogue::{Dtype, FixedParams, Given, KernelSpec, Shape, find};
use clamp_kernels::random::philox_words;
use clamp_kernels::{Data, Input, Kernel, Launch, LaunchError, Level, Output};

/// An array with memory of its own, aligned to 8 bytes.
#[derive(Clone, Debug)]
pub struct Array {
    pub dtype: Dtype,
    pub shape: Shape,
    words: Vec<u64>,
}

impl Array {
    pub fn new(dtype: Dtype, dims: &[u64]) -> Array {
        let shape = Shape::new(dims).expect("shape");
        // Not zero, so that an element that is not written shows.
        Array { dtype, shape, words: vec![0xa5a5_a5a5_a5a5_a5a5; shape.bytes(dtype).div_ceil(8) as usize] }
    }

    pub fn of<T: bytemuck::NoUninit>(dtype: Dtype, dims: &[u64], values: &[T]) -> Array {
        let mut array = Array::new(dtype, dims);
        array.bytes_mut().copy_from_slice(bytemuck::cast_slice(values));
        array
    }

    pub fn f32s(values: &[f32]) -> Array {
        Array::of(Dtype::F32, &[values.len() as u64], values)
    }

    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.shape.bytes(self.dtype) as usize]
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let len = self.shape.bytes(self.dtype) as usize;
        &mut bytemuck::cast_slice_mut(&mut self.words)[..len]
    }

    fn as_output(&mut self) -> Output<'_> {
        Output { dtype: self.dtype, shape: self.shape, data: self.bytes_mut() }
    }

    pub fn values<T: bytemuck::AnyBitPattern>(&self) -> Vec<T> {
        bytemuck::cast_slice(self.bytes()).to_vec()
    }
}

/// What the elements of an array are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Floats in [-1, 1); small integers.
    Tame,
    /// Any bit pattern, a quarter of them special: zeros, subnormals, infinities, NaNs with payloads, and the edges
    /// of the integer types.
    Wild,
}

const SPECIAL_F32: [u32; 24] = [
    0x0000_0000,
    0x8000_0000,
    0x0000_0001,
    0x8000_0001,
    0x007f_ffff,
    0x807f_ffff,
    0x0080_0000,
    0x7f7f_ffff,
    0xff7f_ffff,
    0x7f80_0000,
    0xff80_0000,
    0x7fc0_0000,
    0xffc0_0000,
    0x7f80_0001,
    0xff81_2345,
    0x7fff_ffff,
    0x3f80_0000,
    0xbf80_0000,
    0x3f00_0000,
    0xbfc0_0000,
    0x4f00_0000,
    0xcf00_0000,
    0x4f80_0000,
    0x5f00_0000,
];

const SPECIAL_F64: [u64; 16] = [
    0,
    1 << 63,
    1,
    0x800f_ffff_ffff_ffff,
    0x0010_0000_0000_0000,
    0x7fef_ffff_ffff_ffff,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x7ff8_0000_0000_0000,
    0x7ff0_0000_0000_0001,
    0xfff8_1234_5678_9abc,
    0x3ff0_0000_0000_0000,
    0x41df_ffff_ffe0_0000,
    0xc1e0_0000_0010_0000,
    0x43e0_0000_0000_0000,
    0x41ef_ffff_fff0_0000,
];

const SPECIAL_I32: [u32; 6] = [0, 1, u32::MAX, i32::MAX as u32, i32::MIN as u32, 0x0100_0001];

const SPECIAL_I64: [u64; 10] = [
    0,
    1,
    u64::MAX,
    i64::MAX as u64,
    i64::MIN as u64,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0xffff_ffff_8000_0000,
];

/// An array of these elements; the same `seed` gives the same.
pub fn filled(dtype: Dtype, dims: &[u64], fill: Fill, seed: u64) -> Array {
    let mut array = Array::new(dtype, dims);
    let elements = array.shape.elements() as usize;
    let mut words = vec![0u32; 4 * elements];
    philox_words(seed, 0, 0, &mut words);
    let size = dtype.size() as usize;
    for (bytes, words) in array.bytes_mut().chunks_exact_mut(size).zip(words.chunks_exact(4)) {
        let wide = u64::from(words[0]) << 32 | u64::from(words[1]);
        let special = words[2].is_multiple_of(4);
        let pick = words[3] as usize;
        let bits = match (dtype, fill) {
            (Dtype::F32, Fill::Tame) => u64::from(((words[0] as i32) as f32 / 2_147_483_648.0).to_bits()),
            (Dtype::F64, Fill::Tame) => ((wide as i64) as f64 / 9_223_372_036_854_775_808.0).to_bits(),
            (_, Fill::Tame) => wide % 100,
            (Dtype::F32, _) if special => u64::from(SPECIAL_F32[pick % SPECIAL_F32.len()]),
            (Dtype::F64, _) if special && pick.is_multiple_of(2) => SPECIAL_F64[pick / 2 % SPECIAL_F64.len()],
            // Near the edges of the integers and of f32, where an f64 has bits to lose.
            (Dtype::F64, _) if special => {
                let near = f64::from(f32::from_bits(SPECIAL_F32[pick / 2 % SPECIAL_F32.len()]));
                near.to_bits() ^ (wide % 8) << 26
            }
            (Dtype::I32 | Dtype::U32, _) if special => u64::from(SPECIAL_I32[pick % SPECIAL_I32.len()]),
            (Dtype::I64 | Dtype::U64, _) if special => SPECIAL_I64[pick % SPECIAL_I64.len()],
            // Of every magnitude, not only the greatest.
            (Dtype::I32 | Dtype::U32, _) => u64::from(words[0] >> (pick % 32)),
            (Dtype::I64 | Dtype::U64, _) => wide >> (pick % 64),
            (Dtype::U8, _) if special => 0,
            _ => wide,
        };
        bytes.copy_from_slice(&bits.to_le_bytes()[..size]);
    }
    array
}

/// How to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Reference,
    Cpu(Level),
}

/// The reference, then the CPU code at the best level that is here.
pub fn hows() -> [How; 2] {
    [How::Reference, How::Cpu(Level::best())]
}

/// The levels that this CPU has.
pub fn levels() -> impl Iterator<Item = Level> {
    Level::ALL.into_iter().filter(|level| level.is_here())
}

/// The kernel's catalogue entry.
pub fn spec(id: &str) -> &'static KernelSpec {
    find(id).expect("kernel")
}

/// Runs the kernel, with memory of its own for its first output, and gives that.
pub fn run(id: &str, inputs: &[Option<&Array>], given: &[(&str, Given<'_>)], how: How) -> Result<Array, LaunchError> {
    run_all(id, inputs, given, how).map(|mut outputs| outputs.swap_remove(0))
}

/// Runs the kernel, with memory of their own for the outputs, and gives those.
pub fn run_all(
    id: &str,
    inputs: &[Option<&Array>],
    given: &[(&str, Given<'_>)],
    how: How,
) -> Result<Vec<Array>, LaunchError> {
    let (fixed, launch) = spec(id).split_params(given).expect("parameters");
    let params = spec(id).param_values(&fixed, &launch).expect("parameters");
    let shapes: Vec<Option<Shape>> = inputs.iter().map(|input| input.map(|input| input.shape)).collect();
    let shapes = spec(id).output_shapes(&shapes, &params).expect("shapes");
    let outputs = spec(id).outputs.iter().zip(shapes);
    let mut outputs: Vec<Array> = outputs.map(|(output, shape)| Array::new(output.dtype, shape.dims())).collect();
    launch_into(id, inputs, &[], given, &mut outputs, how)?;
    Ok(outputs)
}

/// Runs the kernel on this one output; the inputs at the positions `in_place` are the output itself, whatever was given.
pub fn run_into(
    id: &str,
    inputs: &[Option<&Array>],
    in_place: &[usize],
    given: &[(&str, Given<'_>)],
    out: &mut Array,
    how: How,
) -> Result<(), LaunchError> {
    launch_into(id, inputs, in_place, given, std::slice::from_mut(out), how)
}

fn launch_into<'a>(
    id: &str,
    inputs: &[Option<&'a Array>],
    in_place: &[usize],
    given: &[(&str, Given<'_>)],
    outputs: &mut [Array],
    how: How,
) -> Result<(), LaunchError> {
    let (fixed, params): (FixedParams, _) = spec(id).split_params(given).expect("parameters");
    let kernel = Kernel::open(id, &fixed).expect("open");
    let describe = |(position, array): (usize, &Option<&'a Array>)| {
        array.map(|array| {
            let data = if in_place.contains(&position) { Data::Output(0) } else { Data::Bytes(array.bytes()) };
            Input { dtype: array.dtype, shape: array.shape, data }
        })
    };
    let inputs: Vec<Option<Input<'_>>> = inputs.iter().enumerate().map(describe).collect();
    let mut outputs: Vec<Output<'_>> = outputs.iter_mut().map(Array::as_output).collect();
    let mut launch = Launch { inputs: &inputs, outputs: &mut outputs, params: &params.values, present: params.present };
    match how {
        How::Reference => kernel.run_reference(&mut launch),
        How::Cpu(level) => kernel.at_level(level).run(&mut launch),
    }
}
