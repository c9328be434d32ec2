//! What comes in: a tensor is looked at before anything of it is believed, and taken over only when the backend has
//! accepted its memory. From then on its deleter is called once, when the last holder of the memory lets go.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::element::Element;
use super::{DLPACK_MAJOR, DLPACK_READ_ONLY, DlDevice, DlManagedTensorVersioned, DlTensor, DlVersion};
use crate::abi::backend::Fault;
use crate::abi::types::{CLAMP_MAX_DIMS, ClampArray};

/// Memory that came in as a DLPack tensor. Kept in the backend's buffer; the producer's deleter is called when it is
/// dropped, or later if something else still holds a part of it. It may be dropped on any thread.
#[derive(Debug)]
pub struct DlMemory {
    _tensor: Arc<Tensor>,
    address: *mut u8,
    bytes: u64,
    read_only: bool,
}

/// The producer's tensor.
#[derive(Debug)]
struct Tensor {
    managed: NonNull<DlManagedTensorVersioned>,
    /// Set when it has passed from the caller to us; a tensor that was refused stays the caller's.
    owned: AtomicBool,
}

// SAFETY: the standard lets the consumer call the deleter from any thread; the memory itself is only named here.
unsafe impl Send for Tensor {}
// SAFETY: as above; shared, it is only read.
unsafe impl Sync for Tensor {}
// SAFETY: an address; who may use the memory when is the queue's order.
unsafe impl Send for DlMemory {}
// SAFETY: as above.
unsafe impl Sync for DlMemory {}

impl Drop for Tensor {
    fn drop(&mut self) {
        if !*self.owned.get_mut() {
            return;
        }
        // SAFETY: the tensor is ours since `Incoming::accept`, and nobody else has called its deleter.
        unsafe {
            if let Some(deleter) = self.managed.as_ref().deleter {
                deleter(self.managed.as_ptr());
            }
        }
    }
}

impl DlMemory {
    /// The first element. As the device addresses it; not null, and aligned to the element, even where there is none.
    pub fn address(&self) -> *mut u8 {
        self.address
    }

    /// Bytes from there that may be used.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the producer forbids to write: then no upload, copy, fill or output may go there.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }
}

/// A tensor that passed all checks and is still the caller's.
pub(in crate::abi) struct Incoming {
    tensor: Arc<Tensor>,
    array: ClampArray,
    address: *mut u8,
    bytes: u64,
    read_only: bool,
}

impl Incoming {
    /// Looks at a tensor that shall become memory of the device `here`. Changes nothing.
    ///
    /// # Safety
    /// `managed` is null or a `DLManagedTensorVersioned*`; of one with another major version only the version is read.
    pub(in crate::abi) unsafe fn check(managed: *mut c_void, here: DlDevice) -> Result<Self, Fault> {
        let Some(managed) = NonNull::new(managed.cast::<DlManagedTensorVersioned>()) else {
            return Err(Fault::invalid("the DLPack tensor's pointer is null"));
        };
        if !managed.is_aligned() {
            return Err(Fault::invalid("the DLPack tensor's pointer is not aligned"));
        }
        // SAFETY: every version begins with its number.
        let version = unsafe { managed.cast::<DlVersion>().read() };
        if version.major != DLPACK_MAJOR {
            let DlVersion { major, minor } = version;
            return Err(Fault::unsupported(format!(
                "the DLPack tensor says that it is of version {major}.{minor}; {DLPACK_MAJOR}.x is taken, and an \
                 unversioned DLManagedTensor is not: ask the producer for a versioned one (max_version=(1, 0))"
            )));
        }
        // SAFETY: a tensor of this major version has this layout.
        let whole = unsafe { managed.read() };
        let tensor = whole.dl_tensor;
        if tensor.device != here {
            return Err(Fault::unsupported(format!(
                "the DLPack tensor lies on the device {}; this one is {here}: copy it there first",
                tensor.device
            )));
        }
        let element = Element::of_tensor(tensor.dtype)?;
        // SAFETY: the caller vouches for the tensor.
        let dims = unsafe { dims(&tensor)? };
        let bytes = bytes(&dims, element)?;
        // SAFETY: as above.
        unsafe { contiguous(&tensor, &dims, bytes)? };
        let address = address(&tensor, element, bytes)?;
        let mut array = ClampArray {
            buffer: std::ptr::null_mut(),
            byte_offset: 0,
            dtype: element.dtype,
            ndim: dims.len() as u32,
            dims: [0; CLAMP_MAX_DIMS],
        };
        array.dims[..dims.len()].copy_from_slice(&dims);
        let read_only = whole.flags & DLPACK_READ_ONLY != 0;
        let tensor = Arc::new(Tensor { managed, owned: AtomicBool::new(false) });
        Ok(Self { tensor, array, address, bytes, read_only })
    }

