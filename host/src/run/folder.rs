//! The folder of one run while it is made: a hidden temporary folder in the run root, whole and synced before it gets
//! its name. Dropped without `publish` it leaves nothing.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::durable;
use crate::error::{Error, Result};
use crate::overlay::{ArtifactSink, SavedArtifact};
use clamp_plugin_api::manifest::jcs::hex;

/// Begins the name of every folder that is still being made.
pub(super) const TEMPORARY: &str = ".tmp-";

/// See the module.
pub struct RunFolder {
    root: PathBuf,
    temp: PathBuf,
    published: bool,
}

impl RunFolder {
    /// Makes the run root if need be and a temporary folder in it.
    pub fn create(root: &Path) -> Result<Self> {
        let cannot = |e: &std::io::Error| {
            let error = Error::io(format!("cannot write to the run root {}", root.display()), e);
            if error.hint.is_some() { error } else { error.hint("choose another folder with --run-root") }
        };
        fs::create_dir_all(root).map_err(|e| cannot(&e))?;
        // A random name: several machines may share a run root, and process numbers are no names there.
        let temp = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .permissions(Permissions::from_mode(0o777))
            .tempdir_in(root)
            .map_err(|e| cannot(&e))?
            .keep();
        Ok(Self { root: root.to_owned(), temp, published: false })
    }

    /// Where it is being made.
    pub fn path(&self) -> &Path {
        &self.temp
    }

    /// Writes and syncs one file of the record.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.temp.join(name);
        let cannot = |e: &std::io::Error| Error::io(format!("cannot write {}", path.display()), e);
        let mut file = File::create(&path).map_err(|e| cannot(&e))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| cannot(&e))
    }

    /// A sink for the run's artifacts.
    pub fn artifacts(&self) -> FolderArtifacts {
        FolderArtifacts {
            folder: self.temp.join("artifacts"),
            next: 0,
            open: BTreeMap::new(),
            finished: BTreeMap::new(),
        }
    }

    /// Gives the folder its name: the id, or `<id>.2`, `<id>.3`, ... where that is taken.
    pub fn publish(mut self, run_id: &str) -> Result<PathBuf> {
        durable::fsync_dir(&self.temp)?;
        let mut k = 1_u64;
        loop {
            let name = if k == 1 { run_id.to_owned() } else { format!("{run_id}.{k}") };
            let target = self.root.join(name);
            if durable::rename_dir_new(&self.temp, &target)? {
                self.published = true;
                durable::fsync_dir(&self.root)?;
                return Ok(target);
            }
            k += 1;
        }
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if !self.published {
            let _ = fs::remove_dir_all(&self.temp);
        }
    }
}

/// Artifacts as files of the folder's `artifacts/`, which is made with the first one.
pub struct FolderArtifacts {
    folder: PathBuf,
    next: u64,
    open: BTreeMap<u64, Part>,
    finished: BTreeMap<String, SavedArtifact>,
}

struct Part {
    name: String,
    path: PathBuf,
    file: File,
    hasher: Sha256,
    bytes: u64,
}

impl FolderArtifacts {
    fn part(&mut self, handle: u64) -> Result<&mut Part> {
        self.open.get_mut(&handle).ok_or_else(|| Error::internal("no such artifact"))
    }
}

impl ArtifactSink for FolderArtifacts {
    fn create(&mut self, name: &str) -> Result<u64> {
        check_artifact_name(name)?;
        if self.finished.contains_key(name) || self.open.values().any(|part| part.name == name) {
            return Err(Error::bad_input(format!("artifact `{name}` exists already")));
        }
        let handle = self.next;
        let path = self.folder.join(format!(".part-{handle}"));
        let cannot = |e: &std::io::Error| Error::io(format!("cannot write artifact `{name}`"), e);
        fs::create_dir_all(&self.folder).map_err(|e| cannot(&e))?;
        let file = File::create(&path).map_err(|e| cannot(&e))?;
        self.open.insert(handle, Part { name: name.to_owned(), path, file, hasher: Sha256::new(), bytes: 0 });
        self.next += 1;
        Ok(handle)
    }

    fn append(&mut self, handle: u64, bytes: &[u8]) -> Result<()> {
        let part = self.part(handle)?;
        part.file.write_all(bytes).map_err(|e| Error::io(format!("cannot write artifact `{}`", part.name), &e))?;
        part.hasher.update(bytes);
        part.bytes += bytes.len() as u64;
        Ok(())
    }

    fn finish(&mut self, handle: u64) -> Result<SavedArtifact> {
        let part = self.open.remove(&handle).ok_or_else(|| Error::internal("no such artifact"))?;
        let cannot = |e: &std::io::Error| Error::io(format!("cannot write artifact `{}`", part.name), e);
        part.file.sync_all().map_err(|e| cannot(&e))?;
        fs::rename(&part.path, self.folder.join(&part.name)).map_err(|e| cannot(&e))?;
        let saved = SavedArtifact { sha256: hex(&part.hasher.finalize()), bytes: part.bytes };
        self.finished.insert(part.name, saved.clone());
        Ok(saved)
    }

    fn discard(&mut self, handle: u64) {
        if let Some(part) = self.open.remove(&handle) {
            let _ = fs::remove_file(part.path);
        }
    }

    fn finished(&self) -> BTreeMap<String, SavedArtifact> {
        self.finished.clone()
    }
}

impl Drop for FolderArtifacts {
    fn drop(&mut self) {
        for part in self.open.values() {
            let _ = fs::remove_file(&part.path);
        }
        if self.finished.is_empty() {
            let _ = fs::remove_dir(&self.folder);
        } else {
            let _ = durable::fsync_dir(&self.folder);
        }
    }
}

/// Refuses an artifact's name that is not a plain file name.
pub fn check_artifact_name(name: &str) -> Result<()> {
    if is_plain(name) {
        return Ok(());
    }
    Err(Error::bad_input(format!(
        "artifact name {name:?}: allowed are 1 to 128 letters, digits, '.', '_' and '-', not beginning with '.'"
    )))
}

/// A name that is a file name everywhere and hides nothing.
fn is_plain(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_folder_leaves_nothing_and_the_same_id_gets_a_number() {
        let root = tempfile::tempdir().expect("temp");
        drop(RunFolder::create(root.path()).expect("create"));
        assert_eq!(fs::read_dir(root.path()).expect("list").count(), 0);
        for expected in ["abc", "abc.2", "abc.3"] {
            let folder = RunFolder::create(root.path()).expect("create");
            folder.write("manifest.json", b"{}\n").expect("write");
            let path = folder.publish("abc").expect("publish");
            assert_eq!(path.file_name().and_then(|n| n.to_str()), Some(expected));
        }
    }

    #[test]
    fn only_finished_artifacts_stay() {
        let root = tempfile::tempdir().expect("temp");
        let folder = RunFolder::create(root.path()).expect("create");
        let mut sink = folder.artifacts();
        let kept = sink.create("a.npy").expect("create");
        sink.append(kept, b"abc").expect("append");
        let saved = sink.finish(kept).expect("finish");
        assert_eq!(saved.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let lost = sink.create("b").expect("create");
        sink.append(lost, b"x").expect("append");
        assert!(sink.create("a.npy").is_err(), "taken");
        for bad in ["", ".x", "a/b", "..", "ä"] {
            assert!(sink.create(bad).is_err(), "{bad:?}");
        }
        drop(sink);
        let names: Vec<_> = fs::read_dir(folder.path().join("artifacts"))
            .expect("list")
            .map(|e| e.expect("entry").file_name())
            .collect();
        assert_eq!(names, ["a.npy"]);
    }
}
