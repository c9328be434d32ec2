//! An overlay's package, a folder or a `.tar.gz`, seen as files by name. It writes nothing, and hands out only the
//! files that a manifest names.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::archive::Archive;
use super::files;
use crate::config::LimitSettings;
use crate::error::{Error, Result};

/// Where an overlay is installed from.
pub(super) enum Package {
    Folder(PathBuf),
    Archive(Archive),
}

/// Gets each wanted file once, in any order: its path and its bytes.
pub(super) type Sink<'a> = &'a mut dyn FnMut(&str, &mut dyn Read) -> Result<()>;

impl Package {
    /// Opens what is at `path`, an archive after a first look at all of it.
    pub(super) fn open(path: &Path, limits: &LimitSettings) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::not_found(format!("there is no package {}", path.display()))
                .hint("give the folder that has manifest.json, or a .tar.gz of it"),
            _ => Error::io(format!("cannot open the package {}", path.display()), &e),
        })?;
        if metadata.is_dir() {
            Ok(Self::Folder(path.to_path_buf()))
        } else if metadata.is_file() {
            Archive::open(path, limits).map(Self::Archive)
        } else {
            Err(Error::bad_input(format!("the package {} is neither a folder nor a file", path.display())))
        }
    }

    /// The bytes of manifest.json, at most `limit` of them.
    pub(super) fn manifest(&self, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read(&["manifest.json"], &mut |_, reader| {
            bytes = read_limited(reader, limit, "manifest.json", "limits.manifest_bytes")?;
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Hands each of the `wanted` files to `sink`.
    ///
    /// # Errors
    /// A file that the package does not have, or has as a link; the sink's.
    pub(super) fn read(&self, wanted: &[&str], sink: Sink<'_>) -> Result<()> {
        match self {
            Self::Folder(folder) => {
                wanted.iter().try_for_each(|path| sink(path, &mut files::open_below(folder, path)?))
            }
            Self::Archive(archive) => {
                let mut missing: BTreeMap<&str, ()> = wanted.iter().map(|path| (*path, ())).collect();
                archive.each(&mut |path, reader| match missing.remove(path) {
                    Some(()) => sink(path, reader),
                    None => Ok(()),
                })?;
                match missing.first_key_value() {
                    None => Ok(()),
                    Some((path, ())) => {
                        Err(Error::bad_input(format!("the package {} has no file {path}", archive.path().display())))
                    }
                }
            }
        }
    }
}

/// Reads all of `reader`, unless that is more than `limit` bytes.
pub(super) fn read_limited(reader: &mut dyn Read, limit: u64, what: &str, setting: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = reader.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|e| Error::io(format!("cannot read {what}"), &e))?;
    if bytes.len() as u64 > limit {
        return Err(too_large(what, limit, setting));
    }
    Ok(bytes)
}

pub(super) fn too_large(what: &str, limit: u64, setting: &str) -> Error {
    Error::limit(format!("{what} has more than the {limit} bytes of {setting}"))
        .hint(format!("raise {setting} in the settings if you trust this package"))
}