    /// The memory as the backend gets it.
    pub(in crate::abi) fn memory(&self) -> DlMemory {
        let Self { address, bytes, read_only, .. } = *self;
        DlMemory { _tensor: Arc::clone(&self.tensor), address, bytes, read_only }
    }

    /// Takes the tensor over; gives the array, whose buffer the caller fills in. Where nobody holds the memory, its
    /// deleter is called at once.
    pub(in crate::abi) fn accept(self) -> ClampArray {
        self.tensor.owned.store(true, Ordering::Release);
        self.array
    }
}

/// # Safety
/// `shape` is null or has `ndim` entries.
unsafe fn dims(tensor: &DlTensor) -> Result<Vec<u64>, Fault> {
    let ndim = usize::try_from(tensor.ndim).ok().filter(|ndim| *ndim <= CLAMP_MAX_DIMS).ok_or_else(|| {
        Fault::unsupported(format!("the DLPack tensor has {} dimensions, 0 to {CLAMP_MAX_DIMS} are taken", tensor.ndim))
    })?;
    if ndim == 0 {
        return Ok(Vec::new());
    }
    if tensor.shape.is_null() {
        return Err(Fault::invalid("the DLPack tensor has dimensions, but its shape is null"));
    }
    // SAFETY: by this function's contract.
    let shape = unsafe { std::slice::from_raw_parts(tensor.shape, ndim) };
    let size = |(dimension, size): (usize, &i64)| {
        u64::try_from(*size)
            .map_err(|_| Fault::invalid(format!("dimension {dimension} of the DLPack tensor has the size {size}")))
    };
    shape.iter().enumerate().map(size).collect()
}

fn bytes(dims: &[u64], element: &Element) -> Result<u64, Fault> {
    if dims.contains(&0) {
        return Ok(0);
    }
    let bytes = dims.iter().try_fold(element.size(), |bytes, dim| bytes.checked_mul(*dim));
    bytes
        .filter(|bytes| isize::try_from(*bytes).is_ok())
        .ok_or_else(|| Fault::invalid(format!("the DLPack tensor's shape {dims:?} is larger than any memory")))
}

/// Whether the elements lie one behind the other, the last dimension innermost. A dimension of one element may have any
/// stride, and so may all of an empty tensor.
///
/// # Safety
/// `strides` is null or has an entry for each of `dims`.
unsafe fn contiguous(tensor: &DlTensor, dims: &[u64], bytes: u64) -> Result<(), Fault> {
    if tensor.strides.is_null() || dims.is_empty() || bytes == 0 {
        return Ok(());
    }
    // SAFETY: by this function's contract.
    let strides = unsafe { std::slice::from_raw_parts(tensor.strides, dims.len()) };
    let mut wanted = 1_u64;
    for (dimension, (size, stride)) in dims.iter().zip(strides).enumerate().rev() {
        if *size > 1 && u64::try_from(*stride) != Ok(wanted) {
            return Err(Fault::unsupported(format!(
                "the DLPack tensor is not C-contiguous: dimension {dimension} has the stride {stride}, it has to be \
                 {wanted} elements: make a contiguous one first"
            )));
        }
        wanted *= size;
    }
    Ok(())
}

fn address(tensor: &DlTensor, element: &Element, bytes: u64) -> Result<*mut u8, Fault> {
    if bytes == 0 {
        return Ok(std::ptr::without_provenance_mut(element.size() as usize));
    }
    if tensor.data.is_null() {
        return Err(Fault::invalid(format!("the DLPack tensor has {bytes} bytes, but its data is null")));
    }
    let outside = || Fault::invalid(format!("the DLPack tensor's byte_offset {} leads nowhere", tensor.byte_offset));
    let offset = usize::try_from(tensor.byte_offset).map_err(|_| outside())?;
    let end = (tensor.data as usize).checked_add(offset).and_then(|start| start.checked_add(bytes as usize));
    end.ok_or_else(outside)?;
    let address = tensor.data.cast::<u8>().wrapping_add(offset);
    if !(address as u64).is_multiple_of(element.size()) {
        return Err(Fault::unsupported(format!(
            "the DLPack tensor's first element lies at {address:p}, which is no multiple of the {} bytes of {}",
            element.size(),
            element.name
        )));
    }
    Ok(address)
}
