//! Modules of a GPU and their functions.

use std::ffi::CString;
use std::sync::Arc;

use clamp_plugin_api::abi::{Fault, Status};

use super::memory::Context;
use super::{Handle, Runtime};

/// A loaded module with its image.
pub struct GpuProgram<R: Runtime> {
    module: Arc<Loaded<R>>,
    image: Vec<u8>,
}

struct Loaded<R: Runtime> {
    context: Context<R>,
    handle: Handle,
}

/// A function of a module, which it keeps loaded.
pub struct GpuEntry<R: Runtime> {
    function: Handle,
    _module: Arc<Loaded<R>>,
}

impl<R: Runtime> GpuProgram<R> {
    pub(super) fn compile(context: &Context<R>, source: &str, options: &str) -> Result<GpuProgram<R>, Fault> {
        let image = R::compile(context.entered()?, source, options)?;
        Self::load(context, &image)
    }

    pub(super) fn load(context: &Context<R>, image: &[u8]) -> Result<GpuProgram<R>, Fault> {
        let handle = R::load(context.entered()?, image)?;
        Ok(GpuProgram { module: Arc::new(Loaded { context: context.clone(), handle }), image: image.to_vec() })
    }

    /// What can be loaded again.
    pub(super) fn image(&self) -> &[u8] {
        &self.image
    }

    pub(super) fn entry(&self, name: &str) -> Result<GpuEntry<R>, Fault> {
        let text = CString::new(name).map_err(|_| Fault::new(Status::Internal, format!("entry point `{name}`")))?;
        let device = self.module.context.entered()?;
        // SAFETY: the module is loaded.
        let function = unsafe { R::function(device, self.module.handle, &text) }
            .map_err(|fault| Fault { message: format!("entry point {name}: {}", fault.message), ..fault })?;
        Ok(GpuEntry { function, _module: Arc::clone(&self.module) })
    }
}

impl<R: Runtime> GpuEntry<R> {
    pub(super) fn function(&self) -> Handle {
        self.function
    }
}

impl<R: Runtime> Drop for Loaded<R> {
    fn drop(&mut self) {
        if self.context.is_lost() {
            return;
        }
        if let Ok(device) = self.context.entered() {
            // SAFETY: loaded once; its functions are gone, and whoever closed them has waited for their launches.
            unsafe { R::unload(device, self.handle) };
        }
    }
}
