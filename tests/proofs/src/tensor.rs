//! A DLPack tensor of this program's own over memory that another tensor holds: with any flags, on any device, from any
//! element, and with its deleter's calls counted.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use clamp_host::backend::DlPack;
use clamp_plugin_api::abi::{DlDataType, DlDevice, DlManagedTensorVersioned, DlTensor, DlVersion};

/// What a tensor shall be; the elements are f32 in one dimension.
pub(crate) struct Wanted {
    /// Where it says that it lies.
    pub(crate) device: DlDevice,
    /// Of the first element.
    pub(crate) address: u64,
    /// How many.
    pub(crate) elements: i64,
    /// `DLPACK_READ_ONLY` or 0.
    pub(crate) flags: u64,
}

/// How often deleters were called.
pub(crate) type Calls = Arc<AtomicU32>;

struct Owner {
    managed: DlManagedTensorVersioned,
    shape: [i64; 1],
    calls: Calls,
    _holds: Arc<DlPack>,
}

/// The tensor; it holds `holds`, whose memory it names.
pub(crate) fn tensor(wanted: &Wanted, holds: &Arc<DlPack>, calls: &Calls) -> DlPack {
    let owner = Box::into_raw(Box::new(Owner {
        managed: DlManagedTensorVersioned {
            version: DlVersion { major: 1, minor: 1 },
            manager_ctx: std::ptr::null_mut(),
            deleter: Some(delete),
            flags: wanted.flags,
            dl_tensor: DlTensor {
                data: std::ptr::with_exposed_provenance_mut(wanted.address as usize),
                device: wanted.device,
                ndim: 1,
                dtype: DlDataType { code: 2, bits: 32, lanes: 1 },
                shape: std::ptr::null_mut(),
                strides: std::ptr::null_mut(),
                byte_offset: 0,
            },
        },
        shape: [wanted.elements],
        calls: Arc::clone(calls),
        _holds: Arc::clone(holds),
    }));
    // SAFETY: just made, and nobody else's; its deleter is called once, by whoever gets it.
    unsafe {
        (*owner).managed.manager_ctx = owner.cast::<c_void>();
        (*owner).managed.dl_tensor.shape = (&raw mut (*owner).shape).cast();
        DlPack::from_raw((&raw mut (*owner).managed).cast()).unwrap_or_else(|| unreachable!("a box is not null"))
    }
}

/// # Safety
/// `managed` came from [`tensor`], and this is the only call with it.
unsafe extern "C" fn delete(managed: *mut DlManagedTensorVersioned) {
    // SAFETY: `manager_ctx` is the box that `tensor` made.
    let owner = unsafe { Box::from_raw((*managed).manager_ctx.cast::<Owner>()) };
    owner.calls.fetch_add(1, Ordering::SeqCst);
}
