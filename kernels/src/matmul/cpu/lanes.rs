//! A vector register of floats at each level, with just the steps that a tile takes. All of them round as the scalar
//! ones do, so the level changes no bit.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use std::ops::Range;

use super::block::{Kept, Product, Scratch};
use super::tile::{Work, work};
use crate::dispatch::Level;
use crate::float::Float;

/// Some consecutive floats in one register.
///
/// # Safety
/// Every function needs a CPU that has the level of the type; it is inlined into code compiled for that level.
pub(super) trait Lanes: Copy {
    type T: Float;
    /// How many.
    const N: usize;
    /// The most rows of a tile of up to three registers in width that the register file holds.
    const ROWS: usize;

    unsafe fn splat(x: Self::T) -> Self;
    /// Reads [`N`](Lanes::N) elements.
    unsafe fn load(from: *const Self::T) -> Self;
    /// Reads the first `n`, at most [`N`](Lanes::N); the others are +0.
    unsafe fn load_first(from: *const Self::T, n: usize) -> Self;
    unsafe fn store(self, to: *mut Self::T);
    unsafe fn store_first(self, to: *mut Self::T, n: usize);
    /// `self * y + z`, rounded once.
    unsafe fn fused(self, y: Self, z: Self) -> Self;
    unsafe fn plus(self, y: Self) -> Self;
    /// With each NaN in its canonical form.
    unsafe fn canonical(self) -> Self;
    /// [`work`] compiled for this level.
    unsafe fn work(rows: usize, registers: usize, by_k: bool, task: &Work<Self::T>);
}

/// Floats of any CPU.
#[derive(Clone, Copy)]
pub(super) struct Portable<T>([T; 4]);

