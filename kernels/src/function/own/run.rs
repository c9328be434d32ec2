//! Applies a function to a block, at the widest vectors of the level.

use super::Curve;
use super::wide::Wide;
use crate::dispatch::Level;
use crate::stream::Keep;

/// How far ahead of the loads elements are asked for, where they come from memory.
const AHEAD: usize = 2048;

/// Several f64 that are loaded from floats and stored as such.
pub(super) trait Vector: Wide {
    /// How many.
    const LANES: usize;

    /// As many floats as there are lanes, exactly.
    ///
    /// # Safety
    /// They can be read, and the CPU has the vector's instructions: that is what its safe methods rely on.
    unsafe fn load(x: *const f32) -> Self;

    /// Each lane rounded to a float.
    ///
    /// # Safety
    /// That many can be written.
    unsafe fn store(self, out: *mut f32);

    /// Whether neither mask holds anywhere.
    fn none(one: Self::Mask, other: Self::Mask) -> bool;

    /// As `store`, but past the caches.
    ///
    /// # Safety
    /// As for `store`, and the place is aligned to as many floats as there are lanes.
    unsafe fn stream(self, out: *mut f32);

    /// Waits until everything that was streamed can be seen.
    fn fence();

    /// Asks for the elements at a place, which need not exist.
    fn prefetch(x: *const f32);

    /// The mask with a bit for each lane.
    fn lanes(mask: Self::Mask) -> u32;
}

/// The function of every element of `x`, as many as `out` has.
pub(crate) fn apart<C: Curve>(level: Level, keep: Keep, x: &[f32], out: &mut [f32]) {
    let len = x.len().min(out.len());
    // SAFETY: both hold that many.
    unsafe { all::<C>(level, keep, x.as_ptr(), out.as_mut_ptr(), len) }
}

/// The function of every element, in its place.
pub(crate) fn in_place<C: Curve>(level: Level, x: &mut [f32]) {
    let place = x.as_mut_ptr();
    // SAFETY: it holds that many, and each is read before it is written.
    unsafe { all::<C>(level, Keep::Near, place, place, x.len()) }
}

/// # Safety
/// `len` floats can be read at `x` and written at `out`, which are the same or do not overlap.
unsafe fn all<C: Curve>(level: Level, keep: Keep, x: *const f32, out: *mut f32, len: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use super::avx2::Four;
        use super::avx512::Eight;

        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2<C: Curve>(keep: Keep, x: *const f32, out: *mut f32, len: usize) {
            // SAFETY: as the caller promises; the level is on.
            unsafe { kept::<C, Four>(keep, x, out, len) }
        }
        #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512cd,avx512dq,avx512vl")]
        unsafe fn avx512<C: Curve>(keep: Keep, x: *const f32, out: *mut f32, len: usize) {
            // SAFETY: as the caller promises; the level is on.
            unsafe { kept::<C, Eight>(keep, x, out, len) }
        }
        debug_assert!(level.is_here());
        match level {
            Level::Portable => {}
            // SAFETY: `Kernel` lets in only levels that were found on this very CPU; the rest as the caller promises.
            Level::Avx2 => return unsafe { avx2::<C>(keep, x, out, len) },
            // SAFETY: as above.
            Level::Avx512 => return unsafe { avx512::<C>(keep, x, out, len) },
        }
    }
    let _ = (level, keep);
    for index in 0..len {
        // SAFETY: below `len`.
        unsafe { out.add(index).write(super::value::<C>(x.add(index).read())) }
    }
}

/// # Safety
/// As for `all`, and the CPU has the vector's instructions.
#[inline(always)]
unsafe fn kept<C: Curve, V: Vector>(keep: Keep, x: *const f32, out: *mut f32, len: usize) {
    let aligned = (out as usize).is_multiple_of(V::LANES * size_of::<f32>());
    // SAFETY: the caller's promise; past the caches only where the output is aligned.
    unsafe {
        match keep {
            Keep::Far if aligned => vectors::<C, V, true>(x, out, len),
            _ => vectors::<C, V, false>(x, out, len),
        }
    }
}

