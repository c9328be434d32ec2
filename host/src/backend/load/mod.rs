//! Turns a plugin file into a checked table, or says at which stage it was refused. Hashes the very bytes that are
//! opened and has lock and quarantine asked before, never unloads, creates no instance. The only room besides plugin-api
//! that touches abi_stable.

mod host_api;
mod private_copy;

pub use host_api::PluginSettings;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use abi_stable::library::{AbiHeaderRef, LibraryError};
use clamp_plugin_api::abi::{
    AbiProblem, CLAMP_ABI_MAJOR, ClampBackendV1, ClampHostApi, ClampRootRef, QUERY_SYMBOL, QueryFn, ROOT_SYMBOL,
};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::isolate::{Finding, Isolation, Step, Watched};
use super::lock::{Lock, Standing, remedy};
use super::notices::{Notice, Notices};
use crate::config::LockPolicy;

/// How far a plugin file came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadStage {
    /// Reading, hashing, copying.
    Hash,
    /// plugins.lock does not vouch for it, and the policy demands that.
    Lock,
    /// It ended a host before.
    Quarantine,
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
    /// What to do, where that is not plain from the reason.
    pub help: Option<String>,
    /// Of the file, once it was read.
    pub sha256: Option<String>,
    /// The id that the file probably has, from the lock or the quarantine.
    pub presumed_id: Option<String>,
    /// What is known of a file that ended a host.
    pub finding: Option<Box<Finding>>,
}

impl LoadError {
    fn new(stage: LoadStage, reason: impl Into<String>) -> Self {
        Self { stage, reason: reason.into(), help: None, sha256: None, presumed_id: None, finding: None }
    }
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
    /// What was not verified of the file, for records.
    pub(super) unverified: Option<&'static str>,
    /// Marks the steps that could end the host.
    pub(super) watched: Watched,
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
    /// What vouches for files; `None` opens every one.
    pub lock: Option<Arc<Lock>>,
    /// What remembers files that ended a host; `None` remembers nothing.
    pub isolation: Option<Arc<Isolation>>,
    /// Who hears of warnings.
    pub notices: Notices,
    /// The only digest that is opened.
    pub only: Option<String>,
}

/// What a record says of a file that was opened without a look at the lock.
const NOT_HELD: &str = "plugin: not held against plugins.lock (backend.lock_policy is off)";

/// The digest of a plugin file, as it is opened and pinned.
///
/// # Errors
/// A file that cannot be read or is no library of this machine.
pub fn digest(path: &Path) -> Result<String, LoadError> {
    private_copy::read(path).map(|source| source.sha256).map_err(|reason| LoadError::new(LoadStage::Hash, reason))
}

impl Loaded {
    /// Settings that were given for the plugin and that it has not asked for.
    pub(super) fn unasked_settings(&self) -> Vec<String> {
        host_api::unasked(self.host_api)
    }
}

/// Loads one file.
pub fn load(path: &Path, options: &LoadOptions) -> Result<Loaded, LoadError> {
    let source = private_copy::read(path).map_err(|reason| LoadError::new(LoadStage::Hash, reason))?;
    let sha256 = source.sha256.clone();
    let loaded = admit(path, &sha256, options).and_then(|(standing, watched)| {
        let copy = private_copy::make(&source, options.cache.as_deref())
            .map_err(|reason| LoadError::new(LoadStage::Hash, reason))?;
        drop(source);
        if copy.is_new {
            watched.is_new();
        }
        let opened = watched.step(Step::Load, None, || open_table(path, copy.path(), options));
        let (table, host_api, door) = opened?;
        host_api::name(host_api, table.id());
        watched.name(table.id());
        let unverified = settle(path, table.id(), standing, options)?;
        let (fp_check, path, sha256) = (options.fp_check, path.to_owned(), sha256.clone());
        Ok(Loaded { table, host_api, door, sha256, fp_check, path, unverified, watched })
    });
    loaded.map_err(|error| LoadError { sha256: Some(sha256), ..error })
}

/// Whether these bytes may be opened: everything that is asked before any of the plugin's code runs.
fn admit(path: &Path, sha256: &str, options: &LoadOptions) -> Result<(Option<Standing>, Watched), LoadError> {
    if options.only.as_ref().is_some_and(|only| only != sha256) {
        return Err(LoadError::new(LoadStage::Hash, format!("the file was changed meanwhile: its sha256 is {sha256}")));
    }
    let standing = match &options.lock {
        Some(lock) => Some(vouch(path, lock, lock.standing(path, sha256), options)?),
        None => None,
    };
    let Some(isolation) = &options.isolation else { return Ok((standing, Watched::default())) };
    let watched = isolation.admit(path, sha256).map_err(|withheld| LoadError {
        help: Some(format!("to try it once more: clamp-host backend trust --again {}", path.display())),
        presumed_id: withheld.id,
        finding: withheld.finding.map(Box::new),
        ..LoadError::new(LoadStage::Quarantine, withheld.reason)
    })?;
    Ok((standing, watched))
}

