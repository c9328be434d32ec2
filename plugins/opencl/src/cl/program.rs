//! Programs and their entry points. A build that fails gives the first lines of the compiler's log.

use std::ffi::{CString, c_void};

use clamp_driver::Value;

use super::error::check;
use super::{ClError, Context, Mem, text, value};
use crate::sys::*;

/// Lines of a build log that a message holds.
const LOG_LINES: usize = 5;

/// A built program.
pub(crate) struct Program {
    context: Context,
    raw: RawProgram,
}

// SAFETY: programs may be used from any thread.
unsafe impl Send for Program {}
// SAFETY: as above.
unsafe impl Sync for Program {}

impl Program {
    /// Compiles this source.
    pub(crate) fn compile(context: &Context, source: &str, options: &str) -> Result<Program, ClError> {
        let (text, len) = (source.as_ptr().cast(), source.len());
        let mut code = 0;
        // SAFETY: one text of the given length.
        let raw = unsafe {
            (context.cl().clCreateProgramWithSource)(context.raw(), 1, &raw const text, &raw const len, &raw mut code)
        };
        check("clCreateProgramWithSource", code)?;
        let program = Program { context: context.clone(), raw };
        program.build(options)?;
        Ok(program)
    }

    /// Takes what [`Program::binary`] once gave.
    pub(crate) fn load(context: &Context, binary: &[u8], options: &str) -> Result<Program, ClError> {
        let (device, data, len) = (context.device(), binary.as_ptr(), binary.len());
        let (mut status, mut code) = (0, 0);
        // SAFETY: one device and one binary of the given length.
        let raw = unsafe {
            (context.cl().clCreateProgramWithBinary)(
                context.raw(),
                1,
                &raw const device,
                &raw const len,
                &raw const data,
                &raw mut status,
                &raw mut code,
            )
        };
        check("clCreateProgramWithBinary", code)?;
        let program = Program { context: context.clone(), raw };
        check("clCreateProgramWithBinary", status)?;
        program.build(options)?;
        Ok(program)
    }

    fn build(&self, options: &str) -> Result<(), ClError> {
        let device = self.context.device();
        let options = CString::new(options).unwrap_or_default();
        // SAFETY: one device; the options are a C string; no callback, so the call returns when the build has ended.
        let built = check("clBuildProgram", unsafe {
            (self.context.cl().clBuildProgram)(
                self.raw,
                1,
                &raw const device,
                options.as_ptr(),
                None,
                std::ptr::null_mut(),
            )
        });
        built.map_err(|error| {
            let log = text("clGetProgramBuildInfo", |size, to, len| {
                // SAFETY: the program is alive, `to` has room for `size` bytes.
                unsafe {
                    (self.context.cl().clGetProgramBuildInfo)(self.raw, device, CL_PROGRAM_BUILD_LOG, size, to, len)
                }
            });
            let log = log.unwrap_or_default();
            let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).take(LOG_LINES).collect();
            ClError { detail: (!lines.is_empty()).then(|| lines.join(" | ")), ..error }
        })
    }

    /// The program in the driver's own form.
    pub(crate) fn binary(&self) -> Result<Vec<u8>, ClError> {
        let call = "clGetProgramInfo";
        let cl = self.context.cl();
        let size: usize = value(call, |size, to, len| {
            // SAFETY: one device, so one size.
            unsafe { (cl.clGetProgramInfo)(self.raw, CL_PROGRAM_BINARY_SIZES, size, to, len) }
        })?;
        let mut binary = vec![0u8; size];
        let mut to = binary.as_mut_ptr();
        // SAFETY: one pointer, to as many bytes as the driver asked for.
        check(call, unsafe {
            (cl.clGetProgramInfo)(
                self.raw,
                CL_PROGRAM_BINARIES,
                size_of::<*mut u8>(),
                (&raw mut to).cast(),
                std::ptr::null_mut(),
            )
        })?;
        Ok(binary)
    }

    /// The entry point called `name`.
    pub(crate) fn entry(&self, name: &str) -> Result<EntryPoint, ClError> {
        let c_name = CString::new(name).unwrap_or_default();
        let mut code = 0;
        // SAFETY: the program is alive and built.
        let raw = unsafe { (self.context.cl().clCreateKernel)(self.raw, c_name.as_ptr(), &raw mut code) };
        check("clCreateKernel", code).map_err(|error| ClError { detail: Some(name.to_owned()), ..error })?;
        Ok(EntryPoint { context: self.context.clone(), raw })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: created once, released once; entry points keep what they need.
        unsafe { (self.context.cl().clReleaseProgram)(self.raw) };
    }
}

/// An entry point with the arguments it was last given; used by one thread at a time.
pub(crate) struct EntryPoint {
    context: Context,
    raw: RawKernel,
}

// SAFETY: a kernel object may move between threads; `&mut self` keeps its arguments to one at a time.
unsafe impl Send for EntryPoint {}

impl EntryPoint {
    /// Sets argument `index`.
    pub(crate) fn set(&mut self, index: u32, value: &Value<'_, Mem>) -> Result<(), ClError> {
        let (size, data): (usize, *const c_void) = match value {
            Value::Mem(mem) => return self.set_mem(index, mem),
            Value::Word(word) => (size_of::<u32>(), std::ptr::from_ref(word).cast()),
            Value::Wide(wide) => (size_of::<u64>(), std::ptr::from_ref(wide).cast()),
        };
        // SAFETY: `data` is readable for `size` bytes; the library copies them.
        check("clSetKernelArg", unsafe { (self.context.cl().clSetKernelArg)(self.raw, index, size, data) })
    }

    fn set_mem(&mut self, index: u32, mem: &Mem) -> Result<(), ClError> {
        let raw = mem.raw();
        // SAFETY: the handle is alive and of this context.
        check("clSetKernelArg", unsafe {
            (self.context.cl().clSetKernelArg)(self.raw, index, size_of::<RawMem>(), (&raw const raw).cast())
        })
    }

    pub(super) fn raw(&self) -> RawKernel {
        self.raw
    }
}

impl Drop for EntryPoint {
    fn drop(&mut self) {
        // SAFETY: created once, released once; commands that use it keep it until they have ended.
        unsafe { (self.context.cl().clReleaseKernel)(self.raw) };
    }
}
