//! What a vendor's driver does for a backend. A plugin implements these traits over its vendor's interface; everything
//! above them is the same for all.

use clamp_kernels::device::Target;
use clamp_plugin_api::abi::{DeviceDescription, DlDevice, DlMemory, Fault, HostHandle, MemoryFigures};

/// A vendor's driver. Its errors are faults already: a name of the call, the vendor's number, and a status.
pub trait Driver: Send + Sync + Sized + 'static {
    /// The backend's id, what operators type after `--backend`.
    const ID: &'static str;
    /// The plugin's own version.
    const VERSION: &'static str;
    /// What the names of kept modules end with.
    const MODULE_SUFFIX: &'static str;

    /// A device that was found, not opened yet.
    type Found: Send + Sync + 'static;
    /// An opened device.
    type Context: Clone + Send + Sync + 'static;
    /// Memory on it.
    type Mem: Memory + Send + Sync + 'static;
    /// A compiled module.
    type Program: Send + Sync + 'static;
    /// An entry point of one; used by one thread at a time.
    type Entry: Send + 'static;
    /// An in-order stream of commands.
    type Stream: Stream<Mem = Self::Mem, Entry = Self::Entry> + 'static;

    /// The devices that are here, or in one line what is missing for there to be any.
    fn find(host: HostHandle) -> Result<Vec<Self::Found>, String>;

    /// What the driver says of a device.
    fn facts(found: &Self::Found) -> Facts;

    /// Opens a device.
    fn open(host: HostHandle, found: &Self::Found) -> Result<Self::Context, Fault>;

    /// Memory in use and in all as the driver tells it; `None` where it does not.
    fn memory(_context: &Self::Context) -> Option<MemoryFigures> {
        None
    }

    /// `bytes` of memory, contents undefined; where `shared` and the device allows it, memory of the host too.
    fn alloc(context: &Self::Context, bytes: u64, shared: bool) -> Result<Self::Mem, Fault>;

    /// How other libraries call the device when arrays cross without a copy; `None` where its memory has no addresses.
    fn dlpack_device(_context: &Self::Context) -> Option<DlDevice> {
        None
    }

    /// Memory of another library where it lies. Only of a driver that has a [`Driver::dlpack_device`].
    fn lent(_context: &Self::Context, _memory: DlMemory) -> Result<Self::Mem, Fault> {
        Err(Fault::unsupported(format!("backend {} takes no memory of other libraries", Self::ID)))
    }

    /// Compiler options: nothing that would loosen arithmetic.
    fn options(context: &Self::Context, target: &Target) -> String;

    /// Why nothing can be compiled here but what was compiled ahead; `None` where everything can.
    fn no_compiler(_context: &Self::Context) -> Option<String> {
        None
    }

    /// Compiles a source.
    fn compile(context: &Self::Context, source: &str, options: &str) -> Result<Self::Program, Fault>;

    /// Takes what [`Driver::binary`] once gave.
    fn load(context: &Self::Context, binary: &[u8], options: &str) -> Result<Self::Program, Fault>;

    /// The program in the driver's own form, to be kept on disk.
    fn binary(program: &Self::Program) -> Result<Vec<u8>, Fault>;

    /// The entry point called `name`.
    fn entry(program: &Self::Program, name: &str) -> Result<Self::Entry, Fault>;

    /// A new stream.
    fn stream(context: &Self::Context) -> Result<Self::Stream, Fault>;
}

/// What a driver says of a device.
#[derive(Clone, Debug)]
pub struct Facts {
    /// As the host shows it.
    pub description: DeviceDescription,
    /// Device, driver and compiler with their versions: whatever decides how a text is compiled.
    pub identity: String,
    /// The device as plans see it.
    pub target: Target,
}

/// A buffer that knows its size.
pub trait Memory {
    /// How many bytes were asked for.
    fn bytes(&self) -> u64;

    /// Whether `len` bytes from `offset` lie in it.
    fn holds(&self, offset: u64, len: u64) -> bool {
        offset.checked_add(len).is_some_and(|end| end <= self.bytes())
    }

    /// How many bytes its first byte lies behind a multiple of 64: memory of another library may lie anywhere.
    fn skew(&self) -> u64 {
        0
    }

    /// The address of its first byte, for other libraries. From here on nobody of this backend knows who uses it, so it
    /// waits for the whole device before it goes back. `None` where memory has no address.
    fn share(&self) -> Option<u64> {
        None
    }
}

/// One argument of an entry point.
pub enum Value<'a, M> {
    /// A buffer.
    Mem(&'a M),
    /// Four bytes.
    Word(u32),
    /// Eight bytes.
    Wide(u64),
}

/// An in-order stream of commands. Nothing but [`Stream::finish`] waits for the device; dropping waits for nothing.
pub trait Stream: Send {
    /// Memory of the device.
    type Mem;
    /// An entry point.
    type Entry;
    /// What has ended when everything queued before it has.
    type Event: Event;
    /// The first to the last of some launches.
    type Span: Span;

    /// Host to device.
    ///
    /// # Safety
    /// `src` is readable for `len` bytes until a later event has ended; the range lies in the buffer.
    unsafe fn write(&mut self, dst: &Self::Mem, offset: u64, src: *const u8, len: u64) -> Result<(), Fault>;

    /// Device to host.
    ///
    /// # Safety
    /// `dst` is writable for `len` bytes and not touched until a later event has ended; the range lies in the buffer.
    unsafe fn read(&mut self, src: &Self::Mem, offset: u64, dst: *mut u8, len: u64) -> Result<(), Fault>;

    /// Device to device; both ranges lie in their buffers and do not overlap.
    fn copy(&mut self, dst: &Self::Mem, to: u64, src: &Self::Mem, from: u64, len: u64) -> Result<(), Fault>;

    /// Repeats a pattern of 1, 2, 4 or 8 bytes over `len` bytes; offset and length are multiples of it, and the range
    /// lies in the buffer.
    fn fill(&mut self, dst: &Self::Mem, offset: u64, pattern: &[u8], len: u64) -> Result<(), Fault>;

    /// Runs an entry point with these arguments.
    fn launch(
        &mut self,
        entry: &mut Self::Entry,
        groups: u32,
        group_size: u32,
        values: &[Value<'_, Self::Mem>],
    ) -> Result<(), Fault>;

    /// An event behind everything queued so far.
    fn mark(&mut self) -> Result<Self::Event, Fault>;

    /// The launches since the last call, if there were any.
    fn span(&mut self) -> Result<Option<Self::Span>, Fault>;

    /// Hands what is queued to the device.
    fn flush(&mut self) -> Result<(), Fault>;

    /// Waits for all that is queued.
    fn finish(&mut self) -> Result<(), Fault>;

    /// Gives up, for good, whatever of the stream's own the device may still use: it cannot be waited for.
    fn abandon(&mut self) {}
}

/// A place in a stream.
pub trait Event: Clone + Send {
    /// Whether all before it has ended; an error if it failed.
    fn has_ended(&self) -> Result<bool, Fault>;

    /// Waits until all before it has ended; an error if it failed.
    fn wait(&self) -> Result<(), Fault>;
}

/// Launches of a stream.
pub trait Span: Send {
    /// When the first began and the last ended, on the device's clock in ns, once they have; `None` where the driver does
    /// not tell.
    fn times(&self) -> Option<(u64, u64)>;
}
