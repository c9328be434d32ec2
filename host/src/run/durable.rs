//! Files that another program reads: they appear whole or not at all, and stay after a power cut. Every such write of
//! the host goes through here, and so does the right to change a folder. It never decides what is written or where.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use rustix::io::Errno;
use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Writes `bytes` as the file `path`, in place of what was there: temp file beside it, fsync, rename, fsync of the
/// folder. A reader sees the old file or the new one; a failure leaves the old one and nothing beside it.
///
/// # Errors
/// The disk's, naming `path`.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    write_file_with(path, |file| file.write_all(bytes).map_err(|e| cannot_write(path, &e)))
}

/// [`write_file`] of what `write` writes, which need not be in memory at one time.
///
/// # Errors
/// Those of `write`, or the disk's, naming `path`.
pub fn write_file_with(path: &Path, write: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    stage_file_with(path, write)?.publish()
}

/// A file that is written and safe on the disk, but has not its name yet. Dropping it leaves nothing.
#[derive(Debug)]
pub struct Staged {
    temp: NamedTempFile,
    path: PathBuf,
}

/// [`write_file_with`] up to the rename, for several files that appear together or not at all.
///
/// # Errors
/// Those of `write`, or the disk's, naming `path`.
pub fn stage_file_with(path: &Path, write: impl FnOnce(&mut File) -> Result<()>) -> Result<Staged> {
    let cannot = |e: &io::Error| cannot_write(path, e);
    let mut prefix = OsStr::new(".").to_owned();
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    // Mode 0666 less the umask, as any program's files have; tempfile's own 0600 would hide them from others.
    let mut temp = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".tmp")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder_of(path))
        .map_err(|e| cannot(&e))?;
    write(temp.as_file_mut())?;
    temp.as_file().sync_all().map_err(|e| cannot(&e))?;
    Ok(Staged { temp, path: path.to_owned() })
}

impl Staged {
    /// Gives it its name, in place of what was there.
    ///
    /// # Errors
    /// The disk's, naming the path.
    pub fn publish(self) -> Result<()> {
        self.temp.persist(&self.path).map_err(|e| cannot_write(&self.path, &e.error))?;
        fsync_dir(folder_of(&self.path))
    }

    /// The same where nothing has the name yet: false, and nothing changed, where something has.
    fn publish_new(self) -> Result<bool> {
        match self.temp.persist_noclobber(&self.path) {
            Ok(_) => fsync_dir(folder_of(&self.path)).map(|()| true),
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(cannot_write(&self.path, &e.error)),
        }
    }
}

/// [`write_file`] for a file that must not be there yet: false, and nothing changed, where it is.
///
/// # Errors
/// The disk's, naming `path`.
pub fn write_new_file(path: &Path, bytes: &[u8]) -> Result<bool> {
    stage_file_with(path, |file| file.write_all(bytes).map_err(|e| cannot_write(path, &e)))?.publish_new()
}

fn cannot_write(path: &Path, error: &io::Error) -> Error {
    Error::io(format!("cannot write {}", path.display()), error)
}

/// Gives the folder `temp` the name `target`, which must not exist: false, and nothing changed, where it does. Of
/// several processes with the same target exactly one gets true. The parent's fsync is the caller's.
///
/// # Errors
/// The disk's, naming `target`; both on one file system is the caller's business.
pub fn rename_dir_new(temp: &Path, target: &Path) -> Result<bool> {
    let cannot = |e: &io::Error| Error::io(format!("cannot rename {} to {}", temp.display(), target.display()), e);
    match renameat_with(CWD, temp, CWD, target, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        // Some network file systems cannot: an exclusive mkdir, then a rename over the empty folder, does the same.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match fs::create_dir(target) {
            Ok(()) => fs::rename(temp, target).map(|()| true).map_err(|e| {
                let _ = fs::remove_dir(target);
                cannot(&e)
            }),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(cannot(&e)),
        },
        Err(e) => Err(cannot(&e.into())),
    }
}

