//! What the end-to-end tests and the kernel reference work on: the distribution, the packages, the fixture plugins.
//! Made once, by the commands that make them for everybody.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::suites::Variable;
use crate::cargo::Artifact;
use crate::staging::{self, Staging};
use crate::workspace::Workspace;
use crate::{cargo, dist, guests, tools};

/// Builds what is asked for when it is first asked for.
pub(super) struct Products<'a> {
    workspace: &'a Workspace,
    made: OnceCell<PathBuf>,
}

impl<'a> Products<'a> {
    pub(super) fn new(workspace: &'a Workspace) -> Self {
        Self { workspace, made: OnceCell::new() }
    }

    /// The folder of `cargo xtask dist`.
    pub(super) fn dist(&self) -> Result<&Path> {
        if let Some(dist) = self.made.get() {
            return Ok(dist);
        }
        let folder = self.folder();
        let artifacts = cargo::build_native(self.workspace)?;
        let dist = folder.join("dist");
        dist::make(self.workspace, &artifacts, &dist)?;
        fixture_plugins(self.workspace, &artifacts, &folder.join("plugins"))?;
        let tools = Staging::beside(&folder.join("tools"))?;
        staging::copy(cargo::program(&artifacts, "clamp-prove")?, &tools.path().join("clamp-prove"))?;
        tools.publish()?;
        let packages = guests::packages_folder(self.workspace);
        guests::build(self.workspace, guests::FIXTURES, &packages)?;
        Ok(self.made.get_or_init(|| dist))
    }

    /// What the end-to-end tests find their subjects by.
    pub(super) fn environment(&self) -> Result<Vec<Variable>> {
        let dist = self.dist()?.to_owned();
        Ok(vec![
            ("CLAMP_TEST_DIST", dist),
            ("CLAMP_TEST_PACKAGES", guests::packages_folder(self.workspace)),
            ("CLAMP_TEST_PLUGINS", self.folder().join("plugins")),
            ("CLAMP_TEST_TOOLS", self.folder().join("tools")),
            ("CLAMP_TEST_CACHE", self.folder().join("cache")),
            ("CLAMP_TEST_KIT", self.workspace.target.join("kit")),
        ])
    }

    fn folder(&self) -> PathBuf {
        self.workspace.target.join("e2e")
    }
}

/// Plugins that misbehave and vendors' libraries that are none, under the names that cargo gives them.
fn fixture_plugins(workspace: &Workspace, artifacts: &[Artifact], place: &Path) -> Result<()> {
    let staging = Staging::beside(place)?;
    for (name, file) in cargo::shared_libraries(artifacts, &workspace.root.join("tests/fixtures")) {
        let goal = staging.path().join(format!("lib{name}.so"));
        staging::copy(&file, &goal)?;
        tools::strip(&goal)?;
    }
    staging.publish()
}
