//! The settings that every device backend has.

use std::path::PathBuf;

use clamp_kernels::device::Target;
use clamp_plugin_api::abi::{Fault, HostHandle};

/// What the operator gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Where compiled modules are kept.
    pub(crate) cache_dir: Option<PathBuf>,
    /// Plans for a CPU or for a GPU, whatever the device says of itself.
    plan_for_cpu: Option<bool>,
    /// Binary32 division and square root through binary64, whatever the device has.
    div_sqrt_by_f64: bool,
}

impl Settings {
    /// `cache_dir`, `plan_for` (`cpu` or `gpu`) and `div_sqrt` (`f64`).
    pub(crate) fn read(host: HostHandle) -> Result<Settings, Fault> {
        let plan_for_cpu = match host.config("plan_for").as_deref() {
            None => None,
            Some("cpu") => Some(true),
            Some("gpu") => Some(false),
            Some(other) => {
                return Err(Fault::invalid(format!("setting plan_for: `{other}` is neither cpu nor gpu")));
            }
        };
        let div_sqrt_by_f64 = match host.config("div_sqrt").as_deref() {
            None => false,
            Some("f64") => true,
            Some(other) => {
                return Err(Fault::invalid(format!("setting div_sqrt: `{other}` is not f64, the only choice")));
            }
        };
        let cache_dir = host.config("cache_dir").map(PathBuf::from);
        Ok(Settings { cache_dir, plan_for_cpu, div_sqrt_by_f64 })
    }

    /// The target as the driver describes it, with what the operator wants of it.
    pub(crate) fn applied(&self, mut target: Target) -> Target {
        target.is_cpu = self.plan_for_cpu.unwrap_or(target.is_cpu);
        target.exact_div_sqrt &= !self.div_sqrt_by_f64;
        target
    }

    /// What of them changes the code that runs, as words behind a device's dispatch.
    pub(crate) fn in_dispatch(&self) -> String {
        let plan = match self.plan_for_cpu {
            None => "",
            Some(true) => " plan_for=cpu",
            Some(false) => " plan_for=gpu",
        };
        format!("{plan}{}", if self.div_sqrt_by_f64 { " div_sqrt=f64" } else { "" })
    }
}
