//! Arrays of other libraries on a device, and a device's arrays in other libraries, without a copy: DLPack 1.x tensors
//! through the backend's table. A backend without DLPack answers that it has none. Who may use the memory when is for
//! the caller to know; nothing here waits but an export.

use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::Arc;

use clamp_kernels::catalogue::{Dtype, Shape};
use clamp_plugin_api::abi::{DLPACK_READ_ONLY, DlManagedTensorVersioned};

use super::arguments::{ABSENT, ArrayRef, in_bounds, raw};
use super::instance::entry;
use super::queue::Queue;
use super::session::{Buffer, Device};
use super::translate::given;
use crate::error::{Error, Result};

/// A tensor whose deleter is called when it is dropped.
#[derive(Debug)]
pub struct DlPack {
    managed: NonNull<DlManagedTensorVersioned>,
}

// SAFETY: the standard lets a consumer call the deleter from any thread; the memory is only named here.
unsafe impl Send for DlPack {}
// SAFETY: as above; shared, it is only read.
unsafe impl Sync for DlPack {}

impl DlPack {
    /// Takes a tensor over; `None` for a null pointer.
    ///
    /// # Safety
    /// `managed` is null or a `DLManagedTensorVersioned*` of major version 1 whose deleter nobody else calls.
    pub unsafe fn from_raw(managed: *mut c_void) -> Option<Self> {
        NonNull::new(managed.cast()).map(|managed| Self { managed })
    }

    /// Gives it away: whoever gets it calls its deleter.
    pub fn into_raw(self) -> *mut c_void {
        ManuallyDrop::new(self).managed.as_ptr().cast()
    }

    /// Where the first element lies, as the device addresses it; for an empty tensor it says nothing.
    pub fn address(&self) -> u64 {
        let tensor = &self.tensor().dl_tensor;
        (tensor.data as u64).wrapping_add(tensor.byte_offset)
    }

    /// Whether the producer forbids to write.
    pub fn is_read_only(&self) -> bool {
        self.tensor().flags & DLPACK_READ_ONLY != 0
    }

    fn tensor(&self) -> &DlManagedTensorVersioned {
        // SAFETY: valid by the contract of `from_raw` until the deleter is called.
        unsafe { self.managed.as_ref() }
    }
}

impl Drop for DlPack {
    fn drop(&mut self) {
        if let Some(deleter) = self.tensor().deleter {
            // SAFETY: ours, and this is the only call.
            unsafe { deleter(self.managed.as_ptr()) };
        }
    }
}

impl Queue {
    /// Waits for all queued work, then shares an array's memory. The tensor keeps the memory for as long as it lives,
    /// whatever becomes of the buffer.
    pub fn dlpack_export(&mut self, array: &ArrayRef) -> Result<DlPack> {
        self.sync()?;
        let device = self.device();
        if !Arc::ptr_eq(device, array.buffer.device()) {
            return Err(Error::bad_input("the array that shall be shared lies on another device than the queue's"));
        }
        in_bounds(&array.buffer, array.byte_offset, array.shape.bytes(array.dtype), "dlpack export")?;
        let (mut out, array) = (std::ptr::null_mut(), raw(array));
        let export = entry!(device.backend.table, dlpack_export);
        // SAFETY: device and buffer are alive, `out` is writable.
        let shared = device.backend.call(|err| unsafe { export(device.handle, &raw const array, &raw mut out, err) });
        let out = shared
            .and_then(|()| given(out))
            .map_err(|fault| device.backend.error(fault, "share an array as a DLPack tensor"))?;
        // SAFETY: the backend gave it with Ok, for the consumer to release.
        unsafe { DlPack::from_raw(out) }.ok_or_else(|| Error::internal("a pointer was null after it was looked at"))
    }
}

impl Device {
    /// An array over a tensor's memory. The tensor is released with the buffer, or at once where it is refused.
    ///
    /// # Safety
    /// For as long as the array is used, its memory is written by nobody else, and read by nobody while a kernel
    /// writes it. Launches tell arrays apart by their buffers, so a second buffer over the same memory is somebody else.
    pub unsafe fn dlpack_import(self: &Arc<Self>, tensor: DlPack) -> Result<ArrayRef> {
        let (mut array, backend) = (ABSENT, &self.backend);
        let import = entry!(backend.table, dlpack_import);
        let managed = tensor.managed.as_ptr().cast();
        // SAFETY: the device is alive, the tensor is valid and ours to pass on, `array` is writable.
        let taken = backend.call(|err| unsafe { import(self.handle, managed, &raw mut array, err) });
        taken.map_err(|fault| backend.error(fault, "take a DLPack tensor"))?;
        let _ = tensor.into_raw();
        let handle = given(array.buffer).map_err(|fault| backend.error(fault, "take a DLPack tensor"))?;
        let fault = |what: &str| {
            Error::backend(format!("backend `{}` took a DLPack tensor and gave {what}", self.backend_id()))
                .hint("this is a fault of the plugin: report it to its author")
        };
        // From here on the buffer frees itself, whatever is wrong with the rest.
        let mut buffer = Buffer::of(self, handle);
        let dtype = Dtype::from_code(array.dtype).ok_or_else(|| fault("an unknown element type"))?;
        let dims = array.dims.get(..array.ndim as usize).ok_or_else(|| fault("too many dimensions"))?;
        let shape = Shape::new(dims).map_err(|e| fault(&format!("a shape that cannot be: {e}")))?;
        let end = shape.bytes(dtype).checked_add(array.byte_offset);
        buffer.bytes = end.ok_or_else(|| fault("an offset beyond all memory"))?;
        Ok(ArrayRef { buffer: Arc::new(buffer), byte_offset: array.byte_offset, dtype, shape })
    }
}

#[cfg(test)]
#[path = "dlpack_tests.rs"]
mod tests;
