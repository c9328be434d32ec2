//! Asks for memory before it is needed, in loops that go through more of it than the caches hold. It changes no result.

/// How far ahead, in bytes.
const DISTANCE: usize = 4096;

/// Asks for the memory some way behind that of `here`, line by line.
#[inline(always)]
pub(crate) fn ask<T>(here: &[T]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let first = here.as_ptr().cast::<i8>();
        for line in (0..size_of_val(here)).step_by(64) {
            // SAFETY: a prefetch reads nothing and never faults, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(first.wrapping_add(DISTANCE + line)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (here, DISTANCE);
}
