//! A live backend: the instance behind a loaded table and the facts of its devices.

use std::ffi::c_void;
use std::sync::Arc;

use clamp_plugin_api::abi::{CLAMP_DEVICE_CPU, CLAMP_DEVICE_GPU, ClampBackendV1, ClampDeviceInfo, ClampError};
use serde::Serialize;

use super::isolate::{Step, Watched};
use super::load::Loaded;
use super::translate::{PluginFault, call, given};
use crate::error::{Error, Result};

/// More devices than any machine has; a plugin that says so is wrong.
const MOST_DEVICES: u32 = 1024;

/// What a device is; decides selection and `--require-gpu`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// The host's own processors.
    Cpu,
    /// A GPU.
    Gpu,
    /// Anything else.
    Other,
}

/// A device as its backend describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceFacts {
    /// Counted from 0 within the backend.
    pub index: u32,
    /// What it is.
    pub kind: DeviceKind,
    /// Its name.
    pub name: String,
    /// A stable id, or empty.
    pub uuid: String,
    /// Driver and version.
    pub driver: String,
    /// What the kernels are specialised for.
    pub dispatch: String,
    /// Bytes; 0 = unknown.
    pub memory_bytes: u64,
    /// Cores or multiprocessors.
    pub compute_units: u32,
}

/// A created instance. Dropped last, after its devices.
pub struct Backend {
    pub(super) table: &'static ClampBackendV1,
    pub(super) handle: *mut c_void,
    /// Of the file that was opened.
    pub sha256: String,
    /// What was not verified of that file, for records.
    pub unverified: Option<&'static str>,
    pub(super) watched: Watched,
    fp_check: bool,
}

// SAFETY: the ABI says that the instance's functions may be called from any thread.
unsafe impl Send for Backend {}
// SAFETY: as above.
unsafe impl Sync for Backend {}

/// An entry that `ClampBackendV1::check` has seen to be there.
macro_rules! entry {
    ($table:expr, $name:ident) => {
        match $table.$name {
            Some(f) => f,
            None => unreachable!(concat!("`", stringify!($name), "` was checked at load")),
        }
    };
}
pub(super) use entry;

impl Backend {
    /// Creates the plugin's instance.
    pub fn create(loaded: &Loaded) -> Result<Arc<Self>> {
        loaded.watched.step(Step::Start, None, || Self::start(loaded))
    }

    fn start(loaded: &Loaded) -> Result<Arc<Self>> {
        let fp_check = loaded.fp_check;
        let mut handle = std::ptr::null_mut();
        let create = entry!(loaded.table, instance_create);
        // SAFETY: the host table lives for ever, `handle` is writable.
        call(fp_check, |err| unsafe { create(loaded.host_api, &raw mut handle, err) })
            .and_then(|()| given(handle))
            .map_err(|fault| fault.into_error(loaded.table.id(), "start"))?;
        let Loaded { table, unverified, .. } = *loaded;
        let (sha256, watched) = (loaded.sha256.clone(), loaded.watched.clone());
        let backend = Arc::new(Self { table, handle, sha256, unverified, watched, fp_check });
        // A setting that changes nothing is a mistake that nobody would see.
        match loaded.unasked_settings().first() {
            None => Ok(backend),
            Some(key) => Err(Error::bad_input(format!("backend `{0}` has no setting plugins.{0}.{key}", backend.id()))
                .hint(
                    "`clamp-host config show` says where it was given; the plugin's documentation names its settings",
                )),
        }
    }

    /// What operators type after `--backend`.
    pub fn id(&self) -> &'static str {
        self.table.id()
    }

    /// The plugin's version.
    pub fn version(&self) -> &'static str {
        self.table.version()
    }

    /// Facts of every device.
    pub fn devices(&self) -> Result<Vec<DeviceFacts>> {
        self.watched.step(Step::Devices, None, || self.describe())
    }

    fn describe(&self) -> Result<Vec<DeviceFacts>> {
        let mut count = 0;
        let device_count = entry!(self.table, device_count);
        // SAFETY: the instance is alive, `count` is writable.
        self.call(|err| unsafe { device_count(self.handle, &raw mut count, err) })
            .map_err(|fault| self.error(fault, "count its devices"))?;
        if count > MOST_DEVICES {
            return Err(Error::backend(format!("backend `{}` says it has {count} devices", self.id()))
                .hint("this is a fault of the plugin: report it to its author"));
        }
        (0..count).map(|index| self.device(index)).collect()
    }

    fn device(&self, index: u32) -> Result<DeviceFacts> {
        let mut info = ClampDeviceInfo {
            kind: 0,
            alignment: 0,
            memory_bytes: 0,
            max_alloc_bytes: 0,
            compute_units: 0,
            unified_memory: 0,
            name: [0; 128],
            uuid: [0; 64],
            driver: [0; 128],
            dispatch: [0; 64],
        };
        let device_info = entry!(self.table, device_info);
        // SAFETY: as above.
        self.call(|err| unsafe { device_info(self.handle, index, &raw mut info, err) })
            .map_err(|fault| self.error(fault, &format!("describe device {index}")))?;
        Ok(DeviceFacts {
            index,
            kind: match info.kind {
                CLAMP_DEVICE_CPU => DeviceKind::Cpu,
                CLAMP_DEVICE_GPU => DeviceKind::Gpu,
                _ => DeviceKind::Other,
            },
            name: text(&info.name),
            uuid: text(&info.uuid),
            driver: text(&info.driver),
            dispatch: text(&info.dispatch),
            memory_bytes: info.memory_bytes,
            compute_units: info.compute_units,
        })
    }

    /// Calls a function of the table.
    #[inline(always)]
    pub(super) fn call(&self, f: impl FnOnce(*mut ClampError) -> i32) -> std::result::Result<(), PluginFault> {
        call(self.fp_check, f)
    }

    pub(super) fn error(&self, fault: PluginFault, doing: &str) -> Error {
        fault.into_error(self.id(), doing)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        let destroy = entry!(self.table, instance_destroy);
        // SAFETY: created by `create`, dropped once; devices hold an `Arc` of it and are gone.
        unsafe { destroy(self.handle) };
    }
}

fn text(padded: &[u8]) -> String {
    let end = padded.iter().position(|b| *b == 0).unwrap_or(padded.len());
    String::from_utf8_lossy(&padded[..end]).into_owned()
}
