//! What goes out: a tensor over a buffer's memory. It holds the memory itself, not the buffer's handle, so that it may
//! outlive buffer, device and instance; its deleter lets go, once.

use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::element::Element;
use super::{DLPACK_MAJOR, DLPACK_READ_ONLY, DlDevice, DlManagedTensorVersioned, DlTensor, DlVersion};
use crate::abi::backend::{ArrayLayout, Fault};
use crate::abi::types::CLAMP_MAX_DIMS;

/// A buffer's memory as a backend shares it with a consumer.
pub struct DlShare {
    keep: Box<dyn Any + Send + Sync>,
    address: *mut u8,
    bytes: u64,
    read_only: bool,
}

impl DlShare {
    /// Memory of `bytes` bytes from `address`, which is the buffer's first.
    ///
    /// # Safety
    /// The memory stays where it is, and usable, for as long as `keep` lives, whatever becomes of the buffer, its
    /// device and the instance. `keep` may be dropped on any thread.
    pub unsafe fn new(address: *mut u8, bytes: u64, keep: impl Any + Send + Sync) -> Self {
        Self { keep: Box::new(keep), address, bytes, read_only: false }
    }

    /// The same, with the consumer told whether it may write.
    #[must_use]
    pub fn read_only(self, read_only: bool) -> Self {
        Self { read_only, ..self }
    }
}

/// Behind `manager_ctx`: the tensor with all that it points to.
struct Exported {
    managed: DlManagedTensorVersioned,
    shape: [i64; CLAMP_MAX_DIMS],
    strides: [i64; CLAMP_MAX_DIMS],
    _keep: Box<dyn Any + Send + Sync>,
}

/// The tensor of an array in shared memory.
pub(in crate::abi) fn export(share: DlShare, array: &ArrayLayout, device: DlDevice) -> Result<*mut c_void, Fault> {
    let element = Element::of_array(array.dtype)?;
    let mut shape = [0_i64; CLAMP_MAX_DIMS];
    let mut strides = [0_i64; CLAMP_MAX_DIMS];
    let mut elements = 1_u64;
    for (dimension, size) in array.dims().iter().enumerate().rev() {
        let too_large = || Fault::invalid(format!("dimension {dimension} with {size} elements is too large"));
        shape[dimension] = i64::try_from(*size).map_err(|_| too_large())?;
        strides[dimension] = i64::try_from(elements).map_err(|_| too_large())?;
        elements = elements.checked_mul(*size).ok_or_else(too_large)?;
    }
    let inside = elements
        .checked_mul(element.size())
        .and_then(|bytes| bytes.checked_add(array.byte_offset))
        .is_some_and(|end| end <= share.bytes);
    if !inside {
        let DlShare { bytes, .. } = share;
        return Err(Fault::invalid(format!(
            "{elements} elements from byte {} leave a buffer of {bytes} bytes",
            array.byte_offset
        )));
    }
    let address = share.address.wrapping_add(array.byte_offset as usize);
    if elements > 0 && !(address as u64).is_multiple_of(element.size()) {
        return Err(Fault::invalid(format!("byte offset {} is not aligned to {}", array.byte_offset, element.name)));
    }
    let exported = Box::new(Exported {
        managed: DlManagedTensorVersioned {
            version: DlVersion { major: DLPACK_MAJOR, minor: 0 },
            manager_ctx: std::ptr::null_mut(),
            deleter: Some(delete),
            flags: if share.read_only { DLPACK_READ_ONLY } else { 0 },
            dl_tensor: DlTensor {
                // The standard wants null for an empty tensor, and consumers that overlook the offset get none.
                data: if elements == 0 { std::ptr::null_mut() } else { address.cast() },
                device,
                ndim: array.dims().len() as i32,
                dtype: element.dl,
                shape: std::ptr::null_mut(),
                strides: std::ptr::null_mut(),
                byte_offset: 0,
            },
        },
        shape,
        strides,
        _keep: share.keep,
    });
    // The box stays where it is, so it may point into itself.
    let at = Box::into_raw(exported);
    // SAFETY: just made, and nobody else's yet.
    unsafe {
        (*at).managed.manager_ctx = at.cast();
        (*at).managed.dl_tensor.shape = (&raw mut (*at).shape).cast();
        (*at).managed.dl_tensor.strides = (&raw mut (*at).strides).cast();
        Ok((&raw mut (*at).managed).cast())
    }
}

/// # Safety
/// `managed` came from [`export`], and this is the only call with it.
unsafe extern "C" fn delete(managed: *mut DlManagedTensorVersioned) {
    if managed.is_null() {
        return;
    }
    // A panic must not cross into the consumer; what it leaves behind leaks.
    let dropped = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: `manager_ctx` is the box that `export` made.
        drop(unsafe { Box::from_raw((*managed).manager_ctx.cast::<Exported>()) });
    }));
    if let Err(payload) = dropped {
        std::mem::forget(payload);
    }
}
