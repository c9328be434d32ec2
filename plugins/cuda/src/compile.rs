//! From source to an image: by NVRTC where it is here, for the device itself; else from the PTX that comes with this
//! plugin, which the driver compiles.

use std::ffi::{CStr, CString};

use clamp_plugin_api::abi::{Fault, Status};

use crate::prebuilt::{Prebuilt, PrebuiltError};
use crate::sys::{Nvrtc, Raw, SUCCESS};

/// Lines of a log that a message holds.
const LOG_LINES: usize = 5;

/// What nothing but IEEE arithmetic needs: no contraction, subnormals kept, division and square root rounded correctly.
pub(crate) const OPTIONS: [&str; 5] =
    ["--std=c++14", "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true"];

/// What `cargo xtask objects cuda` wrote.
const INDEX: &str = include_str!("../ptx/modules.txt");
const MODULES: &[u8] = include_bytes!("../ptx/modules.bin");

/// The run-time compiler, or why there is none, and what was compiled ahead.
pub(crate) struct Compiler {
    found: Result<Found, String>,
    prebuilt: Result<Prebuilt<'static>, PrebuiltError>,
    /// The driver's release of CUDA, as `cuDriverGetVersion` tells it.
    driver: i32,
}

struct Found {
    nvrtc: Nvrtc,
    version: (i32, i32),
    /// Compute capabilities that it knows, ascending.
    archs: Vec<i32>,
}

impl Compiler {
    /// For a driver of this release: NVRTC at `path`, or the one that is found.
    pub(crate) fn load(path: Option<String>, driver: i32) -> Compiler {
        let found = Nvrtc::load(path, driver / 1000).and_then(Found::of);
        Compiler { found, prebuilt: Prebuilt::read(INDEX, MODULES), driver }
    }

    /// The run-time compiler, if this device and the driver take what it makes; else why not.
    fn nvrtc(&self, arch: i32) -> Result<&Found, String> {
        let found = self.found.as_ref().map_err(Clone::clone)?;
        match passed_over(found.version, &found.archs, self.driver, arch) {
            None => Ok(found),
            Some(reason) => Err(reason),
        }
    }

    /// What compiles for a device of this compute capability.
    pub(crate) fn name(&self, arch: i32) -> String {
        match (self.nvrtc(arch), &self.prebuilt) {
            (Ok(Found { version: (major, minor), .. }), _) => format!("nvrtc {major}.{minor}"),
            (Err(_), Ok(prebuilt)) => format!("prebuilt ptx {} ({})", prebuilt.language, prebuilt.compiler),
            (Err(_), Err(_)) => "no compiler".to_owned(),
        }
    }

    /// Why a text that was not compiled ahead cannot be compiled for this device; `None` where it can.
    pub(crate) fn lack(&self, arch: i32) -> Option<String> {
        self.nvrtc(arch).err().map(|missing| {
            format!("{missing}; install NVRTC of the driver's release, or name it in the setting nvrtc_library")
        })
    }

    /// Refuses a device that cannot take what there is: where NVRTC is of no use, one that is older than the prebuilt PTX,
    /// or whose driver is.
    pub(crate) fn check(&self, arch: i32) -> Result<(), Fault> {
        let (Err(missing), Ok(prebuilt)) = (self.nvrtc(arch), &self.prebuilt) else { return Ok(()) };
        let (major, minor) = prebuilt.capability;
        let (driver, arch) = (self.driver.unsigned_abs(), arch.unsigned_abs());
        if driver < prebuilt.driver {
            return Err(Fault::unsupported(format!(
                "its driver is of CUDA {}, and the prebuilt PTX wants {}: update the driver, or install NVRTC ({missing})",
                release(driver),
                release(prebuilt.driver),
            )));
        }
        if arch < 10 * major + minor {
            let (own, least) = (arch / 10, arch % 10);
            return Err(Fault::unsupported(format!(
                "it has compute capability {own}.{least}, and the prebuilt PTX wants {major}.{minor}: install NVRTC ({missing})"
            )));
        }
        Ok(())
    }

    /// The options for a device of this compute capability; one that the compiler does not know yet gets the newest
    /// virtual one below, and the driver does the rest.
    pub(crate) fn options(&self, arch: i32) -> String {
        let target = match self.nvrtc(arch) {
            Ok(found) if found.archs.contains(&arch) => format!("sm_{arch}"),
            Ok(found) => {
                let below = found.archs.iter().rev().find(|&&known| known < arch);
                format!("compute_{}", below.copied().unwrap_or(arch))
            }
            Err(_) => return self.prebuilt.as_ref().map_or("", |prebuilt| prebuilt.options).to_owned(),
        };
        format!("--gpu-architecture={target} {}", OPTIONS.join(" "))
    }

