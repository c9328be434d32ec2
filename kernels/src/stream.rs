//! Stores that go to memory past the caches, for outputs so large that no cache would keep them: a plain store first reads
//! the line that it fills, a quarter of the traffic of an addition. It moves bytes and computes nothing.

use bytemuck::Pod;

use crate::dispatch::Level;

/// Output bytes from which no cache of a core keeps them until they are read again.
pub(crate) const STREAM_FROM_BYTES: usize = 32 << 20;

/// Copies `from` to `to`, which is as long. Call [`fence`] before another thread may read it.
pub(crate) fn store<T: Pod>(from: &[T], to: &mut [T]) {
    store_at(Level::best(), bytemuck::cast_slice(from), bytemuck::cast_slice_mut(to));
}

/// Orders the stores of this thread before all that it does later.
pub(crate) fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has this instruction.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn store_at(_: Level, from: &[u8], to: &mut [u8]) {
    to.copy_from_slice(from);
}

#[cfg(target_arch = "x86_64")]
fn store_at(level: Level, from: &[u8], to: &mut [u8]) {
    let from = &from[..to.len()];
    // SAFETY: every bit pattern is a line and a line is bytes.
    let (head, lines, tail) = unsafe { to.align_to_mut::<x86::Line>() };
    let (from_head, rest) = from.split_at(head.len());
    let (from_lines, from_tail) = rest.split_at(rest.len() - tail.len());
    head.copy_from_slice(from_head);
    tail.copy_from_slice(from_tail);
    match level {
        Level::Portable => x86::portable(from_lines, lines),
        // SAFETY: only levels that this CPU has are asked for.
        Level::Avx2 => unsafe { x86::avx2(from_lines, lines) },
        // SAFETY: as above.
        Level::Avx512 => unsafe { x86::avx512(from_lines, lines) },
    }
}

/// A whole line in one instruction goes to memory at once; in parts it waits for the others.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, __m256i, __m512i, _mm_loadu_si128, _mm_stream_si128, _mm256_loadu_si256, _mm256_stream_si256,
        _mm512_loadu_si512, _mm512_stream_si512,
    };

    /// A cache line.
    #[derive(Clone, Copy)]
    #[repr(C, align(64))]
    pub(super) struct Line([u8; 64]);

    macro_rules! stores {
        ($($(#[$feature:meta])? $name:ident $vector:ty, $load:ident, $store:ident;)+) => { $(
            $(#[$feature])?
            pub(super) fn $name(from: &[u8], lines: &mut [Line]) {
                const WIDTH: usize = size_of::<$vector>();
                for (line, from) in lines.iter_mut().zip(from.chunks_exact(size_of::<Line>())) {
                    for (to, from) in line.0.chunks_exact_mut(WIDTH).zip(from.chunks_exact(WIDTH)) {
                        // SAFETY: both are one vector long and borrowed, `to` is aligned in its line, and a caller of
                        // this function has made sure of the instructions.
                        unsafe { $store(to.as_mut_ptr().cast::<$vector>(), $load(from.as_ptr().cast())) };
                    }
                }
            }
        )+ };
    }

    stores! {
        portable __m128i, _mm_loadu_si128, _mm_stream_si128;
        #[target_feature(enable = "avx2")] avx2 __m256i, _mm256_loadu_si256, _mm256_stream_si256;
        #[target_feature(enable = "avx512f")] avx512 __m512i, _mm512_loadu_si512, _mm512_stream_si512;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_stored_at_every_alignment() {
        let from: Vec<u8> = (0..2000).map(|i: u32| (i.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
        for level in Level::ALL.into_iter().filter(|level| level.is_here()) {
            for start in 0..65 {
                for len in [0, 1, 15, 16, 63, 64, 65, 128, 129, 1000] {
                    let mut to = vec![7u8; 2000];
                    store_at(level, &from[..len], &mut to[start..start + len]);
                    fence();
                    assert_eq!(to[start..start + len], from[..len], "{level}, {len} bytes from {start}");
                    assert!(to[..start].iter().chain(&to[start + len..]).all(|&byte| byte == 7));
                }
            }
        }
    }
}
