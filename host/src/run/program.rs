//! What this program is: version, commit and design document, all fixed when it was built.

use serde::Serialize;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Program {
    /// The crate's version.
    pub version: &'static str,
    /// The commit it was built from; `None` where that was not known.
    pub git_sha: Option<&'static str>,
    /// Of docs/DESIGN_DOCUMENT.md.
    pub design_doc_sha256: &'static str,
}

impl Program {
    /// This one.
    pub const CURRENT: Self = Self {
        version: env!("CARGO_PKG_VERSION"),
        git_sha: option_env!("CLAMP_GIT_SHA"),
        design_doc_sha256: env!("CLAMP_DESIGN_DOC_SHA256"),
    };
}
