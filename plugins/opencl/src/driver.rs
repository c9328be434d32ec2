//! OpenCL as a driver: what the common backend asks, in the library's words.

use std::sync::{Mutex, PoisonError};

use clamp_driver::{Driver, Facts, short_digest};
use clamp_kernels::device::{Dialect, Target};
use clamp_plugin_api::abi::{
    CLAMP_DEVICE_CPU, CLAMP_DEVICE_GPU, CLAMP_DEVICE_OTHER, CLAMP_LOG_INFO, DeviceDescription, Fault, HostHandle,
};

use crate::cl::{self, Context, EntryPoint, FoundDevice, Mem, Program, find_devices};
use crate::stream::ClStream;
use crate::sys::{
    CL_DEVICE_TYPE_CPU, CL_DEVICE_TYPE_GPU, CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT, CL_FP_DENORM, CL_FP_FMA, Library,
};

/// The library where the setting `library` names none.
const LIBRARY: &str = "libOpenCL.so.1";

/// OpenCL.
pub(crate) struct ClDriver;

impl Driver for ClDriver {
    const ID: &'static str = "opencl";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const MODULE_SUFFIX: &'static str = "clbin";

    type Found = FoundDevice;
    type Context = Context;
    type Mem = Mem;
    type Program = Program;
    type Entry = EntryPoint;
    type Stream = ClStream;

    fn find(host: HostHandle) -> Result<Vec<FoundDevice>, String> {
        let path = host.config("library").unwrap_or_else(|| LIBRARY.to_owned());
        devices(host, &path)
    }

    fn facts(found: &FoundDevice) -> Facts {
        let facts = &found.facts;
        Facts { description: facts.description(), identity: facts.identity(), target: facts.target() }
    }

    fn open(_: HostHandle, found: &FoundDevice) -> Result<Context, Fault> {
        Ok(Context::create(found)?)
    }

    fn alloc(context: &Context, bytes: u64, shared: bool) -> Result<Mem, Fault> {
        Ok(Mem::alloc(context, bytes, shared)?)
    }

    /// Exact binary32 division where the driver has it.
    fn options(_: &Context, target: &Target) -> String {
        let exact = if target.exact_div_sqrt { " -cl-fp32-correctly-rounded-divide-sqrt" } else { "" };
        format!("-cl-std=CL1.2{exact}")
    }

    fn compile(context: &Context, source: &str, options: &str) -> Result<Program, Fault> {
        Ok(Program::compile(context, source, options)?)
    }

    fn load(context: &Context, binary: &[u8], options: &str) -> Result<Program, Fault> {
        Ok(Program::load(context, binary, options)?)
    }

    fn binary(program: &Program) -> Result<Vec<u8>, Fault> {
        Ok(program.binary()?)
    }

    fn entry(program: &Program, name: &str) -> Result<EntryPoint, Fault> {
        Ok(program.entry(name)?)
    }

    fn stream(context: &Context) -> Result<ClStream, Fault> {
        ClStream::create(context)
    }
}

impl cl::Facts {
    fn description(&self) -> DeviceDescription {
        DeviceDescription {
            kind: match self.kind {
                kind if kind & CL_DEVICE_TYPE_GPU != 0 => CLAMP_DEVICE_GPU,
                kind if kind & CL_DEVICE_TYPE_CPU != 0 => CLAMP_DEVICE_CPU,
                _ => CLAMP_DEVICE_OTHER,
            },
            alignment: self.alignment,
            memory_bytes: self.memory_bytes,
            max_alloc_bytes: self.max_alloc_bytes,
            compute_units: self.compute_units,
            unified_memory: self.unified_memory,
            name: self.name.clone(),
            uuid: self.uuid.clone(),
            driver: format!("{} {} #{}", self.platform, self.driver_version, short_digest(&self.identity())),
            dispatch: self.dispatch(),
        }
    }

    /// Device, driver and platform with their versions: what decides how a text is compiled.
    fn identity(&self) -> String {
        let cl::Facts { platform, platform_version, name, vendor, version, driver_version, .. } = self;
        [platform, platform_version, name, vendor, version, driver_version].map(String::as_str).join("\n")
    }

    /// `opencl 3.0 pocl`.
    fn dispatch(&self) -> String {
        let version = self.version.split_whitespace().nth(1).unwrap_or("1.2");
        let platform = self.platform.to_lowercase();
        let short = match platform.as_str() {
            name if name.contains("portable computing") => "pocl",
            name => name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or(""),
        };
        format!("opencl {version} {short}")
    }

    /// The device as plans see it.
    fn target(&self) -> Target {
        let fp64 = CL_FP_DENORM | CL_FP_FMA;
        Target {
            dialect: Dialect::OpenCl,
            max_group_size: u32::try_from(self.max_group_size).unwrap_or(u32::MAX),
            local_bytes: self.local_bytes,
            compute_units: self.compute_units,
            subgroup_size: 0,
            fp64: self.double & fp64 == fp64,
            exact_div_sqrt: self.single & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT != 0,
            is_cpu: self.kind & CL_DEVICE_TYPE_CPU != 0 && self.kind & CL_DEVICE_TYPE_GPU == 0,
        }
    }
}

fn devices(host: HostHandle, path: &str) -> Result<Vec<FoundDevice>, String> {
    // A driver initialises itself at the first question, and not every one (PoCL 3.1) bears two first questions.
    static FIRST_QUESTIONS: Mutex<()> = Mutex::new(());
    let _one_at_a_time = FIRST_QUESTIONS.lock().unwrap_or_else(PoisonError::into_inner);
    let library = Library::load(path).map_err(|reason| format!("no OpenCL library here: {reason}"))?;
    let (devices, passed_over) = find_devices(library).map_err(|error| format!("OpenCL has no answer: {error}"))?;
    for line in &passed_over {
        host.log(CLAMP_LOG_INFO, &format!("opencl: {line}"));
    }
    match (devices.is_empty(), passed_over.is_empty()) {
        (false, _) => Ok(devices),
        (true, true) => {
            Err(format!("{path} is here, but no platform has a device: is a driver's .icd file installed?"))
        }
        (true, false) => Err(format!("no OpenCL device can be used: {}", passed_over.join("; "))),
    }
}
