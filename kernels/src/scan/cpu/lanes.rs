//! A block in vectors of 512 bits, with one segment in each lane: 16 elements of 16 segments (f32) or of 8 (f64) are
//! turned, added in sequence and turned back. Stores that go past the caches are here too.

use std::arch::x86_64::*;

use super::block::{Blocked, Store, Sums, double, side_by_side, write};
use crate::dispatch::Level;
use crate::scan::{BLOCK, SEGMENT, SEGMENTS};

impl Blocked for f32 {
    fn sum(level: Level, x: &[f32; BLOCK], locals: &mut [f32; BLOCK], totals: &mut [f32; SEGMENTS]) {
        if level == Level::Avx512 {
            // SAFETY: `Kernel` lets in only levels that were found on this very CPU.
            return unsafe { sum_f32(x, locals, totals) };
        }
        side_by_side(level, x, locals, totals);
        double(level, totals);
    }

    fn write(level: Level, sums: &Sums<f32>, before: f32, store: Store, next: &[f32], out: &mut [f32; BLOCK]) {
        if level != Level::Avx512 {
            return write(level, sums, before, out);
        }
        let aligned = (out.as_ptr() as usize).is_multiple_of(64);
        // SAFETY: the level is here, as above; the stores that need an aligned output get one.
        unsafe {
            if store == Store::Past && aligned {
                write_f32::<true>(sums, before, next, out)
            } else {
                write_f32::<false>(sums, before, next, out)
            }
        }
    }
}

impl Blocked for f64 {
    fn sum(level: Level, x: &[f64; BLOCK], locals: &mut [f64; BLOCK], totals: &mut [f64; SEGMENTS]) {
        if level == Level::Avx512 {
            // SAFETY: `Kernel` lets in only levels that were found on this very CPU.
            return unsafe { sum_f64(x, locals, totals) };
        }
        side_by_side(level, x, locals, totals);
        double(level, totals);
    }

    fn write(level: Level, sums: &Sums<f64>, before: f64, store: Store, next: &[f64], out: &mut [f64; BLOCK]) {
        if level != Level::Avx512 {
            return write(level, sums, before, out);
        }
        let aligned = (out.as_ptr() as usize).is_multiple_of(64);
        // SAFETY: the level is here, as above; the stores that need an aligned output get one.
        unsafe {
            if store == Store::Past && aligned {
                write_f64::<true>(sums, before, next, out)
            } else {
                write_f64::<false>(sums, before, next, out)
            }
        }
    }
}

/// Finishes the stores that went past the caches; the next to read those values may be another thread.
pub(super) fn finish_stores() {
    // SAFETY: every x86-64 CPU has SSE, and a fence touches nothing.
    unsafe { _mm_sfence() };
}

#[target_feature(enable = "avx512f")]
fn sum_f32(x: &[f32; BLOCK], locals: &mut [f32; BLOCK], totals: &mut [f32; SEGMENTS]) {
    const GROUP: usize = 16 * SEGMENT;
    let groups = x.as_chunks::<GROUP>().0.iter().zip(locals.as_chunks_mut::<GROUP>().0);
    let mut sums = [_mm512_setzero_ps(); 4];
    for ((x, locals), sum) in groups.zip(&mut sums) {
        let x = x.as_chunks::<16>().0;
        // SAFETY: each is 16 floats; a prefetch never faults.
        let mut rows: [__m512; 16] = std::array::from_fn(|row| unsafe {
            _mm_prefetch::<_MM_HINT_T0>(x[row].as_ptr().wrapping_add(AHEAD / 4).cast());
            _mm512_loadu_ps(x[row].as_ptr())
        });
        rows = turned_f32(rows);
        for row in 1..16 {
            rows[row] = _mm512_add_ps(rows[row - 1], rows[row]);
        }
        *sum = rows[15];
        for (locals, row) in locals.as_chunks_mut::<16>().0.iter_mut().zip(rows) {
            // SAFETY: 16 floats.
            unsafe { _mm512_storeu_ps(locals.as_mut_ptr(), row) };
        }
    }
    sums = doubled_f32::<15>(sums, 0xfffe);
    sums = doubled_f32::<14>(sums, 0xfffc);
    sums = doubled_f32::<12>(sums, 0xfff0);
    sums = doubled_f32::<8>(sums, 0xff00);
    let [a, b, c, d] = sums;
    let (b, c, d) = (_mm512_add_ps(a, b), _mm512_add_ps(b, c), _mm512_add_ps(c, d));
    let (c, d) = (_mm512_add_ps(a, c), _mm512_add_ps(b, d));
    for (totals, sum) in totals.as_chunks_mut::<16>().0.iter_mut().zip([a, b, c, d]) {
        // SAFETY: 16 floats.
        unsafe { _mm512_storeu_ps(totals.as_mut_ptr(), sum) };
    }
}

