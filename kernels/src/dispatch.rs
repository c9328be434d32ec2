//! Compiles a hot function once per instruction-set level and picks at run time. All levels give the same bits: the wide
//! ones differ only in that more elements go at once and a fused step is one instruction. Nothing else in the crate asks
//! what the CPU can do.

use std::fmt;

/// An instruction-set level. Levels are ordered; a CPU that has one has all below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// What every CPU of the architecture has; a fused step is software where there is no instruction.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F, BW, CD, DQ and VL.
    Avx512,
}

impl Level {
    /// Every level, lowest first.
    pub const ALL: [Level; 3] = [Level::Portable, Level::Avx2, Level::Avx512];

    /// The highest level that this CPU has.
    pub fn best() -> Level {
        Level::ALL.into_iter().rev().find(|level| level.is_here()).unwrap_or(Level::Portable)
    }

    /// Whether this CPU has the level; the standard library remembers the answer.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub fn is_here(self) -> bool {
        use std::is_x86_feature_detected as has;
        let avx2 = || has!("avx2") && has!("fma");
        match self {
            Level::Portable => true,
            Level::Avx2 => avx2(),
            Level::Avx512 => {
                let vectors = has!("avx512f") && has!("avx512bw") && has!("avx512cd");
                avx2() && vectors && has!("avx512dq") && has!("avx512vl")
            }
        }
    }

    /// Whether this CPU has the level: only the portable one, on another architecture.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn is_here(self) -> bool {
        self == Level::Portable
    }

    /// The name in device facts, certificates and settings.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }

    /// The level called `name`.
    pub fn from_name(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// Whether an AVX-512 CPU also has VNNI: products of bytes, summed four at a time. They are exact, so no bit depends on
/// it, and it is no level.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn has_byte_dots() -> bool {
    std::is_x86_feature_detected!("avx512vnni")
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Defines a function whose body is compiled once per level; the level is its first argument and must be one that this
/// CPU has. Generics go in brackets: `fn map [T: Copy](x: &[T]) { .. }` is called as `map(level, x)`.
macro_rules! levels {
    ($(#[$meta:meta])* $vis:vis fn $name:ident [$($generics:tt)*]($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name<$($generics)*>(level: $crate::dispatch::Level, $($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn portable<$($generics)*>($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn avx2<$($generics)*>($($arg: $ty),*) $(-> $ret)? {
                    portable($($arg),*)
                }
                #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512cd,avx512dq,avx512vl")]
                fn avx512<$($generics)*>($($arg: $ty),*) $(-> $ret)? {
                    portable($($arg),*)
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
            portable($($arg),*)
        }
    };
}

pub(crate) use levels;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways_and_the_best_level_is_here() {
        for level in Level::ALL {
            assert_eq!(Level::from_name(level.name()), Some(level));
            assert_eq!(level <= Level::best(), level.is_here(), "{level}");
        }
        assert_eq!(Level::from_name("AVX2"), None);
    }
}
