//! Where things are and which crates there are, as cargo tells it. It changes nothing.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process::Tool;

/// Folders of fixtures that run on the host's machine.
const FIXTURES: [&str; 2] = ["tests/fixtures/plugins/", "tests/fixtures/vendors/"];

/// The workspace that this command was started in.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The clone's folder.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
    /// Every member, by manifest path.
    pub(crate) members: Vec<Member>,
}

/// One crate of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Its folder, relative to the root, with `/`.
    pub(crate) folder: String,
    /// Whether a plain `cargo build` builds it.
    pub(crate) default: bool,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn find() -> Result<Self> {
        let json = Tool::new(cargo()).args(["metadata", "--format-version", "1", "--no-deps"]).output()?;
        let metadata: Value = serde_json::from_slice(&json).context("cargo metadata gave no JSON")?;
        Self::from_metadata(&metadata).context("cargo metadata has an unexpected form")
    }

    fn from_metadata(metadata: &Value) -> Result<Self> {
        let root = PathBuf::from(text(metadata, "workspace_root")?);
        let target = PathBuf::from(text(metadata, "target_directory")?);
        let defaults = list(metadata, "workspace_default_members")?;
        let mut members =
            list(metadata, "packages")?.iter().map(|p| Member::read(p, &root, defaults)).collect::<Result<Vec<_>>>()?;
        members.sort_by(|a, b| a.folder.cmp(&b.folder));
        Ok(Self { root, target, members })
    }

    /// The members of a folder of the root, such as `plugins` or `tests/fixtures/overlays`.
    pub(crate) fn members_in<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a Member> {
        self.members.iter().filter(move |member| {
            member.folder.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// What the host's machine builds and tests together: the default members, the fixture plugins and the fixtures that
    /// stand for a vendor's library.
    ///
    /// Every native build names all of these. Cargo unifies features over the packages that are named, so another
    /// choice would compile wasmtime, which takes minutes, a second time.
    pub(crate) fn native(&self) -> impl Iterator<Item = &Member> {
        let is_fixture = |folder: &str| FIXTURES.iter().any(|room| folder.starts_with(room));
        self.members.iter().filter(move |member| member.default || is_fixture(&member.folder))
    }

    /// The crates that become components, and the crate that they share.
    pub(crate) fn guests(&self) -> impl Iterator<Item = &Member> {
        self.members_in("overlays").chain(self.members_in("tests/fixtures/overlays"))
    }
}

impl Member {
    fn read(package: &Value, root: &Path, defaults: &[Value]) -> Result<Self> {
        let manifest = PathBuf::from(text(package, "manifest_path")?);
        let folder = manifest.parent().context("a manifest has a folder")?;
        let folder = folder.strip_prefix(root).with_context(|| format!("{} is outside", folder.display()))?;
        Ok(Self {
            name: text(package, "name")?.to_owned(),
            version: text(package, "version")?.to_owned(),
            folder: folder.to_string_lossy().replace('\\', "/"),
            default: defaults.contains(&package["id"]),
        })
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().with_context(|| format!("`{key}` is missing"))
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a [Value]> {
    value[key].as_array().map(Vec::as_slice).with_context(|| format!("`{key}` is missing"))
}

/// The cargo that started this command, so that its toolchain is used throughout.
pub(crate) fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// Where cargo keeps the sources of dependencies.
pub(crate) fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(PathBuf::from(home));
    }
    match std::env::home_dir() {
        Some(home) => Ok(home.join(".cargo")),
        None => bail!("neither CARGO_HOME nor a home folder is known; set CARGO_HOME"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_are_read_from_cargos_words() {
        let metadata = json!({
            "workspace_root": "/w", "target_directory": "/t", "workspace_default_members": ["id-a"],
            "packages": [
                {"id": "id-b", "name": "b", "version": "1.0.0", "manifest_path": "/w/plugins/b/Cargo.toml"},
                {"id": "id-a", "name": "a", "version": "1.0.0", "manifest_path": "/w/a/Cargo.toml"},
            ],
        });
        let workspace = Workspace::from_metadata(&metadata).expect("well formed");
        let members: Vec<_> = workspace.members.iter().map(|m| (m.folder.as_str(), m.default)).collect();
        assert_eq!(members, [("a", true), ("plugins/b", false)]);
        assert_eq!(workspace.members_in("plugins").count(), 1);
        assert_eq!(workspace.members_in("plug").count(), 0);
        assert!(Workspace::from_metadata(&json!({})).is_err());
    }
}
