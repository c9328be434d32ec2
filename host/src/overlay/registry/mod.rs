//! Installed overlays: which there are, which one a name means, what each was granted, and its files.
//! It compiles and runs nothing.
//!
//! A store is a folder with `index.json` and one folder for each overlay, named by the overlay's digest:
//!
//! ```text
//! index.json               {"schema":1,"overlays":[{"name","version","digest","enabled","grants"}]}, oldest first
//! <digest>/manifest.json   the manifest's RFC 8785 bytes; their SHA-256 is the digest
//! <digest>/...             component and assets under the paths and with the digests that the manifest names
//! ```
//!
//! The bundled overlays are a store too, and only read: what the operator decides about one of them stands in the
//! index of the first store, whose folder for it is then found in a later one.

mod archive;
mod enable;
mod files;
mod index;
mod install;
mod installed;
mod package;
mod remove;
mod resolve;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clamp_plugin_api::manifest::Grant;

use crate::error::{Error, Result};
use index::{Entry, Index};
pub use install::{InstallOptions, Installed, install};
pub use installed::InstalledOverlay;
pub use remove::Removed;

/// What the operator says about grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GrantChoice {
    /// Leave them as they are; an overlay that is new has none.
    #[default]
    Kept,
    /// All that the manifest asks for.
    All,
    /// These and no others.
    Only(BTreeSet<Grant>),
}

/// An entry of an index whose files cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The overlay's name.
    pub name: String,
    /// Its digest, and so the name of its folder.
    pub digest: String,
    /// Whether it would be called.
    pub enabled: bool,
    /// No store has the folder: it was of a bundled store that has another version by now, or was removed by hand.
    pub missing: bool,
    /// What is wrong.
    pub error: Error,
}

/// The installed overlays of one or more stores.
#[derive(Clone, Debug)]
pub struct Registry {
    stores: Vec<PathBuf>,
    overlays: Vec<InstalledOverlay>,
    broken: Vec<Broken>,
}

impl Registry {
    /// Reads the stores; a name in an earlier one hides the same name in a later one. A missing folder is an empty
    /// store. One overlay whose files are spoilt spoils no other: it is in [`Self::broken`].
    ///
    /// # Errors
    /// An index.json that is not as it should be, naming file and line or JSON path.
    pub fn open(stores: &[PathBuf]) -> Result<Self> {
        let mut registry = Self { stores: stores.to_vec(), overlays: Vec::new(), broken: Vec::new() };
        for store in stores {
            // Within one store the newest comes first.
            for entry in Index::read(store)?.overlays.into_iter().rev() {
                // What an earlier store says about the same overlay holds.
                if !registry.knows(&entry.digest) {
                    registry.add(entry, store);
                }
            }
        }
        Ok(registry)
    }

    fn knows(&self, digest: &str) -> bool {
        self.overlays.iter().any(|o| o.digest == digest) || self.broken.iter().any(|b| b.digest == digest)
    }

    fn add(&mut self, entry: Entry, listed_in: &Path) {
        let found = self.stores.iter().map(|store| store.join(&entry.digest)).find(|folder| folder.is_dir());
        let missing = found.is_none();
        let folder = found.unwrap_or_else(|| listed_in.join(&entry.digest));
        match InstalledOverlay::load(&entry, listed_in, folder) {
            Ok(overlay) => self.overlays.push(overlay),
            Err(error) => {
                let Entry { name, digest, enabled, .. } = entry;
                self.broken.push(Broken { name, digest, enabled, missing, error });
            }
        }
    }

    /// Every usable overlay: the first store first, in each the newest first. A name may occur several times.
    pub fn list(&self) -> &[InstalledOverlay] {
        &self.overlays
    }

    /// Entries whose files are missing or changed.
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// The overlay that each name means: of the first store that has the name, the enabled one, or else the newest.
    pub fn current(&self) -> impl Iterator<Item = &InstalledOverlay> {
        let mut names = BTreeSet::new();
        let first = self.overlays.iter().filter(move |overlay| names.insert(overlay.manifest.name.as_str()));
        first.map(|first| {
            let same = |o: &&InstalledOverlay| o.manifest.name == first.manifest.name && o.listed_in == first.listed_in;
            self.overlays.iter().filter(same).find(|overlay| overlay.enabled).unwrap_or(first)
        })
    }

    /// The overlay that `name` means, enabled or not.
    ///
    /// # Errors
    /// No such overlay, with the nearest name; or one whose files are spoilt.
    pub fn get(&self, name: &str) -> Result<&InstalledOverlay> {
        let mut broken = self.broken.iter().filter(|broken| broken.name == name);
        // What was enabled and then changed is never replaced by another version in silence.
        if let Some(broken) = broken.clone().find(|broken| broken.enabled && !broken.missing) {
            return Err(broken.error.clone());
        }
        match (self.current().find(|overlay| overlay.manifest.name == name), broken.next()) {
            (Some(overlay), _) => Ok(overlay),
            (None, Some(broken)) => Err(broken.error.clone()),
            (None, None) => Err(self.unknown_overlay(name)),
        }
    }

    fn unknown_overlay(&self, name: &str) -> Error {
        let names: Vec<&str> = self.current().map(|overlay| overlay.manifest.name.as_str()).collect();
        let hint = match crate::config::nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "none is installed; `clamp-host overlay install FOLDER` adds one".to_owned(),
            None => format!("installed are {}", names.join(", ")),
        };
        Error::not_found(format!("there is no overlay `{name}`")).hint(hint)
    }
}

#[cfg(test)]
mod bench;
#[cfg(test)]
mod install_tests;
#[cfg(test)]
mod registry_tests;
