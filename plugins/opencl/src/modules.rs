//! Compiled modules: each text is compiled once a device.

use std::sync::{Arc, PoisonError};

use clamp_kernels::device::Module;
use clamp_plugin_api::abi::Fault;

use crate::cl::Program;
use crate::device::Opened;

impl Opened {
    /// The module, compiled now if nobody did before.
    pub(crate) fn program(&self, module: &Module) -> Result<Arc<Program>, Fault> {
        // Held while compiling: two threads that want one module compile it once.
        let mut modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = modules.get(&module.key) {
            return Ok(Arc::clone(program));
        }
        let program = Program::compile(&self.context, &module.source, self.options()).map_err(|error| {
            let fault = Fault::from(error);
            Fault { message: format!("module {}: {}", module.key, fault.message), ..fault }
        })?;
        let program = Arc::new(program);
        modules.insert(module.key.clone(), Arc::clone(&program));
        Ok(program)
    }

    /// Compiler options: nothing that would loosen arithmetic, and exact binary32 division where the driver has it.
    pub(crate) fn options(&self) -> &'static str {
        if self.target.exact_div_sqrt {
            "-cl-std=CL1.2 -cl-fp32-correctly-rounded-divide-sqrt"
        } else {
            "-cl-std=CL1.2"
        }
    }
}
