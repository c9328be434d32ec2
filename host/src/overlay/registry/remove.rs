//! Taking overlays away, and going back to the version before: changes of the first store. It never touches an overlay that
//! is enabled, nor one that comes with the host.

use std::fs;

use clamp_plugin_api::manifest::Grant;
use semver::Version;
use std::collections::BTreeSet;

use super::index::{Entry, Index};
use super::{InstalledOverlay, Registry};
use crate::error::{Error, Result};
use crate::run::durable::{self, FolderLock};

/// One version that was taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The overlay's name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Its digest.
    pub digest: String,
}

impl Registry {
    /// Takes away every version of an overlay, or one of them, with its files.
    ///
    /// # Errors
    /// An enabled one, one that comes with the host, or none of that name and version; nothing is taken away then.
    pub fn remove(&mut self, name: &str, version: Option<&Version>) -> Result<Vec<Removed>> {
        let Some(store) = self.stores.first().cloned() else {
            return Err(Error::internal("a registry without a store"));
        };
        let lock = if store.is_dir() { Some(FolderLock::take(&store)?) } else { None };
        let mut index = Index::read(&store)?;
        let is_meant = |entry: &Entry| entry.name == name && version.is_none_or(|version| entry.version == *version);
        let (gone, kept): (Vec<Entry>, Vec<Entry>) = index.overlays.drain(..).partition(is_meant);
        // The index also speaks of overlays whose files are in a later store.
        let (own, bundled): (Vec<Entry>, Vec<Entry>) =
            gone.into_iter().partition(|entry| store.join(&entry.digest).is_dir() || self.is_missing(&entry.digest));
        if let Some(enabled) = own.iter().chain(&bundled).find(|entry| entry.enabled) {
            return Err(Error::refused(format!("overlay `{name}` {} is enabled", enabled.version))
                .hint(format!("`clamp-host overlay disable {name}` first")));
        }
        if own.is_empty() {
            return Err(match self.get(name) {
                Ok(overlay) if overlay.store != store => {
                    Error::refused(format!("overlay `{name}` comes with the host and cannot be removed"))
                        .hint(format!("`clamp-host overlay disable {name}` keeps it from being called"))
                }
                Ok(_) => {
                    let version = version.map_or_else(String::new, |version| format!(" {version}"));
                    Error::not_found(format!("there is no overlay `{name}`{version}"))
                        .hint("`clamp-host overlay list` shows them")
                }
                Err(unknown) => unknown,
            });
        }
        index.overlays = kept.into_iter().chain(bundled).collect();
        // First what speaks of the files, then the files: whatever happens in between leaves a whole store.
        index.write(&store)?;
        for entry in &own {
            let folder = store.join(&entry.digest);
            match fs::remove_dir_all(&folder) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io(format!("cannot remove {}", folder.display()), &e)
                        .hint("the overlay is no longer installed; remove the folder by hand"));
                }
                _ => {}
            }
        }
        durable::fsync_dir(&store)?;
        drop(lock);
        *self = Self::open(&self.stores)?;
        Ok(own.into_iter().map(|Entry { name, version, digest, .. }| Removed { name, version, digest }).collect())
    }

    fn is_missing(&self, digest: &str) -> bool {
        self.broken.iter().any(|broken| broken.digest == digest && broken.missing)
    }

    /// Enables the version that was installed before the one that is enabled (or before the newest, if none is), with the
    /// grants that it had. Gives the version that was left (`None` if it was spoilt) and the one that is enabled now.
    ///
    /// # Errors
    /// No such overlay, or none before it.
    pub fn rollback(&mut self, name: &str) -> Result<(Option<Version>, InstalledOverlay)> {
        // Newest first, as they are listed.
        let mut versions = self.overlays.iter().filter(|overlay| overlay.manifest.name == name);
        // A spoilt version is what one goes back from.
        let spoilt = self.broken.iter().find(|broken| broken.name == name && broken.enabled && !broken.missing);
        let left = match spoilt {
            Some(_) => None,
            None => {
                let now = self.get(name)?;
                versions.find(|overlay| overlay.digest == now.digest);
                Some(now.manifest.version.clone())
            }
        };
        let Some(before) = versions.next().cloned() else {
            let version = left.map_or_else(String::new, |version| format!(" {version}"));
            return Err(Error::refused(format!("overlay `{name}`{version} has no version before it to go back to"))
                .hint("`clamp-host overlay install PACKAGE` installs one"));
        };
        let grants: BTreeSet<Grant> = before.grants.clone();
        let overlay = self.decide(&before, true, grants)?;
        Ok((left, overlay))
    }
}
