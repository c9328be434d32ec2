//! Buffers: zeroed, aligned host memory that is written through queues only.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clamp_plugin_api::abi::{Fault, Status};

/// One allocation.
pub(crate) struct Memory {
    ptr: NonNull<u8>,
    layout: Layout,
    allocated: Arc<AtomicU64>,
}

// SAFETY: plain memory; the ABI orders all accesses through queues, one thread at a time.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Zeroed, so that reading before writing gives values and not undefined behaviour; the pages cost nothing until
    /// they are touched.
    pub(crate) fn alloc(bytes: u64, alignment: usize, allocated: Arc<AtomicU64>) -> Result<Self, Fault> {
        let out_of_memory = || Fault::new(Status::OutOfMemory, format!("cannot allocate {bytes} bytes"));
        let size = usize::try_from(bytes).map_err(|_| out_of_memory())?;
        let layout = Layout::from_size_align(size, alignment).map_err(|_| out_of_memory())?;
        let ptr = if size == 0 {
            NonNull::new(std::ptr::without_provenance_mut(alignment)).ok_or_else(out_of_memory)?
        } else {
            // SAFETY: the layout has a size other than 0.
            NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(out_of_memory)?
        };
        allocated.fetch_add(bytes, Ordering::Relaxed);
        Ok(Self { ptr, layout, allocated })
    }

    /// The address of `offset`, if `len` bytes from there lie in the buffer.
    pub(crate) fn range(&self, offset: u64, len: u64) -> Result<*mut u8, Fault> {
        let size = self.layout.size() as u64;
        match offset.checked_add(len) {
            // SAFETY: the offset is at most the size of the allocation.
            Some(end) if end <= size => Ok(unsafe { self.ptr.as_ptr().add(offset as usize) }),
            _ => Err(Fault::invalid(format!("{len} bytes from byte {offset} leave a buffer of {size} bytes"))),
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.allocated.fetch_sub(self.layout.size() as u64, Ordering::Relaxed);
        if self.layout.size() > 0 {
            // SAFETY: allocated with this very layout.
            unsafe { dealloc(self.ptr.as_ptr(), self.layout) };
        }
    }
}

/// Sets `count` elements of `width` bytes to the low bytes of `bits`.
pub(crate) fn fill(dst: &Memory, offset: u64, bits: u64, width: u32, count: u64) -> Result<(), Fault> {
    if !matches!(width, 1 | 2 | 4 | 8) {
        return Err(Fault::invalid(format!("fill width {width}: allowed are 1, 2, 4 and 8 bytes")));
    }
    let len = count.checked_mul(u64::from(width)).ok_or_else(|| Fault::invalid("fill is too long"))?;
    let to = dst.range(offset, len)?;
    // SAFETY: the range lies in the buffer, and the queue's order says that nobody else uses it now.
    let target = unsafe { std::slice::from_raw_parts_mut(to, len as usize) };
    let pattern = bits.to_le_bytes();
    let pattern = &pattern[..width as usize];
    if pattern.iter().all(|byte| *byte == pattern[0]) {
        target.fill(pattern[0]);
    } else {
        target.chunks_exact_mut(pattern.len()).for_each(|element| element.copy_from_slice(pattern));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(bytes: u64) -> (Memory, Arc<AtomicU64>) {
        let counter = Arc::<AtomicU64>::default();
        (Memory::alloc(bytes, 64, Arc::clone(&counter)).expect("memory"), counter)
    }

    fn contents(memory: &Memory, len: u64) -> Vec<u8> {
        let at = memory.range(0, len).expect("inside");
        // SAFETY: the range lies in the buffer.
        unsafe { std::slice::from_raw_parts(at, len as usize) }.to_vec()
    }

    #[test]
    fn ranges_end_with_the_buffer_and_memory_is_counted_while_it_lives() {
        let (whole, counter) = memory(100);
        assert_eq!(counter.load(Ordering::Relaxed), 100);
        assert!(whole.range(0, 100).is_ok() && whole.range(100, 0).is_ok());
        for (offset, len) in [(0, 101), (100, 1), (u64::MAX, 2), (1, u64::MAX)] {
            assert_eq!(whole.range(offset, len).expect_err("outside").status, Status::Invalid);
        }
        assert_eq!(whole.range(0, 1).expect("inside") as usize % 64, 0);
        drop(whole);
        assert_eq!(counter.load(Ordering::Relaxed), 0);
        assert!(memory(0).0.range(0, 0).is_ok());
        assert_eq!(Memory::alloc(u64::MAX, 64, counter).err().map(|f| f.status), Some(Status::OutOfMemory));
    }

    #[test]
    fn fills_have_their_width() {
        let (whole, _) = memory(8);
        fill(&whole, 0, 0x0403_0201, 4, 2).expect("fill");
        assert_eq!(contents(&whole, 8), [1, 2, 3, 4, 1, 2, 3, 4]);
        fill(&whole, 2, 0xff00, 1, 3).expect("fill");
        assert_eq!(contents(&whole, 8), [1, 2, 0, 0, 0, 2, 3, 4]);
        for (width, count) in [(3, 1), (0, 1), (8, 2), (8, u64::MAX)] {
            assert!(fill(&whole, 0, 0, width, count).is_err(), "{count} of {width}");
        }
    }
}
