//! plugins.lock: which plugin files the user trusts, by id and SHA-256, perhaps with an Ed25519 signature. It is asked
//! with the digest of the very bytes that would be opened, before they are; it opens no library and decides by settings
//! alone.

mod file;
mod signature;
mod standing;

use std::path::{Path, PathBuf};

use clamp_plugin_api::manifest::jcs::hex;

pub use file::Pin;
pub use signature::statement;
pub use standing::{Standing, remedy};

use crate::config::{LockPolicy, TrustedKey, from_hex};
use crate::error::{Error, Result};

/// The lock as it is now, and what the settings make of it.
#[derive(Debug)]
pub struct Lock {
    /// What becomes of a file that the lock does not vouch for.
    pub policy: LockPolicy,
    /// The file.
    pub path: PathBuf,
    /// Its pins, sorted by id.
    pub pins: Vec<Pin>,
    keys: Vec<TrustedKey>,
}

impl Lock {
    /// Reads the lock at `path`; one that is not there has no pins.
    ///
    /// # Errors
    /// A lock that cannot be read or has a line that is none, whatever the policy is.
    pub fn read(path: PathBuf, policy: LockPolicy, keys: Vec<TrustedKey>) -> Result<Self> {
        let pins = file::read(&path)?;
        Ok(Self { policy, path, pins, keys })
    }

    /// Where the file `plugin` stands, whose bytes have this digest.
    pub fn standing(&self, plugin: &Path, sha256: &str) -> Standing {
        let plugin = plugin.canonicalize().unwrap_or_else(|_| plugin.to_owned());
        if let Some(pin) = self.pins.iter().find(|pin| pin.sha256 == sha256) {
            return self.pinned(pin);
        }
        // A pin is the stricter word: who pins a file wants these bytes, whoever signs others.
        if let Some(pin) = self.pins.iter().find(|pin| pin.path == plugin) {
            return Standing::Changed { id: pin.id.clone(), pinned_sha256: pin.sha256.clone() };
        }
        match self.signature(&plugin, sha256, None) {
            Ok(None) => Standing::Unpinned,
            Ok(Some((key, _))) => Standing::Signed { signed_by: key.name.clone() },
            Err(problem) => Standing::BadSignature { problem },
        }
    }

    fn pinned(&self, pin: &Pin) -> Standing {
        let id = pin.id.clone();
        let (Some(key), Some(signature)) = (&pin.key, &pin.signature) else {
            return Standing::Pinned { id, signed_by: None };
        };
        let trusted = self.keys.iter().position(|trusted| trusted.hex().eq_ignore_ascii_case(key));
        let signer = trusted
            .zip(from_hex(signature))
            .and_then(|(at, signature)| signature::signer(&self.keys[at..=at], &pin.sha256, &signature));
        match signer {
            Some(key) => Standing::Pinned { id, signed_by: Some(key.name.clone()) },
            None => Standing::Withdrawn { id },
        }
    }

    /// [`Self::standing`] of a file that has been opened and calls itself `id`: no two files share a pinned id.
    pub fn settle(&self, standing: Standing, id: &str) -> Standing {
        match &standing {
            Standing::Pinned { id: pinned, .. } | Standing::Withdrawn { id: pinned } if pinned != id => {
                Standing::Misnamed { id: pinned.clone() }
            }
            Standing::Signed { .. } | Standing::BadSignature { .. } | Standing::Unpinned => {
                match self.pins.iter().find(|pin| pin.id == id) {
                    Some(pin) => Standing::Changed { id: pin.id.clone(), pinned_sha256: pin.sha256.clone() },
                    None => standing,
                }
            }
            _ => standing,
        }
    }

    /// The trusted key that signed these bytes, and its signature; from `file`, or else from beside the plugin. `None`
    /// where there is no such file, or nobody is trusted to sign.
    ///
    /// # Errors
    /// What is wrong with a signature that is there.
    pub fn signature(
        &self,
        plugin: &Path,
        sha256: &str,
        file: Option<&Path>,
    ) -> Result<Option<(&TrustedKey, [u8; 64])>, String> {
        if self.keys.is_empty() {
            return Ok(None);
        }
        let path = file.map_or_else(|| signature::beside(plugin), Path::to_owned);
        let Some(signature) = signature::read(&path)? else { return Ok(None) };
        let names = || self.keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(", ");
        match signature::signer(&self.keys, sha256, &signature) {
            Some(key) => Ok(Some((key, signature))),
            None => {
                Err(format!("{} does not sign these bytes by a trusted key (trusted: {})", path.display(), names()))
            }
        }
    }

    /// Whether nobody is trusted to sign.
    pub fn has_no_keys(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether there is a signature beside `plugin` that nobody is trusted to have made.
    pub fn has_unread_signature(&self, plugin: &Path) -> bool {
        self.keys.is_empty() && signature::beside(plugin).exists()
    }

    /// A pin of these bytes.
    ///
    /// # Errors
    /// A path that is not UTF-8: the lock holds texts.
    pub fn pin(id: &str, path: &Path, sha256: &str, signed: Option<(&TrustedKey, [u8; 64])>) -> Result<Pin> {
        if path.to_str().is_none() {
            return Err(Error::bad_input(format!("{}: the path is not UTF-8", path.display()))
                .hint("plugins.lock holds paths as text; give the file or its folder another name"));
        }
        Ok(Pin {
            id: id.to_owned(),
            path: path.to_owned(),
            sha256: sha256.to_owned(),
            key: signed.map(|(key, _)| key.hex()),
            signature: signed.map(|(_, signature)| hex(&signature)),
        })
    }

    /// Puts the pins into the lock at `path`, each in the place of one with its id or its bytes; gives what was replaced.
    ///
    /// # Errors
    /// A lock that cannot be read or written.
    pub fn put(path: &Path, pins: Vec<Pin>) -> Result<Vec<Pin>> {
        file::change(path, |all| {
            let stays = |old: &Pin| pins.iter().all(|new| new.id != old.id && new.sha256 != old.sha256);
            let (mut stayed, replaced) = std::mem::take(all).into_iter().partition::<Vec<_>, _>(stays);
            stayed.extend(pins);
            *all = stayed;
            Ok(replaced)
        })
    }

    /// Takes the pins of these ids out of the lock at `path`; gives them.
    ///
    /// # Errors
    /// An id that is not pinned, naming those that are; nothing is taken out then.
    pub fn take_out(path: &Path, ids: &[String]) -> Result<Vec<Pin>> {
        file::change(path, |all| {
            if let Some(unknown) = ids.iter().find(|id| all.iter().all(|pin| pin.id != **id)) {
                let error = Error::not_found(format!("plugins.lock pins no plugin `{unknown}`"));
                let known: Vec<&str> = all.iter().map(|pin| pin.id.as_str()).collect();
                return Err(if known.is_empty() {
                    error.hint("it pins none; `clamp-host backend trust FILE` pins one")
                } else {
                    error.hint(format!("pinned are: {}", known.join(", ")))
                });
            }
            let (gone, stayed) = std::mem::take(all).into_iter().partition(|pin| ids.contains(&pin.id));
            *all = stayed;
            Ok(gone)
        })
    }
}

#[cfg(test)]
#[path = "lock_tests.rs"]
mod tests;
