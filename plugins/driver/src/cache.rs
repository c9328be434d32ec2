//! Compiled modules on disk: one file each, named by the digest of all that decides its contents, guarded by a digest of
//! its own. A file that cannot be read or written costs time and a line in the log, never a result.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

/// First bytes of a file: what it is, and the version of its form.
const MAGIC: &[u8; 8] = b"CLAMPMD1";

/// Bytes of a digest.
const DIGEST: usize = 32;

/// Eight hexadecimal digits that stand for a text, such as the versions of a compiler that a name has no room for.
pub fn short_digest(text: &str) -> String {
    Sha256::digest(text).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// A folder of compiled modules.
pub(crate) struct Cache {
    folder: PathBuf,
    /// Device, driver and compiler with their versions.
    identity: String,
    suffix: &'static str,
}

impl Cache {
    pub(crate) fn new(folder: PathBuf, identity: String, suffix: &'static str) -> Cache {
        Cache { folder, identity, suffix }
    }

    /// The binary for this source and these options; `None` where there is none, an error where there is one that is of
    /// no use.
    pub(crate) fn load(&self, source: &str, options: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match fs::read(self.path(source, options)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "its digest does not match");
        let rest = file.strip_prefix(MAGIC).ok_or_else(broken)?;
        let (digest, binary) = rest.split_at_checked(DIGEST).ok_or_else(broken)?;
        if Sha256::digest(binary).as_slice() != digest {
            return Err(broken());
        }
        Ok(Some(binary.to_vec()))
    }

    /// Keeps a binary, in the place of one that may be there.
    pub(crate) fn store(&self, source: &str, options: &str, binary: &[u8]) -> io::Result<()> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(&self.folder)?;
        let path = self.path(source, options);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let unfinished = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
        let written = (|| {
            let mut file = File::create(&unfinished)?;
            file.write_all(MAGIC)?;
            file.write_all(&Sha256::digest(binary))?;
            file.write_all(binary)?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)
        })();
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    fn path(&self, source: &str, options: &str) -> PathBuf {
        let mut digest = Sha256::new();
        for part in [source, options, &self.identity] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        let name: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{name}.{}", self.suffix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_under_its_own_name_only_and_damage_shows() {
        let folder = tempfile::tempdir().expect("folder");
        let cache = |identity: &str| Cache::new(folder.path().join("some"), identity.to_owned(), "bin");
        let (one, other) = (cache("one"), cache("other"));
        assert_eq!(one.load("source", "-a").expect("none"), None);
        one.store("source", "-a", b"binary").expect("store");
        assert_eq!(one.load("source", "-a").expect("load").as_deref(), Some(&b"binary"[..]));
        for (cache, source, options) in [(&other, "source", "-a"), (&one, "source-", "a"), (&one, "source", "-b")] {
            assert_eq!(cache.load(source, options).expect("none"), None);
        }
        let path = one.path("source", "-a");
        let mut bytes = fs::read(&path).expect("read");
        *bytes.last_mut().expect("last") ^= 1;
        fs::write(&path, &bytes).expect("write");
        assert!(one.load("source", "-a").is_err());
        for cut in [0, 7, 20, 40] {
            fs::write(&path, &bytes[..cut]).expect("write");
            assert!(one.load("source", "-a").is_err(), "{cut}");
        }
        one.store("source", "-a", b"again").expect("store");
        assert_eq!(one.load("source", "-a").expect("load").as_deref(), Some(&b"again"[..]));
        assert_eq!(fs::read_dir(folder.path().join("some")).expect("folder").count(), 1);
    }
}
