//! Turns a plugin file into a checked table, or says at which stage it was refused. Hashes the very bytes that are
//! opened, never unloads, creates no instance. The only room besides plugin-api that touches abi_stable.

mod host_api;
mod private_copy;

pub use host_api::PluginSettings;

use std::path::{Path, PathBuf};

use abi_stable::library::{AbiHeaderRef, LibraryError};
use clamp_plugin_api::abi::{
    AbiProblem, CLAMP_ABI_MAJOR, ClampBackendV1, ClampHostApi, ClampRootRef, QUERY_SYMBOL, QueryFn, ROOT_SYMBOL,
};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

/// How far a plugin file came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadStage {
    /// Reading, hashing, copying.
    Hash,
    /// The dynamic loader.
    Load,
    /// Finding one of the two doors.
    Door,
    /// ABI version and table size.
    Version,
    /// Types and entries of the table.
    Layout,
}

/// Why a file was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// Where it stopped.
    pub stage: LoadStage,
    /// One line.
    pub reason: String,
}

/// The door through which a table was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// abi_stable root module, layout-checked.
    Rust,
    /// `clamp_backend_query`.
    C,
}

/// A checked table. Its library is never unloaded.
#[derive(Clone)]
pub struct Loaded {
    /// The table.
    pub table: &'static ClampBackendV1,
    /// What `instance_create` gets.
    pub(super) host_api: &'static ClampHostApi,
    /// Through which door.
    pub door: Door,
    /// Of the bytes that were opened, lower-case hex.
    pub sha256: String,
    /// Whether the floating-point environment is looked at after every call.
    pub(super) fp_check: bool,
    /// Where the file was found.
    pub path: PathBuf,
}

/// Where private copies go and what plugins may ask about.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// A folder of our own (mode 0700); `None` uses a temporary one.
    pub cache: Option<PathBuf>,
    /// Where plugins may keep what can be made again, each in a folder of its id; `None` gives them no such folder.
    pub caches: Option<PathBuf>,
    /// Settings that plugins read by key.
    pub settings: PluginSettings,
    /// Whether the floating-point environment is looked at after every call.
    pub fp_check: bool,
}

impl Loaded {
    /// Settings that were given for the plugin and that it has not asked for.
    pub(super) fn unasked_settings(&self) -> Vec<String> {
        host_api::unasked(self.host_api)
    }
}

/// Loads one file.
pub fn load(path: &Path, options: &LoadOptions) -> Result<Loaded, LoadError> {
    let copy = private_copy::make(path, options.cache.as_deref())
        .map_err(|reason| LoadError { stage: LoadStage::Hash, reason })?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let host_api = host_api::leak(folder, options);
    let library = open(copy.path())?;
    let found = match root_table(&library) {
        Some(found) => found.map(|table| (table, Door::Rust)),
        None => queried_table(&library, host_api).map(|table| (table, Door::C)),
    };
    // A library whose constructors have run stays: unloading code that may have left threads or hooks is not sound.
    std::mem::forget(library);
    let (table, door) = found?;
    // SAFETY: the pointer came through one of the doors, whose contract is what `check` asks for.
    let table = unsafe { ClampBackendV1::check(table) }.map_err(|problem| LoadError {
        stage: match problem {
            AbiProblem::Major { .. } | AbiProblem::Minor { .. } | AbiProblem::StructSize { .. } => LoadStage::Version,
            AbiProblem::Null => LoadStage::Door,
            AbiProblem::Magic(_) | AbiProblem::PanicAborts | AbiProblem::NullEntry(_) | AbiProblem::Text { .. } => {
                LoadStage::Layout
            }
        },
        reason: problem.to_string(),
    })?;
    host_api::name(host_api, table.id());
    Ok(Loaded { table, host_api, door, sha256: copy.sha256, fp_check: options.fp_check, path: path.to_owned() })
}

fn open(path: &Path) -> Result<Library, LoadError> {
    // SAFETY: opening runs the library's constructors; that the operator placed it in a plugin folder is the consent.
    // RTLD_NOW turns a missing symbol into an error here instead of a crash later.
    unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(|e| LoadError {
        stage: LoadStage::Load,
        reason: one_line(&chain(&e).replace(&path.display().to_string(), "the plugin")),
    })
}

/// The Rust door; `None` if the library does not have it.
fn root_table(library: &Library) -> Option<Result<*const ClampBackendV1, LoadError>> {
    // SAFETY: abi_stable's own way to read its header: the symbol's address is the header reference, and `upgrade`
    // checks its magic before anything else is believed.
    let header: AbiHeaderRef = unsafe { *library.get::<AbiHeaderRef>(ROOT_SYMBOL.as_bytes()).ok()? };
    let module = header.upgrade().and_then(|header| header.init_root_module::<ClampRootRef>());
    Some(match module {
        Ok(root) => Ok(std::ptr::from_ref(root.vtable())),
        Err(error) => Err(root_error(&error)),
    })
}

fn root_error(error: &LibraryError) -> LoadError {
    match error {
        LibraryError::IncompatibleVersionNumber { expected_version, actual_version, .. } => LoadError {
            stage: LoadStage::Version,
            reason: format!("built for ABI {actual_version}, this host speaks {expected_version}: rebuild the plugin"),
        },
        LibraryError::AbiInstability(_) => LoadError {
            stage: LoadStage::Layout,
            reason: "its table differs from ClampBackendV1 in type or size: rebuild it against this host's \
                     clamp-plugin-api"
                .into(),
        },
        LibraryError::InvalidAbiHeader(_) => LoadError {
            stage: LoadStage::Door,
            reason: "built with an incompatible abi_stable: rebuild it against this host's clamp-plugin-api".into(),
        },
        other => LoadError { stage: LoadStage::Door, reason: one_line(&other.to_string()) },
    }
}

/// The C door.
fn queried_table(library: &Library, host: &'static ClampHostApi) -> Result<*const ClampBackendV1, LoadError> {
    // SAFETY: the contract gives the symbol this type.
    let query = unsafe { library.get::<QueryFn>(QUERY_SYMBOL.as_bytes()) }.map_err(|_| LoadError {
        stage: LoadStage::Door,
        reason: format!("exports neither a clamp root module nor `{QUERY_SYMBOL}`: not a Clamp backend"),
    })?;
    // SAFETY: called once, with a host table that lives for ever.
    let table = unsafe { query(u32::from(CLAMP_ABI_MAJOR), host) };
    if table.is_null() {
        return Err(LoadError {
            stage: LoadStage::Version,
            reason: format!("does not serve hosts of ABI major version {CLAMP_ABI_MAJOR}: install a matching version"),
        });
    }
    Ok(table)
}

/// An error with its causes; the dynamic loader's own words are in the last.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
