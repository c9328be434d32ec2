//! Test programs under cargo-nextest.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::suites::{Handle, Suite, Variable};
use super::tally::Tally;
use crate::cargo;
use crate::workspace::{Member, Workspace};

pub(super) fn find(workspace: &Workspace, members: &[&Member]) -> Result<Vec<Suite>> {
    let call = cargo::command(workspace, &["nextest", "list", "--locked", "--message-format", "json"]);
    let text = call.args(cargo::selection(members.iter().copied())).stdout()?;
    let list: Value = serde_json::from_slice(&text).context("nextest's list is no JSON")?;
    let suites = list["rust-suites"].as_object().context("nextest's list has no suites")?;
    suites.values().map(|suite| read(suite, members)).collect()
}

fn read(suite: &Value, members: &[&Member]) -> Result<Suite> {
    let text = |key: &str| suite[key].as_str().with_context(|| format!("nextest's list has no `{key}`"));
    let package = text("package-name")?;
    let member = members.iter().find(|member| member.name == package).context("nextest lists an unknown crate")?;
    let cases = suite["testcases"].as_object().context("nextest's list has no test cases")?;
    Ok(Suite {
        folder: member.folder.clone(),
        name: text("binary-name")?.to_owned(),
        integration: text("kind")? == "test",
        handle: Handle::Id(text("binary-id")?.to_owned()),
        ignored: cases.values().filter(|case| case["ignored"] == true).count() as u64,
    })
}

pub(super) fn run(
    workspace: &Workspace,
    members: &[&Member],
    suites: &[Suite],
    environment: &[Variable],
) -> Result<Tally> {
    let filter: Vec<String> = suites
        .iter()
        .filter_map(|suite| match &suite.handle {
            Handle::Id(id) => Some(format!("binary_id(={id})")),
            Handle::Program(_) => None,
        })
        .collect();
    let mut call = cargo::command(workspace, &["nextest", "run", "--locked", "--no-fail-fast", "--no-tests", "pass"])
        .args(["--status-level", "fail", "--final-status-level", "none", "--show-progress", "none"])
        .args(["-E", &filter.join(" | ")])
        .args(cargo::selection(members.iter().copied()));
    for (name, value) in environment {
        call = call.env(name, value);
    }
    let (lines, status) = call.watch()?;
    Tally::from_nextest(&lines, status.success(), suites.iter().map(|suite| suite.ignored).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_suite_is_read_from_the_list() {
        let member = Member {
            name: "clamp-tests".to_owned(),
            version: "0.1.0".to_owned(),
            folder: "tests".to_owned(),
            default: true,
        };
        let listed = json!({
            "package-name": "clamp-tests", "binary-id": "clamp-tests::run", "binary-name": "run", "kind": "test",
            "testcases": {"a": {"ignored": false}, "b": {"ignored": true}},
        });
        let suite = read(&listed, &[&member]).expect("a suite");
        assert_eq!((suite.folder.as_str(), suite.name.as_str(), suite.integration), ("tests", "run", true));
        assert_eq!((suite.handle, suite.ignored), (Handle::Id("clamp-tests::run".to_owned()), 1));
    }
}
