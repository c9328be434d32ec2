//! DLPack 1.x, the way in which arrays cross between libraries without a copy: the structs as the standard lays them
//! out, what comes in (`import`), what goes out (`export`), and how element types are called on both sides (`element`).
//! Backends see [`DlMemory`] and [`DlShare`] only; every check of the standard is made here, once for all of them.

mod element;
mod export;
mod import;

use std::ffi::c_void;

pub use export::DlShare;
pub(super) use export::export;
pub use import::DlMemory;
pub(super) use import::Incoming;

/// The only major version that is read and written. Another one has another layout.
pub const DLPACK_MAJOR: u32 = 1;
/// [`DlManagedTensorVersioned::flags`]: the consumer must not write.
pub const DLPACK_READ_ONLY: u64 = 1;

/// `DLPackVersion`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DlVersion {
    /// Changes with the layout.
    pub major: u32,
    /// Changes when a code is added.
    pub minor: u32,
}

/// `DLDevice`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DlDevice {
    /// `DLDeviceType`: 1 CPU, 2 CUDA, 10 ROCm, ...
    pub kind: i32,
    /// The device's number; 0 for host memory.
    pub id: i32,
}

/// `DLDataType`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DlDataType {
    /// `DLDataTypeCode`: 0 signed, 1 unsigned, 2 float, ...
    pub code: u8,
    /// Of one lane.
    pub bits: u8,
    /// 1, but for vectors.
    pub lanes: u16,
}

/// `DLTensor`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DlTensor {
    /// The memory, as the device addresses it.
    pub data: *mut c_void,
    /// Where it is.
    pub device: DlDevice,
    /// Entries of `shape` and `strides`.
    pub ndim: i32,
    /// Of an element.
    pub dtype: DlDataType,
    /// Sizes, outermost first.
    pub shape: *mut i64,
    /// In elements; null means C-contiguous (up to version 1.1).
    pub strides: *mut i64,
    /// From `data` to the first element.
    pub byte_offset: u64,
}

/// `DLManagedTensorVersioned`: what `dlpack_export` gives and `dlpack_import` takes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DlManagedTensorVersioned {
    /// Of the standard.
    pub version: DlVersion,
    /// The producer's own.
    pub manager_ctx: *mut c_void,
    /// Called once by the consumer when it is done; null if there is nothing to do.
    pub deleter: Option<unsafe extern "C" fn(*mut DlManagedTensorVersioned)>,
    /// [`DLPACK_READ_ONLY`] and others that change nothing for whole bytes.
    pub flags: u64,
    /// The array.
    pub dl_tensor: DlTensor,
}

impl DlDevice {
    /// The host's memory.
    pub const CPU: Self = Self { kind: 1, id: 0 };

    /// A CUDA device's.
    pub const fn cuda(id: i32) -> Self {
        Self { kind: 2, id }
    }

    /// A ROCm device's.
    pub const fn rocm(id: i32) -> Self {
        Self { kind: 10, id }
    }
}

/// As the standard's header calls it, `kDLCUDA 1`.
impl std::fmt::Display for DlDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self.kind {
            1 => "kDLCPU",
            2 => "kDLCUDA",
            3 => "kDLCUDAHost",
            4 => "kDLOpenCL",
            7 => "kDLVulkan",
            8 => "kDLMetal",
            10 => "kDLROCM",
            11 => "kDLROCMHost",
            13 => "kDLCUDAManaged",
            14 => "kDLOneAPI",
            other => return write!(f, "of type {other}, number {}", self.id),
        };
        write!(f, "{name} {}", self.id)
    }
}
