//! The modules' sources, as the kernels' own program writes them. Nothing here knows what a kernel computes.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};

use crate::cargo;
use crate::process::Tool;
use crate::workspace::Workspace;

/// One module to compile.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Its key, or a name for a sample.
    pub(super) name: String,
    /// Whether its text is known before a kernel is opened, so that it can be compiled ahead.
    pub(super) is_ahead: bool,
    /// Its entry points.
    pub(super) entries: Vec<String>,
    /// Its file.
    pub(super) path: PathBuf,
    /// The whole text.
    pub(super) text: String,
}

/// Builds the program that knows the modules and lets it write those of a dialect, `cuda` or `hip`.
pub(super) fn write(workspace: &Workspace, dialect: &str) -> Result<Vec<Source>> {
    // The same crates together as in the builds, see `Workspace::native`.
    let call = cargo::command(workspace, &["build", "--locked", "--example", "device_modules"]);
    let artifacts = cargo::artifacts(call.args(cargo::selection(workspace.native())))?;
    let program = artifacts.iter().find(|artifact| artifact.target == "device_modules");
    let program = program.and_then(|artifact| artifact.executable.clone());
    let folder = workspace.target.join("objects/sources").join(dialect);
    // Modules that there are no longer must not be found.
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Tool::new(program.context("cargo built no program `device_modules`")?).arg(dialect).arg(&folder).output()?;
    let list = folder.join("modules.txt");
    let list = fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let ending = if dialect == "cuda" { "cu" } else { dialect };
    let sources = list.lines().map(|line| {
        let mut words = line.split(' ').map(str::to_owned);
        let (kind, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = folder.join(format!("{name}.{ending}"));
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let is_ahead = match kind.as_str() {
            "ahead" => true,
            "sample" => false,
            _ => bail!("device_modules wrote `{line}`, which says neither `ahead` nor `sample`"),
        };
        Ok(Source { name, is_ahead, entries: words.collect(), path, text })
    });
    let sources: Vec<Source> = sources.collect::<Result<_>>()?;
    ensure!(sources.len() > 100, "device_modules wrote only {} modules", sources.len());
    Ok(sources)
}

/// Where `opaque.h` and `clang_hip.h` are.
pub(super) fn headers(workspace: &Workspace) -> PathBuf {
    workspace.root.join("kernels/src/device")
}
