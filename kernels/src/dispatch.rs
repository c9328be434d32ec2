//! Compiles a hot function twice, portably and for AVX2 with FMA, and picks at run time. Both give the same bits: the
//! wide one differs only in that a fused step is one instruction. Nothing else in the crate asks what the CPU can do.

/// The level at which the hot loops run on this CPU, `avx2-fma` or `portable`. It changes no bit.
pub fn level() -> &'static str {
    if wide() { "avx2-fma" } else { "portable" }
}

/// Whether AVX2 and FMA are there; the standard library remembers the answer.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn wide() -> bool {
    std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma")
}

/// Whether AVX2 and FMA are there: never, on another architecture.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn wide() -> bool {
    false
}

/// Defines a function whose body is compiled twice. Generics go in brackets: `fn map [T: Copy](x: &[T]) { .. }`.
macro_rules! twice {
    ($(#[$meta:meta])* $vis:vis fn $name:ident [$($generics:tt)*]($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name<$($generics)*>($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn portable<$($generics)*>($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn wide<$($generics)*>($($arg: $ty),*) $(-> $ret)? {
                    portable($($arg),*)
                }
                if $crate::dispatch::wide() {
                    // SAFETY: the features that the function is compiled for were found on this very CPU.
                    return unsafe { wide($($arg),*) };
                }
            }
            portable($($arg),*)
        }
    };
}

pub(crate) use twice;
