//! Random words from the run's seed (Philox4x32-10); needs the grant `random`. The same seed and substream give the
//! same words in every run, and nothing here draws from anywhere else.

use crate::bindings::clamp::overlay::random;
use crate::bindings::clamp::overlay::types::Bits64;

/// Words asked for at a time.
const BLOCK: u32 = 1024;

/// Where words come from: word `i` of a substream is the same whenever it is asked for.
pub trait WordSource {
    /// Words `first` to `first + count`.
    fn words(&mut self, first: u64, count: u32) -> Vec<u32>;
}

/// A substream of the run's own generator. Substreams of different numbers are independent.
#[derive(Clone, Copy, Debug)]
pub struct Substream(pub u32);

impl WordSource for Substream {
    fn words(&mut self, first: u64, count: u32) -> Vec<u32> {
        random::words(self.0, Bits64 { lo: first as u32, hi: (first >> 32) as u32 }, count)
    }
}

/// Draws from a source, word after word.
#[derive(Debug)]
pub struct Stream<S> {
    source: S,
    next: u64,
    block: std::vec::IntoIter<u32>,
}

impl<S: WordSource> Stream<S> {
    /// A stream that begins with word 0 of the source.
    pub fn new(source: S) -> Self {
        Self { source, next: 0, block: Vec::new().into_iter() }
    }

    /// The next word.
    pub fn word(&mut self) -> u32 {
        if let Some(word) = self.block.next() {
            return word;
        }
        self.block = self.source.words(self.next, BLOCK).into_iter();
        self.next += u64::from(BLOCK);
        self.block.next().expect("a word source gives as many words as it is asked for")
    }

    /// A number below `bound`, each equally likely: the word modulo `bound`, where a word of the last, incomplete
    /// range is thrown away and the next one taken.
    ///
    /// # Panics
    /// When `bound` is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        assert!(bound > 0, "there is no number below 0");
        let unfair = (u32::MAX % bound + 1) % bound;
        loop {
            let word = self.word();
            if word <= u32::MAX - unfair {
                return word % bound;
            }
        }
    }

    /// The numbers 0 to `n`, shuffled: Fisher-Yates from the last place to the second, each place swapped with one of
    /// those up to it by [`Stream::below`].
    pub fn permutation(&mut self, n: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n).collect();
        for last in (1..n).rev() {
            order.swap(last as usize, self.below(last + 1) as usize);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A counter, or fixed words first.
    struct Fixed(Vec<u32>);

    impl WordSource for Fixed {
        fn words(&mut self, first: u64, count: u32) -> Vec<u32> {
            let word = |i: u64| self.0.get(i as usize).copied().unwrap_or(i as u32);
            (first..first + u64::from(count)).map(word).collect()
        }
    }

    #[test]
    fn words_run_on_over_block_ends() {
        let mut stream = Stream::new(Fixed(Vec::new()));
        let words: Vec<u32> = (0..3 * BLOCK).map(|_| stream.word()).collect();
        assert_eq!(words, (0..3 * BLOCK).collect::<Vec<_>>());
    }

    #[test]
    fn the_incomplete_last_range_is_thrown_away() {
        // 2^32 = 3 * 1431655765 + 1: one word is unfair, the highest.
        let mut stream = Stream::new(Fixed(vec![u32::MAX, u32::MAX - 1]));
        assert_eq!(stream.below(3), (u32::MAX - 1) % 3);
        // A power of two divides 2^32: nothing is thrown away.
        let mut stream = Stream::new(Fixed(vec![u32::MAX]));
        assert_eq!(stream.below(16), 15);
    }

    #[test]
    fn a_permutation_holds_every_number_once() {
        for n in [0, 1, 2, 1797] {
            let mut order = Stream::new(Fixed(Vec::new())).permutation(n);
            order.sort_unstable();
            assert_eq!(order, (0..n).collect::<Vec<_>>());
        }
    }
}
