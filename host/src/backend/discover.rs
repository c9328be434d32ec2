//! Where plugin files are looked for. Lists names only; opens nothing.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A folder that is searched, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchFolder {
    /// The folder.
    pub path: PathBuf,
    /// Who named it: `--plugins`, `CLAMP_PLUGIN_PATH`, `beside the executable`, `CLAMP_HOME`.
    pub origin: String,
    /// A folder that the operator named has to exist; the built-in ones need not.
    pub required: bool,
}

/// The `.so` files of the folders, in the folders' order and sorted by name within each; a file reached twice counts
/// once.
pub fn candidates(folders: &[SearchFolder]) -> Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in folders {
        for path in shared_objects(folder)? {
            let canonical = path.canonicalize().unwrap_or_else(|_| path.clone());
            if !found.contains(&canonical) {
                found.push(canonical);
            }
        }
    }
    Ok(found)
}

fn shared_objects(folder: &SearchFolder) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(&folder.path) {
        Ok(entries) => entries,
        Err(e)
            if !folder.required
                && matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
        {
            return Ok(Vec::new());
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::not_found(format!(
                "plugin folder {} ({}) does not exist",
                folder.path.display(),
                folder.origin
            ))
            .hint("create it, or correct the path"));
        }
        Err(e) => return Err(Error::io(format!("cannot list plugin folder {}", folder.path.display()), &e)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| Error::io(format!("cannot list {}", folder.path.display()), &e))?;
        let path = entry.path();
        if is_shared_object(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn is_shared_object(path: &Path) -> bool {
    let hidden = path.file_name().and_then(|n| n.to_str()).is_none_or(|n| n.starts_with('.'));
    !hidden && path.extension().is_some_and(|e| e == "so") && !path.is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(path: &Path, required: bool) -> SearchFolder {
        SearchFolder { path: path.into(), origin: "test".into(), required }
    }

    #[test]
    fn files_are_sorted_and_counted_once_and_others_ignored() {
        let dir = tempfile::tempdir().expect("temp folder");
        for name in ["b.so", "a.so", "notes.txt", ".hidden.so"] {
            std::fs::write(dir.path().join(name), b"").expect("write");
        }
        let twice = [folder(dir.path(), true), folder(dir.path(), true)];
        let names: Vec<_> = candidates(&twice)
            .expect("list")
            .iter()
            .map(|p| p.file_name().expect("name").to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["a.so", "b.so"]);
    }

    #[test]
    fn a_named_folder_must_exist_a_built_in_one_need_not() {
        let missing = Path::new("/nonexistent/plugins");
        assert!(candidates(&[folder(missing, false)]).expect("fine").is_empty());
        let error = candidates(&[folder(missing, true)]).expect_err("refused");
        assert_eq!(error.kind, crate::error::ErrorKind::NotFound);
        assert!(error.message.contains("/nonexistent/plugins"));
    }
}
