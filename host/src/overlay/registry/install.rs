//! Puts a package into a store. Everything is checked before anything is written; what is written is digested again on
//! its way; a failure leaves the store as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clamp_plugin_api::manifest::{Grant, Manifest, ParsedManifest};
use semver::Version;

use super::enable::chosen;
use super::files::Digesting;
use super::index::{Entry, Index};
use super::package::{Package, read_limited, too_large};
use super::{GrantChoice, InstalledOverlay};
use crate::config::LimitSettings;
use crate::error::{Error, Result};
use crate::run::durable::{self, FolderLock};

/// The version that a manifest's `host` is held against.
const HOST_VERSION: &str = env!("CARGO_PKG_VERSION");

/// How an overlay is installed.
#[derive(Clone, Debug)]
pub struct InstallOptions<'a> {
    /// Enable it at once, and disable other versions of it. Without, an overlay that is new is disabled, and one that
    /// is installed again stays as it was.
    pub enable: bool,
    /// What it gets.
    pub grants: GrantChoice,
    /// manifest_bytes, component_bytes, asset_bytes and package_files hold here.
    pub limits: &'a LimitSettings,
}

/// What came of an installation.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The overlay as it is now.
    pub overlay: InstalledOverlay,
    /// The store had these very files; only the index was written.
    pub already: bool,
}

/// Installs the package (a folder or a `.tar.gz`) into `store`, which is made if it is not there. `check` gets the
/// manifest and the component before anything is written, and may refuse: the engine compares imports with grants.
///
/// # Errors
/// A manifest, digest, length or path that is wrong, a host version that does not fit, a limit, whatever `check` says,
/// a grant that is not asked for, the disk's. The store is then as it was.
pub fn install(
    store: &Path,
    package: &Path,
    options: &InstallOptions<'_>,
    check: &dyn Fn(&Manifest, &[u8]) -> Result<()>,
) -> Result<Installed> {
    let source = Package::open(package, options.limits)?;
    let parsed = read_manifest(&source, package, options.limits)?;
    let manifest = &parsed.manifest;
    fits_host(manifest)?;
    chosen(manifest, &options.grants, &BTreeSet::new())?;
    let files = Files::of(manifest, options.limits)?;
    let component = files.check(&source)?;
    if let Some(component) = component {
        check(manifest, &component)?;
    }
    let made = MadeFolders::make(store)?;
    let lock = FolderLock::take(store)?;
    let installed = put(store, &source, &parsed, &files, options);
    drop(lock);
    if installed.is_ok() {
        made.keep();
    }
    installed
}

fn read_manifest(source: &Package, package: &Path, limits: &LimitSettings) -> Result<ParsedManifest> {
    let bytes = source.manifest(limits.manifest_bytes)?;
    ParsedManifest::parse(&bytes).map_err(|e| {
        Error::bad_input(format!("{}: manifest.json: {e}", package.display()))
            .hint("mend the manifest; docs/book/overlay-authors.md explains every field")
    })
}

fn fits_host(manifest: &Manifest) -> Result<()> {
    let host = Version::parse(HOST_VERSION).map_err(|e| Error::internal(format!("the host's own version: {e}")))?;
    if manifest.host.matches(&host) {
        return Ok(());
    }
    let message = format!("overlay `{}` needs a host of version {}; this is {host}", manifest.name, manifest.host);
    Err(Error::refused(message).hint("use a host of that version, or another version of the overlay"))
}

/// The files of a manifest by path, each with the digest and length that it must have.
struct Files<'a> {
    expected: BTreeMap<&'a str, Expected<'a>>,
    component: Option<&'a str>,
    component_bytes: u64,
}

struct Expected<'a> {
    sha256: &'a str,
    bytes: Option<u64>,
}