    /// A cubin or PTX, which ends with a NUL.
    pub(crate) fn compile(&self, arch: i32, source: &str, options: &str) -> Result<Vec<u8>, Fault> {
        match self.nvrtc(arch) {
            Ok(found) => found.compile(source, options),
            Err(_) => {
                let internal = |error: PrebuiltError| Fault::new(Status::Internal, error.to_string());
                let prebuilt = self.prebuilt.as_ref().map_err(|error| internal(error.clone()))?;
                // The module of another source says so.
                let of_source = |key| match prebuilt.ptx(key, source) {
                    Err(PrebuiltError::Stale(_)) => None,
                    ptx => Some(ptx),
                };
                let ptx = prebuilt.keys().find_map(of_source).ok_or_else(|| {
                    let lack = self.lack(arch).unwrap_or_default();
                    Fault::unsupported(format!("it is not among what was compiled ahead, and {lack}"))
                })?;
                let mut ptx = ptx.map_err(internal)?.into_bytes();
                ptx.push(0);
                Ok(ptx)
            }
        }
    }
}

/// Why a compiler of this version, which makes code for these compute capabilities, is of no use to a device. The driver
/// takes machine code of every release with its own major number, but PTX of none that is newer.
fn passed_over((major, minor): (i32, i32), archs: &[i32], driver: i32, arch: i32) -> Option<String> {
    let newest = (driver / 1000, driver % 1000 / 10);
    if major > newest.0 || (!archs.contains(&arch) && (major, minor) > newest) {
        return Some(format!(
            "NVRTC {major}.{minor} is newer than the driver, which is of CUDA {}.{}",
            newest.0, newest.1
        ));
    }
    if archs.first().is_none_or(|oldest| arch < *oldest) {
        return Some(format!("NVRTC {major}.{minor} makes no code for compute capability {}.{}", arch / 10, arch % 10));
    }
    None
}

impl Found {
    fn of(nvrtc: Nvrtc) -> Result<Found, String> {
        let (mut major, mut minor, mut count) = (0, 0, 0);
        // SAFETY: it writes two numbers.
        let told = unsafe { (nvrtc.version)(&raw mut major, &raw mut minor) };
        // SAFETY: it writes one number.
        let counted = unsafe { (nvrtc.arch_count)(&raw mut count) };
        if told != SUCCESS || counted != SUCCESS || count <= 0 {
            return Err("NVRTC does not tell its version and architectures".to_owned());
        }
        let mut archs = vec![0; count as usize];
        // SAFETY: there is room for as many numbers as it said.
        if unsafe { (nvrtc.archs)(archs.as_mut_ptr()) } != SUCCESS {
            return Err("NVRTC does not tell its architectures".to_owned());
        }
        archs.sort_unstable();
        Ok(Found { nvrtc, version: (major, minor), archs })
    }

    fn compile(&self, source: &str, options: &str) -> Result<Vec<u8>, Fault> {
        let nvrtc = &self.nvrtc;
        let text = |text: &str| CString::new(text).map_err(|_| Fault::new(Status::Internal, "a source has a NUL"));
        let (source, options) = (text(source)?, options.split(' ').map(text).collect::<Result<Vec<_>, _>>()?);
        let is_cubin = options.first().is_some_and(|option| has_real(option));
        let mut program = Program { nvrtc, raw: std::ptr::null_mut() };
        // SAFETY: the source is a C string; no headers are given.
        self.check("nvrtcCreateProgram", unsafe {
            let (none, name) = (std::ptr::null(), c"module.cu".as_ptr());
            (nvrtc.create)(&raw mut program.raw, source.as_ptr(), name, 0, none, none)
        })?;
        let pointers: Vec<_> = options.iter().map(|option| option.as_ptr()).collect();
        // SAFETY: the options are C strings, as many as said.
        let compiled = unsafe { (nvrtc.compile)(program.raw, pointers.len() as i32, pointers.as_ptr()) };
        self.check("nvrtcCompileProgram", compiled).map_err(|fault| {
            let log = program.text(nvrtc.log_size, nvrtc.log).unwrap_or_default();
            let log = String::from_utf8_lossy(&log).into_owned();
            let lines = log.lines().map(|line| line.trim_matches(['\0', ' '])).filter(|line| !line.is_empty());
            let lines: Vec<&str> = lines.take(LOG_LINES).collect();
            Fault { message: format!("{}: {}", fault.message, lines.join(" | ")), ..fault }
        })?;
        let (size, get) = if is_cubin { (nvrtc.cubin_size, nvrtc.cubin) } else { (nvrtc.ptx_size, nvrtc.ptx) };
        program.text(size, get).ok_or_else(|| Fault::new(Status::Internal, "NVRTC gives no image of what it compiled"))
    }

    fn check(&self, call: &str, number: u32) -> Result<(), Fault> {
        if number == SUCCESS {
            return Ok(());
        }
        // SAFETY: it gives a static text.
        let words = unsafe { CStr::from_ptr((self.nvrtc.error_string)(number)) }.to_string_lossy();
        // NVRTC_ERROR_OUT_OF_MEMORY.
        let status = if number == 1 { Status::OutOfMemory } else { Status::Internal };
        Err(Fault { code: i64::from(number), ..Fault::new(status, format!("{call}: {words}")) })
    }
}

