//! From source to an image: by NVRTC where it is here, for the device itself; else from the PTX that comes with this
//! plugin, which the driver compiles.

use std::ffi::{CStr, CString};

use clamp_plugin_api::abi::{Fault, Status};

use crate::sys::{Nvrtc, Raw, SUCCESS};

/// Lines of a log that a message holds.
const LOG_LINES: usize = 5;

/// What nothing but IEEE arithmetic needs: no contraction, subnormals kept, division and square root rounded correctly.
pub(crate) const OPTIONS: [&str; 5] =
    ["--std=c++14", "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true"];

/// The run-time compiler, or why there is none.
pub(crate) struct Compiler {
    found: Result<Found, String>,
}

struct Found {
    nvrtc: Nvrtc,
    version: (i32, i32),
    /// Compute capabilities that it knows, ascending.
    archs: Vec<i32>,
}

impl Compiler {
    pub(crate) fn load(path: Option<String>) -> Compiler {
        Compiler { found: Nvrtc::load(path).and_then(Found::of) }
    }

    /// What compiles here.
    pub(crate) fn name(&self) -> String {
        match &self.found {
            Ok(Found { version: (major, minor), .. }) => format!("nvrtc {major}.{minor}"),
            Err(_) => "prebuilt ptx".to_owned(),
        }
    }

    /// The options for a device of this compute capability; one that the compiler does not know yet gets the newest
    /// virtual one below, and the driver does the rest.
    pub(crate) fn options(&self, arch: i32) -> String {
        let target = match &self.found {
            Ok(found) if found.archs.contains(&arch) => format!("sm_{arch}"),
            Ok(found) => {
                let below = found.archs.iter().rev().find(|&&known| known < arch);
                format!("compute_{}", below.copied().unwrap_or(arch))
            }
            Err(_) => return "ptx".to_owned(),
        };
        format!("--gpu-architecture={target} {}", OPTIONS.join(" "))
    }

    /// A cubin or PTX, which ends with a NUL.
    pub(crate) fn compile(&self, source: &str, options: &str) -> Result<Vec<u8>, Fault> {
        match &self.found {
            Ok(found) => found.compile(source, options),
            Err(missing) => Err(Fault::unsupported(format!(
                "it has to be compiled, and {missing}; install NVRTC or name it in the setting nvrtc_library"
            ))),
        }
    }
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
