//! Buffers: zeroed, aligned host memory that is written through queues only, or memory that another library lent. Large
//! ones are mapped for themselves, on huge pages where the system gives them: a stream over small pages spends its time
//! on address translation.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clamp_plugin_api::abi::{DlMemory, DlShare, Fault, Status};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use crate::ALIGNMENT;

/// The size and alignment of a huge page.
const HUGE_PAGE: usize = 2 << 20;

/// From this many bytes a buffer is mapped for itself.
const MAPPED_FROM: usize = 2 * HUGE_PAGE;

/// A buffer: a handle on memory that exports may hold as well.
pub(crate) struct Memory {
    ptr: NonNull<u8>,
    bytes: usize,
    /// Memory of another library may be for reading only.
    writable: bool,
    holds: Arc<Allocation>,
}

/// The memory itself, which goes back when the last holder lets go.
struct Allocation {
    ptr: NonNull<u8>,
    source: Source,
    /// What it adds to the device's figure.
    bytes: u64,
    allocated: Arc<AtomicU64>,
}

/// Where the memory is from, and what goes back there.
enum Source {
    /// Nothing was taken.
    Empty,
    /// The process's allocator.
    Heap(Layout),
    /// A mapping of its own, of this many bytes from the buffer's first.
    Mapping(usize),
    /// Another library's, which gets it back when this is dropped.
    Lent(#[expect(dead_code, reason = "held, not read: dropping is the point")] DlMemory),
}

// SAFETY: plain memory; the ABI orders all accesses through queues, one thread at a time.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}
// SAFETY: as above; it only frees.
unsafe impl Send for Allocation {}
// SAFETY: as above.
unsafe impl Sync for Allocation {}

impl Memory {
    /// Zeroed, so that reading before writing gives values and not undefined behaviour; the pages of a large buffer cost
    /// nothing until they are touched.
    pub(crate) fn alloc(bytes: u64, allocated: Arc<AtomicU64>) -> Result<Self, Fault> {
        let out_of_memory = || Fault::new(Status::OutOfMemory, format!("cannot allocate {bytes} bytes"));
        let size = usize::try_from(bytes).map_err(|_| out_of_memory())?;
        let layout = Layout::from_size_align(size, ALIGNMENT as usize).map_err(|_| out_of_memory())?;
        let (ptr, source) = match size {
            0 => (NonNull::new(std::ptr::without_provenance_mut(layout.align())), Source::Empty),
            // SAFETY: the layout has a size other than 0.
            1..MAPPED_FROM => (NonNull::new(unsafe { alloc_zeroed(layout) }), Source::Heap(layout)),
            _ => map(size).map_or((None, Source::Empty), |(ptr, len)| (Some(ptr), Source::Mapping(len))),
        };
        let ptr = ptr.ok_or_else(out_of_memory)?;
        allocated.fetch_add(bytes, Ordering::Relaxed);
        Ok(Self { ptr, bytes: size, writable: true, holds: Arc::new(Allocation { ptr, source, bytes, allocated }) })
    }

    /// Memory of another library where it lies. It is not this device's, so it does not count as allocated.
    pub(crate) fn lent(memory: DlMemory, allocated: Arc<AtomicU64>) -> Result<Self, Fault> {
        let ptr = NonNull::new(memory.address()).ok_or_else(|| Fault::invalid("the tensor's memory is null"))?;
        let bytes = usize::try_from(memory.bytes()).map_err(|_| Fault::invalid("the tensor is too large"))?;
        let writable = !memory.is_read_only();
        let holds = Arc::new(Allocation { ptr, source: Source::Lent(memory), bytes: 0, allocated });
        Ok(Self { ptr, bytes, writable, holds })
    }

    /// What a consumer gets who wants to use the memory where it lies.
    pub(crate) fn share(&self) -> DlShare {
        // SAFETY: the allocation frees nothing while it is held, and knows neither device nor instance.
        let share = unsafe { DlShare::new(self.ptr.as_ptr(), self.bytes as u64, Arc::clone(&self.holds)) };
        share.read_only(!self.writable)
    }

    /// The address of `offset`, for reading, if `len` bytes from there lie in the buffer.
    pub(crate) fn range(&self, offset: u64, len: u64) -> Result<*mut u8, Fault> {
        let size = self.bytes as u64;
        match offset.checked_add(len) {
            // SAFETY: the offset is at most the size of the allocation.
            Some(end) if end <= size => Ok(unsafe { self.ptr.as_ptr().add(offset as usize) }),
            _ => Err(Fault::invalid(format!("{len} bytes from byte {offset} leave a buffer of {size} bytes"))),
        }
    }

