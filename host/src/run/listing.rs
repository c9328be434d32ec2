//! The runs of a run root: listing them and finding one by a unique prefix of its name.

use std::fs;
use std::path::{Path, PathBuf};

use clamp_plugin_api::manifest::json;
use serde::Serialize;
use serde_json::Value;

use super::folder::TEMPORARY;
use crate::error::{Error, Result};

/// One line of `runs list`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// The folder's name: the run id, perhaps with a number.
    pub name: String,
    /// `overlay.capability`.
    pub target: String,
    /// Whether it gave a result.
    pub ok: bool,
    /// Start, UTC.
    pub started: String,
    /// Whole run.
    pub duration_ms: f64,
    /// The backend's id, if one was used.
    pub backend: Option<String>,
    /// `strict` or `fast`.
    pub mode: String,
    /// Of the result and artifacts.
    pub output_hash: Option<String>,
    /// What keeps the record from being read; everything else is then empty.
    pub problem: Option<String>,
}

/// All runs of a root, oldest first. A folder whose manifest cannot be read is listed with the problem; a folder that
/// is still being made is not listed. A root that does not exist has no runs.
pub fn list(root: &Path) -> Result<Vec<RunSummary>> {
    let mut runs: Vec<RunSummary> = names(root)?.iter().map(|name| summarise(root, name)).collect();
    runs.sort_by(|a, b| (&a.started, &a.name).cmp(&(&b.started, &b.name)));
    Ok(runs)
}

/// The folder of the run with this name, or of the only run whose name begins so.
pub fn find(root: &Path, prefix: &str) -> Result<PathBuf> {
    let names = names(root)?;
    if names.iter().any(|name| name == prefix) {
        return Ok(root.join(prefix));
    }
    let fits: Vec<&String> = names.iter().filter(|name| !prefix.is_empty() && name.starts_with(prefix)).collect();
    match fits.as_slice() {
        [one] => Ok(root.join(one)),
        [] => Err(Error::not_found(format!("no run in {} begins with `{prefix}`", root.display()))
            .hint("`clamp-host runs list` shows them; --run-root names another folder")),
        many => {
            let some: Vec<&str> = many.iter().take(4).map(|name| name.as_str()).collect();
            Err(Error::not_found(format!("`{prefix}` fits {} runs: {}", many.len(), some.join(", ")))
                .hint("give more of the id"))
        }
    }
}

/// A run's manifest.
pub fn read_manifest(run: &Path) -> Result<Value> {
    let path = run.join("manifest.json");
    let bytes = fs::read(&path).map_err(|e| Error::io(format!("cannot read {}", path.display()), &e))?;
    json::parse(&bytes).map_err(|e| Error::bad_input(format!("{}: {e}", path.display())))
}

fn names(root: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(format!("cannot list {}", root.display()), &e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| Error::io(format!("cannot list {}", root.display()), &e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with(TEMPORARY) && !name.starts_with('.') && entry.path().join("manifest.json").is_file() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn summarise(root: &Path, name: &str) -> RunSummary {
    let mut summary = RunSummary {
        name: name.to_owned(),
        target: String::new(),
        ok: false,
        started: String::new(),
        duration_ms: 0.0,
        backend: None,
        mode: String::new(),
        output_hash: None,
        problem: None,
    };
    match read_manifest(&root.join(name)) {
        Err(error) => summary.problem = Some(error.message),
        Ok(m) => {
            let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
            summary.target = format!("{}.{}", text(&m["overlay"]["name"]), text(&m["capability"]));
            summary.ok = m["ok"].as_bool().unwrap_or(false);
            summary.started = text(&m["volatile"]["started"]);
            summary.duration_ms = m["volatile"]["durations_ms"]["total"].as_f64().unwrap_or(0.0);
            summary.backend = m["backend"]["id"].as_str().map(str::to_owned);
            summary.mode = text(&m["determinism"]["mode"]);
            summary.output_hash = m["output_hash"].as_str().map(str::to_owned);
        }
    }
    summary
}
