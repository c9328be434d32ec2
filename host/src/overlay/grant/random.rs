//! `random`: Philox4x32-10 words keyed with the run's seed. Stream = domain << 56 | substream; overlays have domain 0.

use clamp_kernels::random::philox_words;

use super::pattern;
use super::wit::random::Host;
use super::wit::types::Bits64;
use crate::overlay::call::{CallState, Function};

/// The domain of guests; anchors, jobs and nodes have others.
const DOMAIN: u64 = 0;

impl Host for CallState {
    fn words(&mut self, substream: u32, first: Bits64, count: u32) -> wasmtime::Result<Vec<u32>> {
        self.enter(Function::RandomWords)?;
        self.trace.add(&[u64::from(substream), pattern(first), u64::from(count)].map(u64::to_le_bytes).concat());
        self.check_transfer(u64::from(count) * 4)?;
        let stream = DOMAIN << 56 | u64::from(substream);
        let mut words = vec![0; count as usize];
        philox_words(self.seed, stream, pattern(first), &mut words);
        Ok(words)
    }
}
