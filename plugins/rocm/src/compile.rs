//! Compiling by hipRTC: options under which arithmetic is what the source says, and the first lines of the log where it
//! fails. It touches no device.

use std::ffi::{CString, c_char};

use crate::error::{HipError, check_compiler};
use crate::sys::{Compiler, Raw};

/// Options besides the architecture. Contraction is the compiler's default and is switched off, correct rounding of
/// division and square root and subnormal numbers are its default and are asked for nevertheless; hipRTC before LLVM 16
/// says of that that it changes nothing.
const OPTIONS: &str = "-O3 -ffp-contract=off -fno-fast-math -fhip-fp32-correctly-rounded-divide-sqrt \
                       -fno-gpu-flush-denormals-to-zero -Wno-unused-command-line-argument";

/// Lines of a log that a message holds.
const LOG_LINES: usize = 5;

/// Everything that the compiler is told, for this architecture.
pub(crate) fn options(arch: &str) -> String {
    format!("--offload-arch={arch} {OPTIONS}")
}

/// The code object of a source.
pub(crate) fn compile(compiler: &Compiler, source: &str, options: &str) -> Result<Vec<u8>, HipError> {
    let program = Program::create(compiler, source)?;
    let options: Vec<CString> =
        options.split_whitespace().map(|option| CString::new(option).unwrap_or_default()).collect();
    let options: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
    // SAFETY: the program is alive, the options are as many C strings.
    let code = unsafe { (compiler.hiprtcCompileProgram)(program.raw, options.len() as i32, options.as_ptr()) };
    check_compiler("hiprtcCompileProgram", code).map_err(|error| match program.log() {
        Some(log) => error.with(log),
        None => error,
    })?;
    program.code()
}

/// A program of hipRTC's.
struct Program<'a> {
    compiler: &'a Compiler,
    raw: Raw,
}

impl Program<'_> {
    fn create<'a>(compiler: &'a Compiler, source: &str) -> Result<Program<'a>, HipError> {
        let source = CString::new(source).unwrap_or_default();
        let mut raw = std::ptr::null_mut();
        // SAFETY: two C strings and no headers.
        let code = unsafe {
            let none = std::ptr::null();
            (compiler.hiprtcCreateProgram)(&raw mut raw, source.as_ptr(), c"clamp.hip".as_ptr(), 0, none, none)
        };
        check_compiler("hiprtcCreateProgram", code)?;
        Ok(Program { compiler, raw })
    }

    /// The lines of the log that tell the most.
    fn log(&self) -> Option<String> {
        let mut size = 0;
        // SAFETY: the program is alive; the log is as long as it says.
        let log = unsafe {
            check_compiler("hiprtcGetProgramLogSize", (self.compiler.hiprtcGetProgramLogSize)(self.raw, &raw mut size))
                .ok()?;
            let mut log = vec![0u8; size + 1];
            let code = (self.compiler.hiprtcGetProgramLog)(self.raw, log.as_mut_ptr().cast());
            check_compiler("hiprtcGetProgramLog", code).ok()?;
            log
        };
        let text = String::from_utf8_lossy(&log);
        let lines = || text.lines().map(|line| line.trim_matches(['\0', ' '])).filter(|line| !line.is_empty());
        let errors: Vec<&str> = lines().filter(|line| line.contains("error")).take(LOG_LINES).collect();
        let told = if errors.is_empty() { lines().take(LOG_LINES).collect() } else { errors };
        (!told.is_empty()).then(|| told.join(" | "))
    }

    fn code(&self) -> Result<Vec<u8>, HipError> {
        let mut size = 0;
        // SAFETY: the program is alive and compiled; the code is as long as it says.
        unsafe {
            check_compiler("hiprtcGetCodeSize", (self.compiler.hiprtcGetCodeSize)(self.raw, &raw mut size))?;
            let mut code = vec![0u8; size];
            check_compiler("hiprtcGetCode", (self.compiler.hiprtcGetCode)(self.raw, code.as_mut_ptr().cast()))?;
            Ok(code)
        }
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        // SAFETY: created once, destroyed once.
        unsafe { (self.compiler.hiprtcDestroyProgram)(&raw mut self.raw) };
    }
}
