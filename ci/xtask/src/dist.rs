//! `cargo xtask dist --out DIR`: the folder that an operator unpacks and runs from anywhere: host, backends, overlays,
//! settings, and what the author of a backend in C needs. It appears whole or not at all, and replaces nothing but an
//! earlier one of its own.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::cargo::{self, Artifact};
use crate::guests;
use crate::process::Tool;
use crate::staging::{self, Staging};
use crate::tools;
use crate::workspace::Workspace;

/// The file that tells a folder of this command from any other; it lists what the command put there.
const MARKER: &str = ".clamp-dist.json";

/// What the author of a backend in C needs, and where it goes in the folder sdk/.
const SDK: [(&str, &str); 4] = [
    ("plugin-api/include", "include"),
    ("plugins/c-example", "c-example"),
    ("docs/book/backend-authors.md", "backend-authors.md"),
    ("docs/kernels.md", "kernels.md"),
];

pub(crate) fn run(workspace: &Workspace, out: &Path) -> Result<()> {
    refuse_foreign(out)?;
    let artifacts = cargo::build_native(workspace)?;
    make(workspace, &artifacts, out)?;
    println!("made {}", out.display());
    Ok(())
}

/// Makes the folder from what cargo built.
pub(crate) fn make(workspace: &Workspace, artifacts: &[Artifact], out: &Path) -> Result<()> {
    refuse_foreign(out)?;
    let packages = guests::build(workspace, "overlays", &guests::packages_folder(workspace))?;
    let staging = Staging::beside(out)?;
    let folder = staging.path();
    let host = folder.join("clamp-host");
    staging::copy(cargo::program(artifacts, "clamp-host")?, &host)?;
    tools::strip(&host)?;
    let plugins = cargo::backends(workspace, artifacts);
    if plugins.is_empty() {
        bail!("cargo built no backend plugin");
    }
    for (name, file) in plugins {
        let goal = folder.join("plugins").join(format!("{name}.so"));
        staging::copy(&file, &goal)?;
        tools::strip(&goal)?;
    }
    staging::copy_folder(&workspace.root.join("config"), &folder.join("config"))?;
    for (from, to) in SDK {
        let (from, to) = (workspace.root.join(from), folder.join("sdk").join(to));
        if from.is_dir() { staging::copy_folder(&from, &to)? } else { staging::copy(&from, &to)? }
    }
    for package in &packages {
        install(&host, &package.folder, &folder.join("overlays"))
            .with_context(|| format!("overlay {} cannot be installed", package.name))?;
    }
    mark(folder)?;
    staging.publish()
}

/// Installs through the host's own command, so that the store has exactly the form that the host reads.
fn install(host: &Path, package: &Path, store: &Path) -> Result<()> {
    let call = Tool::new(host).args(["overlay", "install"]).arg(package);
    call.arg("--store").arg(store).args(["--enable", "--grant", "all"]).output()?;
    Ok(())
}

fn mark(folder: &Path) -> Result<()> {
    let mut entries = entries(folder)?;
    entries.push(MARKER.to_owned());
    let text = format!("{:#}\n", json!({ "schema": "clamp.dist/1", "entries": entries }));
    fs::write(folder.join(MARKER), text).with_context(|| format!("cannot write {MARKER}"))
}

/// An existing folder is replaced only if this command made it and nothing was put there since.
fn refuse_foreign(out: &Path) -> Result<()> {
    if !out.exists() {
        return Ok(());
    }
    if !out.is_dir() {
        bail!("{} is not a folder; give --out another name", out.display());
    }
    let found = entries(out)?;
    if found.is_empty() {
        return Ok(());
    }
    let Ok(marker) = fs::read(out.join(MARKER)) else {
        bail!("{} is not empty and was not made by this command; give --out a new folder", out.display());
    };
    let marker: Value = serde_json::from_slice(&marker).unwrap_or_default();
    let own = marker["entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    match found.iter().find(|entry| !own.contains(&json!(entry))) {
        Some(foreign) => bail!("{} holds `{foreign}`, which this command did not make; move it away", out.display()),
        None => Ok(()),
    }
}

fn entries(folder: &Path) -> Result<Vec<String>> {
    let read = || -> std::io::Result<Vec<String>> {
        fs::read_dir(folder)?.map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned())).collect()
    };
    let mut names = read().with_context(|| format!("cannot read {}", folder.display()))?;
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_folders_are_replaced() {
        let room = tempfile::tempdir().expect("a temporary folder");
        let out = room.path().join("out");
        assert!(refuse_foreign(&out).is_ok(), "not there yet");
        fs::create_dir(&out).expect("a folder");
        assert!(refuse_foreign(&out).is_ok(), "empty");
        fs::write(out.join("clamp-host"), "").expect("a file");
        let error = refuse_foreign(&out).expect_err("somebody else's").to_string();
        assert!(error.contains("was not made by this command"), "{error}");
        mark(&out).expect("marked");
        assert!(refuse_foreign(&out).is_ok(), "its own");
        fs::write(out.join("notes.txt"), "").expect("a file");
        let error = refuse_foreign(&out).expect_err("a file was added").to_string();
        assert!(error.contains("`notes.txt`"), "{error}");
        assert!(refuse_foreign(&out.join("notes.txt")).is_err(), "a file");
    }
}