/// Adds to each total the one 16 - `BACK` before it; `there` says where in the first register there is one.
#[target_feature(enable = "avx512f")]
#[inline]
fn doubled_f32<const BACK: i32>(old: [__m512; 4], there: __mmask16) -> [__m512; 4] {
    let mut sums = old;
    for i in 0..4 {
        let (earlier, own) = (_mm512_castps_si512(old[i.max(1) - 1]), _mm512_castps_si512(old[i]));
        let before = _mm512_castsi512_ps(_mm512_alignr_epi32::<BACK>(own, earlier));
        let there = if i == 0 { there } else { 0xffff };
        sums[i] = _mm512_mask_add_ps(old[i], there, before, old[i]);
    }
    sums
}

#[target_feature(enable = "avx512f")]
fn sum_f64(x: &[f64; BLOCK], locals: &mut [f64; BLOCK], totals: &mut [f64; SEGMENTS]) {
    const GROUP: usize = 8 * SEGMENT;
    let groups = x.as_chunks::<GROUP>().0.iter().zip(locals.as_chunks_mut::<GROUP>().0);
    let mut sums = [_mm512_setzero_pd(); 8];
    for ((x, locals), total) in groups.zip(&mut sums) {
        let (x, locals) = (x.as_chunks::<8>().0, locals.as_chunks_mut::<8>().0);
        let mut sum = _mm512_set1_pd(-0.0);
        // The first eight elements of each segment, then the others.
        for half in 0..2 {
            // SAFETY: each is 8 floats; a prefetch never faults.
            let mut rows: [__m512d; 8] = std::array::from_fn(|row| unsafe {
                let at = x[2 * row + half].as_ptr();
                _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(AHEAD / 8).cast());
                _mm512_loadu_pd(at)
            });
            rows = turned_f64(rows);
            for row in &mut rows {
                sum = _mm512_add_pd(sum, *row);
                *row = sum;
            }
            for (row, value) in rows.into_iter().enumerate() {
                // SAFETY: 8 floats.
                unsafe { _mm512_storeu_pd(locals[8 * half + row].as_mut_ptr(), value) };
            }
        }
        *total = sum;
    }
    sums = doubled_f64::<7>(sums, 0xfe);
    sums = doubled_f64::<6>(sums, 0xfc);
    sums = doubled_f64::<4>(sums, 0xf0);
    for distance in [1, 2, 4] {
        for i in (distance..8).rev() {
            sums[i] = _mm512_add_pd(sums[i - distance], sums[i]);
        }
    }
    for (totals, sum) in totals.as_chunks_mut::<8>().0.iter_mut().zip(sums) {
        // SAFETY: 8 floats.
        unsafe { _mm512_storeu_pd(totals.as_mut_ptr(), sum) };
    }
}

