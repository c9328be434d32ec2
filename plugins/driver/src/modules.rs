//! Compiled modules: each text is compiled once a device, and kept on disk where the operator gave a folder.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use clamp_kernels::device::Module;
use clamp_plugin_api::abi::{CLAMP_LOG_DEBUG, CLAMP_LOG_WARN, Fault, HostHandle};

use crate::cache::Cache;
use crate::driver::Driver;

/// A device's modules.
pub(crate) struct Modules<D: Driver> {
    host: HostHandle,
    context: D::Context,
    cache: Option<Cache>,
    compiled: Mutex<HashMap<String, Arc<D::Program>>>,
}

impl<D: Driver> Modules<D> {
    /// With a folder to keep them in, if there is one.
    pub(crate) fn new(host: HostHandle, folder: Option<PathBuf>, context: &D::Context, identity: &str) -> Modules<D> {
        let cache = folder.map(|folder| Cache::new(folder, identity.to_owned(), D::MODULE_SUFFIX));
        Modules { host, context: context.clone(), cache, compiled: Mutex::default() }
    }

    /// The module, compiled now if nobody did before.
    pub(crate) fn program(&self, module: &Module, options: &str) -> Result<Arc<D::Program>, Fault> {
        // Held while compiling: two threads that want one module compile it once.
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = compiled.get(&module.key) {
            return Ok(Arc::clone(program));
        }
        let program = Arc::new(match self.kept(module, options) {
            Some(program) => program,
            None => self.compile(module, options)?,
        });
        compiled.insert(module.key.clone(), Arc::clone(&program));
        Ok(program)
    }

    fn compile(&self, module: &Module, options: &str) -> Result<D::Program, Fault> {
        let program = D::compile(&self.context, &module.source, options)
            .map_err(|fault| Fault { message: format!("module {}: {}", module.key, fault.message), ..fault })?;
        if let Some(cache) = &self.cache {
            let stored = D::binary(&program)
                .map_err(|fault| fault.message)
                .and_then(|binary| cache.store(&module.source, options, &binary).map_err(|error| error.to_string()));
            if let Err(reason) = stored {
                self.log(CLAMP_LOG_WARN, module, &format!("cannot be kept: {reason}"));
            }
        }
        Ok(program)
    }

    /// The module from disk; `None` where it must be compiled, whatever the reason.
    fn kept(&self, module: &Module, options: &str) -> Option<D::Program> {
        let cache = self.cache.as_ref()?;
        let loaded = cache.load(&module.source, options).map_err(|error| error.to_string());
        let binary = match loaded {
            Ok(binary) => binary?,
            Err(reason) => {
                self.log(CLAMP_LOG_WARN, module, &format!("is compiled again, the file is of no use: {reason}"));
                return None;
            }
        };
        match D::load(&self.context, &binary, options) {
            Ok(program) => Some(program),
            Err(fault) => {
                let reason = fault.message;
                self.log(CLAMP_LOG_DEBUG, module, &format!("is compiled again, the driver refuses its file: {reason}"));
                None
            }
        }
    }

    fn log(&self, level: u32, module: &Module, text: &str) {
        self.host.log(level, &format!("{}: module {} {text}", D::ID, module.key));
    }
}
