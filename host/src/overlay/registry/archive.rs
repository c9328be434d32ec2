//! A `.tar.gz` package. Every entry is looked at before any is used: only plain files and folders with safe paths, none
//! twice, no more entries and bytes than the limits allow. It unpacks nothing to disk itself.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use clamp_plugin_api::manifest::package_path_problem;
use flate2::read::MultiGzDecoder;
use tar::EntryType;

use super::package::too_large;
use crate::config::LimitSettings;
use crate::error::{Error, Result};

/// Long names and such, which the reader holds in memory.
const MAX_EXTENSION_BYTES: u64 = 64 << 10;

/// A package in one file.
pub(super) struct Archive {
    path: PathBuf,
    /// The folder inside that has manifest.json, with its slash; empty when that is at the top.
    root: String,
    most_bytes: u64,
}

impl Archive {
    /// Looks at every entry of the archive at `path`.
    pub(super) fn open(path: &Path, limits: &LimitSettings) -> Result<Self> {
        // Tar's own blocks around each file come on top of the contents.
        let tar_bytes = limits.package_files.saturating_mul(4 << 10);
        let most_bytes = [limits.manifest_bytes, limits.component_bytes, limits.asset_bytes]
            .into_iter()
            .fold(tar_bytes, u64::saturating_add);
        let mut archive = Self { path: path.to_path_buf(), root: String::new(), most_bytes };
        archive.check_extensions()?;
        let files = archive.check_entries(limits.package_files)?;
        archive.root = archive.find_root(&files)?;
        Ok(archive)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Hands every file to `sink` by its path in the package.
    pub(super) fn each(&self, sink: &mut dyn FnMut(&str, &mut dyn Read) -> Result<()>) -> Result<()> {
        let mut tar = self.tar()?;
        for entry in tar.entries().map_err(|e| self.broken(&e))? {
            let mut entry = entry.map_err(|e| self.broken(&e))?;
            let name = self.name(&entry)?;
            if entry.header().entry_type().is_file()
                && let Some(path) = name.strip_prefix(&self.root)
            {
                sink(path, &mut entry)?;
            }
        }
        Ok(())
    }

    fn tar(&self) -> Result<tar::Archive<impl Read>> {
        let file = File::open(&self.path)
            .map_err(|e| Error::io(format!("cannot open the package {}", self.path.display()), &e))?;
        let plain = MultiGzDecoder::new(BufReader::new(file));
        Ok(tar::Archive::new(Bounded { inner: plain, left: self.most_bytes }))
    }

    fn broken(&self, error: &io::Error) -> Error {
        if error.kind() == io::ErrorKind::FileTooLarge {
            return too_large(&format!("the unpacked {}", self.path.display()), self.most_bytes, "limits.asset_bytes");
        }
        Error::bad_input(format!("{} is no .tar.gz that can be read: {error}", self.path.display()))
            .hint("make it with `tar czf PACKAGE.tar.gz -C FOLDER .`")
    }

    fn refuse(&self, entry: &str, what: &str) -> Error {
        Error::bad_input(format!("{}: the entry {entry:?} {what}", self.path.display()))
            .hint("a package has plain files and folders with relative paths, none of them twice")
    }

    /// The tar reader keeps the contents of extension entries in memory, whatever their size; so they come first.
    fn check_extensions(&self) -> Result<()> {
        let mut tar = self.tar()?;
        for entry in tar.entries().map_err(|e| self.broken(&e))?.raw(true) {
            let entry = entry.map_err(|e| self.broken(&e))?;
            let kind = entry.header().entry_type();
            let shown = || String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let plain = kind.is_file() || kind.is_dir();
            let extension = kind.is_gnu_longname() || kind.is_pax_local_extensions() || kind.is_pax_global_extensions();
            if extension && entry.size() > MAX_EXTENSION_BYTES {
                return Err(self.refuse(&shown(), "is an extension header of more than 64 KiB"));
            }
            if !plain && !extension {
                return Err(self.refuse(&shown(), kind_problem(kind)));
            }
        }
        Ok(())
    }

    /// The names of all files, after a look at every entry.
    fn check_entries(&self, most: u64) -> Result<BTreeSet<String>> {
        let mut files = BTreeSet::new();
        let mut count = 0;
        let mut tar = self.tar()?;
        for entry in tar.entries().map_err(|e| self.broken(&e))? {
            let mut entry = entry.map_err(|e| self.broken(&e))?;
            count += 1;
            if count > most {
                let message =
                    format!("{} has more than the {most} entries of limits.package_files", self.path.display());
                return Err(Error::limit(message).hint("raise limits.package_files if you trust this package"));
            }
            let name = self.name(&entry)?;
            if entry.header().entry_type().is_file() && !files.insert(name.clone()) {
                return Err(self.refuse(&name, "is there twice"));
            }
            // To the end, so that a cut-off archive is found now.
            io::copy(&mut entry, &mut io::sink()).map_err(|e| self.broken(&e))?;
        }
        Ok(files)
    }

    /// The entry's path without `./` in front and `/` behind.
    fn name(&self, entry: &tar::Entry<'_, impl Read>) -> Result<String> {
        let bytes = entry.path_bytes();
        let shown = String::from_utf8_lossy(&bytes);
        let Ok(name) = std::str::from_utf8(&bytes) else { return Err(self.refuse(&shown, "is not UTF-8")) };
        let name = name.strip_prefix("./").unwrap_or(name);
        let name = if entry.header().entry_type().is_dir() { name.trim_end_matches('/') } else { name };
        match package_path_problem(name) {
            // The top folder itself.
            _ if name.is_empty() || name == "." => Ok(String::new()),
            None => Ok(name.to_owned()),
            Some(problem) => Err(self.refuse(&shown, problem)),
        }
    }

    fn find_root(&self, files: &BTreeSet<String>) -> Result<String> {
        if files.contains("manifest.json") {
            return Ok(String::new());
        }
        let mut folders = files.iter().filter_map(|name| name.strip_suffix("manifest.json"));
        let mut tops = folders.by_ref().filter(|folder| folder.matches('/').count() == 1);
        match (tops.next(), tops.next()) {
            (Some(only), None) => Ok(only.to_owned()),
            (None, _) => Err(Error::bad_input(format!("{} has no manifest.json", self.path.display()))
                .hint("the archive has manifest.json at its top or in its one top folder")),
            (Some(_), Some(_)) => Err(Error::bad_input(format!("{} has several packages", self.path.display()))
                .hint("put one package into one archive")),
        }
    }
}

fn kind_problem(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Symlink | EntryType::Link | EntryType::GNULongLink => "is a link",
        EntryType::GNUSparse => "is a sparse file",
        EntryType::Char | EntryType::Block | EntryType::Fifo => "is a device or pipe",
        _ => "is neither a file nor a folder",
    }
}

/// Ends with an error, not quietly, after so many bytes.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}
