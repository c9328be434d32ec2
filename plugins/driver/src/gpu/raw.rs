//! The calls of a GPU's runtime that the backend makes: what CUDA's driver interface and HIP have in common. A plugin
//! implements them over the functions that it found at run time, and adds nothing to them.

use std::ffi::{CStr, c_void};

use clamp_kernels::device::Target;
use clamp_plugin_api::abi::{DlDevice, Fault, HostHandle};

use crate::driver::Facts;

/// A handle of the runtime: a stream, an event, a module or a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle(pub *mut c_void);

// SAFETY: the runtimes' handles may be used from any thread; who uses which at what time is this crate's care.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

/// A GPU's runtime. Every function fails with a fault that names the call and the runtime's number. All but
/// [`Runtime::find`], [`Runtime::facts`], [`Runtime::open`] and [`Runtime::visit`] are called on a thread that has called
/// [`Runtime::enter`].
///
/// # Safety
/// Of the unsafe functions: handles come from this trait, are alive, and belong to the entered device; addresses come from
/// `alloc` or `alloc_pinned` and the ranges lie in what they gave; memory of the host stays valid until the stream has
/// passed the command.
#[expect(clippy::missing_safety_doc, reason = "one contract for all of them stands above")]
pub trait Runtime: Send + Sync + Sized + 'static {
    /// The backend's id, what operators type after `--backend`.
    const ID: &'static str;
    /// The plugin's own version.
    const VERSION: &'static str;
    /// What the names of kept modules end with.
    const MODULE_SUFFIX: &'static str;

    /// A device that was found.
    type Found: Send + Sync + 'static;
    /// An opened device. Dropping it closes it.
    type Device: Send + Sync + 'static;

    /// The devices that are here, or in one line what is missing for there to be any.
    fn find(host: HostHandle) -> Result<Vec<Self::Found>, String>;
    /// What the runtime says of a device.
    fn facts(found: &Self::Found) -> Facts;
    /// Opens a device.
    fn open(host: HostHandle, found: &Self::Found) -> Result<Self::Device, Fault>;
    /// Makes the device that of the calling thread.
    fn enter(device: &Self::Device) -> Result<(), Fault>;
    /// Runs something with the device entered, and leaves the thread's device as it was: the thread is another library's.
    fn visit(device: &Self::Device, work: impl FnOnce()) -> Result<(), Fault>;
    /// Waits for everything that is queued on the device, whoever queued it.
    fn idle(device: &Self::Device) -> Result<(), Fault>;
    /// How DLPack calls the device.
    fn dlpack_device(device: &Self::Device) -> DlDevice;
    /// Free bytes and all bytes.
    fn memory(device: &Self::Device) -> Result<(u64, u64), Fault>;

    /// Compiler options: nothing that would loosen arithmetic.
    fn options(device: &Self::Device, target: &Target) -> String;
    /// Why nothing can be compiled here but what was compiled ahead; `None` where everything can.
    fn no_compiler(_device: &Self::Device) -> Option<String> {
        None
    }
    /// The image of a source: what [`Runtime::load`] takes, and what is kept on disk.
    fn compile(device: &Self::Device, source: &str, options: &str) -> Result<Vec<u8>, Fault>;
    /// Loads an image.
    fn load(device: &Self::Device, image: &[u8]) -> Result<Handle, Fault>;
    /// Unloads a module; no function of it runs.
    unsafe fn unload(device: &Self::Device, module: Handle);
    /// A function of a module by name.
    unsafe fn function(device: &Self::Device, module: Handle, name: &CStr) -> Result<Handle, Fault>;

    /// `bytes` of the device's memory, one at least: the address. Contents are undefined. May take it from a pool.
    fn alloc(device: &Self::Device, bytes: u64) -> Result<u64, Fault>;
    /// Gives memory back that no command uses any more.
    unsafe fn free(device: &Self::Device, address: u64);
    /// Memory of the host that the device reaches without a copy.
    fn alloc_pinned(device: &Self::Device, bytes: usize) -> Result<*mut u8, Fault>;
    /// Gives it back.
    unsafe fn free_pinned(device: &Self::Device, memory: *mut u8);

    /// A stream that waits for no other.
    fn stream(device: &Self::Device) -> Result<Handle, Fault>;
    /// Destroys a stream; its commands have ended.
    unsafe fn destroy_stream(device: &Self::Device, stream: Handle);
    /// Waits for all commands of a stream.
    unsafe fn synchronize(device: &Self::Device, stream: Handle) -> Result<(), Fault>;

    /// An event with times.
    fn event(device: &Self::Device) -> Result<Handle, Fault>;
    /// Destroys an event.
    unsafe fn destroy_event(device: &Self::Device, event: Handle);
    /// Queues the event behind everything in the stream.
    unsafe fn record(device: &Self::Device, event: Handle, stream: Handle) -> Result<(), Fault>;
    /// Whether a recorded event has passed; a command before it that failed is an error here.
    unsafe fn has_passed(device: &Self::Device, event: Handle) -> Result<bool, Fault>;
    /// Waits for a recorded event.
    unsafe fn wait(device: &Self::Device, event: Handle) -> Result<(), Fault>;
    /// Milliseconds from one passed event to another.
    unsafe fn elapsed_ms(device: &Self::Device, from: Handle, to: Handle) -> Result<f32, Fault>;

    /// Queues a copy from the host.
    unsafe fn to_device(
        device: &Self::Device,
        to: u64,
        from: *const u8,
        bytes: u64,
        stream: Handle,
    ) -> Result<(), Fault>;
    /// Queues a copy to the host.
    unsafe fn to_host(device: &Self::Device, to: *mut u8, from: u64, bytes: u64, stream: Handle) -> Result<(), Fault>;
    /// Queues a copy on the device.
    unsafe fn on_device(device: &Self::Device, to: u64, from: u64, bytes: u64, stream: Handle) -> Result<(), Fault>;
    /// Queues `count` times the pattern of 1, 2 or 4 bytes; the address is a multiple of `width`.
    unsafe fn set(
        device: &Self::Device,
        to: u64,
        pattern: u32,
        width: u32,
        count: u64,
        stream: Handle,
    ) -> Result<(), Fault>;
    /// Queues a function over `groups` by `group_size` items in one dimension; each argument is a pointer to its value.
    unsafe fn launch(
        device: &Self::Device,
        function: Handle,
        groups: u32,
        group_size: u32,
        arguments: &mut [*mut c_void],
        stream: Handle,
    ) -> Result<(), Fault>;
}