impl<'a> Files<'a> {
    fn of(manifest: &'a Manifest, limits: &LimitSettings) -> Result<Self> {
        let mut expected = BTreeMap::new();
        let wasm = manifest.entrypoints.wasm.as_ref();
        if let Some(wasm) = wasm {
            expected.insert(wasm.path.as_str(), Expected { sha256: &wasm.sha256, bytes: None });
        }
        let mut total = 0_u64;
        for asset in &manifest.assets {
            total = total.saturating_add(asset.bytes);
            expected.insert(asset.path.as_str(), Expected { sha256: &asset.sha256, bytes: Some(asset.bytes) });
        }
        if total > limits.asset_bytes {
            return Err(too_large("the assets together", limits.asset_bytes, "limits.asset_bytes"));
        }
        if expected.len() as u64 > limits.package_files {
            let message =
                format!("the manifest names more than the {} files of limits.package_files", limits.package_files);
            return Err(Error::limit(message).hint("raise limits.package_files if you trust this package"));
        }
        let component = wasm.map(|wasm| wasm.path.as_str());
        Ok(Self { expected, component, component_bytes: limits.component_bytes })
    }

    fn paths(&self) -> Vec<&'a str> {
        self.expected.keys().copied().collect()
    }

    /// Digests every file of the package; the component's bytes, if there is one.
    fn check(&self, source: &Package) -> Result<Option<Vec<u8>>> {
        let mut component = None;
        source.read(&self.paths(), &mut |path, reader| {
            let mut reader = self.watched(path, reader);
            if Some(path) == self.component {
                component = Some(read_limited(&mut reader, self.component_bytes, path, "limits.component_bytes")?);
            } else {
                io::copy(&mut reader, &mut io::sink()).map_err(|e| Error::io(format!("cannot read {path}"), &e))?;
            }
            self.compare(path, reader.finish())
        })?;
        Ok(component)
    }

    /// One byte more than a file should have is enough to know.
    fn watched<'r>(&self, path: &str, reader: &'r mut dyn io::Read) -> Watched<'r> {
        let bytes = self.expected.get(path).and_then(|expected| expected.bytes).unwrap_or(self.component_bytes);
        Digesting::new(io::Read::take(reader, bytes.saturating_add(1)))
    }

    fn compare(&self, path: &str, (found, bytes): (String, u64)) -> Result<()> {
        let Some(expected) = self.expected.get(path) else { return Ok(()) };
        let rebuild = "the file is not the one that the manifest was made for; build the package again";
        match expected.bytes {
            Some(wanted) if bytes > wanted => {
                Err(Error::bad_input(format!("{path} has more than the {wanted} bytes that the manifest says"))
                    .hint(rebuild))
            }
            Some(wanted) if bytes < wanted => {
                Err(Error::bad_input(format!("{path} has {bytes} bytes, but the manifest says {wanted}")).hint(rebuild))
            }
            _ if found != expected.sha256 => {
                Err(Error::bad_input(format!("{path}: SHA-256 {} expected, {found} found", expected.sha256))
                    .hint(rebuild))
            }
            _ => Ok(()),
        }
    }
}

/// A file on its way, digested and cut off where it is too long.
type Watched<'r> = Digesting<io::Take<&'r mut dyn io::Read>>;

/// Writes folder and index; the caller holds the lock.
fn put(
    store: &Path,
    source: &Package,
    parsed: &ParsedManifest,
    files: &Files<'_>,
    options: &InstallOptions<'_>,
) -> Result<Installed> {
    let ParsedManifest { manifest, digest, .. } = parsed;
    let mut index = Index::read(store)?;
    let before = index.find(digest).cloned();
    let kept: BTreeSet<Grant> = before.as_ref().map(|entry| entry.grants.clone()).unwrap_or_default();
    let entry = Entry {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        digest: digest.clone(),
        enabled: options.enable || before.is_some_and(|entry| entry.enabled),
        grants: chosen(manifest, &options.grants, &kept)?,
    };
    let folder = store.join(digest);
    let already = folder.exists();
    if already
        && let Ok(overlay) = InstalledOverlay::load(&entry, store, folder.clone())
        && overlay.verify().is_ok()
    {
        index.put(entry);
        index.write(store)?;
        return Ok(Installed { overlay, already: true });
    }
    let temp = write_files(store, source, parsed, files)?;
    let mut placing = Placing { folder: folder.clone(), placed: false, aside: None };
    if already {
        placing.aside = Some(set_aside(store, &folder)?);
    }
    if !durable::rename_dir_new(temp.path(), &folder)? {
        return Err(Error::internal(format!("{} appeared while the store was locked", folder.display())));
    }
    placing.placed = true;
    durable::fsync_dir(store)?;
    let overlay = InstalledOverlay::load(&entry, store, folder)?;
    let old = index.clone();
    index.put(entry);
    if let Err(error) = index.write(store) {
        // The rename may have been done and only its fsync have failed.
        if Index::read(store).is_ok_and(|found| found != old) {
            let _ = old.write(store);
        }
        return Err(error);
    }
    placing.done();
    Ok(Installed { overlay, already: false })
}

