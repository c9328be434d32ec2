//! The working folder's commit, and whether tracked files differ from it. Asks git; never looks at untracked files.

use std::path::Path;
use std::process::{Command, Stdio};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkingTree {
    /// The commit.
    pub sha: Option<String>,
    /// Whether tracked files differ from it.
    pub dirty: Option<bool>,
    /// Why the two are not known.
    pub reason: Option<String>,
}

impl WorkingTree {
    /// Of `folder`.
    pub fn look(folder: &Path) -> Self {
        let output = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(["--no-optional-locks", "status", "--porcelain=v2", "--branch", "--untracked-files=no"])
            .stdin(Stdio::null())
            .output();
        match output {
            Err(e) => Self::unknown(format!("git cannot be run: {e}")),
            Ok(output) if output.status.success() => Self::parse(&String::from_utf8_lossy(&output.stdout)),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                if said.contains("not a git repository") {
                    Self::unknown("not in a git repository".into())
                } else {
                    Self::unknown(format!("git status failed: {}", said.lines().next().unwrap_or("").trim()))
                }
            }
        }
    }

    fn parse(status: &str) -> Self {
        let mut sha = None;
        let mut dirty = false;
        for line in status.lines() {
            match line.strip_prefix("# ") {
                Some(header) => sha = sha.or_else(|| header.strip_prefix("branch.oid ").map(str::to_owned)),
                None => dirty = true,
            }
        }
        match sha {
            Some(sha) if sha != "(initial)" => Self { sha: Some(sha), dirty: Some(dirty), reason: None },
            _ => Self::unknown("the repository has no commit".into()),
        }
    }

    fn unknown(reason: String) -> Self {
        Self { sha: None, dirty: None, reason: Some(reason) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_output_is_read() {
        let clean = WorkingTree::parse("# branch.oid abc\n# branch.head main\n");
        assert_eq!((clean.sha.as_deref(), clean.dirty), (Some("abc"), Some(false)));
        let dirty = WorkingTree::parse("# branch.oid abc\n1 .M N... 100644 100644 100644 x y README.md\n");
        assert_eq!(dirty.dirty, Some(true));
        assert!(WorkingTree::parse("# branch.oid (initial)\n").reason.is_some());
    }

    #[test]
    fn outside_git_the_reason_is_given() {
        let dir = tempfile::tempdir().expect("temp");
        let found = WorkingTree::look(dir.path());
        assert_eq!((found.sha, found.dirty), (None, None));
        assert_eq!(found.reason.as_deref(), Some("not in a git repository"));
    }
}
