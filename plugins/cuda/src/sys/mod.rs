//! The driver's and NVRTC's functions, found by name at run time. Numbers and signatures are those of cuda.h and nvrtc.h
//! from CUDA 11.2 on; results are plain numbers, since a newer driver may give one that this file does not know.

mod driver;
mod nvrtc;

use std::ffi::c_void;

pub(crate) use driver::Driver;
pub(crate) use nvrtc::Nvrtc;

/// `CUdevice`.
pub(crate) type DeviceId = i32;
/// `CUcontext`, `CUstream`, `CUevent`, `CUmodule`, `CUfunction`, `CUmemoryPool`, `nvrtcProgram`.
pub(crate) type Raw = *mut c_void;

/// `CUdevice_attribute`.
pub(crate) const MAX_THREADS_PER_BLOCK: i32 = 1;
pub(crate) const MAX_SHARED_MEMORY_PER_BLOCK: i32 = 8;
pub(crate) const WARP_SIZE: i32 = 10;
pub(crate) const MULTIPROCESSOR_COUNT: i32 = 16;
pub(crate) const INTEGRATED: i32 = 18;
pub(crate) const COMPUTE_CAPABILITY_MAJOR: i32 = 75;
pub(crate) const COMPUTE_CAPABILITY_MINOR: i32 = 76;
pub(crate) const MEMORY_POOLS_SUPPORTED: i32 = 115;

/// `CU_STREAM_NON_BLOCKING`.
pub(crate) const STREAM_NON_BLOCKING: u32 = 1;
/// `CU_MEMPOOL_ATTR_RELEASE_THRESHOLD`, a `cuuint64_t`.
pub(crate) const POOL_RELEASE_THRESHOLD: i32 = 4;
/// `CU_JIT_ERROR_LOG_BUFFER` and its size.
pub(crate) const JIT_ERROR_LOG: i32 = 5;
pub(crate) const JIT_ERROR_LOG_BYTES: i32 = 6;

/// `CUDA_SUCCESS` and `NVRTC_SUCCESS`.
pub(crate) const SUCCESS: u32 = 0;
/// `CUDA_ERROR_NO_DEVICE`.
pub(crate) const NO_DEVICE: u32 = 100;
/// `CUDA_ERROR_NOT_READY`.
pub(crate) const NOT_READY: u32 = 600;

/// Loads the first library of these names; gives the system's words about the first where none can be loaded.
fn open(names: &[String]) -> Result<&'static libloading::Library, String> {
    let mut reason = None;
    for name in names {
        // SAFETY: the constructors of a vendor's library may be run; that is what loading a driver means.
        match unsafe { libloading::Library::new(name) } {
            // Never unloaded: drivers keep threads that run its code.
            Ok(library) => return Ok(Box::leak(Box::new(library))),
            Err(error) => {
                // The system's own words are in the source.
                let words = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                reason.get_or_insert(words);
            }
        }
    }
    Err(reason.unwrap_or_else(|| "no library is named".to_owned()))
}

/// A table of functions, all of which a library must have.
macro_rules! table {
    ($(#[$meta:meta])* $table:ident of $what:literal; $($name:ident = $symbol:literal ($($arg:ty),* $(,)?) $(-> $ret:ty)?;)+) => {
        $(#[$meta])*
        pub(crate) struct $table {
            $(pub(crate) $name: unsafe extern "C" fn($($arg),*) $(-> $ret)?,)+
        }

        impl $table {
            fn of(library: &'static libloading::Library) -> Result<$table, String> {
                Ok($table {
                    $($name: {
                        // SAFETY: the type is the header's.
                        let symbol = unsafe { library.get(concat!($symbol, "\0")) };
                        *symbol.map_err(|_| format!("{} has no {}", $what, $symbol))?
                    },)+
                })
            }
        }
    };
}

use table;
