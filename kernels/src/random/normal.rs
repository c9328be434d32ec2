//! Normal numbers by Box and Muller from pairs of words, in blocks: one function at a time over a block in the nearest
//! cache.

use super::cpu::{GROUP_WORDS, fill, words};
use super::seed_and_stream;
use crate::catalogue::{Function, ParamValue};
use crate::dispatch::{Level, levels};
use crate::function::cpu::block;
use crate::launch::{DataError, Launch};

/// Pairs that go through all steps before the next do.
const PAIRS: usize = 8 * GROUP_WORDS;

/// n normal numbers.
pub(crate) fn normal(
    level: Level,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), DataError> {
    let (seed, stream) = seed_and_stream(params);
    fill::<f32, GROUP_WORDS>(launch.output()?, |first, out| {
        let mut buffers = [[0f32; PAIRS]; 4];
        let mut drawn = [0u32; 2 * PAIRS];
        for (index, out) in out.chunks_mut(2 * PAIRS).enumerate() {
            // An odd element needs its pair, too.
            let pairs = out.len().div_ceil(2);
            let drawn = &mut drawn[..2 * pairs];
            words(level, seed, stream, first + (index * 2 * PAIRS / GROUP_WORDS) as u64, drawn);
            let [p, t, radius, angle] = buffers.each_mut().map(|buffer| &mut buffer[..pairs]);
            uniform(level, drawn, p, t);
            block(level, Function::Log, p, radius);
            root(level, radius);
            for (position, function) in [Function::Cospi, Function::Sinpi].into_iter().enumerate() {
                block(level, function, t, angle);
                product(level, radius, angle, position, out);
            }
        }
    });
    Ok(())
}

levels! {
    fn uniform [](words: &[u32], p: &mut [f32], t: &mut [f32]) {
        for ((words, p), t) in words.chunks_exact(2).zip(p).zip(t) {
            (*p, *t) = (super::open_uniform(words[0]), 2.0 * super::uniform_f32(words[1]));
        }
    }
}

levels! {
    fn root [](radius: &mut [f32]) {
        for r in radius {
            *r = (-2.0 * *r).sqrt();
        }
    }
}

levels! {
    fn product [](radius: &[f32], angle: &[f32], position: usize, out: &mut [f32]) {
        for ((out, &r), &a) in out.iter_mut().skip(position).step_by(2).zip(radius).zip(angle) {
            *out = r * a;
        }
    }
}
