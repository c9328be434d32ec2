//! Compiled modules: each text is compiled once a device, and kept on disk where the operator gave a folder.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use clamp_kernels::device::Module;
use clamp_plugin_api::abi::{CLAMP_LOG_DEBUG, CLAMP_LOG_WARN, Fault, HostHandle};

use crate::cache::Cache;
use crate::cl::{Context, Facts, Program};

/// A device's modules.
pub(crate) struct Modules {
    host: HostHandle,
    context: Context,
    cache: Option<Cache>,
    compiled: Mutex<HashMap<String, Arc<Program>>>,
}

impl Modules {
    /// With the folder of the setting `cache_dir`, if it is set.
    pub(crate) fn new(host: HostHandle, context: &Context, facts: &Facts) -> Modules {
        let identity = facts.identity();
        let cache = host.config("cache_dir").map(|folder| Cache::new(PathBuf::from(folder), identity));
        Modules { host, context: context.clone(), cache, compiled: Mutex::default() }
    }

    /// The module, compiled now if nobody did before.
    pub(crate) fn program(&self, module: &Module, options: &str) -> Result<Arc<Program>, Fault> {
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

    fn compile(&self, module: &Module, options: &str) -> Result<Program, Fault> {
        let program = Program::compile(&self.context, &module.source, options).map_err(|error| {
            let fault = Fault::from(error);
            Fault { message: format!("module {}: {}", module.key, fault.message), ..fault }
        })?;
        if let Some(cache) = &self.cache {
            let stored = program
                .binary()
                .map_err(|error| error.to_string())
                .and_then(|binary| cache.store(&module.source, options, &binary).map_err(|error| error.to_string()));
            if let Err(reason) = stored {
                self.log(CLAMP_LOG_WARN, module, &format!("cannot be kept: {reason}"));
            }
        }
        Ok(program)
    }

    /// The module from disk; `None` where it must be compiled, whatever the reason.
    fn kept(&self, module: &Module, options: &str) -> Option<Program> {
        let cache = self.cache.as_ref()?;
        let loaded = cache.load(&module.source, options).map_err(|error| error.to_string());
        let binary = match loaded {
            Ok(binary) => binary?,
            Err(reason) => {
                self.log(CLAMP_LOG_WARN, module, &format!("is compiled again, the file is of no use: {reason}"));
                return None;
            }
        };
        match Program::load(&self.context, &binary, options) {
            Ok(program) => Some(program),
            Err(error) => {
                self.log(CLAMP_LOG_DEBUG, module, &format!("is compiled again, the driver refuses its file: {error}"));
                None
            }
        }
    }

    fn log(&self, level: u32, module: &Module, text: &str) {
        self.host.log(level, &format!("opencl: module {} {text}", module.key));
    }
}
