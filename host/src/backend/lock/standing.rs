//! Where one plugin file stands with the lock: vouched for by a pin or a signature, or why not. Only words; it reads
//! nothing.

use std::path::{Path, PathBuf};

use serde::Serialize;

/// Where a file's bytes stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "kebab-case")]
pub enum Standing {
    /// These bytes are pinned.
    Pinned {
        /// Under this id.
        id: String,
        /// The name of the trusted key whose signature was pinned with them.
        signed_by: Option<String>,
    },
    /// Not pinned, but a signature beside the file is by a trusted key.
    Signed {
        /// The key's name.
        signed_by: String,
    },
    /// The file, or the id that it turned out to have, is pinned with other bytes.
    Changed {
        /// The pin's id.
        id: String,
        /// The digest of the pinned bytes.
        pinned_sha256: String,
    },
    /// These bytes are pinned under another id than theirs.
    Misnamed {
        /// The pin's id.
        id: String,
    },
    /// These bytes are pinned, but the signature that was pinned with them is by no key that is trusted now.
    Withdrawn {
        /// The pin's id.
        id: String,
    },
    /// Not pinned, and the signature beside the file is none of these bytes by a trusted key.
    BadSignature {
        /// What is wrong with it.
        problem: String,
    },
    /// Neither pinned nor signed.
    Unpinned,
}

impl Standing {
    /// Whether the lock vouches for the file.
    pub fn is_verified(&self) -> bool {
        matches!(self, Self::Pinned { .. } | Self::Signed { .. })
    }

    /// The id under which the file, or its place, is pinned.
    pub fn pinned_id(&self) -> Option<&str> {
        match self {
            Self::Pinned { id, .. } | Self::Changed { id, .. } | Self::Misnamed { id } | Self::Withdrawn { id } => {
                Some(id)
            }
            Self::Signed { .. } | Self::BadSignature { .. } | Self::Unpinned => None,
        }
    }

    /// For tables: a word or two.
    pub fn label(&self) -> String {
        match self {
            Self::Pinned { signed_by: None, .. } => "pinned".to_owned(),
            Self::Pinned { signed_by: Some(name), .. } => format!("pinned, signed by {name}"),
            Self::Signed { signed_by } => format!("signed by {signed_by}"),
            Self::Changed { .. } => "changed".to_owned(),
            Self::Misnamed { .. } => "pinned under another id".to_owned(),
            Self::Withdrawn { .. } => "signer not trusted".to_owned(),
            Self::BadSignature { .. } => "bad signature".to_owned(),
            Self::Unpinned => "-".to_owned(),
        }
    }

    /// Why the lock does not vouch for the file; nothing for one that it vouches for.
    pub fn reason(&self) -> Option<String> {
        Some(match self {
            Self::Pinned { .. } | Self::Signed { .. } => return None,
            Self::Changed { id, pinned_sha256 } => {
                format!("plugins.lock pins other bytes as `{id}` (sha256 {pinned_sha256})")
            }
            Self::Misnamed { id } => format!("plugins.lock pins it as `{id}`, which is not what it calls itself"),
            Self::Withdrawn { id } => {
                format!("it is pinned as `{id}` with a signature whose key is not in backend.trusted_keys")
            }
            Self::BadSignature { problem } => format!("it is not pinned in plugins.lock, and {problem}"),
            Self::Unpinned => "it is not pinned in plugins.lock".to_owned(),
        })
    }

    /// What was not verified, for records: the same words wherever the file lies.
    pub fn unverified(&self) -> Option<&'static str> {
        match self {
            Self::Pinned { .. } | Self::Signed { .. } => None,
            Self::Changed { .. } => Some("plugin: plugins.lock pins other bytes"),
            Self::Misnamed { .. } => Some("plugin: pinned in plugins.lock under another id"),
            Self::Withdrawn { .. } => Some("plugin: pinned with a signature whose key is not trusted"),
            Self::BadSignature { .. } => Some("plugin: not pinned in plugins.lock, and its signature is not valid"),
            Self::Unpinned => Some("plugin: not pinned in plugins.lock"),
        }
    }
}

/// How to pin a file.
pub fn remedy(path: &Path) -> String {
    let shown = path.canonicalize().unwrap_or_else(|_| PathBuf::from(path));
    format!("if you trust it, pin it: clamp-host backend trust {}", shown.display())
}
