//! Opens files below a folder without following a link, and digests them. It writes nothing.

use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::Path;

use clamp_plugin_api::manifest::{jcs, package_path_problem};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};

/// Opens the regular file `path` (of a manifest, with forward slashes) below `folder`. No part of `path` may be a link.
///
/// # Errors
/// Nothing there, a link, or something that is not a plain file; the disk's.
pub(super) fn open_below(folder: &Path, path: &str) -> Result<File> {
    let shown = || folder.join(path).display().to_string();
    if let Some(problem) = package_path_problem(path) {
        return Err(Error::bad_input(format!("the path {path:?} {problem}")));
    }
    let refused = |errno: Errno| match errno {
        Errno::LOOP | Errno::NOTDIR => Error::bad_input(format!("{} is or goes through a link", shown()))
            .hint("put the file itself in the package; links are not followed"),
        Errno::NOENT => Error::bad_input(format!("{} does not exist", shown()))
            .hint("a package is a folder or a .tar.gz with manifest.json and every file that it names"),
        errno => Error::io(format!("cannot open {}", shown()), &errno.into()),
    };
    let (parents, name) = path.rsplit_once('/').map_or(("", path), |(parents, name)| (parents, name));
    let folder_flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = openat(CWD, folder, folder_flags, Mode::empty()).map_err(refused)?;
    for part in parents.split('/').filter(|part| !part.is_empty()) {
        at = openat(&at, part, folder_flags | OFlags::NOFOLLOW, Mode::empty()).map_err(refused)?;
    }
    // NONBLOCK: a pipe in the file's place must not hold us up.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(&at, name, flags, Mode::empty()).map_err(refused)?);
    let kind = file.metadata().map_err(|e| Error::io(format!("cannot look at {}", shown()), &e))?.file_type();
    if kind.is_file() { Ok(file) } else { Err(Error::bad_input(format!("{} is not a plain file", shown()))) }
}

/// A reader that digests and counts what passes.
pub(super) struct Digesting<R> {
    inner: R,
    hasher: Sha256,
    bytes: u64,
}

impl<R: Read> Digesting<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, hasher: Sha256::new(), bytes: 0 }
    }

    /// Lower-case hex digest and length of all that was read.
    pub(super) fn finish(self) -> (String, u64) {
        (jcs::hex(&self.hasher.finalize()), self.bytes)
    }
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

/// Digest and length of an open file, which is then at its start again.
pub(super) fn digest(file: &mut File) -> io::Result<(String, u64)> {
    let mut reader = Digesting::new(&mut *file);
    io::copy(&mut reader, &mut io::sink())?;
    let found = reader.finish();
    file.rewind()?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_not_followed_anywhere() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("data")).expect("a folder");
        std::fs::write(at("data/real"), "abc").expect("a file");
        symlink(at("data/real"), at("link")).expect("a link");
        symlink(at("data"), at("other")).expect("a link");
        let mut file = open_below(folder.path(), "data/real").expect("a plain file");
        let (digest, bytes) = digest(&mut file).expect("read");
        assert_eq!((digest, bytes), (jcs::sha256_hex(b"abc"), 3));
        for (path, words) in [
            ("link", "goes through a link"),
            ("other/real", "goes through a link"),
            ("data", "not a plain file"),
            ("none", "does not exist"),
            ("none/real", "does not exist"),
            ("../x", "`..`"),
            ("/etc/hostname", "absolute"),
        ] {
            let error = open_below(folder.path(), path).expect_err(path);
            assert!(error.message.contains(words), "{path}: {error}");
        }
    }

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pipe");
        rustix::fs::mknodat(CWD, &path, rustix::fs::FileType::Fifo, Mode::RUSR, 0).expect("a pipe");
        let error = open_below(folder.path(), "pipe").expect_err("a pipe");
        assert!(error.message.contains("not a plain file"), "{error}");
    }
}
