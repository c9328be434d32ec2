//! Writes the device modules of every kernel to a folder, one file each, in the dialect that is named, for compilers that
//! need no device: NVRTC, clang. Usage: `device_modules opencl|cuda|hip FOLDER`.

use std::path::Path;

use clamp_kernels::catalogue::{Given, ParamKind, all};
use clamp_kernels::device::{DeviceKernel, Dialect, OpenError, Target};

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
    let mut written = 0;
    for spec in all() {
        let expression = "relu(x0*c0) + exp(-x1)/sin(x2) - gelu(fma(x0, x1, x2)) * log1p(x0 < 2)";
        let plain = "fma(x0, x1, -c0) / sqrt(abs(x0)) + min(x0, x1) * max(x0, 2) - (x0 != x1)";
        let is_f32 = spec.id.contains(".f32.");
        let required = |given: &mut Vec<(&str, Given<'static>)>| {
            for param in spec.params.iter().filter(|param| param.required) {
                given.push((
                    param.name,
                    match param.kind {
                        ParamKind::Text => Given::Written(if is_f32 { expression } else { plain }),
                        _ => Given::Bits(0),
                    },
                ));
            }
        };
        let flags: Vec<&str> =
            spec.params.iter().filter(|param| param.kind == ParamKind::Flag).map(|param| param.name).collect();
        // Every choice of the flags, since a module may depend on them.
        for choice in 0..1u32 << flags.len() {
            let mut given: Vec<(&str, Given<'static>)> = Vec::new();
            required(&mut given);
            given.extend(flags.iter().enumerate().map(|(bit, flag)| (*flag, Given::Flag(choice >> bit & 1 == 1))));
            let (fixed, _) = spec.split_params(&given)?;
            let kernel = match DeviceKernel::open(spec.id, &fixed, &target) {
                Ok(kernel) => kernel,
                Err(OpenError::NoSource(id)) => {
                    eprintln!("no source: {id}");
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let module = kernel.module();
            let name: String = module.key.chars().take(100).collect();
            let path = Path::new(folder).join(format!("{name}.{ending}"));
            written += usize::from(!path.exists());
            std::fs::write(path, module.source)?;
        }
    }
    eprintln!("{written} modules");
    Ok(())
}
