//! Steps of an i8 product at each level: a lane of 32 bits takes the products of two or of four consecutive k at once.
//! Every sum is exact, so the order of k is nobody's concern here.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// Accumulators of 32 bits in one register, and how a step takes its factors.
///
/// # Safety
/// Every unsafe function needs a CPU that has the type's instructions; it is inlined into code compiled for them.
pub(super) trait Dots: Copy {
    /// Lanes.
    const N: usize;
    /// Values of k in a lane's step.
    const GROUP: usize;
    /// The most rows of a tile.
    const ROWS: usize;
    /// What is added to each element of a as it is packed; the product with b's column sum is taken off at the end.
    const OFFSET: i32;

    /// Some elements of a row of a, at most [`GROUP`](Dots::GROUP), as a step takes them.
    fn a(elements: &[i8]) -> u32;
    /// The same of a column of b.
    fn b(elements: &[i8]) -> u32;

    unsafe fn splat(x: u32) -> Self;
    unsafe fn load(from: *const u32) -> Self;
    unsafe fn store(self, to: *mut i32);
    /// `self` plus the products of a step.
    unsafe fn step(self, a: Self, b: Self) -> Self;
    /// [`work`] compiled for these instructions.
    unsafe fn work(rows: usize, registers: usize, task: &Work<'_>);
}

/// One tile's part of a panel.
pub(super) struct Work<'a> {
    /// The packed rows of a, `stride` apart.
    pub(super) a: &'a [u32],
    pub(super) stride: usize,
    /// The packed columns of b.
    pub(super) b: &'a [u32],
    /// Groups of k.
    pub(super) groups: usize,
    /// Row after row of sums.
    pub(super) sums: *mut i32,
}

/// Does the work for a tile of `rows` by `registers`.
///
/// # Safety
/// The CPU has the instructions of `D`; a, b and sums are those of a tile of this size.
#[inline(always)]
unsafe fn work<D: Dots>(rows: usize, registers: usize, task: &Work<'_>) {
    macro_rules! sizes {
        ($($rows:literal: $($registers:literal)+;)+) => {
            match (rows, registers) {
                $($(
                    // SAFETY: the caller's.
                    ($rows, $registers) if D::ROWS >= $rows => unsafe { sized::<D, $rows, $registers>(task) },
                )+)+
                _ => unreachable!("there is no tile of {rows} rows by {registers} registers"),
            }
        };
    }
    sizes!(8: 3 2 1; 4: 3 2 1; 2: 3 2 1; 1: 3 2 1;);
}

#[inline(always)]
unsafe fn sized<D: Dots, const R: usize, const V: usize>(task: &Work<'_>) {
    let Work { a, stride, b, groups, sums } = *task;
    assert!(groups > 0 && a.len() >= (R - 1) * stride + groups && b.len() >= groups * V * D::N);
    let (a, b) = (a.as_ptr(), b.as_ptr());
    // SAFETY: the caller's; the reads stay within what was just checked.
    unsafe {
        let mut acc = [[D::splat(0); V]; R];
        for group in 0..groups {
            let columns: [D; V] = std::array::from_fn(|v| D::load(b.add((group * V + v) * D::N)));
            for (r, acc) in acc.iter_mut().enumerate() {
                let x = D::splat(*a.add(r * stride + group));
                for (acc, &column) in acc.iter_mut().zip(&columns) {
                    *acc = acc.step(x, column);
                }
            }
        }
        for (r, acc) in acc.into_iter().enumerate() {
            for (v, acc) in acc.into_iter().enumerate() {
                acc.store(sums.add((r * V + v) * D::N));
            }
        }
    }
}

/// Up to two elements as 16-bit integers.
#[inline(always)]
fn pair(elements: &[i8]) -> u32 {
    let half = |index: usize| elements.get(index).map_or(0, |&x| u32::from(i16::from(x) as u16));
    half(0) | half(1) << 16
}

/// Up to four elements as bytes.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn quad(elements: &[i8]) -> u32 {
    let byte = |index: usize| elements.get(index).map_or(0, |&x| u32::from(x as u8));
    byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24
}

/// Pairs on any CPU.
#[derive(Clone, Copy)]
pub(super) struct Portable([u32; 4]);

impl Dots for Portable {
    const N: usize = 4;
    const GROUP: usize = 2;
    const ROWS: usize = 4;
    const OFFSET: i32 = 0;

