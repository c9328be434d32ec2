//! Random numbers in groups of blocks, on threads; every group finds its place by its index.

use bytemuck::Pod;
use rayon::prelude::*;

use super::{KEY_STEPS, MULTIPLIERS, seed_and_stream, uniform_f32, uniform_f64};
use crate::blocks::PARALLEL_FROM;
use crate::catalogue::{Dtype, ParamValue};
use crate::dispatch::{Level, levels};
use crate::launch::{Launch, LaunchError};

/// Blocks that are computed together, so that the compiler can keep one in each vector lane.
const GROUP: usize = 16;

/// Words of a group.
pub(super) const GROUP_WORDS: usize = GROUP * 4;

/// Groups that one thread takes at a time.
const TASK: usize = 512;

/// Words, or uniform numbers of the output's dtype.
pub(crate) fn philox(
    level: Level,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), LaunchError> {
    let (seed, stream) = seed_and_stream(params);
    match launch.output_dtype() {
        Dtype::F32 => {
            fill::<_, GROUP_WORDS>(launch.output()?, |first, out| uniform_f32s(level, seed, stream, first, out))
        }
        Dtype::F64 => {
            fill::<_, { GROUP_WORDS / 2 }>(launch.output()?, |first, out| uniform_f64s(level, seed, stream, first, out))
        }
        _ => fill::<_, GROUP_WORDS>(launch.output()?, |first, out| words(level, seed, stream, first, out)),
    }
    Ok(())
}

/// Calls `task` with the first group's index and the elements from there on; a group is `N` elements.
pub(super) fn fill<T: Pod + Send, const N: usize>(out: &mut [T], task: impl Fn(u64, &mut [T]) + Sync) {
    if out.len() < PARALLEL_FROM {
        return task(0, out);
    }
    out.par_chunks_mut(N * TASK).enumerate().for_each(|(index, out)| task((index * TASK) as u64, out));
}

/// The words of one group, in the order of the elements: the rounds of [`super::philox`] with one block in each lane.
#[inline(always)]
fn group(seed: u64, stream: u64, group: u64) -> [u32; GROUP_WORDS] {
    let block = |lane: usize| group * GROUP as u64 + lane as u64;
    let mut c0: [u32; GROUP] = std::array::from_fn(|lane| block(lane) as u32);
    let mut c1: [u32; GROUP] = std::array::from_fn(|lane| (block(lane) >> 32) as u32);
    let mut c2 = [stream as u32; GROUP];
    let mut c3 = [(stream >> 32) as u32; GROUP];
    let [mut k0, mut k1] = [seed as u32, (seed >> 32) as u32];
    for _ in 0..10 {
        for lane in 0..GROUP {
            let product0 = u64::from(c0[lane]) * MULTIPLIERS[0];
            let product1 = u64::from(c2[lane]) * MULTIPLIERS[1];
            c0[lane] = (product1 >> 32) as u32 ^ c1[lane] ^ k0;
            c1[lane] = product1 as u32;
            c2[lane] = (product0 >> 32) as u32 ^ c3[lane] ^ k1;
            c3[lane] = product0 as u32;
        }
        k0 = k0.wrapping_add(KEY_STEPS[0]);
        k1 = k1.wrapping_add(KEY_STEPS[1]);
    }
    let mut words = [0; GROUP_WORDS];
    for (lane, words) in words.chunks_exact_mut(4).enumerate() {
        words.copy_from_slice(&[c0[lane], c1[lane], c2[lane], c3[lane]]);
    }
    words
}

levels! {
    /// The words of the groups from `first` on, as many as `out` holds.
    pub(super) fn words [](seed: u64, stream: u64, first: u64, out: &mut [u32]) {
        for (index, out) in out.chunks_mut(GROUP_WORDS).enumerate() {
            let words = group(seed, stream, first + index as u64);
            out.copy_from_slice(&words[..out.len()]);
        }
    }
}

levels! {
    fn uniform_f32s [](seed: u64, stream: u64, first: u64, out: &mut [f32]) {
        for (index, out) in out.chunks_mut(GROUP_WORDS).enumerate() {
            let words = group(seed, stream, first + index as u64);
            for (out, word) in out.iter_mut().zip(words) {
                *out = uniform_f32(word);
            }
        }
    }
}

levels! {
    fn uniform_f64s [](seed: u64, stream: u64, first: u64, out: &mut [f64]) {
        for (index, out) in out.chunks_mut(GROUP_WORDS / 2).enumerate() {
            let words = group(seed, stream, first + index as u64);
            for (out, pair) in out.iter_mut().zip(words.chunks_exact(2)) {
                *out = uniform_f64(pair[0], pair[1]);
            }
        }
    }
}
