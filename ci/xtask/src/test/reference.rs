//! The kernels against their independent reading in NumPy, tests/reference: the reading against known answers first,
//! then the committed digests of the conformance cases, then every kernel of the built host, bit for bit.

use anyhow::{Context as _, Result};

use super::Report;
use super::products::Products;
use super::tally::Tally;
use crate::process::Tool;
use crate::workspace::Workspace;
use crate::{golden, tools};

pub(super) fn run(workspace: &Workspace, products: &Products<'_>, report: &mut Report) -> Result<()> {
    let python = tools::python(workspace)?;
    let folder = workspace.root.join("tests/reference");
    // Python would write its caches into the sources.
    let call = |script: &str| Tool::new(&python).folder(&folder).env("PYTHONDONTWRITEBYTECODE", "1").arg(script);
    report.measure("reference itself", || {
        let (lines, status) = call("self_check.py").watch()?;
        last_line(&lines, status.success(), ["groups", "failed"])
    });
    report.measure("golden digests", || {
        golden::run(workspace, true).map(|cases| Tally { passed: cases, ..Tally::default() })
    });
    report.measure("kernels against NumPy", || {
        let host = products.dist()?.join("clamp-host");
        let (lines, status) = call("check_kernels.py").args(["--sizes", "quick"]).arg("--host").arg(host).watch()?;
        last_line(&lines, status.success(), ["cases", "differences"])
    });
    Ok(())
}

/// Reads `..., N <all>, N <wrong>, ...` from the last line.
pub(super) fn last_line(lines: &[String], succeeded: bool, [all, wrong]: [&str; 2]) -> Result<Tally> {
    let count = |word: &str| {
        let line = lines.iter().rev().find(|line| line.contains(all) && line.contains(wrong))?;
        let part = line.split(", ").find(|part| part.ends_with(word))?;
        part.split(' ').next()?.parse::<u64>().ok()
    };
    let all = count(all).context("the script did not say how much it checked")?;
    let failed = count(wrong).context("the script did not say what differs")?.max(u64::from(!succeeded));
    Ok(Tally { passed: all.saturating_sub(failed), failed, skipped: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_last_lines_are_read() {
        let read = |line: &str, ok, words| last_line(&[line.to_owned()], ok, words).map(|t| (t.passed, t.failed));
        assert_eq!(read("20 groups, 1 failed, 18.0 s", false, ["groups", "failed"]).expect("counts"), (19, 1));
        let words = ["cases", "differences"];
        assert_eq!(read("78 kernels, 1300 cases, 0 differences", true, words).expect("counts"), (1300, 0));
        assert_eq!(read("78 kernels, 1300 cases, 0 differences", false, words).expect("counts"), (1299, 1));
        assert!(read("Traceback", false, words).is_err());
    }
}
