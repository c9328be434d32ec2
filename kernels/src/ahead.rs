//! Asks for memory before it is needed, in loops that go through more of it than the caches hold. It changes no result.

/// How far ahead, in bytes.
const DISTANCE: usize = 4096;

/// Asks for the memory some way behind that of `here`, line by line.
#[inline(always)]
pub(crate) fn ask<T>(here: &[T]) {
    let first = here.as_ptr().cast::<u8>();
    for line in (0..size_of_val(here)).step_by(64) {
        prefetch(first.wrapping_add(DISTANCE + line));
    }
}

/// Asks for a line of memory in the nearest cache, wherever it lies; nothing is read.
#[inline(always)]
pub(crate) fn prefetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults nowhere.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
