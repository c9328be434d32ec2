//! Extremes and their places: floats become integers in the same order, NaN below all of them, and the least of these is
//! found block by block. The block that has it first is then searched for the place.

use rayon::prelude::*;

use crate::ahead;
use crate::blocks::PARALLEL_FROM;
use crate::dispatch::{Level, levels};
use crate::float::Float;

/// Elements of a block.
const BLOCK: usize = 4096;

/// Blocks that one thread takes at a time.
const TASK: usize = 64;

/// Elements that are compared side by side.
const LANES: usize = 32;

/// A float as an integer.
pub(super) trait Ordered: Float {
    /// Signed, and as wide.
    type Key: Ord + Copy + Send + Sync;
    /// The key of a NaN, below all others.
    const NAN: Self::Key;
    /// The key of nothing, above all others: of the NaN with every bit but the sign set, if that had one.
    const NOTHING: Self::Key;

    /// The key in ascending order, or in descending order where `flip` is [`Ordered::flip`] of true.
    fn key(self, flip: Self::Key) -> Self::Key;
    /// The float of this key.
    fn of_key(key: Self::Key, flip: Self::Key) -> Self;
    /// What turns ascending keys into the keys for the least or the greatest.
    fn flip(greatest: bool) -> Self::Key;
}

macro_rules! ordered {
    ($float:ident, $int:ident, $uint:ident) => {
        impl Ordered for $float {
            type Key = $int;
            const NAN: $int = $int::MIN;
            const NOTHING: $int = $int::MAX;

            #[inline(always)]
            fn key(self, flip: $int) -> $int {
                let bits = self.to_bits();
                // Negative floats are the further below the greater their bits.
                let below = ((bits as $int >> ($int::BITS - 1)) as $uint >> 1) as $int;
                let nan = bits << 1 > $float::INFINITY.to_bits() << 1;
                if nan { $int::MIN } else { bits as $int ^ below ^ flip }
            }

            #[inline(always)]
            fn of_key(key: $int, flip: $int) -> $float {
                let key = key ^ flip;
                let below = ((key >> ($int::BITS - 1)) as $uint >> 1) as $int;
                $float::from_bits((key ^ below) as $uint)
            }

            #[inline(always)]
            fn flip(greatest: bool) -> $int {
                if greatest { -1 } else { 0 }
            }
        }
    };
}

ordered!(f32, i32, u32);
ordered!(f64, i64, u64);

/// The least element of `x`, or the greatest; of one at least. NaN if any is.
pub(super) fn extreme<T: Ordered>(level: Level, x: &[T], greatest: bool) -> T {
    let flip = T::flip(greatest);
    match least_block(level, x, flip).0 {
        key if key == T::NAN => T::CANONICAL_NAN,
        key => T::of_key(key, flip),
    }
}

/// The first index of the least or the greatest element, or of a NaN where there is one.
pub(super) fn arg<T: Ordered>(level: Level, x: &[T], greatest: bool) -> usize {
    let flip = T::flip(greatest);
    let (key, block) = least_block(level, x, flip);
    let first = block * BLOCK;
    // The key was found in this block, so there is such a place.
    first + x[first..].iter().position(|x| x.key(flip) == key).unwrap_or(0)
}

/// The least key and the first block that has it.
fn least_block<T: Ordered>(level: Level, x: &[T], flip: T::Key) -> (T::Key, usize) {
    let least_of = |first: usize, x: &[T]| {
        let mut least = (T::NOTHING, first);
        for (index, block) in x.chunks(BLOCK).enumerate() {
            // In this order a tie leaves the earlier block.
            least = least.min((least_key(level, block, flip, [T::NOTHING; LANES]), first + index));
        }
        least
    };
    if x.len() < PARALLEL_FROM {
        return least_of(0, x);
    }
    let tasks = x.par_chunks(TASK * BLOCK).enumerate().map(|(task, x)| least_of(task * TASK, x));
    tasks.min().unwrap_or((T::NOTHING, 0))
}

levels! {
    fn least_key [T: Ordered](x: &[T], flip: T::Key, start: [T::Key; LANES]) -> T::Key {
        let (rows, rest) = x.as_chunks::<LANES>();
        let mut least = rest.iter().map(|x| x.key(flip)).min().unwrap_or(T::NOTHING);
        if rows.is_empty() {
            return least;
        }
        let mut lanes = start;
        for row in rows {
            ahead::ask(row);
            for (lane, x) in lanes.iter_mut().zip(row) {
                *lane = x.key(flip).min(*lane);
            }
        }
        for lane in lanes {
            least = least.min(lane);
        }
        least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_order_of_the_floats() {
        let ascending = [f32::NEG_INFINITY, -1.0, -f32::MIN_POSITIVE, -1e-45, -0.0, 0.0, 1e-45, 1.0, f32::INFINITY];
        for greatest in [false, true] {
            let flip = f32::flip(greatest);
            let keys: Vec<i32> = ascending.iter().map(|x| x.key(flip)).collect();
            assert!(keys.is_sorted_by(|one, other| if greatest { one > other } else { one < other }), "{keys:?}");
            for (key, x) in keys.into_iter().zip(ascending) {
                assert!(f32::NAN.key(flip) < key && (-f32::NAN).key(flip) < key && key < f32::NOTHING);
                assert_eq!(f32::of_key(key, flip).to_bits(), x.to_bits());
            }
        }
    }
}