    #[inline(always)]
    fn a(elements: &[i8]) -> u32 {
        pair(elements)
    }

    #[inline(always)]
    fn b(elements: &[i8]) -> u32 {
        pair(elements)
    }

    #[inline(always)]
    unsafe fn splat(x: u32) -> Self {
        Portable([x; 4])
    }

    #[inline(always)]
    unsafe fn load(from: *const u32) -> Self {
        // SAFETY: the caller's.
        Portable(unsafe { from.cast::<[u32; 4]>().read() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        // SAFETY: the caller's.
        unsafe { to.cast::<[u32; 4]>().write(self.0) }
    }

    #[inline(always)]
    unsafe fn step(self, a: Self, b: Self) -> Self {
        let product = |a: u32, b: u32| i32::from(a as u16 as i16) * i32::from(b as u16 as i16);
        Portable(std::array::from_fn(|lane| {
            let (a, b) = (a.0[lane], b.0[lane]);
            let sum = product(a, b) + product(a >> 16, b >> 16);
            self.0[lane].wrapping_add(sum as u32)
        }))
    }

    unsafe fn work(rows: usize, registers: usize, task: &Work<'_>) {
        // SAFETY: the caller's.
        unsafe { work::<Self>(rows, registers, task) }
    }
}

#[cfg(target_arch = "x86_64")]
macro_rules! vectors {
    ($(#[$meta:meta])* $name:ident, $register:ty, $features:literal, $lanes:literal, $group:literal, $rows:literal, $offset:literal,
     $splat:ident, $load:ident, $store:ident, |$x:ident| $a:expr, $b:ident, |$acc:ident, $p:ident, $q:ident| $step:expr) => {
        $(#[$meta])*
        #[derive(Clone, Copy)]
        pub(super) struct $name($register);

        impl Dots for $name {
            const N: usize = $lanes;
            const GROUP: usize = $group;
            const ROWS: usize = $rows;
            const OFFSET: i32 = $offset;

            #[inline(always)]
            fn a($x: &[i8]) -> u32 {
                $a
            }

            #[inline(always)]
            fn b(elements: &[i8]) -> u32 {
                $b(elements)
            }

            #[inline(always)]
            unsafe fn splat(x: u32) -> Self {
                // SAFETY: the caller's.
                $name(unsafe { $splat(x as i32) })
            }

            #[inline(always)]
            unsafe fn load(from: *const u32) -> Self {
                // SAFETY: the caller's.
                $name(unsafe { $load(from.cast()) })
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut i32) {
                // SAFETY: the caller's.
                unsafe { $store(to.cast(), self.0) }
            }

            #[inline(always)]
            unsafe fn step(self, a: Self, b: Self) -> Self {
                let ($acc, $p, $q) = (self.0, a.0, b.0);
                // SAFETY: the caller's.
                $name(unsafe { $step })
            }

            #[target_feature(enable = $features)]
            unsafe fn work(rows: usize, registers: usize, task: &Work<'_>) {
                // SAFETY: the caller's.
                unsafe { work::<Self>(rows, registers, task) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
vectors!(
    /// Pairs with AVX2.
    Pairs256, __m256i, "avx2", 8, 2, 4, 0, _mm256_set1_epi32, _mm256_loadu_si256, _mm256_storeu_si256,
    |elements| pair(elements), pair, |acc, a, b| _mm256_add_epi32(acc, _mm256_madd_epi16(a, b))
);
#[cfg(target_arch = "x86_64")]
vectors!(
    /// Pairs with AVX-512.
    Pairs512, __m512i, "avx512f,avx512bw", 16, 2, 8, 0, _mm512_set1_epi32, _mm512_loadu_si512, _mm512_storeu_si512,
    |elements| pair(elements), pair, |acc, a, b| _mm512_add_epi32(acc, _mm512_madd_epi16(a, b))
);
#[cfg(target_arch = "x86_64")]
vectors!(
    /// Fours with AVX-512 VNNI, whose products take a without a sign: 128 more than it is.
    Quads512, __m512i, "avx512f,avx512bw,avx512vnni", 16, 4, 8, 128, _mm512_set1_epi32, _mm512_loadu_si512,
    _mm512_storeu_si512, |elements| quad(elements) ^ 0x8080_8080, quad, |acc, a, b| _mm512_dpbusd_epi32(acc, a, b)
);
