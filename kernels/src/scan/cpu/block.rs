//! One block: the sums within its segments and the totals of the segments, from the elements alone; then the values, once
//! it is known what is before the block.

use crate::dispatch::{Level, levels};
use crate::float::Float;
use crate::scan::{BLOCK, SEGMENT, SEGMENTS};

/// How the values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    /// Into the caches, where they may be read again soon.
    Through,
    /// Past the caches, where the level and the alignment allow it.
    Past,
}

/// A float with the work on a whole block, which depends on the width of vectors.
pub(super) trait Blocked: Float {
    /// The sums within the segments, and the totals of the segments after doubling.
    fn sum(level: Level, x: &[Self; BLOCK], locals: &mut [Self; BLOCK], totals: &mut [Self; SEGMENTS]) {
        side_by_side(level, x, locals, totals);
        double(level, totals);
    }

    /// Stores the values, and asks for the memory of `next`.
    fn write(level: Level, sums: &Sums<Self>, before: Self, _: Store, _next: &[Self], out: &mut [Self; BLOCK]) {
        write(level, sums, before, out);
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Blocked for f32 {}

#[cfg(not(target_arch = "x86_64"))]
impl Blocked for f64 {}

/// The sums of one block.
#[derive(Clone)]
#[repr(align(64))]
pub(super) struct Sums<T> {
    /// Within each segment, in the order in which the level writes them.
    pub(super) locals: [T; BLOCK],
    /// What each segment adds: -0, which changes nothing, and then the doubled totals of the segments before.
    pub(super) segments: [T; SEGMENTS],
    total: T,
}

impl<T: Float> Default for Sums<T> {
    fn default() -> Sums<T> {
        let zero = T::NEGATIVE_ZERO;
        Sums { locals: [zero; BLOCK], segments: [zero; SEGMENTS], total: zero }
    }
}

impl<T: Blocked> Sums<T> {
    /// Takes the sums of the block `x`, where a missing element is -0.
    pub(super) fn fill(&mut self, level: Level, x: &[T]) {
        let mut totals = [T::NEGATIVE_ZERO; SEGMENTS];
        if let Ok(x) = x.try_into() {
            T::sum(level, x, &mut self.locals, &mut totals);
        } else {
            let mut padded = [T::NEGATIVE_ZERO; BLOCK];
            padded[..x.len()].copy_from_slice(x);
            T::sum(level, &padded, &mut self.locals, &mut totals);
        }
        self.segments[1..].copy_from_slice(&totals[..SEGMENTS - 1]);
        self.total = self.segments[SEGMENTS - 1] + self.locals[BLOCK - 1];
    }

    /// Stores the values, as many as `out` has; `next` is what this thread will read next, if that is a block.
    pub(super) fn write(&self, level: Level, before: Option<T>, store: Store, next: &[T], out: &mut [T]) {
        let before = before.unwrap_or(T::NEGATIVE_ZERO);
        match <&mut [T; BLOCK]>::try_from(&mut *out) {
            Ok(out) => T::write(level, self, before, store, next, out),
            Err(_) => {
                let mut padded = [T::NEGATIVE_ZERO; BLOCK];
                T::write(level, self, before, Store::Through, next, &mut padded);
                out.copy_from_slice(&padded[..out.len()]);
            }
        }
    }
}

impl<T: Copy> Sums<T> {
    /// The block's last value, before what is before the block is added.
    pub(super) fn total(&self) -> T {
        self.total
    }
}

levels! {
    /// The sums within the segments, some of which go side by side, since the additions within one wait for each other.
    pub(super) fn side_by_side [T: Float](x: &[T; BLOCK], locals: &mut [T; BLOCK], totals: &mut [T; SEGMENTS]) {
        const TOGETHER: usize = 8;
        let groups = x.chunks_exact(TOGETHER * SEGMENT).zip(locals.chunks_exact_mut(TOGETHER * SEGMENT));
        for ((x, locals), totals) in groups.zip(totals.chunks_exact_mut(TOGETHER)) {
            let mut sums = [T::NEGATIVE_ZERO; TOGETHER];
            for place in 0..SEGMENT {
                for (segment, sum) in sums.iter_mut().enumerate() {
                    *sum = *sum + x[segment * SEGMENT + place];
                    locals[segment * SEGMENT + place] = *sum;
                }
            }
            totals.copy_from_slice(&sums);
        }
    }
}

levels! {
    /// The totals of the segments, scanned by doubling the distance.
    pub(super) fn double [T: Float](totals: &mut [T; SEGMENTS]) {
        let mut distance = 1;
        while distance < SEGMENTS {
            let old = *totals;
            for (total, (&earlier, &own)) in totals[distance..].iter_mut().zip(old.iter().zip(&old[distance..])) {
                *total = earlier + own;
            }
            distance *= 2;
        }
    }
}

levels! {
    pub(super) fn write [T: Float](sums: &Sums<T>, before: T, out: &mut [T]) {
        let locals = sums.locals.chunks_exact(SEGMENT);
        for ((out, locals), &segment) in out.chunks_mut(SEGMENT).zip(locals).zip(&sums.segments) {
            for (out, &local) in out.iter_mut().zip(locals) {
                *out = (before + (segment + local)).canonical();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(align(64))]
    struct Aligned<T>([T; BLOCK]);

    /// What a level stores, past the caches and through them, aligned and not.
    fn stores_what_the_portable_level_does<T: Blocked>(x: &[T; BLOCK], before: Option<T>) {
        let mut sums = Sums::default();
        sums.fill(Level::Portable, x);
        let mut expected = vec![T::ZERO; BLOCK];
        sums.write(Level::Portable, before, Store::Through, &[], &mut expected);
        for level in Level::ALL.into_iter().filter(|level| level.is_here()) {
            sums = Sums::default();
            sums.fill(level, x);
            for store in [Store::Past, Store::Through] {
                let mut out = Aligned([T::ZERO; BLOCK]);
                sums.write(level, before, store, x, &mut out.0);
                assert!(
                    bytemuck::cast_slice::<T, u8>(&out.0) == bytemuck::cast_slice::<T, u8>(&expected),
                    "{level} {store:?}"
                );
                let mut apart = [T::ZERO; BLOCK + 1];
                sums.write(level, before, store, &[], &mut apart[1..]);
                assert!(
                    bytemuck::cast_slice::<T, u8>(&apart[1..]) == bytemuck::cast_slice::<T, u8>(&expected),
                    "{level} {store:?}"
                );
            }
        }
    }

    #[test]
    fn every_level_and_store_gives_the_same_block() {
        let tame: [f32; BLOCK] = std::array::from_fn(|i| ((i * 2_654_435_761) as u32 as i32) as f32 / 3e9);
        let wide: [f64; BLOCK] = std::array::from_fn(|i| (f64::from(tame[i]) * 300.0).exp2() * f64::from(tame[i]));
        let mut wild = tame;
        (wild[700], wild[900]) = (f32::INFINITY, f32::from_bits(0xff80_0001));
        for before in [None, Some(-0.25), Some(f32::NEG_INFINITY)] {
            stores_what_the_portable_level_does(&tame, before);
            stores_what_the_portable_level_does(&wild, before);
            stores_what_the_portable_level_does(&wide, before.map(f64::from));
            stores_what_the_portable_level_does(&[-0.0f64; BLOCK], before.map(f64::from));
        }
    }
}
