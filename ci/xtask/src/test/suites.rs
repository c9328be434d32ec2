//! Test programs: which there are, to which group each belongs, and the engine that runs them. cargo-nextest gives each
//! test a process of its own and is used where it is installed; plain `cargo test` does the same work.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::tally::Tally;
use super::{nextest, plain};
use crate::tools;
use crate::workspace::{Member, Workspace};

/// The crate of the end-to-end tests.
const E2E: &str = "tests";

/// One test program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suite {
    /// The crate's folder, relative to the root.
    pub(crate) folder: String,
    /// The target's name.
    pub(crate) name: String,
    /// Whether it stands under `tests/` of its crate.
    pub(crate) integration: bool,
    /// How the engine calls it.
    pub(crate) handle: Handle,
    /// Tests that are marked `#[ignore]`; only nextest knows before running.
    pub(crate) ignored: u64,
}

/// What an engine needs to run a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Handle {
    /// nextest's binary id.
    Id(String),
    /// The program's file.
    Program(PathBuf),
}

/// A variable for the test programs.
pub(crate) type Variable = (&'static str, PathBuf);

/// What runs test programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Nextest,
    Plain,
}

impl Engine {
    pub(crate) fn choose(workspace: &Workspace) -> Self {
        if tools::has_nextest(workspace) { Self::Nextest } else { Self::Plain }
    }

    /// Builds the test programs of these crates and lists them.
    pub(crate) fn find(self, workspace: &Workspace, members: &[&Member]) -> Result<Vec<Suite>> {
        match self {
            Self::Nextest => nextest::find(workspace, members),
            Self::Plain => plain::find(workspace, members),
        }
    }

    /// Runs some of the programs that [`Engine::find`] gave for the same crates.
    pub(crate) fn run(
        self,
        workspace: &Workspace,
        members: &[&Member],
        suites: &[Suite],
        environment: &[Variable],
    ) -> Result<Tally> {
        // Tests that could not run here leave a line in it; to their harness they have passed.
        let skips = tempfile::NamedTempFile::new().context("a file for the skips")?.into_temp_path();
        let mut environment = environment.to_vec();
        environment.push((clamp_test_skip::VARIABLE, skips.to_path_buf()));
        let tally = match self {
            Self::Nextest => nextest::run(workspace, members, suites, &environment),
            Self::Plain => plain::run(workspace, suites, &environment),
        }?;
        let skipped = std::fs::read_to_string(&skips).context("the skips")?;
        Ok(tally.with_skips(&skipped.lines().map(str::to_owned).collect::<Vec<_>>()))
    }
}

/// The crates that are built for this machine.
pub(crate) fn native(workspace: &Workspace) -> Vec<&Member> {
    workspace.native().collect()
}

/// The crates that are components otherwise; their logic is tested on this machine.
pub(crate) fn guests(workspace: &Workspace) -> Vec<&Member> {
    workspace.members_in("overlays").collect()
}

/// The tests inside the crates, a group for each folder of the root.
pub(crate) fn by_room(suites: Vec<Suite>) -> BTreeMap<String, Vec<Suite>> {
    grouped(suites, |suite| suite.folder.split('/').next().filter(|room| *room != E2E).map(str::to_owned))
}

/// The end-to-end tests, a group for each door.
pub(crate) fn by_door(suites: Vec<Suite>) -> BTreeMap<String, Vec<Suite>> {
    grouped(suites, |suite| (suite.folder == E2E && suite.integration).then(|| format!("e2e {}", suite.name)))
}

fn grouped(suites: Vec<Suite>, name: impl Fn(&Suite) -> Option<String>) -> BTreeMap<String, Vec<Suite>> {
    let mut groups: BTreeMap<String, Vec<Suite>> = BTreeMap::new();
    for suite in suites {
        if let Some(name) = name(&suite) {
            groups.entry(name).or_default().push(suite);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(folder: &str, name: &str, integration: bool) -> Suite {
        Suite {
            folder: folder.to_owned(),
            name: name.to_owned(),
            integration,
            handle: Handle::Id(format!("{folder}::{name}")),
            ignored: 0,
        }
    }

    #[test]
    fn rooms_and_doors_share_nothing() {
        let suites = vec![
            suite("host", "clamp_host", false),
            suite("plugin-api", "clamp_plugin_api", false),
            suite("plugin-api", "panics", true),
            suite("tests", "clamp_tests", false),
            suite("tests", "run", true),
            suite("tests/fixtures/plugins/second", "fixture_second", false),
        ];
        let rooms: Vec<_> = by_room(suites.clone()).into_iter().map(|(name, suites)| (name, suites.len())).collect();
        assert_eq!(rooms, [("host".to_owned(), 1), ("plugin-api".to_owned(), 2)]);
        let doors: Vec<_> = by_door(suites).into_keys().collect();
        assert_eq!(doors, ["e2e run"]);
    }
}
