//! OpenBLAS, opened at run time: nothing is linked, and a machine without it is told so.

use std::ffi::{CStr, c_char, c_int};

use anyhow::{Context, Result};
use clamp_kernels::Level;
use libloading::Library;

use crate::contender::Contender;
use crate::shape::{Problem, Shape};

type Sgemm = unsafe extern "C" fn(
    c_int,
    c_int,
    c_int,
    c_int,
    c_int,
    c_int,
    f32,
    *const f32,
    c_int,
    *const f32,
    c_int,
    f32,
    *mut f32,
    c_int,
);

const ROW_MAJOR: c_int = 101;
const NO_TRANSPOSE: c_int = 111;
const TRANSPOSE: c_int = 112;

/// The functions that are called; the library stays loaded.
pub struct OpenBlas {
    sgemm: Sgemm,
    set_threads: unsafe extern "C" fn(c_int),
    core: String,
    _library: Library,
}

impl OpenBlas {
    /// Opens it with its kernels for AVX-512 where this CPU has that: it knows CPUs by their model numbers, and takes
    /// its oldest kernels on one that is newer than itself.
    pub fn load() -> Result<OpenBlas> {
        const CORE: &str = "OPENBLAS_CORETYPE";
        if Level::best() == Level::Avx512 && std::env::var_os(CORE).is_none() {
            // SAFETY: the only thread there is runs this; OpenBLAS reads the variable as it is opened.
            unsafe { std::env::set_var(CORE, "SkylakeX") };
        }
        // SAFETY: the library's constructors start its threads and touch nothing of ours.
        let library = unsafe { Library::new("libopenblas.so.0") }.context("libopenblas.so.0 cannot be opened")?;
        // SAFETY: the type is that of cblas.h with 32-bit integers, as Debian builds it.
        let sgemm = *unsafe { library.get::<Sgemm>("cblas_sgemm") }?;
        // SAFETY: as above.
        let set_threads = *unsafe { library.get::<unsafe extern "C" fn(c_int)>("openblas_set_num_threads") }?;
        // SAFETY: as above; the text is the library's own, without an end to its life.
        let core = unsafe {
            CStr::from_ptr(library.get::<unsafe extern "C" fn() -> *const c_char>("openblas_get_corename")?())
        };
        let core = core.to_string_lossy().into_owned();
        Ok(OpenBlas { sgemm, set_threads, core, _library: library })
    }

    /// The kind of CPU whose kernels it runs.
    pub fn core(&self) -> &str {
        &self.core
    }
}

impl Contender for OpenBlas {
    fn multiply(&self, problem: &Problem, out: &mut [f32], threads: usize) -> Result<()> {
        let Shape { m, k, n, transpose_a, transpose_b, .. } = problem.shape;
        let [rows, columns, inner] = [c_int::try_from(m)?, c_int::try_from(n)?, c_int::try_from(k)?];
        let layout = |transposed: bool| if transposed { TRANSPOSE } else { NO_TRANSPOSE };
        let a_stride = if transpose_a { rows } else { inner };
        let b_stride = if transpose_b { inner } else { columns };
        // SAFETY: the extents and strides are those of the three slices.
        unsafe {
            (self.set_threads)(c_int::try_from(threads)?);
            (self.sgemm)(
                ROW_MAJOR,
                layout(transpose_a),
                layout(transpose_b),
                rows,
                columns,
                inner,
                1.0,
                problem.a.as_ptr(),
                a_stride,
                problem.b.as_ptr(),
                b_stride,
                0.0,
                out.as_mut_ptr(),
                columns,
            );
        }
        Ok(())
    }
}
