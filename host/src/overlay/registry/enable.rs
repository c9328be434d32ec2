//! Enabling, disabling and granting: the operator's decisions, kept in the first store's index.

use std::collections::BTreeSet;

use clamp_plugin_api::manifest::{Grant, Manifest};

use super::index::{Entry, Index};
use super::{GrantChoice, InstalledOverlay, Registry};
use crate::error::{Error, Result};
use crate::run::durable::FolderLock;

impl Registry {
    /// Enables or disables the overlay that `name` means, and gives it the grants. Of several versions only one is
    /// enabled at a time; disabling concerns all of them. Takes effect for every call that starts afterwards.
    ///
    /// # Errors
    /// No such overlay; a grant that its manifest does not ask for; a store that cannot be written.
    pub fn set_enabled(&mut self, name: &str, on: bool, grants: &GrantChoice) -> Result<InstalledOverlay> {
        let overlay = self.get(name)?.clone();
        let grants = chosen(&overlay.manifest, grants, &overlay.grants)?;
        self.decide(&overlay, on, grants)
    }

    /// Disables an overlay whose enabled version is spoilt, of which nothing more can be said than its name; false where
    /// there is none.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn disable_spoilt(&mut self, name: &str) -> Result<bool> {
        if !self.broken.iter().any(|broken| broken.name == name && broken.enabled) {
            return Ok(false);
        }
        let Some(store) = self.stores.first() else { return Ok(false) };
        let lock = FolderLock::take(store)?;
        let mut index = Index::read(store)?;
        let mut changed = false;
        for entry in index.overlays.iter_mut().filter(|entry| entry.name == name && entry.enabled) {
            entry.enabled = false;
            changed = true;
        }
        if changed {
            index.write(store)?;
        }
        drop(lock);
        *self = Self::open(&self.stores)?;
        Ok(changed)
    }

    /// Keeps a decision about one version; all others of its name are disabled.
    pub(super) fn decide(
        &mut self,
        overlay: &InstalledOverlay,
        on: bool,
        grants: BTreeSet<Grant>,
    ) -> Result<InstalledOverlay> {
        let (name, digest) = (overlay.manifest.name.clone(), overlay.digest.clone());
        let version = overlay.manifest.version.clone();
        let entry = Entry { name: name.clone(), version, digest: digest.clone(), enabled: on, grants };
        let Some(store) = self.stores.first() else { return Err(Error::internal("a registry without a store")) };
        std::fs::create_dir_all(store)
            .map_err(|e| Error::io(format!("cannot make the folder {}", store.display()), &e))?;
        let lock = FolderLock::take(store)?;
        let mut index = Index::read(store)?;
        for other in index.overlays.iter_mut().filter(|other| other.name == name) {
            other.enabled = false;
        }
        index.put(entry);
        // What is in a later store was there before all that was installed.
        if !store.join(&digest).is_dir() {
            index.put_first(&digest);
        }
        index.write(store)?;
        drop(lock);
        *self = Self::open(&self.stores)?;
        match self.overlays.iter().find(|overlay| overlay.digest == digest) {
            Some(overlay) => Ok(overlay.clone()),
            None => self.get(&name).cloned(),
        }
    }
}

/// The grants that a choice comes to.
pub(super) fn chosen(manifest: &Manifest, choice: &GrantChoice, kept: &BTreeSet<Grant>) -> Result<BTreeSet<Grant>> {
    match choice {
        GrantChoice::Kept => Ok(kept.clone()),
        GrantChoice::All => Ok(manifest.grants.clone()),
        GrantChoice::Only(given) => match given.difference(&manifest.grants).next() {
            None => Ok(given.clone()),
            Some(extra) => {
                let asked = manifest.grants.iter().map(|grant| grant.name()).collect::<Vec<_>>().join(", ");
                let asked = if asked.is_empty() { "nothing".to_owned() } else { asked };
                Err(Error::refused(format!("overlay `{}` does not ask for the grant {extra}", manifest.name))
                    .hint(format!("its manifest asks for {asked}")))
            }
        },
    }
}
