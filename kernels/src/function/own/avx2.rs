//! Four lanes in AVX2 and FMA.

use std::arch::x86_64::*;

use super::run::Vector;
use super::wide::Wide;

/// Four f64.
#[derive(Clone, Copy)]
pub(crate) struct Four(__m256d);

#[inline(always)]
fn ints(x: Four) -> __m256i {
    // SAFETY: a `Four` exists only where AVX2 does (see `Vector::load`).
    unsafe { _mm256_castpd_si256(x.0) }
}

#[inline(always)]
fn floats(x: __m256i) -> Four {
    // SAFETY: as in `ints`: its argument came from a `Four`.
    Four(unsafe { _mm256_castsi256_pd(x) })
}

/// Methods by intrinsics over `Four`s.
macro_rules! by {
    ($(fn $name:ident($($arg:ident),*) -> $ret:ty = $body:expr;)*) => {
        $(#[inline(always)]
        fn $name($($arg: Self),*) -> $ret {
            // SAFETY: a `Four` exists only where AVX2 does (see `Vector::load`).
            unsafe { $body }
        })*
    };
}

impl Wide for Four {
    /// All bits of a lane, or none; only the highest counts.
    type Mask = __m256d;

    #[inline(always)]
    fn of(self, value: f64) -> Self {
        // SAFETY: as in `ints`.
        Four(unsafe { _mm256_set1_pd(value) })
    }

    #[inline(always)]
    fn within(self, limit: f64) -> Self {
        // SAFETY: as in `ints`.
        Four(unsafe { _mm256_max_pd(_mm256_min_pd(self.0, _mm256_set1_pd(limit)), _mm256_set1_pd(-limit)) })
    }

    #[inline(always)]
    fn size_within(self, limit: f64) -> Self {
        // SAFETY: as in `ints`.
        Four(unsafe { _mm256_min_pd(self.magnitude().0, _mm256_set1_pd(limit)) })
    }

    #[inline(always)]
    fn shift_up<const N: u32>(self) -> Self {
        // SAFETY: as in `ints`.
        floats(unsafe { _mm256_sllv_epi64(ints(self), _mm256_set1_epi64x(i64::from(N))) })
    }

    #[inline(always)]
    fn shift_down<const N: u32>(self) -> Self {
        // SAFETY: as in `ints`.
        floats(unsafe { _mm256_srlv_epi64(ints(self), _mm256_set1_epi64x(i64::from(N))) })
    }

    #[inline(always)]
    fn entry(self, table: &[f64; 16]) -> Self {
        // SAFETY: as in `ints`; four bits reach no further than the table.
        Four(unsafe {
            let index = _mm256_and_si256(ints(self), _mm256_set1_epi64x(15));
            _mm256_i64gather_pd::<8>(table.as_ptr(), index)
        })
    }

    #[inline(always)]
    fn exponent(self) -> Self {
        // The field as the lowest bits of a number of 2^52 or more.
        const INTEGERS: f64 = 4_503_599_627_370_496.0;
        self.shift_down::<52>().or(self.of(INTEGERS)).sub(self.of(INTEGERS + 1023.0))
    }

    #[inline(always)]
    fn is_negative(self) -> __m256d {
        self.0
    }

    #[inline(always)]
    fn either(one: __m256d, other: __m256d) -> __m256d {
        // SAFETY: as in `ints`: masks come from `Four`s.
        unsafe { _mm256_or_pd(one, other) }
    }

    #[inline(always)]
    fn select(mask: __m256d, one: Self, other: Self) -> Self {
        // SAFETY: as in `ints`.
        Four(unsafe { _mm256_blendv_pd(other.0, one.0, mask) })
    }

    by! {
        fn add(self, y) -> Self = Four(_mm256_add_pd(self.0, y.0));
        fn sub(self, y) -> Self = Four(_mm256_sub_pd(self.0, y.0));
        fn mul(self, y) -> Self = Four(_mm256_mul_pd(self.0, y.0));
        fn div(self, y) -> Self = Four(_mm256_div_pd(self.0, y.0));
        fn fma(self, y, z) -> Self = Four(_mm256_fmadd_pd(self.0, y.0, z.0));
        fn and(self, y) -> Self = Four(_mm256_and_pd(self.0, y.0));
        fn or(self, y) -> Self = Four(_mm256_or_pd(self.0, y.0));
        fn xor(self, y) -> Self = Four(_mm256_xor_pd(self.0, y.0));
        fn add_bits(self, y) -> Self = floats(_mm256_add_epi64(ints(self), ints(y)));
        fn sub_bits(self, y) -> Self = floats(_mm256_sub_epi64(ints(self), ints(y)));
        fn not_below(self, y) -> __m256d = _mm256_cmp_pd::<_CMP_NLT_UQ>(self.0, y.0);
        fn equals(self, y) -> __m256d = _mm256_cmp_pd::<_CMP_EQ_OQ>(self.0, y.0);
        fn lacks(self, y) -> __m256d = _mm256_castsi256_pd(_mm256_cmpeq_epi64(ints(self.and(y)), _mm256_setzero_si256()));
        fn is_not_positive_finite(self) -> __m256d = _mm256_or_pd(_mm256_cmp_pd::<_CMP_NGT_UQ>(self.0, _mm256_setzero_pd()), _mm256_cmp_pd::<_CMP_NLT_UQ>(self.0, _mm256_set1_pd(f64::INFINITY)));
        fn is_nan(self) -> __m256d = _mm256_cmp_pd::<_CMP_UNORD_Q>(self.0, self.0);
    }
}

impl Vector for Four {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn load(x: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Four(unsafe { _mm256_cvtps_pd(_mm_loadu_ps(x)) })
    }

    #[inline(always)]
    unsafe fn store(self, out: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { _mm_storeu_ps(out, _mm256_cvtpd_ps(self.0)) }
    }

    #[inline(always)]
    unsafe fn stream(self, out: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { _mm_stream_ps(out, _mm256_cvtpd_ps(self.0)) }
    }

    #[inline(always)]
    fn fence() {
        // SAFETY: SSE is part of the architecture.
        unsafe { _mm_sfence() }
    }

    #[inline(always)]
    fn prefetch(x: *const f32) {
        // SAFETY: it reads nothing; SSE is part of the architecture.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(x.cast()) }
    }

    #[inline(always)]
    fn none(one: __m256d, other: __m256d) -> bool {
        Self::lanes(Self::either(one, other)) == 0
    }

    #[inline(always)]
    fn lanes(mask: __m256d) -> u32 {
        // SAFETY: as in `ints`: masks come from `Four`s.
        unsafe { _mm256_movemask_pd(mask) as u32 }
    }
}
