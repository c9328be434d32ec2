//! Marks of plugins that are being opened: a small file in `CLAMP_HOME/loading` that its host holds locked for as long as
//! it lives and takes away when the step is done. A mark that nobody holds is one whose host came to its end there.
//! The lock is the kernel's (flock), so that no number of a process that was used again can deceive.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use clamp_plugin_api::manifest::jcs::to_jcs;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::finding::Place;
use crate::run::durable::fsync_dir;

/// The largest mark that is read.
const MOST_BYTES: u64 = 1 << 16;

/// Which machine, and since when it runs: a mark from before is nobody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Machine {
    boot: String,
    node: String,
}

impl Machine {
    pub(super) fn this() -> Self {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self { boot: boot.trim().to_owned(), node: rustix::system::uname().nodename().to_string_lossy().into_owned() }
    }

    /// Whether a lock of `other` can be seen from here, or `other` is an earlier life of this machine. Network file
    /// systems do not show every machine the locks of the others.
    fn sees(&self, other: &Self) -> bool {
        (!other.boot.is_empty() && other.boot == self.boot) || other.node == self.node
    }
}

#[derive(Serialize, Deserialize)]
struct Text {
    place: Place,
    machine: Machine,
}

/// A mark that stands; dropping it takes it away.
pub(super) struct Marker {
    path: PathBuf,
    /// Holds the lock.
    _file: File,
}

impl Marker {
    /// Sets a mark. A durable one outlives the machine's end, too, and costs two fsyncs.
    pub(super) fn set(folder: &Path, place: &Place, machine: &Machine, durable: bool) -> io::Result<Self> {
        let make = || tempfile::Builder::new().prefix(".").suffix(".tmp").tempfile_in(folder);
        let mut temp = match make() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder)?;
                make()?
            }
            made => made?,
        };
        // Locked before it has its name: nobody sees it without its lock.
        flock(temp.as_file(), FlockOperation::NonBlockingLockExclusive)?;
        temp.write_all(&to_jcs(&json!(Text { place: place.clone(), machine: machine.clone() })))?;
        if durable {
            temp.as_file().sync_all()?;
        }
        let hidden = temp.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = hidden.trim_start_matches('.').trim_end_matches(".tmp");
        let path = folder.join(format!("{name}.json"));
        let file = temp.persist(&path).map_err(|e| e.error)?;
        if durable {
            fsync_dir(folder).map_err(|e| io::Error::other(e.message))?;
        }
        Ok(Self { path, _file: file })
    }
}

impl Drop for Marker {
    fn drop(&mut self) {
        // Before the lock is given up, so that nobody finds it unheld.
        let _ = fs::remove_file(&self.path);
    }
}

/// A mark whose host is gone.
pub(super) struct Left {
    pub(super) path: PathBuf,
    /// What was being done; `None` where the mark is damaged.
    pub(super) place: Option<Place>,
}

/// All marks in `folder` whose hosts are gone. Nothing is taken away.
pub(super) fn left(folder: &Path, machine: &Machine) -> Vec<Left> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<Left> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter_map(|path| abandoned(path, machine))
        .collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn abandoned(path: PathBuf, machine: &Machine) -> Option<Left> {
    let file = File::open(&path).ok()?;
    // Shared: of two hosts that look at one time, neither takes the other for the owner.
    flock(&file, FlockOperation::NonBlockingLockShared).ok()?;
    // A host that has just finished takes the name away first; what was opened before is then no mark any more.
    if file.metadata().ok()?.nlink() == 0 {
        return None;
    }
    let mut bytes = Vec::new();
    (&file).take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    match serde_json::from_slice::<Text>(&bytes) {
        Ok(text) if machine.sees(&text.machine) => Some(Left { path, place: Some(text.place) }),
        Ok(_) => None,
        Err(_) => Some(Left { path, place: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::tests::place;
    use super::*;

    #[test]
    fn a_mark_counts_when_its_host_is_gone_and_not_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("loading");
        let machine = Machine::this();
        assert!(left(&folder, &machine).is_empty());
        for durable in [false, true] {
            let mark = Marker::set(&folder, &place('a'), &machine, durable).expect("set");
            assert!(left(&folder, &machine).is_empty(), "its host lives");
            // A host that dies closes its files and takes nothing away.
            let kept = fs::read(&mark.path).expect("read");
            let path = mark.path.clone();
            drop(mark);
            assert!(!path.exists());
            fs::write(&path, kept).expect("write");
            let found = left(&folder, &machine);
            assert_eq!(found.iter().map(|left| left.place.clone()).collect::<Vec<_>>(), [Some(place('a'))]);
            assert!(path.exists());
            fs::remove_file(&path).expect("removed");
        }
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 0, "nothing hidden stays");
    }

    #[test]
    fn other_machines_judge_their_own_and_damage_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let here = Machine::this();
        let text = |boot: &str, node: &str| {
            let machine = Machine { boot: boot.to_owned(), node: node.to_owned() };
            to_jcs(&json!(Text { place: place('b'), machine }))
        };
        let path = folder.path().join("x.json");
        for (bytes, expected) in [
            (text("another", "elsewhere"), None),
            (text("another", &here.node), Some(true)),
            (text(&here.boot, "a container"), Some(true)),
            (b"{".to_vec(), Some(false)),
            (Vec::new(), Some(false)),
        ] {
            fs::write(&path, bytes).expect("write");
            let found = left(folder.path(), &here);
            assert_eq!(found.first().map(|left| left.place.is_some()), expected);
        }
    }
}