/// Adds to each total the one 8 - `BACK` before it; `there` says where in the first register there is one.
#[target_feature(enable = "avx512f")]
#[inline]
fn doubled_f64<const BACK: i32>(old: [__m512d; 8], there: __mmask8) -> [__m512d; 8] {
    let mut sums = old;
    for i in 0..8 {
        let (earlier, own) = (_mm512_castpd_si512(old[i.max(1) - 1]), _mm512_castpd_si512(old[i]));
        let before = _mm512_castsi512_pd(_mm512_alignr_epi64::<BACK>(own, earlier));
        let there = if i == 0 { there } else { 0xff };
        sums[i] = _mm512_mask_add_pd(old[i], there, before, old[i]);
    }
    sums
}

/// How far ahead of the elements that are summed memory is asked for, in bytes.
const AHEAD: usize = 4096;

/// Rows for columns.
#[target_feature(enable = "avx512f")]
#[inline]
fn turned_f32(rows: [__m512; 16]) -> [__m512; 16] {
    let pairs: [__m512; 16] = std::array::from_fn(|row| {
        let (one, other) = (rows[row & !1], rows[row | 1]);
        if row & 1 == 0 { _mm512_unpacklo_ps(one, other) } else { _mm512_unpackhi_ps(one, other) }
    });
    // Row 4i+j holds column 4q+j of rows 4i to 4i+3 in its quarter q.
    let fours: [__m512; 16] = std::array::from_fn(|row| {
        let first = row & !3 | row >> 1 & 1;
        let (one, other) = (_mm512_castps_pd(pairs[first]), _mm512_castps_pd(pairs[first + 2]));
        let four = if row & 1 == 0 { _mm512_unpacklo_pd(one, other) } else { _mm512_unpackhi_pd(one, other) };
        _mm512_castpd_ps(four)
    });
    let mut turned = fours;
    for j in 0..4 {
        let quarters = turned_quarters([fours[j], fours[4 + j], fours[8 + j], fours[12 + j]]);
        for (q, quarter) in quarters.into_iter().enumerate() {
            turned[4 * q + j] = quarter;
        }
    }
    turned
}

/// Rows for columns.
#[target_feature(enable = "avx512f")]
#[inline]
fn turned_f64(rows: [__m512d; 8]) -> [__m512d; 8] {
    // Row 2i+j holds column 2q+j of rows 2i and 2i+1 in its quarter q.
    let pairs: [__m512d; 8] = std::array::from_fn(|row| {
        let (one, other) = (rows[row & !1], rows[row | 1]);
        if row & 1 == 0 { _mm512_unpacklo_pd(one, other) } else { _mm512_unpackhi_pd(one, other) }
    });
    let mut turned = pairs;
    for j in 0..2 {
        let quarters =
            turned_quarters([pairs[j], pairs[2 + j], pairs[4 + j], pairs[6 + j]].map(|row| _mm512_castpd_ps(row)));
        for (q, quarter) in quarters.into_iter().enumerate() {
            turned[2 * q + j] = _mm512_castps_pd(quarter);
        }
    }
    turned
}

