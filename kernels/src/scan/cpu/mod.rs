//! The scan in one pass: a block is read once and written once. What is before a block is known as soon as the totals of
//! the blocks before it are, so threads take tiles of blocks in order, do their own sums at once and wait only for the
//! carry. The order of every addition is the specification's, whoever does it.

mod block;
mod carry;
#[cfg(target_arch = "x86_64")]
mod lanes;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::BLOCK;
use crate::blocks::PARALLEL_FROM;
use crate::catalogue::Dtype;
use crate::dispatch::Level;
use crate::launch::{Launch, LaunchError};
use block::{Blocked, Store, Sums};
use carry::Carry;

/// Blocks that a thread takes at a time: few enough that their sums stay in its cache.
const TILE: usize = 16;

/// Bytes of output from which it is written past the caches: more than they hold of it until it is read again.
const STREAM_FROM: usize = 32 << 20;

/// For each element the sum of all up to it.
pub(crate) fn scan(level: Level, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    match launch.output_dtype() {
        Dtype::F32 => scan_of::<f32>(level, launch),
        _ => scan_of::<f64>(level, launch),
    }
}

fn scan_of<T: Blocked>(level: Level, launch: &mut Launch<'_, '_>) -> Result<(), LaunchError> {
    let x = launch.slice::<T>(0)?;
    let out = launch.output::<T>()?;
    let store = if size_of_val(out) >= STREAM_FROM { Store::Past } else { Store::Through };
    let tiles = x.chunks(TILE * BLOCK).zip(out.chunks_mut(TILE * BLOCK)).enumerate();
    let shared = Shared {
        blocks: TILE.min(x.len().div_ceil(BLOCK)),
        tiles: Mutex::new(tiles),
        carry: Mutex::new(Carry::default()),
        turn: AtomicUsize::new(0),
        abandoned: AtomicBool::new(false),
    };
    let threads = if x.len() < PARALLEL_FROM { 1 } else { rayon::current_num_threads() };
    if threads == 1 {
        shared.work(level, store);
    } else {
        rayon::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|_| shared.work(level, store));
            }
        });
    }
    Ok(())
}

/// What the threads share.
struct Shared<I, T> {
    /// Blocks of the first tile, which is the largest.
    blocks: usize,
    /// The tiles that nobody has taken, in order.
    tiles: Mutex<I>,
    /// What is before the first block of tile `turn`.
    carry: Mutex<Carry<T>>,
    turn: AtomicUsize,
    /// Whether a thread was ended by a panic, so that its turn will never pass.
    abandoned: AtomicBool,
}

impl<'a, T: Blocked, I: Iterator<Item = (usize, (&'a [T], &'a mut [T]))>> Shared<I, T> {
    /// Takes tiles until there are none. A thread waits only for tiles that were taken before its own, so the one with
    /// the first of them never waits.
    fn work(&self, level: Level, store: Store) {
        let _guard = Abandon(&self.abandoned);
        let mut sums: Vec<Sums<T>> = (0..self.blocks).map(|_| Sums::default()).collect();
        let mut taken = self.take();
        while let Some((tile, (x, out))) = taken {
            for (x, sums) in x.chunks(BLOCK).zip(&mut sums) {
                sums.fill(level, x);
            }
            if !self.wait_for(tile) {
                break;
            }
            let before =
                self.carry.lock().unwrap_or_else(PoisonError::into_inner).pass(&sums[..x.len().div_ceil(BLOCK)]);
            self.turn.store(tile + 1, Ordering::Release);
            // Memory is read for the next tile while this one is written.
            taken = self.take();
            let next = taken.as_ref().map_or(&[][..], |(_, (x, _))| x);
            for (index, (out, before)) in out.chunks_mut(BLOCK).zip(before).enumerate() {
                let next = next.get(index * BLOCK..(index + 1) * BLOCK).unwrap_or(&[]);
                sums[index].write(level, before, store, next, out);
            }
        }
        #[cfg(target_arch = "x86_64")]
        lanes::finish_stores();
    }

    fn take(&self) -> Option<I::Item> {
        self.tiles.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    /// Waits until the carry is that of `tile`; false if it will never be.
    fn wait_for(&self, tile: usize) -> bool {
        let mut spins = 0u32;
        while self.turn.load(Ordering::Acquire) != tile {
            if self.abandoned.load(Ordering::Relaxed) {
                return false;
            }
            spins += 1;
            if spins.is_multiple_of(256) {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
        true
    }
}

/// Tells the other threads when this one panics.
struct Abandon<'a>(&'a AtomicBool);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
