//! Memory for the loops, mapped as the CPU backend maps its large buffers: on huge pages where the system gives them.

use std::ptr::NonNull;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use crate::error::{Error, Result};

const HUGE_PAGE: usize = 2 << 20;

/// A private mapping, all of it touched.
pub(super) struct Region {
    mapping: NonNull<u8>,
    mapped: usize,
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: plain memory of this value's own.
unsafe impl Send for Region {}

impl Region {
    /// `bytes`, rounded up to whole huge pages, with a number in every word.
    pub(super) fn new(bytes: u64) -> Result<Self> {
        let no_memory =
            || Error::limit(format!("no memory for the {bytes} bytes of a ceiling")).hint("choose less with --size");
        let len = usize::try_from(bytes).ok().and_then(|n| n.max(1).checked_next_multiple_of(HUGE_PAGE));
        let len = len.ok_or_else(no_memory)?;
        let mapped = len.checked_add(HUGE_PAGE).ok_or_else(no_memory)?;
        // SAFETY: a new mapping, at an address of the kernel's choice.
        let mapping = unsafe {
            mmap_anonymous(std::ptr::null_mut(), mapped, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
        };
        let mapping = NonNull::new(mapping.map_err(|_| no_memory())?.cast::<u8>()).ok_or_else(no_memory)?;
        // SAFETY: there is one huge page more than is used, so the aligned start and its length lie inside.
        let start = unsafe { mapping.add(mapping.align_offset(HUGE_PAGE)) };
        // SAFETY: advice on memory of our own; a system without huge pages refuses it, and small ones do as well.
        let _ = unsafe { madvise(start.as_ptr().cast(), len, Advice::LinuxHugepage) };
        let mut region = Self { mapping, mapped, start, len };
        // Neither zeros, which a system may share between pages, nor subnormals, which some loops are slow with.
        region.floats().fill(1.25);
        Ok(region)
    }

    /// All of it.
    pub(super) fn floats(&mut self) -> &mut [f32] {
        // SAFETY: mapped, zeroed at first, aligned far beyond f32, and borrowed through `self`.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.len / size_of::<f32>()) }
    }

    /// How many bytes it has.
    pub(super) fn bytes(&self) -> u64 {
        self.len as u64
    }

    /// Bytes of it that lie on huge pages; `None` where the system does not say.
    pub(super) fn huge_page_bytes(&self) -> Option<u64> {
        let maps = std::fs::read_to_string("/proc/self/smaps").ok()?;
        let at = self.start.as_ptr() as usize as u64;
        huge_bytes(&maps, at..at + self.len as u64)
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: exactly what was mapped; nobody uses it any more. A refusal would leave it mapped, which harms nothing.
        let _ = unsafe { munmap(self.mapping.as_ptr().cast(), self.mapped) };
    }
}

/// The huge pages of the mappings that overlap `range`, from the kernel's own list.
fn huge_bytes(smaps: &str, range: std::ops::Range<u64>) -> Option<u64> {
    let (mut inside, mut total) = (false, None);
    for line in smaps.lines() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if let Some((from, to)) = first.split_once('-')
            && let (Ok(from), Ok(to)) = (u64::from_str_radix(from, 16), u64::from_str_radix(to, 16))
        {
            inside = from < range.end && range.start < to;
        } else if inside && first == "AnonHugePages:" {
            let kib: u64 = words.next()?.parse().ok()?;
            total = Some(total.unwrap_or(0) + kib * 1024);
        }
    }
    total.map(|total: u64| total.min(range.end - range.start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_pages_are_read_from_the_kernels_list() {
        let smaps = "1000-2000 rw-p 0 0:0 0\nSize: 4 kB\nAnonHugePages:   8 kB\n\
                     2000-9000 rw-p 0 0:0 0\nAnonHugePages:         4 kB\n";
        assert_eq!(huge_bytes(smaps, 0x2000..0x9000), Some(4096));
        assert_eq!(huge_bytes(smaps, 0x1000..0x9000), Some(12_288));
        assert_eq!(huge_bytes(smaps, 0x9000..0xa000), None);
        assert_eq!(huge_bytes("", 0..1), None);
    }

    #[test]
    fn a_region_is_whole_and_touched() {
        let mut region = Region::new(HUGE_PAGE as u64 + 1).expect("memory");
        assert_eq!(region.floats().len(), HUGE_PAGE / 2);
        assert!(region.floats().iter().all(|x| *x == 1.25));
        assert!(Region::new(u64::MAX).is_err());
    }
}