/// Makes the names in `folder` last.
///
/// # Errors
/// The disk's, naming `folder`.
pub fn fsync_dir(folder: &Path) -> Result<()> {
    match File::open(folder).and_then(|dir| dir.sync_all()) {
        // A file system without fsync for folders orders names by itself.
        Err(e) if e.kind() == io::ErrorKind::InvalidInput => Ok(()),
        done => done.map_err(|e| Error::io(format!("cannot sync the folder {}", folder.display()), &e)),
    }
}

/// The right to change what is in a folder; other processes that ask for it wait for its end.
pub struct FolderLock {
    _held: File,
}

impl FolderLock {
    /// Waits for the lock of `path`, which must be a folder.
    ///
    /// # Errors
    /// The disk's, naming `path`.
    pub fn take(path: &Path) -> Result<Self> {
        let cannot = |e: io::Error| Error::io(format!("cannot lock {}", path.display()), &e);
        let folder = File::open(path).map_err(cannot)?;
        match flock(&folder, FlockOperation::LockExclusive) {
            Ok(()) => Ok(Self { _held: folder }),
            // Network file systems lock only what is open for writing, and a folder cannot be.
            Err(Errno::BADF | Errno::INVAL | Errno::NOTSUP | Errno::ISDIR) => {
                let file = File::options().create(true).append(true).open(path.join(".lock")).map_err(cannot)?;
                flock(&file, FlockOperation::LockExclusive).map_err(|e| cannot(e.into()))?;
                Ok(Self { _held: file })
            }
            Err(e) => Err(cannot(e.into())),
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use std::os::unix::fs::MetadataExt as _;

    fn names(folder: &Path) -> Vec<String> {
        let entry = |e: io::Result<fs::DirEntry>| e.expect("an entry").file_name().to_string_lossy().into_owned();
        let mut names: Vec<String> = fs::read_dir(folder).expect("a folder").map(entry).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("index.json");
        write_file(&path, b"one").expect("the first");
        write_file(&path, b"two").expect("the second");
        assert_eq!(fs::read(&path).expect("the file"), b"two");
        assert_eq!(names(folder.path()), ["index.json"]);
        // As a plain `File::create` would make it, whatever the umask is.
        let plain = folder.path().join("plain");
        File::create(&plain).expect("a file");
        let mode = |p: &Path| fs::metadata(p).expect("metadata").mode();
        assert_eq!(mode(&path), mode(&plain));
    }

    #[test]
    fn a_new_file_replaces_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("clamp.yaml");
        assert_eq!(write_new_file(&path, b"one"), Ok(true));
        assert_eq!(write_new_file(&path, b"two"), Ok(false));
        assert_eq!(fs::read(&path).expect("the file"), b"one");
        assert_eq!(names(folder.path()), ["clamp.yaml"]);
    }

    #[test]
    fn a_failure_names_the_file_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let taken = folder.path().join("taken");
        fs::create_dir_all(taken.join("inside")).expect("a folder");
        let error = write_file(&taken, b"x").expect_err("a folder is in the way");
        assert_eq!(error.kind, ErrorKind::Io);
        assert!(error.message.contains("taken"), "{error}");
        assert_eq!(names(folder.path()), ["taken"]);
        assert!(write_file(&folder.path().join("no/such/folder"), b"x").is_err());
    }

    #[test]
    fn of_two_folders_one_gets_the_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let (a, b, target) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("run"));
        fs::create_dir(&a).expect("a");
        fs::write(a.join("from-a"), "").expect("a file");
        fs::create_dir(&b).expect("b");
        assert_eq!(rename_dir_new(&a, &target), Ok(true));
        assert_eq!(rename_dir_new(&b, &target), Ok(false));
        fsync_dir(folder.path()).expect("synced");
        assert_eq!(names(folder.path()), ["b", "run"]);
        assert_eq!(names(&target), ["from-a"]);
        assert!(rename_dir_new(&a, &folder.path().join("other")).is_err(), "a is gone");
    }
}
