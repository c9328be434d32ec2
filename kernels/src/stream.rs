//! Stores that go to memory past the caches, for outputs so large that no cache would keep them: a plain store first reads
//! the line that it fills, a quarter of the traffic of an addition. It moves bytes and computes nothing.

use bytemuck::Pod;

use crate::dispatch::Level;

/// As [`levels!`](crate::dispatch::levels), but the body's first argument `put` is the level's [`Put`], of type `P`.
macro_rules! streamed_levels {
    ($(#[$meta:meta])* $vis:vis fn $name:ident [$($generics:tt)*]($put:ident: P, $($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        $vis fn $name<$($generics)*>(level: $crate::dispatch::Level, $($arg: $ty),*) {
            #[inline(always)]
            fn portable<P: $crate::stream::Put, $($generics)*>($put: P, $($arg: $ty),*) $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn avx2<$($generics)*>($($arg: $ty),*) {
                    // SAFETY: this function has the feature.
                    portable(unsafe { $crate::stream::Wide::new() }, $($arg),*)
                }
                #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512cd,avx512dq,avx512vl")]
                fn avx512<$($generics)*>($($arg: $ty),*) {
                    // SAFETY: this function has the feature.
                    portable(unsafe { $crate::stream::Widest::new() }, $($arg),*)
                }
                debug_assert!(level.is_here());
                match level {
                    $crate::dispatch::Level::Portable => {}
                    // SAFETY: `Kernel` lets in only levels that were found on this very CPU.
                    $crate::dispatch::Level::Avx2 => return unsafe { avx2($($arg),*) },
                    // SAFETY: as above.
                    $crate::dispatch::Level::Avx512 => return unsafe { avx512($($arg),*) },
                }
            }
            let _ = level;
            portable($crate::stream::Plain::new(), $($arg),*)
        }
    };
}

pub(crate) use streamed_levels;

/// Output bytes from which no cache of a core keeps them until they are read again.
pub(crate) const STREAM_FROM_BYTES: usize = 32 << 20;

/// Where results are to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// In the caches: they are read again soon.
    Near,
    /// In memory: they are more than the caches hold.
    Far,
}

impl Keep {
    /// Where the elements of this output are to stay.
    pub(crate) fn of<T>(out: &[T]) -> Keep {
        if size_of_val(out) < STREAM_FROM_BYTES { Keep::Near } else { Keep::Far }
    }
}

/// A cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u8; Line::BYTES]);

impl Line {
    /// Its size.
    pub(crate) const BYTES: usize = 64;

    /// The whole lines of a piece of memory, with the elements before and behind them.
    pub(crate) fn all<T: Pod>(memory: &mut [T]) -> (&mut [T], &mut [Line], &mut [T]) {
        // SAFETY: every bit pattern is a line, and plain elements may have any.
        unsafe { memory.align_to_mut() }
    }
}

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

fn store_at(level: Level, from: &[u8], to: &mut [u8]) {
    let from = &from[..to.len()];
    let (head, lines, tail) = Line::all(to);
    let (from_head, rest) = from.split_at(head.len());
    let (from_lines, from_tail) = rest.split_at(rest.len() - tail.len());
    head.copy_from_slice(from_head);
    tail.copy_from_slice(from_tail);
    put_all(level, from_lines, lines);
}

streamed_levels! {
    fn put_all [](put: P, from: &[u8], lines: &mut [Line]) {
        for (line, from) in lines.iter_mut().zip(from.as_chunks().0) {
            put.put(from, line);
        }
    }
}

/// The instructions with which a level sends a line past the caches.
pub(crate) trait Put: Copy {
    /// Sends these bytes to the line.
    fn put(self, from: &[u8; Line::BYTES], to: &mut Line);
}

/// What every CPU of the architecture has. (A whole line in one instruction goes to memory at once; in parts, each waits
/// for the others.)
#[derive(Clone, Copy)]
pub(crate) struct Plain(());

#[cfg(not(target_arch = "x86_64"))]
impl Put for Plain {
    #[inline(always)]
    fn put(self, from: &[u8; Line::BYTES], to: &mut Line) {
        to.0 = *from;
    }
}

impl Plain {
    /// It is always there.
    pub(crate) const fn new() -> Plain {
        Plain(())
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Wide, Widest};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, __m256i, __m512i, _mm_loadu_si128, _mm_stream_si128, _mm256_loadu_si256, _mm256_stream_si256,
        _mm512_loadu_si512, _mm512_stream_si512,
    };

    use super::{Line, Plain, Put};

    /// With AVX.
    #[derive(Clone, Copy)]
    pub(crate) struct Wide(());

    impl Wide {
        /// # Safety
        /// The CPU has AVX2.
        #[inline(always)]
        pub(crate) const unsafe fn new() -> Wide {
            Wide(())
        }
    }

    /// With AVX-512.
    #[derive(Clone, Copy)]
    pub(crate) struct Widest(());

    impl Widest {
        /// # Safety
        /// The CPU has AVX-512 F.
        #[inline(always)]
        pub(crate) const unsafe fn new() -> Widest {
            Widest(())
        }
    }

    macro_rules! puts {
        ($($name:ident: $vector:ty, $load:ident, $store:ident;)+) => { $(
            impl Put for $name {
                #[inline(always)]
                fn put(self, from: &[u8; Line::BYTES], to: &mut Line) {
                    const WIDTH: usize = size_of::<$vector>();
                    for (to, from) in to.0.chunks_exact_mut(WIDTH).zip(from.chunks_exact(WIDTH)) {
                        // SAFETY: both are one vector long and borrowed, `to` is aligned in its line, and whoever made
                        // `self` has made sure of the instructions.
                        unsafe { $store(to.as_mut_ptr().cast::<$vector>(), $load(from.as_ptr().cast())) };
                    }
                }
            }
        )+ };
    }

    puts! {
        Plain: __m128i, _mm_loadu_si128, _mm_stream_si128;
        Wide: __m256i, _mm256_loadu_si256, _mm256_stream_si256;
        Widest: __m512i, _mm512_loadu_si512, _mm512_stream_si512;
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