impl<T: Float> Lanes for Portable<T> {
    type T = T;
    const N: usize = 4;
    const ROWS: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: T) -> Self {
        Portable([x; 4])
    }

    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller's.
        Portable(unsafe { from.cast::<[T; 4]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn load_first(from: *const T, n: usize) -> Self {
        // SAFETY: the caller's; no element at or beyond n is read.
        Portable(std::array::from_fn(|lane| if lane < n { unsafe { *from.add(lane) } } else { T::ZERO }))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller's.
        unsafe { to.cast::<[T; 4]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut T, n: usize) {
        for (lane, x) in self.0.into_iter().enumerate().take(n) {
            // SAFETY: the caller's; nothing at or beyond n is written.
            unsafe { *to.add(lane) = x }
        }
    }

    #[inline(always)]
    unsafe fn fused(self, y: Self, z: Self) -> Self {
        Portable(std::array::from_fn(|lane| self.0[lane].fused(y.0[lane], z.0[lane])))
    }

    #[inline(always)]
    unsafe fn plus(self, y: Self) -> Self {
        Portable(std::array::from_fn(|lane| self.0[lane] + y.0[lane]))
    }

    #[inline(always)]
    unsafe fn canonical(self) -> Self {
        Portable(self.0.map(T::canonical))
    }

    unsafe fn work(rows: usize, registers: usize, by_k: bool, task: &Work<T>) {
        // SAFETY: the caller's.
        unsafe { work::<Self>(rows, registers, by_k, task) }
    }
}

/// The two registers of 512 bits; a mask register says which lanes go to memory.
#[cfg(target_arch = "x86_64")]
macro_rules! avx512 {
    ($register:ty, $float:ident, $bits:ident, $lanes:literal, $mask:ident, $splat:ident, $load:ident, $load_mask:ident, $store:ident,
     $store_mask:ident, $fused:ident, $plus:ident, $splat_bits:ident, $and:ident, $above:ident, $blend:ident, $to_bits:ident, $of_bits:ident) => {
        impl Lanes for $register {
            type T = $float;
            const N: usize = $lanes;
            const ROWS: usize = 8;

            #[inline(always)]
            unsafe fn splat(x: $float) -> Self {
                // SAFETY: the caller's.
                unsafe { $splat(x) }
            }

            #[inline(always)]
            unsafe fn load(from: *const $float) -> Self {
                // SAFETY: the caller's.
                unsafe { $load(from) }
            }

            #[inline(always)]
            unsafe fn load_first(from: *const $float, n: usize) -> Self {
                // SAFETY: the caller's; masked lanes are not read.
                unsafe { $load_mask(((1u32 << n) - 1) as $mask, from) }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $float) {
                // SAFETY: the caller's.
                unsafe { $store(to, self) }
            }

            #[inline(always)]
            unsafe fn store_first(self, to: *mut $float, n: usize) {
                // SAFETY: the caller's; masked lanes are not written.
                unsafe { $store_mask(to, ((1u32 << n) - 1) as $mask, self) }
            }

            #[inline(always)]
            unsafe fn fused(self, y: Self, z: Self) -> Self {
                // SAFETY: the caller's.
                unsafe { $fused(self, y, z) }
            }

            #[inline(always)]
            unsafe fn plus(self, y: Self) -> Self {
                // SAFETY: the caller's.
                unsafe { $plus(self, y) }
            }

            #[inline(always)]
            unsafe fn canonical(self) -> Self {
                // SAFETY: the caller's.
                unsafe {
                    let magnitude = $and($to_bits(self), $splat_bits($bits::MAX));
                    let nan = $above(magnitude, $splat_bits($float::INFINITY.to_bits() as $bits));
                    $of_bits($blend($to_bits(self), nan, $splat_bits($float::CANONICAL_NAN.to_bits() as $bits)))
                }
            }

            #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512cd,avx512dq,avx512vl")]
            unsafe fn work(rows: usize, registers: usize, by_k: bool, task: &Work<$float>) {
                // SAFETY: the caller's.
                unsafe { work::<Self>(rows, registers, by_k, task) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
avx512!(
    __m512,
    f32,
    i32,
    16,
    __mmask16,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_maskz_loadu_ps,
    _mm512_storeu_ps,
    _mm512_mask_storeu_ps,
    _mm512_fmadd_ps,
    _mm512_add_ps,
    _mm512_set1_epi32,
    _mm512_and_si512,
    _mm512_cmpgt_epi32_mask,
    _mm512_mask_mov_epi32,
    _mm512_castps_si512,
    _mm512_castsi512_ps
);
#[cfg(target_arch = "x86_64")]
avx512!(
    __m512d,
    f64,
    i64,
    8,
    __mmask8,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_maskz_loadu_pd,
    _mm512_storeu_pd,
    _mm512_mask_storeu_pd,
    _mm512_fmadd_pd,
    _mm512_add_pd,
    _mm512_set1_epi64,
    _mm512_and_si512,
    _mm512_cmpgt_epi64_mask,
    _mm512_mask_mov_epi64,
    _mm512_castpd_si512,
    _mm512_castsi512_pd
);

/// The two registers of 256 bits; which lanes go to memory is said by the signs of a vector of integers.
#[cfg(target_arch = "x86_64")]
macro_rules! avx2 {
    ($register:ty, $float:ident, $bits:ident, $lanes:literal, [$($lane:literal)+], $splat:ident, $load:ident, $load_mask:ident, $store:ident,
     $store_mask:ident, $fused:ident, $plus:ident, $splat_bits:ident, $set_bits:ident, $above:ident, $to_bits:ident, $of_bits:ident) => {
        impl Lanes for $register {
            type T = $float;
            const N: usize = $lanes;
            const ROWS: usize = 4;

            #[inline(always)]
            unsafe fn splat(x: $float) -> Self {
                // SAFETY: the caller's.
                unsafe { $splat(x) }
            }

            #[inline(always)]
            unsafe fn load(from: *const $float) -> Self {
                // SAFETY: the caller's.
                unsafe { $load(from) }
            }

            #[inline(always)]
            unsafe fn load_first(from: *const $float, n: usize) -> Self {
                // SAFETY: the caller's; masked lanes are not read.
                unsafe { $load_mask(from, $above($splat_bits(n as $bits), $set_bits($($lane),+))) }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $float) {
                // SAFETY: the caller's.
                unsafe { $store(to, self) }
            }

            #[inline(always)]
            unsafe fn store_first(self, to: *mut $float, n: usize) {
                // SAFETY: the caller's; masked lanes are not written.
                unsafe { $store_mask(to, $above($splat_bits(n as $bits), $set_bits($($lane),+)), self) }
            }

            #[inline(always)]
            unsafe fn fused(self, y: Self, z: Self) -> Self {
                // SAFETY: the caller's.
                unsafe { $fused(self, y, z) }
            }

            #[inline(always)]
            unsafe fn plus(self, y: Self) -> Self {
                // SAFETY: the caller's.
                unsafe { $plus(self, y) }
            }

            #[inline(always)]
            unsafe fn canonical(self) -> Self {
                // SAFETY: the caller's.
                unsafe {
                    let bits = $to_bits(self);
                    let magnitude = _mm256_and_si256(bits, $splat_bits($bits::MAX));
                    let nan = $above(magnitude, $splat_bits($float::INFINITY.to_bits() as $bits));
                    let canonical = $splat_bits($float::CANONICAL_NAN.to_bits() as $bits);
                    $of_bits(_mm256_blendv_epi8(bits, canonical, nan))
                }
            }

            #[target_feature(enable = "avx2,fma")]
            unsafe fn work(rows: usize, registers: usize, by_k: bool, task: &Work<$float>) {
                // SAFETY: the caller's.
                unsafe { work::<Self>(rows, registers, by_k, task) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
avx2!(
    __m256, f32, i32, 8, [0 1 2 3 4 5 6 7], _mm256_set1_ps, _mm256_loadu_ps, _mm256_maskload_ps, _mm256_storeu_ps,
    _mm256_maskstore_ps, _mm256_fmadd_ps, _mm256_add_ps, _mm256_set1_epi32, _mm256_setr_epi32, _mm256_cmpgt_epi32,
    _mm256_castps_si256, _mm256_castsi256_ps
);
#[cfg(target_arch = "x86_64")]
avx2!(
    __m256d, f64, i64, 4, [0 1 2 3], _mm256_set1_pd, _mm256_loadu_pd, _mm256_maskload_pd, _mm256_storeu_pd,
    _mm256_maskstore_pd, _mm256_fmadd_pd, _mm256_add_pd, _mm256_set1_epi64x, _mm256_setr_epi64x, _mm256_cmpgt_epi64,
    _mm256_castpd_si256, _mm256_castsi256_pd
);

/// A float with its registers at each level.
pub(super) trait Registers: Float + Kept {
    /// Those of any CPU.
    type Portable: Lanes<T = Self>;
    type Avx2: Lanes<T = Self>;
    type Avx512: Lanes<T = Self>;

    /// [`Product::rectangle`] at this level.
    ///
    /// # Safety
    /// The CPU has the level; the rest is as there.
    unsafe fn rectangle(
        level: Level,
        product: &Product<'_, Self>,
        rows: Range<usize>,
        columns: Range<usize>,
        scratch: &mut Scratch<Self>,
    ) {
        // SAFETY: the caller's.
        unsafe {
            match level {
                Level::Portable => product.rectangle::<Self::Portable>(rows, columns, scratch),
                Level::Avx2 => product.rectangle::<Self::Avx2>(rows, columns, scratch),
                Level::Avx512 => product.rectangle::<Self::Avx512>(rows, columns, scratch),
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Registers for f32 {
    type Portable = Portable<f32>;
    type Avx2 = __m256;
    type Avx512 = __m512;
}

#[cfg(target_arch = "x86_64")]
impl Registers for f64 {
    type Portable = Portable<f64>;
    type Avx2 = __m256d;
    type Avx512 = __m512d;
}

#[cfg(not(target_arch = "x86_64"))]
impl Registers for f32 {
    type Portable = Portable<f32>;
    type Avx2 = Portable<f32>;
    type Avx512 = Portable<f32>;
}

#[cfg(not(target_arch = "x86_64"))]
impl Registers for f64 {
    type Portable = Portable<f64>;
    type Avx2 = Portable<f64>;
    type Avx512 = Portable<f64>;
}
