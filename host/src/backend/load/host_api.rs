//! The host's side of the ABI: log, settings, the plugin's own folder, cancellation. One leaked context a plugin file,
//! since a library is never unloaded and may call at any time.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use clamp_plugin_api::abi::{
    CLAMP_ABI_MAJOR, CLAMP_ABI_MINOR, CLAMP_LOG_ERROR, CLAMP_LOG_INFO, CLAMP_LOG_WARN, ClampHostApi, ClampStr, Status,
};

use super::LoadOptions;

/// Settings by plugin id, then by key.
pub type PluginSettings = BTreeMap<String, BTreeMap<String, String>>;

struct Context {
    folder: String,
    settings: PluginSettings,
    /// Where plugins may keep what can be made again, each in a folder of its id.
    caches: Option<PathBuf>,
    /// The plugin's id, once its table was read; until then it has no settings.
    id: OnceLock<String>,
    /// The keys that it has asked for.
    asked: Mutex<BTreeSet<String>>,
}

/// Makes a host table that lives as long as the process.
pub(super) fn leak(folder: &Path, options: &LoadOptions) -> &'static ClampHostApi {
    let context = Box::new(Context {
        folder: folder.to_string_lossy().into_owned(),
        settings: options.settings.clone(),
        caches: options.caches.clone(),
        id: OnceLock::new(),
        asked: Mutex::default(),
    });
    Box::leak(Box::new(ClampHostApi {
        struct_size: size_of::<ClampHostApi>() as u32,
        version: u32::from(CLAMP_ABI_MAJOR) << 16 | u32::from(CLAMP_ABI_MINOR),
        ctx: Box::into_raw(context).cast(),
        log: Some(log),
        config: Some(config),
        plugin_folder: Some(plugin_folder),
        cancelled: Some(cancelled),
    }))
}

/// Says whose table this is.
pub(super) fn name(api: &'static ClampHostApi, id: &str) {
    // SAFETY: `leak` made the table.
    if let Some(context) = unsafe { context(api.ctx) } {
        context.id.get_or_init(|| id.to_owned());
    }
}

/// Settings that were given for the plugin and that it has not asked for.
pub(super) fn unasked(api: &'static ClampHostApi) -> Vec<String> {
    // SAFETY: `leak` made the table.
    let Some(context) = (unsafe { context(api.ctx) }) else { return Vec::new() };
    let asked = context.asked.lock().unwrap_or_else(PoisonError::into_inner);
    let own = context.id.get().and_then(|id| context.settings.get(id));
    own.into_iter().flat_map(BTreeMap::keys).filter(|key| !asked.contains(*key)).cloned().collect()
}

impl Context {
    /// The setting `key`. Without one, `cache_dir` is a folder of the plugin's own, which it makes when it needs it.
    fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        let id = self.id.get()?;
        if let Some(value) = self.settings.get(id).and_then(|own| own.get(key)) {
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
            return Some(value.into());
        }
        let folder = self.caches.as_ref().filter(|_| key == "cache_dir")?.join(id);
        Some(folder.to_str()?.to_owned().into())
    }
}

/// # Safety
/// `ctx` is the pointer that [`leak`] handed out.
unsafe fn context<'a>(ctx: *mut c_void) -> Option<&'a Context> {
    // SAFETY: by this function's contract; the context is never freed or changed.
    unsafe { ctx.cast::<Context>().as_ref() }
}

/// # Safety
/// `text` is empty or readable for its length.
unsafe fn read<'a>(text: ClampStr) -> Cow<'a, str> {
    if text.ptr.is_null() || text.len == 0 {
        return "".into();
    }
    // SAFETY: by this function's contract.
    String::from_utf8_lossy(unsafe { std::slice::from_raw_parts(text.ptr, text.len) })
}

unsafe extern "C" fn log(_ctx: *mut c_void, level: u32, text: ClampStr) {
    // SAFETY: the plugin passes a readable text.
    let text = unsafe { read(text) };
    match level {
        CLAMP_LOG_ERROR => tracing::error!(event = "plugin", text = %text),
        CLAMP_LOG_WARN => tracing::warn!(event = "plugin", text = %text),
        CLAMP_LOG_INFO => tracing::info!(event = "plugin", text = %text),
        _ => tracing::debug!(event = "plugin", text = %text),
    }
}

unsafe extern "C" fn config(ctx: *mut c_void, key: ClampStr, buf: *mut u8, cap: usize, len: *mut usize) -> i32 {
    // SAFETY: `ctx` is ours, the others are valid by the ABI.
    unsafe {
        let key = read(key);
        let value = context(ctx).and_then(|context| context.value(key.as_ref()));
        value.map_or(Status::NotFound.code(), |value| copy_out(&value, buf, cap, len))
    }
}

unsafe extern "C" fn plugin_folder(ctx: *mut c_void, buf: *mut u8, cap: usize, len: *mut usize) -> i32 {
    // SAFETY: as above.
    unsafe { context(ctx).map_or(Status::Internal.code(), |c| copy_out(&c.folder, buf, cap, len)) }
}

unsafe extern "C" fn cancelled(_ctx: *mut c_void, _host_call: u64) -> u32 {
    0
}

/// # Safety
/// `buf` is writable for `cap` bytes, `len` is writable.
unsafe fn copy_out(text: &str, buf: *mut u8, cap: usize, len: *mut usize) -> i32 {
    if len.is_null() || (buf.is_null() && cap > 0) {
        return Status::Invalid.code();
    }
    // SAFETY: by this function's contract.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), buf, text.len().min(cap));
        len.write(text.len());
    }
    Status::Ok.code()
}
