//! `cargo xtask golden`: the digests that conformance cases have to give, derived by the independent reading of the
//! kernel specification in tests/reference, never by the kernels themselves. They are committed, and `--check` derives
//! them again.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::process::Tool;
use crate::workspace::Workspace;
use crate::{cargo, tools};

pub(crate) fn run(workspace: &Workspace, check: bool) -> Result<u64> {
    let path = workspace.root.join("kernels/src/conformance/golden.txt");
    let cases = cases(workspace)?;
    let made = derive(workspace, &cases)?;
    if !check {
        fs::write(&path, &made).with_context(|| format!("cannot write {}", path.display()))?;
        return Ok(cases.len() as u64);
    }
    let committed = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    match first_difference(&committed, &made) {
        None => Ok(cases.len() as u64),
        Some(line) => bail!(
            "{} differs from what tests/reference derives, first at `{line}`: find out which of the two is wrong by the \
             kernel specification, then run `cargo xtask golden`",
            path.display()
        ),
    }
}

/// The text of each case, as the kernels' own program prints them.
fn cases(workspace: &Workspace) -> Result<Vec<String>> {
    // The same crates together as in the builds, see `Workspace::native`.
    let call = cargo::command(workspace, &["build", "--locked", "--example", "conformance_cases"]);
    let artifacts = cargo::artifacts(call.args(cargo::selection(workspace.native())))?;
    let program = artifacts.iter().find(|artifact| artifact.target == "conformance_cases");
    let program = program.and_then(|artifact| artifact.executable.clone());
    let text = Tool::new(program.context("cargo built no program `conformance_cases`")?).output()?;
    let text = String::from_utf8(text).context("the cases are not UTF-8")?;
    let lines = text.lines().filter(|line| line.starts_with('{'));
    Ok(lines.map(|line| line.strip_suffix(',').unwrap_or(line).to_owned()).collect())
}

/// golden.txt for these cases.
fn derive(workspace: &Workspace, cases: &[String]) -> Result<String> {
    let python = tools::python(workspace)?;
    let folder = workspace.root.join("tests/reference");
    let file = asked(workspace, cases)?;
    let answers = Tool::new(python)
        .folder(&folder)
        // Python would write its caches into the sources.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg("golden.py")
        .input(&file)?
        .output()?;
    let answers = String::from_utf8(answers).context("golden.py's output is not UTF-8")?;
    let answers: Vec<&str> = answers.lines().collect();
    ensure!(answers.len() == cases.len(), "golden.py answered {} of {} cases", answers.len(), cases.len());
    cases.iter().zip(answers).map(|(case, answer)| line(case, answer)).collect()
}

fn asked(workspace: &Workspace, cases: &[String]) -> Result<PathBuf> {
    let folder = workspace.target.join("golden");
    let file = folder.join("cases.json");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(&file, format!("[{}]", cases.join(","))).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

/// A case's line: kernel, case, the digest of the case's text, the digest of each output.
fn line(case: &str, answer: &str) -> Result<String> {
    let parse = |text: &str| serde_json::from_str::<Value>(text).with_context(|| format!("no JSON: {text:.200}"));
    let (asked, answer) = (parse(case)?, parse(answer)?);
    let word = |value: &Value, key: &str| value[key].as_str().map(str::to_owned).with_context(|| format!("no `{key}`"));
    let (kernel, name) = (word(&asked, "kernel")?, word(&asked, "case")?);
    ensure!(
        (word(&answer, "kernel")?, word(&answer, "case")?) == (kernel.clone(), name.clone()),
        "golden.py answered out of order at {kernel} {name}"
    );
    let digest: String = Sha256::digest(case).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut line = format!("{kernel} {name} {digest}");
    let outputs: BTreeMap<String, String> = serde_json::from_value(answer["outputs"].clone())
        .with_context(|| format!("golden.py gave no outputs for {kernel} {name}"))?;
    ensure!(!outputs.is_empty(), "golden.py gave no outputs for {kernel} {name}");
    outputs.iter().for_each(|(output, sha256)| line.push_str(&format!(" {output}={sha256}")));
    Ok(line + "\n")
}

fn first_difference<'a>(committed: &'a str, made: &'a str) -> Option<&'a str> {
    let (mut one, mut other) = (committed.lines(), made.lines());
    loop {
        match (one.next(), other.next()) {
            (None, None) => return None,
            (a, b) if a != b => return b.or(a).map(|line| line.rsplit_once(' ').map_or(line, |(start, _)| start)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_case_and_outputs() {
        let case = r#"{"case":"one","inputs":{},"kernel":"k.f32.v1","params":{}}"#;
        let answer = r#"{"kernel": "k.f32.v1", "case": "one", "outputs": {"out": "ab", "more": "cd"}}"#;
        let line = line(case, answer).expect("a line");
        let words: Vec<&str> = line.trim_end().split(' ').collect();
        assert_eq!(
            (words[0], words[1], words[2].len(), &words[3..]),
            ("k.f32.v1", "one", 64, &["more=cd", "out=ab"][..])
        );
        assert!(super::line(case, r#"{"kernel": "k.f32.v1", "case": "two", "outputs": {"out": "ab"}}"#).is_err());
        assert!(super::line(case, r#"{"kernel": "k.f32.v1", "case": "one", "outputs": {}}"#).is_err());
    }

    #[test]
    fn the_first_difference_is_named() {
        assert_eq!(first_difference("a b c\n", "a b c\n"), None);
        assert_eq!(first_difference("a b c\n", "a b d\n"), Some("a b"));
        assert_eq!(first_difference("", "a b d\n"), Some("a b"));
    }
}