/// # Safety
/// As for `kept`, and `out` is aligned to a vector of floats where `FAR` holds.
#[inline(always)]
unsafe fn vectors<C: Curve, V: Vector, const FAR: bool>(x: *const f32, out: *mut f32, len: usize) {
    let whole = len - len % V::LANES;
    let pairs = len - len % (2 * V::LANES);
    let mut index = 0;
    while index < pairs {
        // SAFETY: twice `LANES` more elements are below `len`.
        unsafe {
            let pair = (V::load(x.add(index)), V::load(x.add(index + V::LANES)));
            if FAR {
                V::prefetch(x.wrapping_add(index + AHEAD));
            }
            let ((mut first, mut first_rare), (mut second, mut second_rare)) = (C::quick(pair.0), C::quick(pair.1));
            if C::HAS_QUICK && !V::none(first_rare, second_rare) {
                ((first, first_rare), (second, second_rare)) = (C::main(pair.0), C::main(pair.1));
            }
            if V::none(first_rare, second_rare) {
                if FAR {
                    first.stream(out.add(index));
                    second.stream(out.add(index + V::LANES));
                } else {
                    first.store(out.add(index));
                    second.store(out.add(index + V::LANES));
                }
            } else {
                patched::<C, V>(x.add(index), first, first_rare, out.add(index));
                patched::<C, V>(x.add(index + V::LANES), second, second_rare, out.add(index + V::LANES));
            }
        }
        index += 2 * V::LANES;
    }
    if FAR {
        // What went past the caches is seen by whoever sees that this has returned.
        V::fence();
    }
    if pairs < whole {
        // SAFETY: `LANES` more elements are below `len`.
        unsafe { one::<C, V>(x.add(pairs), out.add(pairs)) };
    }
    if whole < len {
        let mut rest = [1.0f32; 8];
        // SAFETY: fewer elements than lanes are left, and of those there are eight at most.
        unsafe {
            std::ptr::copy_nonoverlapping(x.add(whole), rest.as_mut_ptr(), len - whole);
            one::<C, V>(rest.as_ptr(), rest.as_mut_ptr());
            std::ptr::copy_nonoverlapping(rest.as_ptr(), out.add(whole), len - whole);
        }
    }
}

/// # Safety
/// As for `vectors`, with as many elements as there are lanes.
#[inline(always)]
unsafe fn one<C: Curve, V: Vector>(x: *const f32, out: *mut f32) {
    // SAFETY: the caller's promise.
    let (y, rare) = C::main(unsafe { V::load(x) });
    // SAFETY: the caller's promise.
    unsafe { patched::<C, V>(x, y, rare, out) }
}

/// Stores `y`, with what is right where it is rare.
///
/// # Safety
/// As for `one`.
#[inline(always)]
unsafe fn patched<C: Curve, V: Vector>(x: *const f32, y: V, rare: V::Mask, out: *mut f32) {
    let (mut old, mut new) = ([0.0f32; 8], [0.0f32; 8]);
    // SAFETY: the caller's promise; the arrays have as many elements as any vector lanes.
    unsafe {
        std::ptr::copy_nonoverlapping(x, old.as_mut_ptr(), V::LANES);
        y.store(new.as_mut_ptr());
    }
    if !V::none(rare, rare) {
        patch::<C>(&old, &mut new, V::lanes(rare));
    }
    // SAFETY: as above.
    unsafe { std::ptr::copy_nonoverlapping(new.as_ptr(), out, V::LANES) }
}

/// Asks for the rare elements one at a time.
#[cold]
#[inline(never)]
fn patch<C: Curve>(x: &[f32; 8], y: &mut [f32; 8], rare: u32) {
    for (lane, (x, y)) in x.iter().zip(y).enumerate() {
        if rare >> lane & 1 == 1 {
            *y = C::rare(*x, *y);
        }
    }
}
