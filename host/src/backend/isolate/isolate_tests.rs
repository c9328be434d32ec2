//! From a mark that a host left to a file that is not opened, and back; with homes that cannot be written.

use std::fs;
use std::time::Duration;

use clamp_plugin_api::manifest::jcs::to_jcs;
use serde_json::json;

use super::finding::tests::place;
use super::*;

struct Ground {
    folder: tempfile::TempDir,
    said: Arc<Mutex<Vec<String>>>,
}

impl Ground {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), said: Arc::default() }
    }

    /// A process that opens the room; `script` is how a file is tried.
    fn host(&self, script: Option<&str>) -> Arc<Isolation> {
        let said = Arc::clone(&self.said);
        let heard = move |notice: &Notice<'_>| {
            if let Notice::Note(text) = notice {
                said.lock().expect("said").push((*text).to_owned());
            }
        };
        let prober = script.map(|script| Prober {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            most: Duration::from_secs(60),
        });
        Isolation::open(IsolationOptions {
            loading: self.folder.path().join("loading"),
            quarantine: self.folder.path().join("quarantine"),
            prober,
            notices: Notices::to(heard),
        })
    }

    /// What a host leaves that ends while it loads.
    fn die(&self) {
        let folder = self.folder.path().join("loading");
        fs::create_dir_all(&folder).expect("a folder");
        let mark = Marker::set(&folder, &place('a'), &Machine::this(), false).expect("set");
        let name = fs::read_dir(&folder).expect("list").flatten().next().expect("a mark").path();
        let bytes = fs::read(&name).expect("read");
        drop(mark);
        fs::write(name, bytes).expect("write");
    }

    fn marks(&self) -> usize {
        fs::read_dir(self.folder.path().join("loading")).map_or(0, Iterator::count)
    }
}

fn admit(isolation: &Arc<Isolation>) -> Result<Watched, Box<Withheld>> {
    isolation.admit(Path::new("/p/killer.so"), &place('a').sha256)
}

/// `$3` is the report.
const LIVES: &str = "echo '{\"answer\": {}}' >> $3";
const DIES: &str = "echo '{\"step\": \"start\"}' >> $3; kill -ABRT $$";

#[test]
fn a_step_leaves_nothing_and_a_second_time_is_not_marked() {
    let ground = Ground::new();
    let isolation = ground.host(None);
    let watched = admit(&isolation).expect("admitted");
    for durable in [false, true] {
        if durable {
            watched.is_new();
        }
        let step = if durable { Step::Start } else { Step::Load };
        assert_eq!(watched.step(step, None, || ground.marks()), 1);
        assert_eq!(watched.step(step, None, || ground.marks()), 0, "it was passed before");
    }
    assert_eq!(watched.step(Step::Open, Some(0), || ground.marks()), 1);
    assert_eq!(watched.step(Step::Open, Some(1), || ground.marks()), 1);
    assert_eq!((ground.marks(), Watched::default().step(Step::Load, None, || ground.marks())), (0, 0));
}

#[test]
fn a_suspicion_is_confirmed_by_trying_and_kept() {
    let ground = Ground::new();
    ground.die();
    let withheld = admit(&ground.host(Some(DIES))).err().expect("withheld");
    assert_eq!(
        withheld.reason,
        "quarantined: it ended the process that opened it while it was started (signal 6, SIGABRT)"
    );
    assert_eq!(ground.marks(), 0);
    // It is not tried again, even if it would live.
    let later = ground.host(Some(LIVES));
    assert_eq!(admit(&later).err().map(|withheld| withheld.reason), Some(withheld.reason));
    assert_eq!(later.forget(&place('a').sha256), Ok(true));
    assert_eq!(later.forget(&place('a').sha256), Ok(false));
    assert!(admit(&later).is_ok() && admit(&ground.host(None)).is_ok());
}

#[test]
fn a_host_that_was_stopped_from_outside_blames_nobody_unless_it_happens_again() {
    let ground = Ground::new();
    ground.die();
    let host = ground.host(Some(LIVES));
    let watched = admit(&host).expect("cleared");
    assert_eq!(host.finding(&place('a').sha256).expect("known").map(|f| f.state), Some(State::Cleared));
    // The next one ends there, too.
    ground.die();
    let withheld = admit(&ground.host(Some(LIVES))).err().expect("withheld");
    assert_eq!(withheld.reason, "quarantined: a host came to its end while it was loaded");
    // Had it got past the step, all would be forgotten.
    ground.host(None).forget(&place('a').sha256).expect("forgotten");
    host.keep(Finding { place: place('a'), how: None, state: State::Cleared });
    watched.step(Step::Load, None, || ());
    assert_eq!(ground.host(None).finding(&place('a').sha256), Ok(None));
}

#[test]
fn a_try_that_did_not_come_to_the_file_says_nothing_of_it() {
    let ground = Ground::new();
    ground.die();
    let withheld = admit(&ground.host(Some("exit 14"))).err().expect("withheld");
    let reason = "under suspicion: a host came to its end while it was loaded, and it cannot be tried alone: the process \
                  ended before it opened the file (exit code 14)";
    assert_eq!(withheld.reason, reason);
    assert!(admit(&ground.host(Some(LIVES))).is_ok(), "the next host tries it again");
}

#[test]
fn without_a_way_to_try_a_suspicion_is_believed() {
    let ground = Ground::new();
    ground.die();
    assert!(admit(&ground.host(None)).is_err());
    assert!(admit(&ground.host(Some(LIVES))).is_err());
}

#[test]
fn what_cannot_be_written_is_said_once_and_stops_nothing() {
    let ground = Ground::new();
    fs::write(ground.folder.path().join("loading"), "a file").expect("write");
    fs::write(ground.folder.path().join("quarantine"), "a file").expect("write");
    let host = ground.host(Some(DIES));
    let watched = admit(&host).expect("admitted");
    assert_eq!(watched.step(Step::Load, None, || 1) + watched.step(Step::Start, None, || 2), 3);
    let said = || ground.said.lock().expect("said").clone();
    assert_eq!(said().len(), 1, "{:?}", said());
    assert!(said()[0].contains("would not be known the next time: cannot write in"), "{:?}", said());
    assert!(!host.keep(Finding { place: place('a'), how: None, state: State::Quarantined }));
    assert!(said()[1].contains("holds for this process only"), "{:?}", said());
    assert!(admit(&host).is_err(), "in this process it holds");
    assert!(admit(&ground.host(None)).is_ok());
}

#[test]
fn damaged_notes_are_named_and_never_mean_that_all_is_well() {
    let ground = Ground::new();
    fs::create_dir(ground.folder.path().join("loading")).expect("a folder");
    fs::create_dir(ground.folder.path().join("quarantine")).expect("a folder");
    fs::write(ground.folder.path().join("loading/x.json"), "{").expect("write");
    let host = ground.host(None);
    let said = ground.said.lock().expect("said").clone();
    assert!(said.len() == 1 && said[0].contains("x.json was damaged, and is taken away"), "{said:?}");
    assert_eq!(ground.marks(), 0);
    let file = Finding::file(&ground.folder.path().join("quarantine"), &place('a').sha256);
    fs::write(&file, to_jcs(&json!({"schema": "clamp.quarantine.v1"}))).expect("write");
    let withheld = admit(&host).err().expect("withheld");
    assert!(withheld.reason.contains("for a reason that cannot be read") && withheld.finding.is_none());
    assert!(withheld.reason.contains(&*file.to_string_lossy()), "{}", withheld.reason);
}
