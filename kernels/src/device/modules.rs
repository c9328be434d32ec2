//! The modules that can be compiled ahead: those whose text is known before anybody opens a kernel. The text of a map's
//! module is written from its expression, so it is not among them.

use crate::catalogue::{FixedParams, Given, KernelSpec, ParamKind, ParamSpec, When, all};

use super::{DeviceKernel, Module, Probe, Target};

/// The probe, then every module that kernels of the catalogue are opened as on this target, each once, but those of kernels
/// with a text among their parameters. Kernels that the target cannot compute have none.
///
/// Of the target a text depends on the dialect, on `fp64`, `exact_div_sqrt` and `is_cpu`, and on whether groups may have 128
/// items; so one list serves all GPUs of a vendor.
pub fn modules(target: &Target) -> Vec<Module> {
    let mut modules = vec![Probe::of(target).module];
    for spec in all().filter(|spec| spec.params.iter().all(|param| param.kind != ParamKind::Text)) {
        for fixed in openings(spec) {
            // A kernel without source, or in binary64 where there is none, has nothing to compile.
            let Ok(kernel) = DeviceKernel::open(spec.id, &fixed, target) else { continue };
            let module = kernel.module();
            if modules.iter().all(|known| known.key != module.key) {
                modules.push(module);
            }
        }
    }
    modules
}

/// Every choice of the flags that are fixed at open. A number that is fixed there changes no text.
fn openings(spec: &KernelSpec) -> impl Iterator<Item = FixedParams> {
    let at_open = spec.params.iter().filter(|param| param.when == When::Open);
    let (flags, numbers): (Vec<_>, Vec<_>) = at_open.partition(|param| param.kind == ParamKind::Flag);
    (0..1u32 << flags.len()).filter_map(move |choice| {
        let flag = |(bit, flag): (usize, &&ParamSpec)| (flag.name, Given::Flag(choice >> bit & 1 == 1));
        let mut given: Vec<_> = flags.iter().enumerate().map(flag).collect();
        given.extend(numbers.iter().map(|number| (number.name, Given::Bits(0))));
        spec.fixed_params(&given).ok()
    })
}
