//! A compute backend over any vendor's driver: it compiles the device sources of `clamp-kernels`, plans launches, keeps
//! modules on disk, and gives points to wait for. A plugin brings its vendor's interface as a [`Driver`] and exports a
//! [`DeviceBackend`] over it. It names no vendor and calls none.

mod backend;
mod cache;
mod device;
mod driver;
mod fault;
pub mod gpu;
mod kernel;
mod modules;
mod points;
mod probe;
mod queue;
mod settings;
mod status;

pub use backend::DeviceBackend;
pub use cache::short_digest;
pub use device::{Buffer, Device};
pub use driver::{Driver, Event, Facts, Memory, Span, Stream, Value};
pub use kernel::OpenKernel;
pub use queue::Queue;
