//! A driver over the runtime of a GPU whose memory is addresses: streams, events, pinned staging and modules, the same
//! for CUDA and HIP. The vendor's calls are behind [`Runtime`].

mod memory;
mod program;
mod raw;
mod staging;
mod stream;

use std::marker::PhantomData;

use clamp_kernels::device::Target;
use clamp_plugin_api::abi::{DlDevice, DlMemory, Fault, HostHandle, MemoryFigures};

pub use memory::{Context, GpuMem};
pub use program::{GpuEntry, GpuProgram};
pub use raw::{Handle, Runtime};
pub use stream::{GpuEvent, GpuSpan, GpuStream};

use crate::driver::{Driver, Facts};

/// The driver over a runtime.
pub struct GpuDriver<R: Runtime>(PhantomData<R>);

impl<R: Runtime> Driver for GpuDriver<R> {
    const ID: &'static str = R::ID;
    const VERSION: &'static str = R::VERSION;
    const MODULE_SUFFIX: &'static str = R::MODULE_SUFFIX;

    type Found = R::Found;
    type Context = Context<R>;
    type Mem = GpuMem<R>;
    type Program = GpuProgram<R>;
    type Entry = GpuEntry<R>;
    type Stream = GpuStream<R>;

    fn find(host: HostHandle) -> Result<Vec<R::Found>, String> {
        R::find(host)
    }

    fn facts(found: &R::Found) -> Facts {
        R::facts(found)
    }

    fn open(host: HostHandle, found: &R::Found) -> Result<Context<R>, Fault> {
        Ok(Context::new(R::open(host, found)?))
    }

    fn memory(context: &Context<R>) -> Option<MemoryFigures> {
        context.memory()
    }

    fn alloc(context: &Context<R>, bytes: u64, _shared: bool) -> Result<GpuMem<R>, Fault> {
        GpuMem::alloc(context, bytes)
    }

    fn dlpack_device(context: &Context<R>) -> Option<DlDevice> {
        Some(R::dlpack_device(context.device()))
    }

    fn lent(context: &Context<R>, memory: DlMemory) -> Result<GpuMem<R>, Fault> {
        Ok(GpuMem::lent(context, memory))
    }

    fn options(context: &Context<R>, target: &Target) -> String {
        R::options(context.device(), target)
    }

    fn no_compiler(context: &Context<R>) -> Option<String> {
        R::no_compiler(context.device())
    }

    fn compile(context: &Context<R>, source: &str, options: &str) -> Result<GpuProgram<R>, Fault> {
        GpuProgram::compile(context, source, options)
    }

    fn load(context: &Context<R>, binary: &[u8], _options: &str) -> Result<GpuProgram<R>, Fault> {
        GpuProgram::load(context, binary)
    }

    fn binary(program: &GpuProgram<R>) -> Result<Vec<u8>, Fault> {
        Ok(program.image().to_vec())
    }

    fn entry(program: &GpuProgram<R>, name: &str) -> Result<GpuEntry<R>, Fault> {
        program.entry(name)
    }

    fn stream(context: &Context<R>) -> Result<GpuStream<R>, Fault> {
        GpuStream::create(context)
    }
}