/// What the policy makes of where a file stands.
fn vouch(path: &Path, lock: &Lock, standing: Standing, options: &LoadOptions) -> Result<Standing, LoadError> {
    let Some(reason) = standing.reason() else { return Ok(standing) };
    match lock.policy {
        LockPolicy::Off => {}
        LockPolicy::Warn => options.notices.say(&Notice::Warning {
            text: &format!("plugin {} is opened although {reason} (backend.lock_policy is warn)", path.display()),
            help: &remedy(path),
        }),
        LockPolicy::Require => {
            return Err(LoadError {
                help: Some(remedy(path)),
                presumed_id: standing.pinned_id().map(str::to_owned),
                ..LoadError::new(LoadStage::Lock, format!("{reason} (backend.lock_policy is require)"))
            });
        }
    }
    Ok(standing)
}

/// Where the file stands now that it has said its id, and what is not verified of it.
fn settle(
    path: &Path,
    id: &str,
    standing: Option<Standing>,
    options: &LoadOptions,
) -> Result<Option<&'static str>, LoadError> {
    let (Some(lock), Some(before)) = (&options.lock, standing) else { return Ok(Some(NOT_HELD)) };
    let mut standing = lock.settle(before.clone(), id);
    if standing != before {
        standing = vouch(path, lock, standing, options)?;
    }
    Ok(standing.unverified())
}

/// Opens the copy, finds a door and checks the table behind it.
fn open_table(
    path: &Path,
    copy: &Path,
    options: &LoadOptions,
) -> Result<(&'static ClampBackendV1, &'static ClampHostApi, Door), LoadError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let host_api = host_api::leak(folder, options);
    let library = open(copy)?;
    let found = match root_table(&library) {
        Some(found) => found.map(|table| (table, Door::Rust)),
        None => queried_table(&library, host_api).map(|table| (table, Door::C)),
    };
    // A library whose constructors have run stays: unloading code that may have left threads or hooks is not sound.
    std::mem::forget(library);
    let (table, door) = found?;
    // SAFETY: the pointer came through one of the doors, whose contract is what `check` asks for.
    let table = unsafe { ClampBackendV1::check(table) }.map_err(|problem| {
        let stage = match problem {
            AbiProblem::Major { .. } | AbiProblem::Minor { .. } | AbiProblem::StructSize { .. } => LoadStage::Version,
            AbiProblem::Null => LoadStage::Door,
            AbiProblem::Magic(_) | AbiProblem::PanicAborts | AbiProblem::NullEntry(_) | AbiProblem::Text { .. } => {
                LoadStage::Layout
            }
        };
        LoadError::new(stage, problem.to_string())
    })?;
    Ok((table, host_api, door))
}

fn open(path: &Path) -> Result<Library, LoadError> {
    // SAFETY: opening runs the library's constructors; that the operator placed it in a plugin folder is the consent.
    // RTLD_NOW turns a missing symbol into an error here instead of a crash later.
    unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(|e| {
        LoadError::new(LoadStage::Load, one_line(&chain(&e).replace(&path.display().to_string(), "the plugin")))
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
        LibraryError::IncompatibleVersionNumber { expected_version, actual_version, .. } => LoadError::new(
            LoadStage::Version,
            format!("built for ABI {actual_version}, this host speaks {expected_version}: rebuild the plugin"),
        ),
        LibraryError::AbiInstability(_) => LoadError::new(
            LoadStage::Layout,
            "its table differs from ClampBackendV1 in type or size: rebuild it against this host's clamp-plugin-api",
        ),
        LibraryError::InvalidAbiHeader(_) => LoadError::new(
            LoadStage::Door,
            "built with an incompatible abi_stable: rebuild it against this host's clamp-plugin-api",
        ),
        other => LoadError::new(LoadStage::Door, one_line(&other.to_string())),
    }
}

/// The C door.
fn queried_table(library: &Library, host: &'static ClampHostApi) -> Result<*const ClampBackendV1, LoadError> {
    // SAFETY: the contract gives the symbol this type.
    let query = unsafe { library.get::<QueryFn>(QUERY_SYMBOL.as_bytes()) }.map_err(|_| {
        let reason = format!("exports neither a clamp root module nor `{QUERY_SYMBOL}`: not a Clamp backend");
        LoadError::new(LoadStage::Door, reason)
    })?;
    // SAFETY: called once, with a host table that lives for ever.
    let table = unsafe { query(u32::from(CLAMP_ABI_MAJOR), host) };
    if table.is_null() {
        let reason = format!("does not serve hosts of ABI major version {CLAMP_ABI_MAJOR}: install a matching version");
        return Err(LoadError::new(LoadStage::Version, reason));
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
