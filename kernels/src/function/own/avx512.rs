//! Eight lanes in AVX-512.

use std::arch::x86_64::*;

use super::run::Vector;
use super::wide::Wide;

/// Eight f64.
#[derive(Clone, Copy)]
pub(crate) struct Eight(__m512d);

#[inline(always)]
fn ints(x: Eight) -> __m512i {
    // SAFETY: an `Eight` exists only where AVX-512 does (see `Vector::load`).
    unsafe { _mm512_castpd_si512(x.0) }
}

#[inline(always)]
fn floats(x: __m512i) -> Eight {
    // SAFETY: as in `ints`: its argument came from an `Eight`.
    Eight(unsafe { _mm512_castsi512_pd(x) })
}

/// Methods by intrinsics over `Eight`s.
macro_rules! by {
    ($(fn $name:ident($($arg:ident),*) -> $ret:ty = $body:expr;)*) => {
        $(#[inline(always)]
        fn $name($($arg: Self),*) -> $ret {
            // SAFETY: an `Eight` exists only where AVX-512 does (see `Vector::load`).
            unsafe { $body }
        })*
    };
}

impl Wide for Eight {
    type Mask = __mmask8;

    #[inline(always)]
    fn of(self, value: f64) -> Self {
        // SAFETY: as in `ints`.
        Eight(unsafe { _mm512_set1_pd(value) })
    }

    #[inline(always)]
    fn within(self, limit: f64) -> Self {
        // SAFETY: as in `ints`; the lesser magnitude with the sign of the first.
        Eight(unsafe { _mm512_range_pd::<0b0010>(self.0, _mm512_set1_pd(limit)) })
    }

    #[inline(always)]
    fn size_within(self, limit: f64) -> Self {
        // SAFETY: as in `ints`; the lesser magnitude without a sign.
        Eight(unsafe { _mm512_range_pd::<0b1010>(self.0, _mm512_set1_pd(limit)) })
    }

    #[inline(always)]
    fn shift_up<const N: u32>(self) -> Self {
        // SAFETY: as in `ints`.
        floats(unsafe { _mm512_slli_epi64::<N>(ints(self)) })
    }

    #[inline(always)]
    fn shift_down<const N: u32>(self) -> Self {
        // SAFETY: as in `ints`.
        floats(unsafe { _mm512_srli_epi64::<N>(ints(self)) })
    }

    #[inline(always)]
    fn entry(self, table: &[f64; 16]) -> Self {
        // SAFETY: as in `ints`; the loads are of the table's two halves.
        Eight(unsafe {
            let (low, high) = (_mm512_loadu_pd(table.as_ptr()), _mm512_loadu_pd(table.as_ptr().add(8)));
            _mm512_permutex2var_pd(low, ints(self), high)
        })
    }

    #[inline(always)]
    fn either(one: __mmask8, other: __mmask8) -> __mmask8 {
        one | other
    }

    #[inline(always)]
    fn select(mask: __mmask8, one: Self, other: Self) -> Self {
        // SAFETY: as in `ints`.
        Eight(unsafe { _mm512_mask_blend_pd(mask, other.0, one.0) })
    }

    by! {
        fn add(self, y) -> Self = Eight(_mm512_add_pd(self.0, y.0));
        fn sub(self, y) -> Self = Eight(_mm512_sub_pd(self.0, y.0));
        fn mul(self, y) -> Self = Eight(_mm512_mul_pd(self.0, y.0));
        fn div(self, y) -> Self = Eight(_mm512_div_pd(self.0, y.0));
        fn fma(self, y, z) -> Self = Eight(_mm512_fmadd_pd(self.0, y.0, z.0));
        fn and(self, y) -> Self = floats(_mm512_and_si512(ints(self), ints(y)));
        fn or(self, y) -> Self = floats(_mm512_or_si512(ints(self), ints(y)));
        fn xor(self, y) -> Self = floats(_mm512_xor_si512(ints(self), ints(y)));
        fn add_bits(self, y) -> Self = floats(_mm512_add_epi64(ints(self), ints(y)));
        fn sub_bits(self, y) -> Self = floats(_mm512_sub_epi64(ints(self), ints(y)));
        fn exponent(self) -> Self = Eight(_mm512_getexp_pd(self.0));
        fn is_negative(self) -> __mmask8 = _mm512_movepi64_mask(ints(self));
        fn not_below(self, y) -> __mmask8 = _mm512_cmp_pd_mask::<_CMP_NLT_UQ>(self.0, y.0);
        fn equals(self, y) -> __mmask8 = _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(self.0, y.0);
        fn lacks(self, y) -> __mmask8 = _mm512_testn_epi64_mask(ints(self), ints(y));
        // Quiet NaN, both zeros, both infinities, negative, signaling NaN; no f64 of a float is subnormal.
        fn is_not_positive_finite(self) -> __mmask8 = _mm512_fpclass_pd_mask::<0b1101_1111>(self.0);
        fn is_nan(self) -> __mmask8 = _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(self.0, self.0);
    }
}

impl Vector for Eight {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn load(x: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Eight(unsafe { _mm512_cvtps_pd(_mm256_loadu_ps(x)) })
    }

    #[inline(always)]
    unsafe fn store(self, out: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { _mm256_storeu_ps(out, _mm512_cvtpd_ps(self.0)) }
    }

    #[inline(always)]
    unsafe fn stream(self, out: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { _mm256_stream_ps(out, _mm512_cvtpd_ps(self.0)) }
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
    fn none(one: __mmask8, other: __mmask8) -> bool {
        // SAFETY: as in `ints`: masks come from `Eight`s.
        unsafe { _kortestz_mask8_u8(one, other) == 1 }
    }

    #[inline(always)]
    fn lanes(mask: __mmask8) -> u32 {
        u32::from(mask)
    }
}
