//! One installed overlay: its manifest, what it was granted, and its files, each digested again before it is handed
//! out. It changes nothing.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clamp_plugin_api::manifest::{Grant, Manifest, ParsedManifest, jcs};

use super::files;
use super::index::Entry;
use crate::error::{Error, Result};

/// An overlay of a store.
#[derive(Clone, Debug)]
pub struct InstalledOverlay {
    /// What it is and asks for.
    pub manifest: Manifest,
    /// SHA-256 of the manifest's RFC 8785 bytes; it pins component and assets.
    pub digest: String,
    /// Where its files are.
    pub folder: PathBuf,
    /// Whether it may be called.
    pub enabled: bool,
    /// What the operator gave, of what the manifest asks for.
    pub grants: BTreeSet<Grant>,
    /// The store that has its files.
    pub store: PathBuf,
    /// The store whose index speaks for it.
    pub(super) listed_in: PathBuf,
}

impl InstalledOverlay {
    /// Reads the manifest in `folder` and holds it against the index.
    pub(super) fn load(entry: &Entry, listed_in: &Path, folder: PathBuf) -> Result<Self> {
        let path = folder.join("manifest.json");
        let wrong = |what: String| {
            let name = &entry.name;
            Error::bad_input(format!("overlay `{name}`: {}: {what}", path.display())).hint(reinstall(name))
        };
        let mut bytes = Vec::new();
        files::open_below(&folder, "manifest.json")
            .and_then(|mut file| file.read_to_end(&mut bytes).map_err(|e| Error::io("cannot read", &e)))
            .map_err(|e| wrong(e.message))?;
        let ParsedManifest { manifest, digest, .. } =
            ParsedManifest::parse(&bytes).map_err(|e| wrong(e.to_string()))?;
        if digest != entry.digest {
            return Err(wrong(format!("the digest is {digest}, but {} was installed", entry.digest)));
        }
        if (&manifest.name, &manifest.version) != (&entry.name, &entry.version) {
            return Err(wrong(format!("it is {} {}, not what the index says", manifest.name, manifest.version)));
        }
        Ok(Self {
            grants: entry.grants.intersection(&manifest.grants).copied().collect(),
            enabled: entry.enabled,
            store: folder.parent().unwrap_or(listed_in).to_path_buf(),
            listed_in: listed_in.to_path_buf(),
            manifest,
            digest,
            folder,
        })
    }

    /// The WebAssembly component, whose digest is the manifest's.
    ///
    /// # Errors
    /// An overlay without one; a file that is missing or was changed since it was installed.
    pub fn component_bytes(&self) -> Result<Vec<u8>> {
        let name = &self.manifest.name;
        let Some(wasm) = &self.manifest.entrypoints.wasm else {
            return Err(Error::bad_input(format!("overlay `{name}` has no WebAssembly component"))
                .hint("its capabilities are run by another runner"));
        };
        let mut bytes = Vec::new();
        let mut file = self.open(&wasm.path)?;
        file.read_to_end(&mut bytes).map_err(|e| self.cannot_read(&wasm.path, &e))?;
        let found = jcs::sha256_hex(&bytes);
        if found == wasm.sha256 { Ok(bytes) } else { Err(self.changed(&wasm.path, &wasm.sha256, &found)) }
    }

    /// An asset, open at its start, whose digest and length are the manifest's.
    ///
    /// # Errors
    /// No such asset; a file that is missing or was changed since it was installed.
    pub fn asset(&self, name: &str) -> Result<File> {
        let Some(asset) = self.manifest.asset(name) else {
            let known: Vec<&str> = self.manifest.assets.iter().map(|asset| asset.name.as_str()).collect();
            let error = Error::not_found(format!("overlay `{}` has no asset `{name}`", self.manifest.name));
            return Err(match crate::config::nearest(name, known) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error,
            });
        };
        let mut file = self.open(&asset.path)?;
        let (found, _) = files::digest(&mut file).map_err(|e| self.cannot_read(&asset.path, &e))?;
        // The digest pins the length too, but a manifest that names another length was refused at install.
        if found == asset.sha256 { Ok(file) } else { Err(self.changed(&asset.path, &asset.sha256, &found)) }
    }

    /// Digests every file of the overlay.
    ///
    /// # Errors
    /// The first file that is missing or was changed.
    pub fn verify(&self) -> Result<()> {
        let entry = Entry {
            name: self.manifest.name.clone(),
            version: self.manifest.version.clone(),
            digest: self.digest.clone(),
            enabled: self.enabled,
            grants: self.grants.clone(),
        };
        Self::load(&entry, &self.listed_in, self.folder.clone())?;
        if self.manifest.entrypoints.wasm.is_some() {
            self.component_bytes()?;
        }
        self.manifest.assets.iter().try_for_each(|asset| self.asset(&asset.name).map(drop))
    }

    fn open(&self, path: &str) -> Result<File> {
        files::open_below(&self.folder, path).map_err(|error| {
            let message = format!("overlay `{}`: {}", self.manifest.name, error.message);
            Error { message, ..error }.hint(reinstall(&self.manifest.name))
        })
    }

    fn cannot_read(&self, path: &str, error: &std::io::Error) -> Error {
        Error::io(format!("cannot read {}", self.folder.join(path).display()), error)
    }

    fn changed(&self, path: &str, expected: &str, found: &str) -> Error {
        let (name, file) = (&self.manifest.name, self.folder.join(path));
        Error::bad_input(format!(
            "overlay `{name}`: {} was changed since it was installed: SHA-256 {expected} expected, {found} found",
            file.display()
        ))
        .hint(reinstall(name))
    }
}

fn reinstall(name: &str) -> String {
    format!("install `{name}` again from its package: `clamp-host overlay install PACKAGE`")
}
