//! The floating-point environment that strict bits depend on: rounding to nearest even, subnormals kept.
//! Looked at around every plugin call; a plugin that leaves it changed is reported, and it is set right again.

/// The control bits of the calling thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FpEnvironment(u32);

/// MXCSR: exception masks, round to nearest, no flush to zero, no denormals-are-zero.
const DEFAULT: u32 = 0x1f80;
/// The six sticky exception flags say what happened, not how to compute.
const FLAGS: u32 = 0x3f;

impl FpEnvironment {
    /// What strict needs.
    pub const STRICT: Self = Self(DEFAULT);

    /// Reads the calling thread's.
    #[inline(always)]
    pub fn current() -> Self {
        Self(read() & !FLAGS)
    }

    /// Makes it the calling thread's.
    pub fn apply(self) {
        write(self.0);
    }

    /// For the record: `{"rounding": "nearest-even", "ftz": false, "daz": false}`.
    pub fn describe(self) -> serde_json::Value {
        let rounding = match (self.0 >> 13) & 3 {
            0 => "nearest-even",
            1 => "down",
            2 => "up",
            _ => "toward-zero",
        };
        serde_json::json!({
            "rounding": rounding,
            "ftz": self.0 & 0x8000 != 0,
            "daz": self.0 & 0x40 != 0,
        })
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn read() -> u32 {
    let mut value = 0_u32;
    // SAFETY: stores the 32-bit control register to a local.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack, preserves_flags)) };
    value
}

#[cfg(target_arch = "x86_64")]
fn write(value: u32) {
    // SAFETY: loads the control register with a value that `read` gave or the architecture's default; it masks all
    // exceptions, so no trap can follow.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack, readonly, preserves_flags)) };
}

#[cfg(not(target_arch = "x86_64"))]
fn read() -> u32 {
    DEFAULT
}

#[cfg(not(target_arch = "x86_64"))]
fn write(_value: u32) {}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn flush_to_zero_is_seen_and_undone() {
        assert_eq!(FpEnvironment::current(), FpEnvironment::STRICT);
        FpEnvironment(DEFAULT | 0x8000).apply();
        let seen = FpEnvironment::current();
        FpEnvironment::STRICT.apply();
        assert_ne!(seen, FpEnvironment::STRICT);
        assert_eq!(seen.describe()["ftz"], true);
        assert_eq!(FpEnvironment::current(), FpEnvironment::STRICT);
    }
}
