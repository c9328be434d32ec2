//! Compiled components on disk, in a folder of the user's own: `<wasm sha256>-<engine settings>.cwasm`, whose first 32
//! bytes are the SHA-256 of the rest. wasmtime itself accepts flipped bits and code of other settings, so both are
//! checked here. A file that does not fit is ignored and replaced.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

use super::Engine;
use crate::error::{Error, Result};
use crate::run::durable;

const DIGEST_BYTES: usize = 32;

fn file(engine: &Engine, dir: &Path, sha256: &str) -> PathBuf {
    dir.join(format!("{sha256}-{}.cwasm", engine.settings))
}

pub(super) fn find(engine: &Engine, dir: &Path, sha256: &str) -> Option<Component> {
    if !is_private(dir) {
        return None;
    }
    let bytes = std::fs::read(file(engine, dir, sha256)).ok()?;
    let (digest, code) = bytes.split_at_checked(DIGEST_BYTES)?;
    if Sha256::digest(code).as_slice() != digest {
        return None;
    }
    // SAFETY: the file lies in a folder that only this user writes, under a name that holds the digest of the wasm and
    // of the engine's settings, and its bytes are the ones that `keep` wrote.
    unsafe { Component::deserialize(&engine.inner, code) }.ok()
}

/// Code is only taken from a folder of this user's that nobody else can write.
fn is_private(dir: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::symlink_metadata(dir)
        .is_ok_and(|m| m.is_dir() && m.uid() == rustix::process::geteuid().as_raw() && m.mode() & 0o077 == 0)
}

pub(super) fn keep(engine: &Engine, dir: &Path, sha256: &str, component: &Component) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let code = component.serialize().map_err(|e| Error::internal(format!("cannot serialise compiled code: {e:#}")))?;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        // An existing folder may have been made by somebody with another idea of who may write here.
        .and_then(|()| std::fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o700)))
        .map_err(|e| Error::io(format!("cannot make {}", dir.display()), &e))?;
    let mut bytes = Vec::with_capacity(DIGEST_BYTES + code.len());
    bytes.extend_from_slice(&Sha256::digest(&code));
    bytes.extend_from_slice(&code);
    durable::write_file(&file(engine, dir, sha256), &bytes)
}