/// A folder on its way into the store. Unless it is done, it goes away again and what it replaced comes back.
struct Placing {
    folder: PathBuf,
    placed: bool,
    /// Has the spoilt folder of the same digest.
    aside: Option<tempfile::TempDir>,
}

impl Placing {
    fn done(mut self) {
        self.placed = false;
        self.aside = None;
    }
}

impl Drop for Placing {
    fn drop(&mut self) {
        if self.placed {
            let _ = fs::remove_dir_all(&self.folder);
        }
        if let Some(aside) = &self.aside {
            let _ = fs::rename(aside.path().join(SPOILT), &self.folder);
        }
    }
}

/// The name of a folder while it is set aside.
const SPOILT: &str = "spoilt";

fn set_aside(store: &Path, folder: &Path) -> Result<tempfile::TempDir> {
    let aside = temp_folder(store)?;
    fs::rename(folder, aside.path().join(SPOILT))
        .map_err(|e| disk(format!("cannot set {} aside", folder.display()), &e))?;
    Ok(aside)
}

/// A folder that goes away by itself unless it is renamed; open to others as any other folder.
fn temp_folder(store: &Path) -> Result<tempfile::TempDir> {
    tempfile::Builder::new()
        .prefix(".incoming-")
        .permissions(Permissions::from_mode(0o777))
        .tempdir_in(store)
        .map_err(|e| disk(format!("cannot make a folder in {}", store.display()), &e))
}

fn write_files(
    store: &Path,
    source: &Package,
    parsed: &ParsedManifest,
    files: &Files<'_>,
) -> Result<tempfile::TempDir> {
    let temp = temp_folder(store)?;
    let mut folders = BTreeSet::from([temp.path().to_path_buf()]);
    write_file(&temp.path().join("manifest.json"), &mut parsed.jcs.as_slice())?;
    source.read(&files.paths(), &mut |path, reader| {
        let target = temp.path().join(path);
        for parent in target.ancestors().skip(1).take_while(|parent| *parent != temp.path()) {
            folders.insert(parent.to_path_buf());
        }
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(|e| disk(format!("cannot make {}", parent.display()), &e))?;
        }
        let mut reader = files.watched(path, reader);
        write_file(&target, &mut reader)?;
        files.compare(path, reader.finish())
    })?;
    folders.iter().rev().try_for_each(|folder| durable::fsync_dir(folder))?;
    Ok(temp)
}

fn write_file(path: &Path, bytes: &mut dyn io::Read) -> Result<()> {
    let written = File::create_new(path).and_then(|mut file| {
        io::copy(bytes, &mut file)?;
        file.sync_all()
    });
    written.map_err(|e| disk(format!("cannot write {}", path.display()), &e))
}

/// The disk's error, with the remedy for a store.
fn disk(doing: String, error: &io::Error) -> Error {
    let said = Error::io(doing, error);
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            said.hint("free disk space, or set CLAMP_HOME to a folder on another disk")
        }
        _ => said,
    }
}

/// The folders that were made for a store; they go away again, if empty, unless they are kept.
struct MadeFolders {
    deepest_first: Vec<PathBuf>,
}

impl MadeFolders {
    fn make(store: &Path) -> Result<Self> {
        let deepest_first = store.ancestors().take_while(|path| !path.exists()).map(Path::to_path_buf).collect();
        let made = Self { deepest_first };
        fs::create_dir_all(store).map_err(|e| disk(format!("cannot make the folder {}", store.display()), &e))?;
        Ok(made)
    }

    fn keep(mut self) {
        self.deepest_first.clear();
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        for folder in &self.deepest_first {
            let _ = fs::remove_file(folder.join(".lock"));
            let _ = fs::remove_dir(folder);
        }
    }
}
