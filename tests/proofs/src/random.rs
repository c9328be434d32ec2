//! The proofs' own random numbers: Philox words counted from a seed, so that a seed repeats a proof exactly.

use clamp_kernels::random::philox_block;

/// A stream of words.
pub(crate) struct Random {
    seed: u64,
    stream: u64,
    block: u64,
    words: [u32; 4],
    used: usize,
}

impl Random {
    /// The stream `stream` of `seed`.
    pub(crate) fn new(seed: u64, stream: u64) -> Random {
        Random { seed, stream, block: 0, words: [0; 4], used: 4 }
    }

    /// The next 32 bits.
    pub(crate) fn word(&mut self) -> u32 {
        if self.used == 4 {
            self.words = philox_block(self.seed, self.stream, self.block);
            self.block += 1;
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// The next 64 bits.
    pub(crate) fn wide(&mut self) -> u64 {
        u64::from(self.word()) << 32 | u64::from(self.word())
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.wide() % bound
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// True once in `n` times.
    pub(crate) fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}
