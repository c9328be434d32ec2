//! Packages and stores to test with.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clamp_plugin_api::manifest::{Grant, Manifest, jcs};
use serde_json::{Value, json};

use super::{GrantChoice, InstallOptions, Installed, Registry, install};
use crate::config::{LimitSettings, Settings};
use crate::error::Result;

pub(super) const COMPONENT: &[u8] = b"\0asm pretends to be a component";
pub(super) const WEIGHTS: &[u8] = b"pretends to be weights";

/// A folder with packages in it, and a store.
pub(super) struct Bench {
    folder: tempfile::TempDir,
    pub(super) limits: LimitSettings,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), limits: Settings::default().limits }
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn store(&self) -> PathBuf {
        self.at("home/store")
    }

    pub(super) fn bundled(&self) -> PathBuf {
        self.at("bundled/overlays")
    }

    /// The manifest of a good package.
    pub(super) fn manifest(name: &str, version: &str) -> Value {
        json!({
            "name": name,
            "version": version,
            "entrypoints": {"wasm": {"path": "overlay.wasm", "sha256": jcs::sha256_hex(COMPONENT)}},
            "capabilities": {
                "train": {"runner": "wasm", "phases": ["ASCEND"]},
                "eval.top1": {"runner": "wasm", "phases": ["CLEAR", "OPEN"]},
                "look": {"runner": "wasm", "phases": ["OPEN"]}
            },
            "rights": ["analysis", "exec"],
            "grants": ["tensor", "compute", "assets"],
            "assets": [
                {"name": "weights", "path": "data/w.bin", "sha256": jcs::sha256_hex(WEIGHTS), "bytes": WEIGHTS.len()}
            ]
        })
    }

    /// A folder `name` with this manifest and its files.
    pub(super) fn package(&self, name: &str, manifest: &Value) -> PathBuf {
        let folder = self.at(name);
        fs::create_dir_all(folder.join("data")).expect("a folder");
        fs::write(folder.join("manifest.json"), serde_json::to_vec_pretty(manifest).expect("json")).expect("written");
        fs::write(folder.join("overlay.wasm"), COMPONENT).expect("written");
        fs::write(folder.join("data/w.bin"), WEIGHTS).expect("written");
        fs::write(folder.join("README"), "not named by the manifest").expect("written");
        folder
    }

    pub(super) fn options(&self) -> InstallOptions<'_> {
        InstallOptions { enable: false, grants: GrantChoice::Kept, limits: &self.limits }
    }

    /// Installs a package without a further check.
    pub(super) fn install(&self, package: &Path) -> Result<Installed> {
        install(&self.store(), package, &self.options(), &no_check)
    }

    /// A good package, installed and enabled with all that it asks for.
    pub(super) fn installed(&self, name: &str, version: &str) -> Installed {
        let package = self.package(&format!("{name}-{version}"), &Self::manifest(name, version));
        let options = InstallOptions { enable: true, grants: GrantChoice::All, ..self.options() };
        install(&self.store(), &package, &options, &no_check).expect("a good package")
    }

    /// Both stores, the user's first.
    pub(super) fn registry(&self) -> Registry {
        Registry::open(&[self.store(), self.bundled()]).expect("good stores")
    }

    /// Every path below the bench with its content, to compare before and after.
    pub(super) fn listing(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.folder.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let kind = path.symlink_metadata().expect("metadata").file_type();
                if kind.is_dir() {
                    folders.push(path.clone());
                }
                found.insert(path.clone(), if kind.is_file() { fs::read(&path).expect("a file") } else { Vec::new() });
            }
        }
        found
    }
}

pub(super) fn no_check(_: &Manifest, _: &[u8]) -> Result<()> {
    Ok(())
}

pub(super) fn only(grants: &[Grant]) -> GrantChoice {
    GrantChoice::Only(grants.iter().copied().collect::<BTreeSet<_>>())
}
