//! The functions of the two libraries that the backend calls, looked up by name. They are in every HIP since 5.0 but those
//! that are optional here; of none did the meaning or the arguments change up to 7.14. A const that one header has and
//! another has not is the same to a caller.
#![expect(non_snake_case, reason = "the names are those of the headers")]

use std::ffi::{c_char, c_void};

use libloading::os::unix::Library;

use super::numbers::Raw;

macro_rules! functions {
    ($(#[$about:meta])* $table:ident {
        $($name:ident($($arg:ty),*);)+
    } optional {
        $($maybe:ident($($maybe_arg:ty),*);)*
    }) => {
        $(#[$about])*
        pub(crate) struct $table {
            $(pub(crate) $name: unsafe extern "C" fn($($arg),*) -> i32,)+
            $(pub(crate) $maybe: Option<unsafe extern "C" fn($($maybe_arg),*) -> i32>,)*
        }

        impl $table {
            /// Looks all of them up; gives the name of the first that is missing and must not be.
            pub(crate) fn of(library: &Library) -> Result<$table, &'static str> {
                $(
                    // SAFETY: the type is the header's.
                    let $name = *unsafe { library.get(concat!(stringify!($name), "\0")) }
                        .map_err(|_| stringify!($name))?;
                )+
                $(
                    // SAFETY: as above.
                    let $maybe = unsafe { library.get(concat!(stringify!($maybe), "\0")) }.ok().map(|symbol| *symbol);
                )*
                Ok($table { $($name,)+ $($maybe,)* })
            }
        }
    };
}

functions! {
    /// HIP's functions.
    Functions {
        hipInit(u32);
        hipRuntimeGetVersion(*mut i32);
        hipDriverGetVersion(*mut i32);
        hipGetDeviceCount(*mut i32);
        hipDeviceGetAttribute(*mut i32, i32, i32);
        hipDeviceGetName(*mut c_char, i32, i32);
        hipDeviceGetPCIBusId(*mut c_char, i32, i32);
        hipDeviceTotalMem(*mut usize, i32);
        hipGetDevice(*mut i32);
        hipSetDevice(i32);
        hipDeviceSynchronize();
        hipMemGetInfo(*mut usize, *mut usize);
        hipMalloc(*mut *mut c_void, usize);
        hipFree(*mut c_void);
        hipHostMalloc(*mut *mut c_void, usize, u32);
        hipHostFree(*mut c_void);
        hipStreamCreateWithFlags(*mut Raw, u32);
        hipStreamDestroy(Raw);
        hipStreamSynchronize(Raw);
        hipEventCreateWithFlags(*mut Raw, u32);
        hipEventDestroy(Raw);
        hipEventRecord(Raw, Raw);
        hipEventQuery(Raw);
        hipEventSynchronize(Raw);
        hipEventElapsedTime(*mut f32, Raw, Raw);
        hipMemcpyAsync(*mut c_void, *const c_void, usize, i32, Raw);
        hipMemsetD8Async(*mut c_void, u8, usize, Raw);
        hipMemsetD16Async(*mut c_void, u16, usize, Raw);
        hipMemsetD32Async(*mut c_void, i32, usize, Raw);
        hipModuleLoadData(*mut Raw, *const c_void);
        hipModuleUnload(Raw);
        hipModuleGetFunction(*mut Raw, Raw, *const c_char);
        hipModuleLaunchKernel(Raw, u32, u32, u32, u32, u32, u32, u32, Raw, *mut *mut c_void, *mut *mut c_void);
    } optional {
        // The properties of a device: since HIP 6.0 the second is for programs built before, with the layout of then.
        hipGetDevicePropertiesR0600(*mut c_void, i32);
        hipGetDeviceProperties(*mut c_void, i32);
        // Since HIP 5.1.
        hipDeviceGetUuid(*mut c_void, i32);
        hipDeviceGetDefaultMemPool(*mut Raw, i32);
        hipMemPoolSetAttribute(Raw, i32, *mut c_void);
        hipMallocAsync(*mut *mut c_void, usize, Raw);
        hipFreeAsync(*mut c_void, Raw);
    }
}

functions! {
    /// hipRTC's functions.
    Compiler {
        hiprtcVersion(*mut i32, *mut i32);
        hiprtcCreateProgram(*mut Raw, *const c_char, *const c_char, i32, *const *const c_char, *const *const c_char);
        hiprtcCompileProgram(Raw, i32, *const *const c_char);
        hiprtcDestroyProgram(*mut Raw);
        hiprtcGetProgramLogSize(Raw, *mut usize);
        hiprtcGetProgramLog(Raw, *mut c_char);
        hiprtcGetCodeSize(Raw, *mut usize);
        hiprtcGetCode(Raw, *mut c_char);
    } optional {}
}
