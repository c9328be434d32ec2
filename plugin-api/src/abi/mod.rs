//! The backend ABI, version 1: what a backend `.so` exports and what it may ask of its host.
//!
//! One frozen table of C functions ([`ClampBackendV1`]), reached through two doors: an `abi_stable` root module for
//! Rust authors (layout-checked, made by [`export_backend!`](crate::export_backend)) and the C symbol
//! [`QUERY_SYMBOL`] for everybody else (`include/clamp_backend.h`). The table never grows: additions are extensions
//! asked for through `get_extension`. Nothing here loads a library or touches a device.

mod backend;
mod dlpack;
mod door;
mod export;
mod guard;
mod layout;
mod shim;
mod status;
mod types;
mod vtable;

pub use backend::{
    ArrayLayout, Backend, DeviceDescription, Fault, HostHandle, LaunchRef, MemoryFigures, QueueSettings, Timing,
};
pub use dlpack::{
    DLPACK_MAJOR, DLPACK_READ_ONLY, DlDataType, DlDevice, DlManagedTensorVersioned, DlMemory, DlShare, DlTensor,
    DlVersion,
};
pub use door::{
    CheckTypeLayout, ClampRoot, ClampRootRef, Exported, LibHeader, QueryFn, ROOT_SYMBOL, RootModuleResult, finish_root,
};
pub use guard::{Bound, Poison};
pub use shim::{query, vtable_of};
pub use status::Status;
pub use types::*;
pub use vtable::{AbiProblem, ClampBackendV1, ClampHeader};
