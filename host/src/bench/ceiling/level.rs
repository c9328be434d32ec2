//! The loops at each vector width: the widest that this CPU has runs, found at run time. Each does nothing but what its
//! name says; a loop that could be quicker would make a kernel look better than it is.

use std::hint::black_box;

/// Loads all of x.
type Read = fn(&[f32]) -> u32;

/// x into out.
type CopyTo = fn(&[f32], &mut [f32]);

/// x * c + y into out.
type Triad = fn(&[f32], &[f32], &mut [f32]);

/// The ways in which one bound can be reached; which is quickest differs from machine to machine.
pub(super) struct Loops {
    /// Load all of x; the result only keeps the loads from being left out.
    pub(super) read: Vec<Way<Read>>,
    /// x into out.
    pub(super) copy: Vec<Way<CopyTo>>,
    /// x * c + y into out.
    pub(super) triad: Vec<Way<Triad>>,
    /// So many rounds of [`Loops::operations`].
    pub(super) fma: Way<fn(u64) -> f32>,
    /// Operations of one round, two for each multiply-add.
    pub(super) operations: u64,
}

/// One way, and how people call it.
pub(super) struct Way<F> {
    pub(super) how: &'static str,
    pub(super) run: F,
}

/// Every slice that the loops get is a multiple of this many elements.
pub(super) const STEP: usize = 4096;

/// The factor of the triad.
const FACTOR: f32 = 0.75;

impl Loops {
    /// Those of the widest vectors that this CPU has.
    pub(super) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            use std::is_x86_feature_detected as has;
            if has!("avx512f") && has!("avx2") && has!("fma") {
                return x86::avx512::loops();
            }
            if has!("avx2") && has!("fma") {
                return x86::avx2::loops();
            }
        }
        portable()
    }
}

