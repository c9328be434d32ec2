//! Buffers: memory of the process, or memory that another library lent. Nothing here knows a kernel.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clamp_plugin_api::abi::{DlMemory, DlShare, Fault, Status};

/// Bytes to which memory is aligned, as the device says.
const ALIGNMENT: usize = 64;

/// The device's figure of allocated bytes.
#[derive(Clone, Default)]
pub(crate) struct Allocated(Arc<AtomicU64>);

impl Allocated {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A buffer: a handle on memory that a DLPack export may hold as well, and longer.
pub(crate) struct Memory {
    start: *mut u8,
    bytes: u64,
    writable: bool,
    holds: Arc<Holds>,
}

/// Whose the memory is, and what happens when the last holder lets go.
enum Holds {
    Own { start: *mut u8, layout: Layout, allocated: Allocated },
    Lent(#[expect(dead_code, reason = "held, not read: dropping is the point")] DlMemory),
}

// SAFETY: plain memory; the host orders all uses of it through queues, one thread at a time.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}
// SAFETY: as above; it only frees.
unsafe impl Send for Holds {}
// SAFETY: as above.
unsafe impl Sync for Holds {}

impl Memory {
    /// Zeroed memory; 0 bytes are allowed.
    pub(crate) fn alloc(bytes: u64, allocated: Allocated) -> Result<Self, Fault> {
        let out_of_memory = || Fault::new(Status::OutOfMemory, format!("cannot allocate {bytes} bytes"));
        let size = usize::try_from(bytes.max(1)).map_err(|_| out_of_memory())?;
        let layout = Layout::from_size_align(size, ALIGNMENT).map_err(|_| out_of_memory())?;
        // SAFETY: the layout has a size other than 0.
        let start = unsafe { alloc_zeroed(layout) };
        if start.is_null() {
            return Err(out_of_memory());
        }
        allocated.0.fetch_add(size as u64, Ordering::Relaxed);
        Ok(Self { start, bytes, writable: true, holds: Arc::new(Holds::Own { start, layout, allocated }) })
    }

    /// Another library's memory, where it lies.
    pub(crate) fn lent(memory: DlMemory) -> Self {
        let (start, bytes, writable) = (memory.address(), memory.bytes(), !memory.is_read_only());
        Self { start, bytes, writable, holds: Arc::new(Holds::Lent(memory)) }
    }

    /// What another library gets that wants to use this memory where it lies.
    pub(crate) fn share(&self) -> DlShare {
        // SAFETY: what is held frees the memory only when the last holder is gone, and knows no device.
        let share = unsafe { DlShare::new(self.start, self.bytes, Arc::clone(&self.holds)) };
        share.read_only(!self.writable)
    }

    /// The address of byte `offset`, if `len` bytes from there lie in the buffer.
    pub(crate) fn to_read(&self, offset: u64, len: u64) -> Result<*const u8, Fault> {
        match offset.checked_add(len) {
            // SAFETY: the offset is at most the size of the memory.
            Some(end) if end <= self.bytes => Ok(unsafe { self.start.add(offset as usize) }.cast_const()),
            _ => {
                let bytes = self.bytes;
                Err(Fault::invalid(format!("{len} bytes from byte {offset} leave a buffer of {bytes} bytes")))
            }
        }
    }

    /// The same for writing, which memory of another library may forbid.
    pub(crate) fn to_write(&self, offset: u64, len: u64) -> Result<*mut u8, Fault> {
        self.check_writable()?;
        self.to_read(offset, len).map(<*const u8>::cast_mut)
    }

    pub(crate) fn check_writable(&self) -> Result<(), Fault> {
        if self.writable { Ok(()) } else { Err(Fault::invalid("the buffer is another library's and read-only")) }
    }
}

impl Drop for Holds {
    fn drop(&mut self) {
        if let Self::Own { start, layout, allocated } = self {
            allocated.0.fetch_sub(layout.size() as u64, Ordering::Relaxed);
            // SAFETY: allocated with this very layout, and nobody holds it any more.
            unsafe { dealloc(*start, *layout) };
        }
    }
}

/// Sets `count` elements of `width` bytes to the low bytes of `bits`.
pub(crate) fn fill(dst: &Memory, offset: u64, bits: u64, width: u32, count: u64) -> Result<(), Fault> {
    if !matches!(width, 1 | 2 | 4 | 8) {
        return Err(Fault::invalid(format!("a fill of width {width}: allowed are 1, 2, 4 and 8 bytes")));
    }
    let len = count.checked_mul(u64::from(width)).ok_or_else(|| Fault::invalid("the fill is too long"))?;
    let to = dst.to_write(offset, len)?;
    for element in 0..count as usize {
        let from = bits.to_le_bytes();
        // SAFETY: `to` is a place for `count` elements of `width` bytes.
        unsafe { to.add(element * width as usize).copy_from_nonoverlapping(from.as_ptr(), width as usize) };
    }
    Ok(())
}
