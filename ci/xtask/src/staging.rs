//! Makes a folder whole or not at all: it is filled beside its place under another name and then renamed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// A folder that is being filled. Dropped without [`Staging::publish`] it leaves nothing.
#[derive(Debug)]
pub(crate) struct Staging {
    place: PathBuf,
    temporary: PathBuf,
}

impl Staging {
    /// An empty folder beside `place`.
    pub(crate) fn beside(place: &Path) -> Result<Self> {
        let place = std::path::absolute(place).with_context(|| format!("{} is no path", place.display()))?;
        let name = place.file_name().with_context(|| format!("{} is no folder's name", place.display()))?;
        let parent = place.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        let temporary = parent.join(format!(".{}.{}.new", name.to_string_lossy(), std::process::id()));
        remove(&temporary)?;
        fs::create_dir(&temporary).with_context(|| format!("cannot make {}", temporary.display()))?;
        Ok(Self { place, temporary })
    }

    /// The folder to fill.
    pub(crate) fn path(&self) -> &Path {
        &self.temporary
    }

    /// Puts the folder in its place; what was there before is gone afterwards.
    pub(crate) fn publish(self) -> Result<()> {
        let old = self.temporary.with_extension("old");
        remove(&old)?;
        let replaces = self.place.exists();
        if replaces {
            fs::rename(&self.place, &old).with_context(|| format!("cannot move {} away", self.place.display()))?;
        }
        let moved = fs::rename(&self.temporary, &self.place)
            .with_context(|| format!("cannot put the new folder at {}", self.place.display()));
        if moved.is_err() && replaces {
            // The new folder did not come; the old one goes back.
            let _ = fs::rename(&old, &self.place);
        }
        moved?;
        remove(&old)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // A publish that went well has moved it; anything else is cleared away.
        let _ = remove(&self.temporary);
    }
}

/// Copies a file, making the folder that it goes to.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// Copies a folder with all that is in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry.with_context(|| format!("cannot read {}", from.display()))?;
        let (source, goal) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() { copy_folder(&source, &goal)? } else { copy(&source, &goal)? }
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_comes_whole_or_not_at_all() {
        let room = tempfile::tempdir().expect("a temporary folder");
        let place = room.path().join("sub/out");
        {
            let staging = Staging::beside(&place).expect("staging");
            fs::write(staging.path().join("half"), "").expect("a file");
        }
        assert_eq!(fs::read_dir(room.path().join("sub")).expect("the parent").count(), 0, "nothing is left");
        for content in ["first", "second"] {
            let staging = Staging::beside(&place).expect("staging");
            fs::write(staging.path().join("file"), content).expect("a file");
            staging.publish().expect("published");
            assert_eq!(fs::read_to_string(place.join("file")).expect("the file"), content);
        }
        assert_eq!(fs::read_dir(room.path().join("sub")).expect("the parent").count(), 1, "only the folder");
    }
}