/// Without vectors of a known width: what the compiler makes of plain loops.
fn portable() -> Loops {
    fn read(x: &[f32]) -> u32 {
        let mut sums = [0_u32; 64];
        for block in x.chunks_exact(64) {
            for (sum, x) in sums.iter_mut().zip(block) {
                *sum |= x.to_bits();
            }
        }
        sums.iter().fold(0, |all, sum| all | sum)
    }
    fn triad(x: &[f32], y: &[f32], out: &mut [f32]) {
        for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
            *out = x * FACTOR + y;
        }
    }
    fn fma(rounds: u64) -> f32 {
        let (factor, term) = (black_box(0.99_f32), black_box(0.01_f32));
        let mut sums = [0.0_f32; 64];
        sums.iter_mut().enumerate().for_each(|(place, sum)| *sum = black_box(place as f32));
        for _ in 0..rounds {
            for sum in &mut sums {
                // A fused step is a library call where there is no instruction for it, so two steps count as one there.
                *sum = if cfg!(target_arch = "aarch64") { sum.mul_add(factor, term) } else { *sum * factor + term };
            }
        }
        sums.iter().sum()
    }
    Loops {
        read: vec![Way { how: "portable", run: read }],
        copy: vec![Way { how: "portable", run: |x, out| out.copy_from_slice(x) }],
        triad: vec![Way { how: "portable", run: triad }],
        fma: Way { how: "portable", run: fma },
        operations: 2 * 64,
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;
    use std::hint::black_box;

    macro_rules! loops {
        (
            $name:ident, $shown:literal, $features:literal, $lanes:literal, load: $load:ident, or: $or:ident,
            zero: $zero:ident, float: $float:ident, store: $store:ident, stream: $stream:ident, splat: $splat:ident,
            fma: $fma:ident, integers: $integers:ident
        ) => {
            pub(in super::super) mod $name {
                use super::super::{CopyTo, FACTOR, Loops, Read, Triad, Way};
                use super::*;

                const LANES: usize = $lanes;

                /// Vectors that are under way at one time.
                const DEPTH: usize = 4;

                /// Accumulators that keep two units of a latency of four busy, with some to spare.
                const CHAINS: usize = 12;

                #[target_feature(enable = $features)]
                fn read<const STREAMS: usize, const AHEAD: usize>(x: &[f32]) -> u32 {
                    let stride = x.len() / STREAMS;
                    let mut sums = [$zero(); DEPTH];
                    for at in (0..stride).step_by(DEPTH * LANES) {
                        for stream in 0..STREAMS {
                            for (place, sum) in sums.iter_mut().enumerate() {
                                // SAFETY: the slice is a multiple of `STEP` long, so the vector lies in it; it is
                                // aligned to a page. A prefetch may be of any address.
                                unsafe {
                                    let from = x.as_ptr().add(stream * stride + at + place * LANES);
                                    if AHEAD > 0 {
                                        _mm_prefetch::<_MM_HINT_T0>(from.wrapping_byte_add(AHEAD).cast());
                                    }
                                    *sum = $or(*sum, $load(from.cast()));
                                }
                            }
                        }
                    }
                    let mut words = [0_u32; DEPTH * LANES];
                    for (words, sum) in words.chunks_exact_mut(LANES).zip(sums) {
                        // SAFETY: as many words as the vector has.
                        unsafe { $integers(words.as_mut_ptr().cast(), sum) };
                    }
                    words.iter().fold(0, |all, word| all | word)
                }

                #[target_feature(enable = $features)]
                fn copy<const PAST_CACHE: bool>(x: &[f32], out: &mut [f32]) {
                    let len = x.len().min(out.len());
                    for at in (0..len).step_by(LANES) {
                        // SAFETY: both are a multiple of `STEP` long and aligned to a page.
                        unsafe {
                            let value = $float(x.as_ptr().add(at));
                            match PAST_CACHE {
                                true => $stream(out.as_mut_ptr().add(at), value),
                                false => $store(out.as_mut_ptr().add(at), value),
                            }
                        }
                    }
                    _mm_sfence();
                }

                #[target_feature(enable = $features)]
                fn triad<const PAST_CACHE: bool>(x: &[f32], y: &[f32], out: &mut [f32]) {
                    let factor = $splat(FACTOR);
                    let len = x.len().min(y.len()).min(out.len());
                    for at in (0..len).step_by(LANES) {
                        // SAFETY: as in `copy`.
                        unsafe {
                            let value = $fma($float(x.as_ptr().add(at)), factor, $float(y.as_ptr().add(at)));
                            match PAST_CACHE {
                                true => $stream(out.as_mut_ptr().add(at), value),
                                false => $store(out.as_mut_ptr().add(at), value),
                            }
                        }
                    }
                    _mm_sfence();
                }

                #[target_feature(enable = $features)]
                fn fma(rounds: u64) -> f32 {
                    // Numbers that the compiler cannot know: it would do the sums itself.
                    let (factor, term) = ($splat(black_box(0.99)), $splat(black_box(0.01)));
                    let mut sums = [factor; CHAINS];
                    for (place, sum) in sums.iter_mut().enumerate() {
                        *sum = $splat(black_box(place as f32));
                    }
                    for _ in 0..rounds {
                        for sum in &mut sums {
                            *sum = $fma(*sum, factor, term);
                        }
                    }
                    let mut all = [0.0_f32; CHAINS * LANES];
                    for (all, sum) in all.chunks_exact_mut(LANES).zip(sums) {
                        // SAFETY: as many floats as the vector has; no alignment is asked for.
                        unsafe { std::ptr::write_unaligned(all.as_mut_ptr().cast(), sum) };
                    }
                    all.iter().sum()
                }

                /// Only for a CPU that has these vectors.
                pub(in super::super) fn loops() -> Loops {
                    let read: Vec<Way<Read>> = vec![
                        // SAFETY: `Loops::best` calls this only where the CPU has the features; so in all of these.
                        Way { how: $shown, run: |x| unsafe { read::<1, 0>(x) } },
                        // SAFETY: as above.
                        Way { how: concat!($shown, ", prefetch"), run: |x| unsafe { read::<1, 4096>(x) } },
                        // SAFETY: as above.
                        Way { how: concat!($shown, ", 2 streams"), run: |x| unsafe { read::<2, 0>(x) } },
                        // SAFETY: as above.
                        Way { how: concat!($shown, ", 4 streams, prefetch"), run: |x| unsafe { read::<4, 2048>(x) } },
                    ];
                    let copy: Vec<Way<CopyTo>> = vec![
                        // SAFETY: as above.
                        Way { how: $shown, run: |x, out| unsafe { copy::<false>(x, out) } },
                        // SAFETY: as above.
                        Way { how: concat!($shown, ", non-temporal"), run: |x, out| unsafe { copy::<true>(x, out) } },
                    ];
                    let triad: Vec<Way<Triad>> = vec![
                        // SAFETY: as above.
                        Way { how: $shown, run: |x, y, out| unsafe { triad::<false>(x, y, out) } },
                        Way {
                            how: concat!($shown, ", non-temporal"),
                            // SAFETY: as above.
                            run: |x, y, out| unsafe { triad::<true>(x, y, out) },
                        },
                    ];
                    Loops {
                        read,
                        copy,
                        triad,
                        // SAFETY: as above.
                        fma: Way { how: $shown, run: |rounds| unsafe { fma(rounds) } },
                        operations: (2 * CHAINS * LANES) as u64,
                    }
                }
            }
        };
    }

    loops! {
        avx512, "avx512", "avx2,fma,avx512f", 16, load: _mm512_load_si512, or: _mm512_or_si512,
        zero: _mm512_setzero_si512, float: _mm512_load_ps, store: _mm512_store_ps, stream: _mm512_stream_ps,
        splat: _mm512_set1_ps, fma: _mm512_fmadd_ps, integers: _mm512_storeu_si512
    }

    loops! {
        avx2, "avx2", "avx2,fma", 8, load: _mm256_load_si256, or: _mm256_or_si256,
        zero: _mm256_setzero_si256, float: _mm256_load_ps, store: _mm256_store_ps, stream: _mm256_stream_ps,
        splat: _mm256_set1_ps, fma: _mm256_fmadd_ps, integers: _mm256_storeu_si256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_does_what_its_name_says() {
        for loops in [Loops::best(), portable()] {
            let mut memory = super::super::region::Region::new(3 << 21).expect("memory");
            let (x, rest) = memory.floats().split_at_mut(2 * STEP);
            let (y, rest) = rest.split_at_mut(2 * STEP);
            let out = &mut rest[..2 * STEP];
            for (i, (x, y)) in x.iter_mut().zip(&mut *y).enumerate() {
                (*x, *y) = (i as f32, -(i as f32) / 2.0);
            }
            let all = x.iter().fold(0, |all, x| all | x.to_bits());
            for way in &loops.read {
                assert_eq!((way.run)(x), all, "{}", way.how);
            }
            for way in &loops.copy {
                out.fill(0.0);
                (way.run)(x, out);
                assert!(x == out, "{}", way.how);
            }
            for way in &loops.triad {
                out.fill(0.0);
                (way.run)(x, y, out);
                assert!(out.iter().enumerate().all(|(i, out)| *out == i as f32 * 0.25), "{}", way.how);
            }
            assert!(((loops.fma.run)(2000) / (loops.operations / 2) as f32 - 1.0).abs() < 0.01, "{}", loops.fma.how);
        }
    }
}