/// `12.4` of 12040.
fn release(version: u32) -> String {
    format!("{}.{}", version / 1000, version % 1000 / 10)
}

/// Whether the option names a real architecture, of which there is a cubin.
fn has_real(option: &CStr) -> bool {
    option.to_bytes().starts_with(b"--gpu-architecture=sm_")
}

/// A program of NVRTC.
struct Program<'a> {
    nvrtc: &'a Nvrtc,
    raw: Raw,
}

impl Program<'_> {
    /// What a pair of functions gives: a size, then as many bytes.
    fn text(
        &self,
        size: unsafe extern "C" fn(Raw, *mut usize) -> u32,
        get: unsafe extern "C" fn(Raw, *mut std::ffi::c_char) -> u32,
    ) -> Option<Vec<u8>> {
        let mut bytes = 0;
        // SAFETY: the program is alive; it writes one number.
        if unsafe { size(self.raw, &raw mut bytes) } != SUCCESS || bytes == 0 {
            return None;
        }
        let mut text = vec![0_u8; bytes];
        // SAFETY: there is room for as many bytes as it said.
        (unsafe { get(self.raw, text.as_mut_ptr().cast()) } == SUCCESS).then_some(text)
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // SAFETY: created once, destroyed once.
            unsafe { (self.nvrtc.destroy)(&raw mut self.raw) };
        }
    }
}

#[cfg(test)]
mod tests {
    use clamp_kernels::device::{Dialect, Target, modules};

    use super::*;

    /// A machine with a driver alone.
    fn without_nvrtc(driver: i32) -> Compiler {
        let prebuilt = Prebuilt::read(INDEX, MODULES);
        Compiler { found: Err("libnvrtc is not here".to_owned()), prebuilt, driver }
    }

    #[test]
    fn a_compiler_newer_than_the_driver_is_passed_over() {
        let archs = [75, 80, 90, 100];
        let over = |version, driver, arch| passed_over(version, &archs, driver, arch);
        assert_eq!(over((12, 4), 12040, 90), None);
        assert_eq!(over((12, 8), 12040, 90), None, "machine code of a later minor release is taken");
        let reason = over((12, 8), 12040, 89).expect("PTX of it is not");
        assert_eq!(reason, "NVRTC 12.8 is newer than the driver, which is of CUDA 12.4");
        assert_eq!(over((12, 4), 12040, 89), None, "PTX of the same release is");
        assert!(over((13, 0), 12080, 90).is_some_and(|reason| reason.contains("is newer than the driver")));
        let reason = over((13, 0), 13000, 61).expect("too old a device");
        assert_eq!(reason, "NVRTC 13.0 makes no code for compute capability 6.1");
    }

    #[test]
    fn every_module_is_compiled_ahead_but_those_of_map_expressions() {
        let compiler = without_nvrtc(12040);
        assert!(compiler.name(90).starts_with("prebuilt ptx 7.8 (NVRTC"), "{}", compiler.name(90));
        let options = compiler.options(90);
        assert!(OPTIONS[1..].iter().all(|option| options.contains(option)), "{options}");
        let target = Target {
            dialect: Dialect::Cuda,
            max_group_size: 1024,
            local_bytes: 48 << 10,
            compute_units: 132,
            subgroup_size: 32,
            fp64: true,
            exact_div_sqrt: true,
            is_cpu: false,
        };
        for module in modules(&target) {
            let ptx = compiler
                .compile(90, &module.source, &options)
                .unwrap_or_else(|e| panic!("{}: {}", module.key, e.message));
            let (last, text) = ptx.split_last().expect("not empty");
            assert!(*last == 0 && !text.contains(&0) && text.windows(8).any(|w| w == b".version"), "{}", module.key);
        }
        let fault = compiler.compile(90, "extern \"C\" __global__ void map() {}", &options).expect_err("unknown");
        assert_eq!(fault.status, Status::Unsupported);
        assert!(
            fault.message.contains("libnvrtc is not here; install NVRTC of the driver's release"),
            "{}",
            fault.message
        );
    }

    #[test]
    fn a_driver_or_a_device_too_old_for_the_prebuilt_ptx_is_refused_with_what_to_do() {
        assert!(without_nvrtc(11080).check(70).is_ok() && without_nvrtc(12040).check(90).is_ok());
        let message = |driver, arch| without_nvrtc(driver).check(arch).expect_err("too old").message;
        assert_eq!(
            message(11020, 70),
            "its driver is of CUDA 11.2, and the prebuilt PTX wants 11.8: update the driver, or install NVRTC \
             (libnvrtc is not here)"
        );
        assert_eq!(
            message(12040, 61),
            "it has compute capability 6.1, and the prebuilt PTX wants 7.0: install NVRTC (libnvrtc is not here)"
        );
    }
}
