//! The private copy of a plugin file: what is hashed is what is opened, whatever happens to the original meanwhile. First
//! the bytes are read, so that they can be judged; only then is a copy of them made.

use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use clamp_plugin_api::manifest::jcs::sha256_hex;

/// The bytes of a plugin file.
pub(super) struct Source {
    bytes: Vec<u8>,
    pub(super) sha256: String,
}

/// A copy in a folder that only this user can enter.
pub(super) struct PrivateCopy {
    path: PathBuf,
    /// Whether there was none before.
    pub(super) is_new: bool,
    /// Removes a temporary folder once the library is mapped.
    _temporary: Option<tempfile::TempDir>,
}

impl PrivateCopy {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Reads a plugin file whole.
pub(super) fn read(source: &Path) -> Result<Source, String> {
    match fs::metadata(source) {
        Ok(there) if there.is_file() => {}
        Ok(_) => return Err("not a regular file".into()),
        Err(e) => return Err(format!("cannot read it: {e}")),
    }
    let bytes = fs::read(source).map_err(|e| format!("cannot read it: {e}"))?;
    check_elf(&bytes)?;
    let sha256 = sha256_hex(&bytes);
    Ok(Source { bytes, sha256 })
}

/// Copies what was read under its digest, into `cache` where that can be written, else into a temporary folder.
pub(super) fn make(source: &Source, cache: Option<&Path>) -> Result<PrivateCopy, String> {
    let Source { bytes, sha256 } = source;
    if let Some(cache) = cache
        && let Ok((path, is_new)) = keep(bytes, sha256, cache)
    {
        return Ok(PrivateCopy { path, is_new, _temporary: None });
    }
    let folder = tempfile::Builder::new()
        .prefix("clamp-plugin-")
        .tempdir()
        .map_err(|e| format!("cannot make a private copy of it: {e}"))?;
    let path = folder.path().join(format!("{sha256}.so"));
    write(&path, bytes).map_err(|e| format!("cannot make a private copy of it: {e}"))?;
    Ok(PrivateCopy { path, is_new: true, _temporary: Some(folder) })
}

/// A file that is cut short loads, and kills the process when a missing page is touched; so its segments are held against
/// its length first. 64-bit little-endian objects only, as every host of this program is.
fn check_elf(bytes: &[u8]) -> Result<(), String> {
    const ELF64_LITTLE: &[u8] = b"\x7fELF\x02\x01";
    if !bytes.starts_with(ELF64_LITTLE) {
        return Err("not an ELF shared object of this machine".into());
    }
    let cut = || "the file is cut short".to_owned();
    let number = |at: usize, len: usize| -> Option<u64> {
        let mut value = [0; 8];
        value[..len].copy_from_slice(bytes.get(at..at.checked_add(len)?)?);
        Some(u64::from_le_bytes(value))
    };
    let table = number(0x20, 8).ok_or_else(cut)?;
    let (entry, count) = (number(0x36, 2).ok_or_else(cut)?, number(0x38, 2).ok_or_else(cut)?);
    for i in 0..count {
        let at = table.checked_add(i * entry).and_then(|at| usize::try_from(at).ok()).ok_or_else(cut)?;
        let at_offset = at.checked_add(8).ok_or_else(cut)?;
        let at_size = at.checked_add(0x20).ok_or_else(cut)?;
        let (offset, size) = (number(at_offset, 8).ok_or_else(cut)?, number(at_size, 8).ok_or_else(cut)?);
        if offset.checked_add(size).is_none_or(|end| end > bytes.len() as u64) {
            return Err(cut());
        }
    }
    Ok(())
}

/// The copy in the cache, and whether it was made just now.
fn keep(bytes: &[u8], sha256: &str, cache: &Path) -> std::io::Result<(PathBuf, bool)> {
    DirBuilder::new().recursive(true).mode(0o700).create(cache)?;
    // An existing folder may have been made by somebody with another idea of privacy.
    fs::set_permissions(cache, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let path = cache.join(format!("{sha256}.so"));
    if fs::read(&path).is_ok_and(|kept| kept == bytes) {
        return Ok((path, false));
    }
    let temp = cache.join(format!(".{sha256}.{}", std::process::id()));
    let outcome = write(&temp, bytes).and_then(|()| fs::rename(&temp, &path));
    if outcome.is_err() {
        let _ = fs::remove_file(&temp);
    }
    outcome.map(|()| (path, true))
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o500).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
