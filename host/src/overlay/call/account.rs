//! Memory of one call in logical bytes: wasm memories and tensors together, alike on every backend. HARD of the
//! call's profile bounds the sum.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts and bounds. Shared by the store's limiter and by every tensor.
#[derive(Debug)]
pub struct Account {
    hard: u64,
    used: AtomicU64,
    peak: AtomicU64,
}

impl Account {
    /// At most `hard` bytes.
    pub fn new(hard: u64) -> Arc<Self> {
        Arc::new(Self { hard, used: AtomicU64::new(0), peak: AtomicU64::new(0) })
    }

    /// The bound.
    pub fn hard(&self) -> u64 {
        self.hard
    }

    /// The most that was used at one time.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// Takes `bytes`, or gives what is left.
    pub fn take(&self, bytes: u64) -> Result<(), u64> {
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|sum| *sum <= self.hard)
        });
        match taken {
            Ok(before) => {
                self.peak.fetch_max(before + bytes, Ordering::Relaxed);
                Ok(())
            }
            Err(used) => Err(self.hard - used),
        }
    }

    /// Gives `bytes` back.
    pub fn give(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_exact_and_the_peak_is_kept() {
        let account = Account::new(100);
        assert_eq!(account.take(60), Ok(()));
        assert_eq!(account.take(41), Err(40));
        assert_eq!(account.take(40), Ok(()));
        account.give(100);
        assert_eq!(account.take(u64::MAX), Err(100));
        assert_eq!(account.peak(), 100);
    }
}
