//! Calls cargo and learns from its messages which files it made. It never guesses a path under target/.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process::Tool;
use crate::workspace::{Member, Workspace, cargo};

/// One thing that cargo made or found made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Artifact {
    /// The crate's folder.
    pub(crate) folder: PathBuf,
    /// The target's name, such as `clamp_cpu`.
    pub(crate) target: String,
    /// `lib`, `cdylib`, `bin`, `test`, ...
    pub(crate) kinds: Vec<String>,
    /// All its files.
    pub(crate) files: Vec<PathBuf>,
    /// The file that can be run, if there is one.
    pub(crate) executable: Option<PathBuf>,
    /// Whether it is a test program.
    pub(crate) is_test: bool,
}

impl Artifact {
    /// The file with this extension, if there is one.
    pub(crate) fn file(&self, extension: &str) -> Option<&Path> {
        self.files.iter().map(PathBuf::as_path).find(|path| path.extension().is_some_and(|e| e == extension))
    }

    fn read(message: &Value) -> Option<Self> {
        if message["reason"] != "compiler-artifact" {
            return None;
        }
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Some(Self {
            folder: Path::new(message["manifest_path"].as_str()?).parent()?.to_owned(),
            target: message["target"]["name"].as_str()?.to_owned(),
            kinds: texts(&message["target"]["kind"]),
            files: texts(&message["filenames"]).into_iter().map(PathBuf::from).collect(),
            executable: message["executable"].as_str().map(PathBuf::from),
            is_test: message["profile"]["test"].as_bool().unwrap_or(false),
        })
    }
}

/// A cargo call in the workspace's folder.
pub(crate) fn command(workspace: &Workspace, words: &[&str]) -> Tool {
    Tool::new(cargo()).folder(&workspace.root).args(words)
}

/// `-p` for each member.
pub(crate) fn selection<'a>(members: impl IntoIterator<Item = &'a Member>) -> Vec<String> {
    members.into_iter().flat_map(|member| ["-p".to_owned(), member.name.clone()]).collect()
}

/// Runs a cargo call that builds, with its words shown, and gives what it made.
pub(crate) fn artifacts(call: Tool) -> Result<Vec<Artifact>> {
    let messages = call.arg("--message-format=json-render-diagnostics").stdout()?;
    let text = String::from_utf8(messages).context("cargo's messages are not UTF-8")?;
    text.lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str::<Value>(line).context("a message of cargo is no JSON"))
        .filter_map(|message| message.map(|message| Artifact::read(&message)).transpose())
        .collect()
}

/// Builds everything that runs on this machine; gives what was made.
pub(crate) fn build_native(workspace: &Workspace) -> Result<Vec<Artifact>> {
    artifacts(command(workspace, &["build", "--locked"]).args(selection(workspace.native())))
}

/// The one program of that name among the artifacts.
pub(crate) fn program<'a>(artifacts: &'a [Artifact], name: &str) -> Result<&'a Path> {
    let found = artifacts.iter().find(|a| a.target == name && a.kinds.iter().any(|kind| kind == "bin") && !a.is_test);
    match found.and_then(|artifact| artifact.executable.as_deref()) {
        Some(path) => Ok(path),
        None => bail!("cargo built no program `{name}`"),
    }
}

/// The shared libraries of crates under `folder`: target name and file.
pub(crate) fn shared_libraries(artifacts: &[Artifact], folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found: Vec<_> = artifacts
        .iter()
        .filter(|artifact| artifact.folder.starts_with(folder) && artifact.kinds.iter().any(|kind| kind == "cdylib"))
        .filter_map(|artifact| Some((artifact.target.clone(), artifact.file("so")?.to_owned())))
        .collect();
    found.sort();
    found
}

/// The plugins that operators get: those under plugins/ but the one that `new-backend` copies.
pub(crate) fn backends(workspace: &Workspace, artifacts: &[Artifact]) -> Vec<(String, PathBuf)> {
    let mut found = shared_libraries(artifacts, &workspace.root.join("plugins"));
    found.retain(|(name, _)| name != "clamp_rust_example");
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_artifact_is_read_from_its_message() {
        let message = json!({
            "reason": "compiler-artifact", "manifest_path": "/w/plugins/cpu/Cargo.toml",
            "target": {"name": "clamp_cpu", "kind": ["cdylib"]}, "profile": {"test": false},
            "filenames": ["/t/libclamp_cpu.so"], "executable": null,
        });
        let artifact = Artifact::read(&message).expect("an artifact");
        assert_eq!(artifact.file("so"), Some(Path::new("/t/libclamp_cpu.so")));
        let libraries = shared_libraries(std::slice::from_ref(&artifact), Path::new("/w/plugins"));
        assert_eq!(libraries, [("clamp_cpu".to_owned(), PathBuf::from("/t/libclamp_cpu.so"))]);
        assert!(shared_libraries(&[artifact], Path::new("/w/tests")).is_empty());
        assert!(Artifact::read(&json!({"reason": "build-finished"})).is_none());
        assert!(program(&[], "clamp-host").is_err());
    }
}