    /// The same for writing.
    pub(crate) fn range_to_write(&self, offset: u64, len: u64) -> Result<*mut u8, Fault> {
        self.check_writable()?;
        self.range(offset, len)
    }

    /// Refuses memory that is for reading only.
    pub(crate) fn check_writable(&self) -> Result<(), Fault> {
        if self.writable {
            return Ok(());
        }
        Err(Fault::invalid("the buffer is memory of another library that is read-only, and cannot be written"))
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        self.allocated.fetch_sub(self.bytes, Ordering::Relaxed);
        match self.source {
            Source::Empty | Source::Lent(_) => {}
            // SAFETY: allocated with this very layout.
            Source::Heap(layout) => unsafe { dealloc(self.ptr.as_ptr(), layout) },
            Source::Mapping(len) => {
                // SAFETY: exactly what `map` left mapped, and nobody uses it any more. A refusal would leave the pages
                // mapped, which harms nothing.
                let _ = unsafe { munmap(self.ptr.as_ptr().cast(), len) };
            }
        }
    }
}

/// Maps zeroed memory that begins at a huge page and asks for huge pages: its address, and its length in whole ones.
fn map(size: usize) -> Option<(NonNull<u8>, usize)> {
    let len = size.checked_next_multiple_of(HUGE_PAGE)?;
    let with_slack = len.checked_add(HUGE_PAGE)?;
    // SAFETY: a new mapping, at an address of the kernel's choice.
    let start = unsafe {
        mmap_anonymous(std::ptr::null_mut(), with_slack, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE).ok()?
    };
    let head = start.cast::<u8>().align_offset(HUGE_PAGE);
    let unmap = |at: *mut c_void, len: usize| {
        if len > 0 {
            // SAFETY: a part of the mapping above that nobody will use.
            let _ = unsafe { munmap(at, len) };
        }
    };
    // SAFETY: the slack is a huge page, so the aligned part and what is behind it lie in the mapping.
    let (aligned, tail) = unsafe { (start.byte_add(head), start.byte_add(head + len)) };
    unmap(start, head);
    unmap(tail, with_slack - head - len);
    // SAFETY: advice on memory of our own. A system without huge pages refuses it, and small ones do as well.
    let _ = unsafe { madvise(aligned, len, Advice::LinuxHugepage) };
    Some((NonNull::new(aligned.cast())?, len))
}

/// Sets `count` elements of `width` bytes to the low bytes of `bits`.
pub(crate) fn fill(dst: &Memory, offset: u64, bits: u64, width: u32, count: u64) -> Result<(), Fault> {
    if !matches!(width, 1 | 2 | 4 | 8) {
        return Err(Fault::invalid(format!("fill width {width}: allowed are 1, 2, 4 and 8 bytes")));
    }
    let len = count.checked_mul(u64::from(width)).ok_or_else(|| Fault::invalid("fill is too long"))?;
    let to = dst.range_to_write(offset, len)?;
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
        (Memory::alloc(bytes, Arc::clone(&counter)).expect("memory"), counter)
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
        assert_eq!(Memory::alloc(u64::MAX, counter).err().map(|f| f.status), Some(Status::OutOfMemory));
    }

    #[test]
    fn large_buffers_begin_at_a_huge_page_and_are_zero() {
        for bytes in [MAPPED_FROM - 1, MAPPED_FROM, MAPPED_FROM + 1, 5 * HUGE_PAGE + 4096] {
            let (whole, counter) = memory(bytes as u64);
            let start = whole.range(0, bytes as u64).expect("inside") as usize;
            assert!(start.is_multiple_of(if bytes < MAPPED_FROM { 64 } else { HUGE_PAGE }), "{bytes} at {start:#x}");
            assert!(whole.range(1, bytes as u64).is_err());
            assert!(contents(&whole, bytes as u64).iter().all(|byte| *byte == 0));
            fill(&whole, 0, 0xab, 1, bytes as u64).expect("fill");
            assert!(contents(&whole, bytes as u64).iter().all(|byte| *byte == 0xab));
            drop(whole);
            assert_eq!(counter.load(Ordering::Relaxed), 0);
        }
        let counter = Arc::<AtomicU64>::default();
        for bytes in [1 << 62, (isize::MAX as u64) - 1] {
            let refused = Memory::alloc(bytes, Arc::clone(&counter)).err().map(|f| f.status);
            assert_eq!(refused, Some(Status::OutOfMemory), "{bytes}");
        }
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
