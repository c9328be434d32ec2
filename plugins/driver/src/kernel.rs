//! An opened kernel: its plans and its compiled entry points.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clamp_kernels::catalogue::{FixedParams, ParamKind, find};
use clamp_kernels::device::{DeviceKernel, OpenError};
use clamp_plugin_api::abi::{Fault, Status};

use crate::device::Device;
use crate::driver::Driver;

/// Entry points by name.
pub(crate) type Entries<D> = BTreeMap<&'static str, <D as Driver>::Entry>;

/// A kernel of a device.
pub struct OpenKernel<D: Driver> {
    pub(crate) kernel: Arc<DeviceKernel>,
    /// Arguments are set on the entry points themselves, so one queue at a time has them.
    entries: Mutex<Entries<D>>,
}

impl<D: Driver> OpenKernel<D> {
    pub(crate) fn open(
        device: &Device<D>,
        id: &str,
        fixed: &[u64],
        present: u64,
        text: &str,
    ) -> Result<OpenKernel<D>, Fault> {
        device.status()?;
        let probed = &device.0.probed;
        if let Some(reason) = &probed.refusal {
            return Err(Fault::unsupported(format!(
                "kernel {id}: the device does not compute as IEEE-754 says: {reason}"
            )));
        }
        // A kernel with a text of its own is compiled when it is opened, or not at all.
        let has_text = find(id).is_some_and(|spec| spec.params.iter().any(|param| param.kind == ParamKind::Text));
        if let Some(reason) = has_text.then(|| D::no_compiler(&device.0.context)).flatten() {
            return Err(Fault::unsupported(format!("kernel {id} is compiled when it is opened, and {reason}")));
        }
        let text = (!text.is_empty()).then(|| text.to_owned());
        let fixed = FixedParams { values: fixed.to_vec(), present, text };
        let kernel = DeviceKernel::open(id, &fixed, &probed.target).map_err(|error| {
            let status = match error {
                OpenError::Unknown { .. } | OpenError::NoSource(_) => Status::NotFound,
                OpenError::NoFp64(_) => Status::Unsupported,
                OpenError::Param(_) => Status::Invalid,
            };
            let because = match (&error, &probed.no_fp64) {
                (OpenError::NoFp64(_), Some(reason)) => format!(" (the driver has it, but {reason})"),
                _ => String::new(),
            };
            Fault::new(status, format!("{error}{because}"))
        })?;
        let module = kernel.module();
        let options = D::options(&device.0.context, &probed.target);
        let program = device.0.modules.program(&module, &options)?;
        let mut entries = Entries::<D>::new();
        for &name in &module.entries {
            entries.insert(name, D::entry(&program, name)?);
        }
        Ok(OpenKernel { kernel: Arc::new(kernel), entries: Mutex::new(entries) })
    }

    /// The entry points, for one launch's steps.
    pub(crate) fn entries(&self) -> MutexGuard<'_, Entries<D>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
