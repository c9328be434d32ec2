//! Which images the model learns from and which are kept apart: a permutation drawn from the run's seed, cut once.
//! It never looks at the images.

use clamp_overlay_sdk::Failure;
use clamp_overlay_sdk::random::{Stream, WordSource};

/// The substream of the run's random words that the permutation is drawn from; the overlay uses no other.
pub(crate) const SUBSTREAM: u32 = 0;

/// Row numbers of the two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) train: Vec<u32>,
    pub(crate) test: Vec<u32>,
}

impl Split {
    /// Shuffles the numbers below `rows`; the first `fraction` of them, rounded down, are for training.
    ///
    /// The permutation is Fisher and Yates's from the last place down, each draw by rejection, so that all
    /// permutations are equally likely and every step can be repeated by hand.
    pub(crate) fn draw<S: WordSource>(mut stream: Stream<S>, rows: u32, fraction: f64) -> Result<Self, Failure> {
        let count = (f64::from(rows) * fraction) as usize;
        if count == 0 || count >= rows as usize {
            let message =
                format!("a split of {fraction} leaves {count} of {rows} images for training; both parts need one");
            return Err(Failure::new("bad-settings", message));
        }
        let mut train = stream.permutation(rows);
        let test = train.split_off(count);
        Ok(Self { train, test })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter;

    impl WordSource for Counter {
        fn words(&mut self, first: u64, count: u32) -> Vec<u32> {
            (first as u32..first as u32 + count).map(|i| i.wrapping_mul(2_654_435_761)).collect()
        }
    }

    #[test]
    fn the_parts_are_disjoint_and_complete() {
        let split = Split::draw(Stream::new(Counter), 1797, 0.8).expect("a split");
        assert_eq!((split.train.len(), split.test.len()), (1437, 360));
        let mut all = [split.train, split.test].concat();
        all.sort_unstable();
        assert_eq!(all, (0..1797).collect::<Vec<_>>());
    }

    #[test]
    fn an_empty_part_is_refused() {
        for (rows, fraction) in [(1, 0.5), (2, 0.4), (0, 0.5)] {
            let failure = Split::draw(Stream::new(Counter), rows, fraction).expect_err("one part is empty");
            assert_eq!(failure.code, "bad-settings");
        }
        assert!(Split::draw(Stream::new(Counter), 2, 0.5).is_ok());
    }
}
