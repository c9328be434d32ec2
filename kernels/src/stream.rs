//! Stores that go to memory past the caches, for outputs so large that no cache would keep them: a plain store first reads
//! the line that it fills, a third of the traffic of an addition. It moves bytes and computes nothing.

use bytemuck::Pod;

/// Output bytes from which no cache of a core keeps them until they are read again.
pub(crate) const STREAM_FROM_BYTES: usize = 32 << 20;

/// Copies `from` to `to`, which is as long. Call [`fence`] before another thread may read it.
#[cfg(target_arch = "x86_64")]
pub(crate) fn store<T: Pod>(from: &[T], to: &mut [T]) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};

    /// A cache line.
    #[repr(C, align(64))]
    struct Line([__m128i; 4]);

    let (from, to) = (bytemuck::cast_slice::<T, u8>(from), bytemuck::cast_slice_mut::<T, u8>(to));
    let from = &from[..to.len()];
    // SAFETY: every bit pattern is a line and a line is bytes.
    let (head, lines, tail) = unsafe { to.align_to_mut::<Line>() };
    let (from_head, rest) = from.split_at(head.len());
    let (from_lines, from_tail) = rest.split_at(rest.len() - tail.len());
    head.copy_from_slice(from_head);
    tail.copy_from_slice(from_tail);
    for (line, from) in lines.iter_mut().zip(from_lines.chunks_exact(size_of::<Line>())) {
        for (word, from) in line.0.iter_mut().zip(from.chunks_exact(size_of::<__m128i>())) {
            // SAFETY: `from` is 16 bytes; `word` is aligned to 16 and borrowed. Every x86-64 has these instructions.
            unsafe { _mm_stream_si128(word, _mm_loadu_si128(from.as_ptr().cast())) };
        }
    }
}

/// Orders the stores of this thread before all that it does later.
#[cfg(target_arch = "x86_64")]
pub(crate) fn fence() {
    // SAFETY: every x86-64 has this instruction.
    unsafe { std::arch::x86_64::_mm_sfence() };
}

/// Copies `from` to `to`, which is as long.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn store<T: Pod>(from: &[T], to: &mut [T]) {
    to.copy_from_slice(from);
}

/// Plain stores need no fence.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn fence() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_stored_at_every_alignment() {
        let from: Vec<u32> = (0..300).map(|i: u32| i.wrapping_mul(0x9e37_79b9)).collect();
        for start in 0..33 {
            for len in [0, 1, 15, 16, 17, 31, 64, 200] {
                let mut to = vec![7u32; 300];
                store(&from[..len], &mut to[start..start + len]);
                fence();
                assert_eq!(to[start..start + len], from[..len]);
                assert!(to[..start].iter().chain(&to[start + len..]).all(|&word| word == 7));
            }
        }
    }
}
