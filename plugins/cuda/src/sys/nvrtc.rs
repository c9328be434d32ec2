//! The run-time compiler: libnvrtc. It needs no GPU.

use std::ffi::c_char;

use super::{Raw, open, table};

/// Its names with their major versions, from the newest on.
const NAMES: [(&str, i32); 4] =
    [("libnvrtc.so.13", 13), ("libnvrtc.so.12", 12), ("libnvrtc.so.11.2", 11), ("libnvrtc.so", 0)];

impl Nvrtc {
    /// The compiler's library: that at `path`, or the newest that the system finds and whose code a driver of CUDA `major`
    /// takes, or else a newer one.
    pub(crate) fn load(path: Option<String>, major: i32) -> Result<Nvrtc, String> {
        let names = path.map_or_else(|| names(major), |path| vec![path]);
        let library = open(&names).map_err(|reason| format!("NVRTC is not here: {reason}"))?;
        Nvrtc::of(library).map_err(|missing| format!("{missing}: it is no NVRTC, or one older than CUDA 11.2"))
    }
}

fn names(major: i32) -> Vec<String> {
    let (taken, newer): (Vec<_>, Vec<_>) = NAMES.iter().partition(|(_, version)| *version <= major);
    taken.iter().chain(&newer).map(|(name, _)| (*name).to_owned()).collect()
}

table! {
    /// libnvrtc's functions.
    Nvrtc of "libnvrtc";
    version = "nvrtcVersion" (*mut i32, *mut i32) -> u32;
    error_string = "nvrtcGetErrorString" (u32) -> *const c_char;
    arch_count = "nvrtcGetNumSupportedArchs" (*mut i32) -> u32;
    archs = "nvrtcGetSupportedArchs" (*mut i32) -> u32;
    create = "nvrtcCreateProgram" (
        *mut Raw, *const c_char, *const c_char, i32, *const *const c_char, *const *const c_char,
    ) -> u32;
    destroy = "nvrtcDestroyProgram" (*mut Raw) -> u32;
    compile = "nvrtcCompileProgram" (Raw, i32, *const *const c_char) -> u32;
    log_size = "nvrtcGetProgramLogSize" (Raw, *mut usize) -> u32;
    log = "nvrtcGetProgramLog" (Raw, *mut c_char) -> u32;
    ptx_size = "nvrtcGetPTXSize" (Raw, *mut usize) -> u32;
    ptx = "nvrtcGetPTX" (Raw, *mut c_char) -> u32;
    cubin_size = "nvrtcGetCUBINSize" (Raw, *mut usize) -> u32;
    cubin = "nvrtcGetCUBIN" (Raw, *mut c_char) -> u32;
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_compiler_that_the_driver_takes_code_of_comes_first() {
        assert_eq!(super::names(13)[0], "libnvrtc.so.13");
        assert_eq!(super::names(12), ["libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so", "libnvrtc.so.13"]);
    }
}
