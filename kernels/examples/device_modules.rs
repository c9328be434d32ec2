//! Writes the device modules of every kernel to a folder in the dialect that is named, for compilers that need no device:
//! NVRTC, clang. One file each, and `modules.txt`: a line a module with what it is (`ahead`: its text is known before a kernel
//! is opened; `sample`: a map, whose text comes from an expression), its file's stem and its entry points.
//! Usage: `device_modules opencl|cuda|hip FOLDER`.

use std::fmt::Write as _;
use std::path::Path;

use clamp_kernels::catalogue::{Dtype, Given, KernelSpec, ParamKind, all};
use clamp_kernels::device::{DeviceKernel, Dialect, Module, Target, modules};
use clamp_kernels::map::Operation;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (dialect, folder, ending) = match arguments.as_slice() {
        [dialect, folder] => match dialect.as_str() {
            "opencl" => (Dialect::OpenCl, folder, "cl"),
            "cuda" => (Dialect::Cuda, folder, "cu"),
            "hip" => (Dialect::Hip, folder, "hip"),
            other => return Err(format!("`{other}` is none of opencl, cuda and hip").into()),
        },
        _ => return Err("usage: device_modules opencl|cuda|hip FOLDER".into()),
    };
    let target = Target {
        dialect,
        max_group_size: 1024,
        local_bytes: 48 << 10,
        compute_units: 64,
        subgroup_size: 32,
        fp64: true,
        exact_div_sqrt: true,
        is_cpu: false,
    };
    std::fs::create_dir_all(folder)?;
    let mut list = String::new();
    let mut write = |kind: &str, stem: &str, module: &Module| {
        writeln!(list, "{kind} {stem} {}", module.entries.join(" ")).map_err(std::io::Error::other)?;
        std::fs::write(Path::new(folder).join(format!("{stem}.{ending}")), &module.source)
    };
    for module in modules(&target) {
        write("ahead", &module.key, &module)?;
    }
    for spec in all().filter(|spec| spec.params.iter().any(|param| param.kind == ParamKind::Text)) {
        for (name, expression) in [("every", every_operation(spec)), ("sums", "x0 * x1 + x2 * c0 - x1 * x2".to_owned())]
        {
            let fixed = spec.fixed_params(&[("expr", Given::Written(&expression))])?;
            let module = DeviceKernel::open(spec.id, &fixed, &target)?.module();
            write("sample", &format!("{}-{name}", spec.id), &module)?;
        }
    }
    let count = list.lines().count();
    std::fs::write(Path::new(folder).join("modules.txt"), list)?;
    eprintln!("{count} modules");
    Ok(())
}

/// The sum of every operation that the kernel's dtype has.
fn every_operation(spec: &KernelSpec) -> String {
    let dtype = spec.outputs.first().map_or(Dtype::F32, |output| output.dtype);
    let applied = |operation: &Operation| match (operation.arity(), operation.infix()) {
        (1, "") => format!("{}(x0)", operation.name()),
        (2, "") => format!("{}(x0, x1)", operation.name()),
        (_, "") => format!("{}(x0, x1, x2)", operation.name()),
        (1, infix) => format!("({infix}x0)"),
        (_, infix) => format!("(x0 {infix} x1)"),
    };
    Operation::ALL.iter().filter(|operation| operation.is_in(dtype)).map(applied).collect::<Vec<_>>().join(" + ")
}
