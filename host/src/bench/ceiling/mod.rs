//! What bounds a kernel: plain reading, copying, a triad and fused multiply-adds, as fast as the device does them when
//! nothing else is asked of it. On a CPU these are loops of the host; on any other device the backend's own kernels
//! stand in for them. Nothing here is a kernel of the catalogue.

mod device;
mod host;
mod level;
mod region;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backend::{Device, DeviceKind};
use crate::error::Result;

/// One bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// Every byte of an array is loaded; bytes loaded a second.
    Read,
    /// One array into another; bytes loaded and stored a second.
    Copy,
    /// Two arrays into a third, z = x * c + y; bytes loaded and stored a second.
    Triad,
    /// Fused multiply-adds in registers; two operations each a second.
    Fma,
}

impl Bound {
    /// All of them.
    pub const ALL: [Bound; 4] = [Bound::Read, Bound::Copy, Bound::Triad, Bound::Fma];

    /// The word in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Bound::Read => "read",
            Bound::Copy => "copy",
            Bound::Triad => "triad",
            Bound::Fma => "fma",
        }
    }
}

/// One measurement of a ceiling: the work done and the time it took.
#[derive(Clone, Copy, Debug)]
pub struct Reached {
    /// Bytes, or operations for [`Bound::Fma`].
    pub amount: f64,
    /// How long that took.
    pub time: Duration,
}

impl Reached {
    /// Per second.
    pub fn rate(self) -> f64 {
        self.amount / self.time.as_secs_f64().max(1e-9)
    }
}

/// Something that can be asked for a ceiling at any moment.
pub trait Ceilings {
    /// Measures once; `None` where this device has nothing to measure it with.
    fn measure(&mut self, bound: Bound) -> Result<Option<Reached>>;

    /// How the bound is measured, for people: `avx512, non-temporal stores`.
    fn how(&self, bound: Bound) -> String;

    /// Bytes of the arrays together.
    fn bytes(&self) -> u64;

    /// How many of them lie on huge pages, where the system says so.
    fn huge_page_bytes(&self) -> Option<u64>;
}

/// The ceilings of a device at a number of threads, on arrays of `bytes` together.
pub fn of(device: &Arc<Device>, threads: usize, bytes: u64) -> Result<Box<dyn Ceilings>> {
    match device.facts.kind {
        DeviceKind::Cpu => Ok(Box::new(host::HostLoops::new(threads, bytes)?)),
        DeviceKind::Gpu | DeviceKind::Other => Ok(Box::new(device::DeviceKernels::new(device, bytes)?)),
    }
}

/// Bytes of the largest cache of this machine, where the system tells it.
pub fn cache_bytes() -> Option<u64> {
    let caches = std::fs::read_dir("/sys/devices/system/cpu/cpu0/cache").ok()?;
    let size = |entry: std::fs::DirEntry| cache_size(&std::fs::read_to_string(entry.path().join("size")).ok()?);
    caches.flatten().filter_map(size).max()
}

/// `266240K` or `32M`.
fn cache_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, shift) = match text.strip_suffix('K') {
        Some(digits) => (digits, 10),
        None => (text.strip_suffix('M')?, 20),
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_sizes_are_read() {
        assert_eq!(cache_size("266240K\n"), Some(266_240 << 10));
        assert_eq!(cache_size("32M"), Some(32 << 20));
        assert_eq!((cache_size(""), cache_size("K"), cache_size("512")), (None, None, None));
    }

    #[test]
    fn a_cpu_reaches_something_at_every_bound() {
        for threads in [1, 2] {
            let mut loops = host::HostLoops::new(threads, 3 << 20).expect("memory");
            for bound in Bound::ALL {
                let reached = loops.measure(bound).expect("measured").expect("a CPU has all");
                assert!(reached.amount > 0.0 && reached.rate() > 1e6, "{bound:?}: {reached:?}");
                assert!(!loops.how(bound).is_empty());
            }
        }
    }
}
