//! The forms in which a function runs here. The device source is compiled by the system's C compiler, behind a header
//! that says what it assumes.

use std::error::Error;
use std::path::Path;
use std::process::Command;

use clamp_kernels::catalogue::{Dtype, FixedParams, Shape};
use clamp_kernels::{Data, Input, Kernel, Launch, Level, Output};

use super::oracle::{FUNCTIONS, Function};

/// A form.
pub enum Form {
    /// One element at a time.
    Scalar,
    /// Blocks at a level.
    Block(Level),
    /// The device source.
    Device(libloading::Library),
}

/// Every form that runs here.
pub fn all() -> Result<Vec<Form>, Box<dyn Error>> {
    let levels = Level::ALL.into_iter().rev().filter(|level| level.is_here());
    Ok(levels.map(Form::Block).chain([Form::Device(device()?), Form::Scalar]).collect())
}

impl Form {
    /// Its name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Form::Scalar => "scalar",
            Form::Block(level) => level.name(),
            Form::Device(_) => "device-source",
        }
    }

    /// The function of every element of `x`.
    pub fn run(&self, function: &Function, x: &[f32], y: &mut [f32]) {
        if let Form::Device(library) = self {
            type Block = unsafe extern "C" fn(*const f32, *mut f32, usize);
            // SAFETY: the wrapper below defines it with this type.
            let block = unsafe { library.get::<Block>(format!("block_{}", function.name)) }.expect("a function");
            // SAFETY: both hold that many.
            return unsafe { block(x.as_ptr(), y.as_mut_ptr(), x.len()) };
        }
        let id = format!("{}.f32.v1", function.name);
        let kernel = Kernel::open(&id, &FixedParams::default()).expect("a function of the catalogue");
        let shape = Shape::new(&[x.len() as u64]).expect("one dimension");
        let data = Data::Bytes(bytemuck::cast_slice(x));
        let inputs = [Some(Input { dtype: Dtype::F32, shape, data })];
        let mut outputs = [Output { dtype: Dtype::F32, shape, data: bytemuck::cast_slice_mut(y) }];
        let mut launch = Launch { inputs: &inputs, outputs: &mut outputs, params: &[], present: 0 };
        match self {
            Form::Block(level) => kernel.at_level(*level).run(&mut launch),
            _ => kernel.run_reference(&mut launch),
        }
        .expect("a launch that fits");
    }
}

/// What the device source assumes, for a C compiler.
const HEADER: &str = "
#include <stddef.h>
#include <stdint.h>
typedef float f32; typedef double f64; typedef int64_t i64; typedef uint32_t u32; typedef uint64_t u64;
#define CLAMP_FN static inline
#define CLAMP_TABLE static const
CLAMP_FN f64 clamp_fma64(f64 x, f64 y, f64 z) { return __builtin_fma(x, y, z); }
CLAMP_FN f64 clamp_div64(f64 x, f64 y) { return x / y; }
CLAMP_FN u32 clamp_bits32(f32 x) { u32 y; __builtin_memcpy(&y, &x, 4); return y; }
CLAMP_FN f32 clamp_float32(u32 x) { f32 y; __builtin_memcpy(&y, &x, 4); return y; }
CLAMP_FN u64 clamp_bits64(f64 x) { u64 y; __builtin_memcpy(&y, &x, 8); return y; }
CLAMP_FN f64 clamp_float64(u64 x) { f64 y; __builtin_memcpy(&y, &x, 8); return y; }
";

const SOURCE: &str =
    concat!(include_str!("../../src/function/device_tables.h"), include_str!("../../src/function/device.h"));

/// The device source as a library of this process.
fn device() -> Result<libloading::Library, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (source, library) = (folder.path().join("functions.c"), folder.path().join("functions.so"));
    let blocks: String = FUNCTIONS.iter().map(|function| wrapper(function.name)).collect();
    std::fs::write(&source, format!("{HEADER}{SOURCE}{blocks}"))?;
    compile(&source, &library)?;
    // SAFETY: it was compiled just now and runs nothing when it is loaded.
    Ok(unsafe { libloading::Library::new(&library) }?)
}

fn wrapper(name: &str) -> String {
    format!(
        "void block_{name}(const f32 *x, f32 *y, size_t n) {{ for (size_t i = 0; i < n; i++) y[i] = clamp_{name}(x[i]); }}\n"
    )
}

fn compile(source: &Path, library: &Path) -> Result<(), Box<dyn Error>> {
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c99", "-O2", "-ffp-contract=off", "-Wall", "-Werror", "-shared", "-fPIC"]);
    if cfg!(target_arch = "x86_64") && Level::Avx2.is_here() {
        compiler.arg("-mfma");
    }
    let output = compiler.arg("-o").arg(library).arg(source).arg("-lm").output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
}
