//! Normal numbers by Box and Muller from pairs of words, in blocks: one function at a time over a block in the nearest
//! cache.

use super::cpu::{GROUP_WORDS, fill, words};
use super::seed_and_stream;
use crate::catalogue::{Function, ParamValue};
use crate::dispatch::{Level, levels};
use crate::function::cpu::block;
use crate::launch::{Launch, LaunchError};

/// Pairs that go through all steps before the next do.
const PAIRS: usize = 8 * GROUP_WORDS;

/// n normal numbers.
pub(crate) fn normal(
    level: Level,
    launch: &mut Launch<'_, '_>,
    params: &[Option<ParamValue>],
) -> Result<(), LaunchError> {
    let (seed, stream) = seed_and_stream(params);
    fill::<f32, GROUP_WORDS>(launch.output()?, |first, out| {
        let mut buffers = [[0f32; PAIRS]; 5];
        let mut drawn = [0u32; 2 * PAIRS];
        for (index, out) in out.chunks_mut(2 * PAIRS).enumerate() {
            // An odd element needs its pair, too.
            let pairs = out.len().div_ceil(2);
            let drawn = &mut drawn[..2 * pairs];
            words(level, seed, stream, first + (index * 2 * PAIRS / GROUP_WORDS) as u64, drawn);
            let [p, t, radius, cosine, sine] = buffers.each_mut().map(|buffer| &mut buffer[..pairs]);
            uniform(level, drawn, p, t);
            block(level, Function::Log, p, radius);
            root(level, radius);
            block(level, Function::Cospi, t, cosine);
            block(level, Function::Sinpi, t, sine);
            products(level, radius, cosine, sine, out);
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
    fn products [](radius: &[f32], cosine: &[f32], sine: &[f32], out: &mut [f32]) {
        let (pairs, last) = out.as_chunks_mut::<2>();
        let steps = radius.iter().zip(cosine).zip(sine);
        for (pair, ((r, cosine), sine)) in pairs.iter_mut().zip(steps) {
            *pair = [r * cosine, r * sine];
        }
        if let ([last], Some(r), Some(cosine)) = (last, radius.last(), cosine.last()) {
            *last = r * cosine;
        }
    }
}
