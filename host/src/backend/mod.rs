//! Compute backends: finding plugin files, loading them safely, choosing one, and talking to it through safe wrappers.
//! Knows the ABI and the kernel catalogue; knows nothing of overlays or runs.

mod arguments;
mod catalog;
pub mod certify;
mod discover;
mod dlpack;
mod fp;
mod instance;
pub mod isolate;
pub mod load;
pub mod lock;
mod meter;
mod notices;
mod pick;
mod queue;
mod select;
mod session;
mod translate;

pub use arguments::{ArrayRef, LaunchSpec};
pub use catalog::{Candidate, Catalog, Report, Stage};
pub use certify::{Certifier, Standings};
pub use discover::{SearchFolder, candidates};
pub use dlpack::DlPack;
pub use fp::FpEnvironment;
pub use instance::{Backend, DeviceFacts, DeviceKind};
pub use meter::{DeviceUse, UseGuard, UseLimits};
pub use notices::{Notice, Notices};
pub use pick::pick;
pub use queue::{Queue, QueueOptions};
pub use select::{Bits, Selection, Wish, select};
pub use session::{Buffer, Device, Kernel, Offer};