/// Quarter q of row i to quarter i of row q.
#[target_feature(enable = "avx512f")]
#[inline]
fn turned_quarters([a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
    let (ab_low, ab_high) = (_mm512_shuffle_f32x4::<0x44>(a, b), _mm512_shuffle_f32x4::<0xee>(a, b));
    let (cd_low, cd_high) = (_mm512_shuffle_f32x4::<0x44>(c, d), _mm512_shuffle_f32x4::<0xee>(c, d));
    [
        _mm512_shuffle_f32x4::<0x88>(ab_low, cd_low),
        _mm512_shuffle_f32x4::<0xdd>(ab_low, cd_low),
        _mm512_shuffle_f32x4::<0x88>(ab_high, cd_high),
        _mm512_shuffle_f32x4::<0xdd>(ab_high, cd_high),
    ]
}

#[target_feature(enable = "avx512f")]
fn write_f32<const PAST: bool>(sums: &Sums<f32>, before: f32, next: &[f32], out: &mut [f32; BLOCK]) {
    const GROUP: usize = 16 * SEGMENT;
    let before = _mm512_set1_ps(before);
    let nan = _mm512_set1_ps(f32::from_bits(0x7fc0_0000));
    let next = after(&sums.locals, next);
    let groups = out.as_chunks_mut::<GROUP>().0.iter_mut().zip(sums.locals.as_chunks::<GROUP>().0);
    for (group, ((out, locals), segments)) in groups.zip(sums.segments.as_chunks::<16>().0).enumerate() {
        // SAFETY: all are 16 floats.
        let segments = unsafe { _mm512_loadu_ps(segments.as_ptr()) };
        let locals = locals.as_chunks::<16>().0;
        let rows: [__m512; 16] = std::array::from_fn(|row| {
            // SAFETY: as above; a prefetch never faults.
            let local = unsafe {
                _mm_prefetch::<_MM_HINT_T1>(next.wrapping_add(group * GROUP + row * 16).cast());
                _mm512_loadu_ps(locals[row].as_ptr())
            };
            let value = _mm512_add_ps(before, _mm512_add_ps(segments, local));
            _mm512_mask_mov_ps(value, _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(value, value), nan)
        });
        for (out, row) in out.as_chunks_mut::<16>().0.iter_mut().zip(turned_f32(rows)) {
            // SAFETY: 16 floats, and the caller has seen that the output is aligned where that is needed.
            unsafe {
                if PAST { _mm512_stream_ps(out.as_mut_ptr(), row) } else { _mm512_storeu_ps(out.as_mut_ptr(), row) }
            }
        }
    }
}

#[target_feature(enable = "avx512f")]
fn write_f64<const PAST: bool>(sums: &Sums<f64>, before: f64, next: &[f64], out: &mut [f64; BLOCK]) {
    const GROUP: usize = 8 * SEGMENT;
    let before = _mm512_set1_pd(before);
    let nan = _mm512_set1_pd(f64::from_bits(0x7ff8_0000_0000_0000));
    let next = after(&sums.locals, next);
    let groups = out.as_chunks_mut::<GROUP>().0.iter_mut().zip(sums.locals.as_chunks::<GROUP>().0);
    for (group, ((out, locals), segments)) in groups.zip(sums.segments.as_chunks::<8>().0).enumerate() {
        // SAFETY: all are 8 floats.
        let segments = unsafe { _mm512_loadu_pd(segments.as_ptr()) };
        let (out, locals) = (out.as_chunks_mut::<8>().0, locals.as_chunks::<8>().0);
        let halves: [[__m512d; 8]; 2] = std::array::from_fn(|half| {
            turned_f64(std::array::from_fn(|row| {
                // SAFETY: as above; a prefetch never faults.
                let local = unsafe {
                    _mm_prefetch::<_MM_HINT_T1>(next.wrapping_add(group * GROUP + (8 * half + row) * 8).cast());
                    _mm512_loadu_pd(locals[8 * half + row].as_ptr())
                };
                let value = _mm512_add_pd(before, _mm512_add_pd(segments, local));
                _mm512_mask_mov_pd(value, _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(value, value), nan)
            }))
        });
        for (index, out) in out.iter_mut().enumerate() {
            let row = halves[index % 2][index / 2];
            // SAFETY: 8 floats, and the caller has seen that the output is aligned where that is needed.
            unsafe {
                if PAST { _mm512_stream_pd(out.as_mut_ptr(), row) } else { _mm512_storeu_pd(out.as_mut_ptr(), row) }
            }
        }
    }
}

/// Where `next` begins. Without one, what is being read is asked for again, which costs nothing.
fn after<T>(here: &[T; BLOCK], next: &[T]) -> *const T {
    if next.len() == BLOCK { next.as_ptr() } else { here.as_ptr() }
}
