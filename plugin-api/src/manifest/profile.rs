//! The built-in memory profiles: figures only. It reads no rune and decides nothing; the governor does.

use super::words::ProfileName;

/// How fast a profile's memory use may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volatility {
    /// `LOW`.
    Low,
    /// `MED`.
    Med,
    /// `HIGH`.
    High,
}

/// Where a profile's data may live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// `LOCAL`: RAM.
    Local,
    /// `EXTENDED`: a memory node without processors, where there is one.
    Extended,
    /// `COLD`: disk.
    Cold,
}

/// A memory profile's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: ProfileName,
    /// The target, in units of 2^20 bytes.
    pub soft_mb: u64,
    /// The limit: a call over it fails. In units of 2^20 bytes.
    pub hard_mb: u64,
    /// How fast its use may change.
    pub volatility: Volatility,
    /// 0 to 9; a higher one is degraded later.
    pub priority: u8,
    /// Where its data may live.
    pub tier: Tier,
}

/// 512/1024 MB.
pub const MINIMAL: Profile = Profile {
    name: ProfileName::Minimal,
    soft_mb: 512,
    hard_mb: 1024,
    volatility: Volatility::Low,
    priority: 3,
    tier: Tier::Local,
};

/// 2048/4096 MB, the default.
pub const BALANCED: Profile = Profile {
    name: ProfileName::Balanced,
    soft_mb: 2048,
    hard_mb: 4096,
    volatility: Volatility::Med,
    priority: 5,
    tier: Tier::Extended,
};

/// 4096/8192 MB.
pub const PERFORMANCE: Profile = Profile {
    name: ProfileName::Performance,
    soft_mb: 4096,
    hard_mb: 8192,
    volatility: Volatility::High,
    priority: 8,
    tier: Tier::Local,
};

impl ProfileName {
    /// Its figures.
    pub const fn profile(self) -> &'static Profile {
        match self {
            Self::Minimal => &MINIMAL,
            Self::Balanced => &BALANCED,
            Self::Performance => &PERFORMANCE,
        }
    }
}

impl Profile {
    /// The target in bytes.
    pub const fn soft_bytes(&self) -> u64 {
        self.soft_mb << 20
    }

    /// The limit in bytes.
    pub const fn hard_bytes(&self) -> u64 {
        self.hard_mb << 20
    }
}

impl Volatility {
    /// As it is spelled in a rune.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Med => "MED",
            Self::High => "HIGH",
        }
    }
}

impl Tier {
    /// As it is spelled in a rune.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "LOCAL",
            Self::Extended => "EXTENDED",
            Self::Cold => "COLD",
        }
    }
}
