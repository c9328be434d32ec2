//! NVIDIA's run-time compiler from its wheel, bound at run time. It needs no driver and no GPU.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::ptr;

use anyhow::{Context as _, Result, bail, ensure};
use libloading::Library;

use crate::workspace::Workspace;

/// The library in the wheel; the wheel itself is pinned in ci/nvrtc.txt.
const LIBRARY: &str = "nvidia/cuda_nvrtc/lib/libnvrtc.so.11.2";

/// What the pinned wheel says of itself.
const VERSION: (c_int, c_int) = (11, 8);

type Program = *mut c_void;
type CreateProgram = unsafe extern "C" fn(
    *mut Program,
    *const c_char,
    *const c_char,
    c_int,
    *const *const c_char,
    *const *const c_char,
) -> c_int;
type CompileProgram = unsafe extern "C" fn(Program, c_int, *const *const c_char) -> c_int;
type Size = unsafe extern "C" fn(Program, *mut usize) -> c_int;
type Text = unsafe extern "C" fn(Program, *mut c_char) -> c_int;

/// The loaded compiler; its functions may be called by several threads.
pub(crate) struct Nvrtc {
    create: CreateProgram,
    compile: CompileProgram,
    log_size: Size,
    log: Text,
    ptx_size: Size,
    ptx: Text,
    destroy: unsafe extern "C" fn(*mut Program) -> c_int,
    error: unsafe extern "C" fn(c_int) -> *const c_char,
    /// The functions are of this library.
    _library: Library,
}

impl Nvrtc {
    /// The wheel's library, where it is installed in the environment of Python.
    pub(crate) fn find(workspace: &Workspace) -> Option<PathBuf> {
        let folders = workspace.target.join("python/lib").read_dir().ok()?;
        folders.flatten().map(|folder| folder.path().join("site-packages").join(LIBRARY)).find(|path| path.is_file())
    }

    pub(crate) fn load(path: &Path) -> Result<Nvrtc> {
        // SAFETY: the file is of the pinned wheel; its constructors set up a compiler.
        let library = unsafe { Library::new(path) }.with_context(|| format!("cannot load {}", path.display()))?;
        macro_rules! function {
            ($name:literal) => {
                // SAFETY: the type is that of nvrtc.h, and the library is kept as long as the pointer.
                *unsafe { library.get($name) }.with_context(|| format!("{} is no NVRTC", path.display()))?
            };
        }
        let version: unsafe extern "C" fn(*mut c_int, *mut c_int) -> c_int = function!(b"nvrtcVersion\0");
        let (mut major, mut minor) = (0, 0);
        // SAFETY: both places may be written.
        let code = unsafe { version(&raw mut major, &raw mut minor) };
        ensure!(
            code == 0 && (major, minor) == VERSION,
            "{} is NVRTC {major}.{minor}, not {}.{}: remove it and run `cargo xtask objects cuda`",
            path.display(),
            VERSION.0,
            VERSION.1
        );
        Ok(Nvrtc {
            create: function!(b"nvrtcCreateProgram\0"),
            compile: function!(b"nvrtcCompileProgram\0"),
            log_size: function!(b"nvrtcGetProgramLogSize\0"),
            log: function!(b"nvrtcGetProgramLog\0"),
            ptx_size: function!(b"nvrtcGetPTXSize\0"),
            ptx: function!(b"nvrtcGetPTX\0"),
            destroy: function!(b"nvrtcDestroyProgram\0"),
            error: function!(b"nvrtcGetErrorString\0"),
            _library: library,
        })
    }

    /// The version of CUDA it is of, in the form of `cuDriverGetVersion`: a driver of that version takes its PTX.
    pub(crate) fn cuda_version() -> u32 {
        (VERSION.0 * 1000 + VERSION.1 * 10).unsigned_abs()
    }

    /// PTX of a module's text. Whatever the compiler says beside it is an error.
    pub(crate) fn compile(&self, text: &str, options: &[impl AsRef<str>]) -> Result<String> {
        let text = CString::new(text).context("the source holds a NUL")?;
        let options = options.iter().map(|option| CString::new(option.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let options: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
        let mut program = ptr::null_mut();
        // SAFETY: the texts end with a NUL and live through the call; there are no headers. The name is part of what is
        // emitted and so is always the same.
        let code = unsafe {
            (self.create)(&raw mut program, text.as_ptr(), c"module.cu".as_ptr(), 0, ptr::null(), ptr::null())
        };
        self.check("nvrtcCreateProgram", code)?;
        // SAFETY: the program was created, and the options live through the call.
        let code = unsafe { (self.compile)(program, options.len() as c_int, options.as_ptr()) };
        let log = self.text(program, self.log_size, self.log);
        let ptx = if code == 0 { self.text(program, self.ptx_size, self.ptx) } else { Ok(String::new()) };
        // SAFETY: it is not used after this.
        unsafe { (self.destroy)(&raw mut program) };
        let log = log?;
        if code != 0 || !log.trim().is_empty() {
            bail!("NVRTC says ({}): {}", self.words(code), log.trim());
        }
        ptx
    }

    fn text(&self, program: Program, size: Size, read: Text) -> Result<String> {
        let mut bytes = 0;
        // SAFETY: the program was created.
        self.check("the size of a text", unsafe { size(program, &raw mut bytes) })?;
        let mut text = vec![0u8; bytes];
        if bytes > 0 {
            // SAFETY: there is room for as many bytes as the compiler said.
            self.check("a text", unsafe { read(program, text.as_mut_ptr().cast()) })?;
        }
        while text.last() == Some(&0) {
            text.pop();
        }
        String::from_utf8(text).context("NVRTC gave a text that is not UTF-8")
    }

    fn check(&self, what: &str, code: c_int) -> Result<()> {
        if code == 0 { Ok(()) } else { bail!("NVRTC failed at {what}: {}", self.words(code)) }
    }

    fn words(&self, code: c_int) -> String {
        // SAFETY: the compiler gives a static text for every code.
        unsafe { CStr::from_ptr((self.error)(code)) }.to_string_lossy().into_owned()
    }
}
