//! The real HIP 5.2 of Debian's package libamdhip64-5: it is bound, says that there is no device, and its hipRTC compiles
//! what a device would run.

use std::path::Path;

use clamp_kernels::catalogue::{Given, find};
use clamp_kernels::device::{DeviceKernel, Dialect, Target};

use crate::compile::{compile, options};
use crate::library::Libraries;
use crate::sys::HIP_SUCCESS;

const RUNTIME: &str = "libamdhip64.so.5";

/// The libraries, or a line that says why nothing was tested.
fn libraries() -> Option<&'static Libraries> {
    match Libraries::open(Some(RUNTIME), None) {
        Ok(libraries) => Some(libraries),
        Err(reason) => {
            assert!(reason.contains("No such file"), "{reason}");
            clamp_test_skip::skip(&format!("no {RUNTIME}: apt-get install libamdhip64-5"));
            None
        }
    }
}

#[test]
fn its_functions_are_bound_and_its_version_is_known() {
    let Some(libraries) = libraries() else { return };
    assert_eq!((libraries.version.0, &*libraries.path), (5, RUNTIME));
    let mut count = -1;
    // SAFETY: plain numbers.
    let code = unsafe { (libraries.hip.hipGetDeviceCount)(&raw mut count) };
    if !Path::new("/dev/kfd").exists() {
        assert!(code != HIP_SUCCESS && count == 0, "{code} {count}");
    }
}

#[test]
fn its_compiler_takes_the_device_sources() {
    let Some(libraries) = libraries() else { return };
    let target = Target {
        dialect: Dialect::Hip,
        max_group_size: 1024,
        local_bytes: 64 << 10,
        compute_units: 64,
        subgroup_size: 64,
        fp64: true,
        exact_div_sqrt: true,
        is_cpu: false,
    };
    // Square roots and tables, local memory and barriers, atomics, products of high halves, binary64, 64-bit integers.
    for (id, arch) in [
        ("softmax.f32.v1", "gfx90a:sramecc+:xnack-"),
        ("matmul.f32.v1", "gfx906"),
        ("histogram.f32.v1", "gfx1030"),
        ("philox_normal.f32.v1", "gfx908"),
        ("sum_exact.f64.v1", "gfx90a"),
        ("sort.f32.v1", "gfx906"),
    ] {
        let kernel = find(id).unwrap_or_else(|| panic!("no kernel {id}"));
        let flags = kernel.params.iter().filter(|param| param.required).map(|param| (param.name, Given::Bits(0)));
        let given: Vec<_> = flags.collect();
        let (fixed, _) = kernel.split_params(&given).expect("parameters");
        let module = DeviceKernel::open(id, &fixed, &target).expect("a source").module();
        let code =
            compile(&libraries.compiler, &module.source, &options(arch)).unwrap_or_else(|error| panic!("{error}"));
        assert!(code.starts_with(b"\x7fELF"), "{id}");
        for entry in &module.entries {
            let name = format!("{entry}.kd\0");
            assert!(code.windows(name.len()).any(|part| part == name.as_bytes()), "{id}: {entry} is in no code object");
        }
    }
}

#[test]
fn its_compiler_says_what_is_wrong() {
    let Some(libraries) = libraries() else { return };
    let error = compile(&libraries.compiler, "extern \"C\" __global__ void k() { nothing(); }", &options("gfx906"))
        .expect_err("no such function");
    let text = error.to_string();
    assert!(text.starts_with("hiprtcCompileProgram failed: HIPRTC_ERROR_COMPILATION (6): "), "{text}");
    assert!(text.contains("use of undeclared identifier 'nothing'"), "{text}");
}
