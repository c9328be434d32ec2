//! Looks for the two libraries and opens them, for as long as the process lives. Every failure is one line that says what
//! to do.

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::error::check;
use crate::sys::{Compiler, Functions, version};

/// HIP's names, the newest first: ROCm 7, 6 and 5.
const NAMES: [&str; 3] = ["libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5"];

/// Where ROCm's own packages put their libraries; the loader may not know it.
const FOLDER: &str = "/opt/rocm/lib";

/// The oldest HIP with all that is called here.
const OLDEST: (i32, i32) = (5, 0);

/// The functions of both libraries, and where they came from.
pub(crate) struct Libraries {
    pub(crate) hip: Functions,
    pub(crate) compiler: Compiler,
    /// HIP's file as it was opened.
    pub(crate) path: String,
    /// HIP's version: major, minor, patch.
    pub(crate) version: (i32, i32, i32),
}

impl Libraries {
    /// Opens HIP and then the hipRTC that goes with it, from these files where the operator named some.
    pub(crate) fn open(hip: Option<&str>, hiprtc: Option<&str>) -> Result<&'static Libraries, String> {
        let (library, path) = match hip {
            Some(path) => (named(path, "library")?, path.to_owned()),
            None => first(&NAMES).ok_or_else(none_here)??,
        };
        let functions = Functions::of(&library).map_err(|name| {
            format!(
                "{path} has no {name}, so it is no HIP of ROCm 5 or later: name another file in plugins.rocm.library"
            )
        })?;
        let mut number = 0;
        // SAFETY: the function writes one number.
        check("hipRuntimeGetVersion", unsafe { (functions.hipRuntimeGetVersion)(&raw mut number) })
            .map_err(|error| format!("{path} does not tell its version: {error}"))?;
        let version = version(number);
        if (version.0, version.1) < OLDEST {
            let (major, minor, _) = version;
            let (least, _) = OLDEST;
            return Err(format!(
                "{path} is HIP {major}.{minor}, and {least}.0 is needed: install ROCm {least} or later"
            ));
        }
        let compiler = compiler(&library, &path, version.0, hiprtc)?;
        // The runtime keeps threads that run its code, so it is never unloaded.
        std::mem::forget(library);
        Ok(Box::leak(Box::new(Libraries { hip: functions, compiler, path, version })))
    }
}

/// hipRTC of the same major version: its own library, since ROCm 7 nothing else, or inside of HIP's before 5.3.
fn compiler(hip: &Library, path: &str, major: i32, setting: Option<&str>) -> Result<Compiler, String> {
    if let Some(path) = setting {
        let library = named(path, "hiprtc_library")?;
        return kept(library).map_err(|name| {
            format!("{path} has no {name}, so it is no hipRTC: name another file in plugins.rocm.hiprtc_library")
        });
    }
    let name = format!("libhiprtc.so.{major}");
    let beside = path.rsplit_once('/').map(|(folder, _)| format!("{folder}/{name}"));
    let names: Vec<&str> = beside.iter().map(String::as_str).chain([&*name]).collect();
    let found = match first(&names) {
        Some(found) => {
            let (library, path) = found?;
            kept(library).map_err(|name| format!("{path} has no {name}"))
        }
        None => Compiler::of(hip).map_err(|_| format!("{name} is in no folder of the loader and not in {FOLDER}")),
    };
    found.map_err(|reason| {
        format!(
            "{path} is here, but no hipRTC to compile with: {reason}; install ROCm's hipRTC, or name its file in \
             plugins.rocm.hiprtc_library"
        )
    })
}

fn kept(library: Library) -> Result<Compiler, &'static str> {
    let compiler = Compiler::of(&library)?;
    std::mem::forget(library);
    Ok(compiler)
}

/// The file that a setting names.
fn named(path: &str, setting: &str) -> Result<Library, String> {
    open(path).map_err(|reason| format!("{reason}; plugins.rocm.{setting} names it"))
}

/// The first of these names that is here, in a folder that the loader knows or in ROCm's; an error if it is here and
/// cannot be loaded.
fn first(names: &[&str]) -> Option<Result<(Library, String), String>> {
    for name in names {
        let places = [(*name).to_owned(), format!("{FOLDER}/{name}")];
        for place in places.into_iter().take(if name.contains('/') { 1 } else { 2 }) {
            match open(&place) {
                Ok(library) => return Some(Ok((library, place))),
                Err(reason) if is_absence(&reason, &place) => {}
                Err(reason) => {
                    return Some(Err(format!(
                        "{place} is here, but cannot be loaded: {reason}; install what it needs, or name another file in \
                         plugins.rocm.library"
                    )));
                }
            }
        }
    }
    None
}

/// Opens a library with all that it needs; the system's own words where it cannot.
fn open(path: &str) -> Result<Library, String> {
    // SAFETY: the library's constructors are run; that is what loading a vendor's runtime means.
    unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(|error| {
        // The system's own words are in the source.
        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
    })
}

/// Whether the loader's words mean that the file itself is not there, rather than something that it needs.
fn is_absence(reason: &str, path: &str) -> bool {
    reason.strip_prefix(path).is_some_and(|rest| rest.ends_with("No such file or directory"))
}

fn none_here() -> String {
    format!(
        "no HIP library here: libamdhip64.so.7, .so.6 and .so.5 are in no folder of the loader and not in {FOLDER}; install \
         ROCm, or name the file in plugins.rocm.library"
    )
}
