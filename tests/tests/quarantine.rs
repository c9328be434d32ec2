//! A plugin that ended the host at load is not opened the next time; whoever was stopped from outside is not blamed.

use std::path::PathBuf;
use std::process::Child;

use clamp_tests::{Bench, Deadly, Ran, dist, elements, npy};
use serde_json::Value;

/// A bench with a plugin folder that holds the bundled CPU backend.
fn bench() -> (Bench, PathBuf) {
    let bench = Bench::new();
    let folder = bench.work().join("plugins");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::copy(dist().join("plugins/clamp_cpu.so"), folder.join("clamp_cpu.so")).expect("copy");
    npy(&bench.work().join("x.npy"), &[1.0, -2.0]);
    (bench, folder)
}

fn with_plugins(bench: &Bench, args: &[&str]) -> Ran {
    let folder = bench.work().join("plugins").to_string_lossy().into_owned();
    bench.run(&[args, &["--plugins", &folder]].concat())
}

fn start(bench: &Bench, args: &[&str]) -> Child {
    let folder = bench.work().join("plugins").to_string_lossy().into_owned();
    bench.start(&[args, &["--plugins", &folder]].concat())
}

/// Negates two numbers.
fn neg(bench: &Bench, extra: &[&str]) -> Ran {
    let args = ["kernel", "run", "neg.f32.v1", "--in", "x=x.npy", "--out", "y.npy"];
    with_plugins(bench, &[&args[..], extra].concat())
}

fn listed(bench: &Bench) -> Value {
    let list = with_plugins(bench, &["backend", "list", "--json"]).expect(0).json();
    let all = list["backends"].as_array().expect("a list");
    let found = all.iter().find(|b| b["path"].as_str().is_some_and(|path| path.ends_with("deadly.so")));
    found.unwrap_or_else(|| panic!("it is not in {list:#}")).clone()
}

/// Files that say something of plugins that ended hosts.
fn notes(bench: &Bench) -> (Vec<String>, Vec<String>) {
    (bench.names(&bench.home().join("loading")), bench.names(&bench.home().join("quarantine")))
}

fn trust(bench: &Bench, plugin: &Deadly, extra: &[&str]) -> Ran {
    bench.run(&[&["backend", "trust", &*plugin.file.to_string_lossy()][..], extra].concat())
}

#[test]
fn whatever_step_it_dies_at_the_next_host_lives_and_says_why() {
    for (when, code, reason) in [
        ("load segv", None, "while it was loaded (signal 11, SIGSEGV)"),
        ("load exit", Some(3), "while it was loaded (exit code 3)"),
        ("start abort", None, "while it was started (signal 6, SIGABRT)"),
        ("start leave", Some(0), "while it was started (exit code 0)"),
        ("devices exit", Some(3), "while it was asked for its devices (exit code 3)"),
        ("open segv", None, "while a device of it was opened (signal 11, SIGSEGV)"),
    ] {
        let (bench, folder) = bench();
        let plugin = Deadly::new("deadly", "deadly", &folder);
        plugin.kill(when);
        let killed = neg(&bench, &["--backend", "deadly"]);
        assert_eq!((killed.code, killed.stdout.as_str()), (code, ""), "{when}: {killed:#?}");
        assert_eq!(notes(&bench).0.len(), 1, "{when}: one mark is left");
        let found = listed(&bench);
        assert_eq!(found["stage"], "quarantine", "{when}: {found:#}");
        let reason = format!("quarantined: it ended the process that opened it {reason}");
        assert_eq!(found["reason"], reason, "{when}");
        let help = found["help"].as_str().expect("help");
        assert!(help.starts_with("to try it once more: clamp-host backend trust --again /"), "{help}");
        let opened = plugin.opened();
        let text = with_plugins(&bench, &["backend", "list"]).expect(0).stdout;
        assert!(text.contains("quarantine") && text.contains(&reason) && text.contains("--again"), "{text}");
        // Named it is refused with its reason; the others work.
        let refused = neg(&bench, &["--backend", "deadly"]).expect(15);
        refused.complains_of(&reason);
        assert!(refused.stderr.contains("backend trust --again"), "{refused:#?}");
        let _ = neg(&bench, &["--backend", "cpu"]).expect(0);
        let _ = neg(&bench, &[]).expect(0);
        assert_eq!(elements(&bench.work().join("y.npy")), [-1.0, 2.0]);
        assert_eq!(plugin.opened(), opened, "{when}: it was not opened any more");
        let (marks, findings) = notes(&bench);
        assert_eq!((marks.len(), findings.len()), (0, 1), "{when}");
        // Other bytes are another plugin.
        plugin.spare();
        plugin.change();
        assert_eq!(listed(&bench)["stage"], "ready", "{when}");
    }
}

#[test]
fn a_run_passes_it_over_and_its_record_says_so() {
    let (bench, folder) = bench();
    let plugin = Deadly::new("deadly", "deadly", &folder);
    plugin.kill("load segv");
    let run = ["run", "digits", "--json", "--input", r#"{"steps": 20}"#];
    assert_eq!(with_plugins(&bench, &run).code, None, "killed");
    let reply = with_plugins(&bench, &run).expect(0).json();
    assert_eq!(reply["backend"], "cpu");
    let record = std::path::Path::new(reply["run_dir"].as_str().expect("run_dir")).join("manifest.json");
    let record: Value = serde_json::from_slice(&std::fs::read(record).expect("read")).expect("JSON");
    let reason = record["volatile"]["backend_reason"].as_str().expect("a reason");
    assert!(reason.contains("deadly.so: quarantined: it ended the process"), "{reason}");
}

#[test]
fn it_is_lifted_by_a_try_in_which_it_does_no_harm() {
    let (bench, folder) = bench();
    let plugin = Deadly::new("deadly", "deadly", &folder);
    // It works at first: what it does later is noticed all the same.
    let _ = neg(&bench, &["--backend", "deadly"]).expect(0);
    plugin.kill("start segv");
    assert_eq!(neg(&bench, &["--backend", "deadly"]).code, None);
    assert_eq!(listed(&bench)["stage"], "quarantine");
    trust(&bench, &plugin, &[]).expect(12).complains_of("quarantined: it ended the process that opened it");
    let harmful = trust(&bench, &plugin, &["--again"]).expect(15);
    harmful.complains_of("while it was started (signal 11, SIGSEGV)");
    assert_eq!(listed(&bench)["stage"], "quarantine");
    assert!(!bench.home().join("plugins.lock").exists());
    plugin.spare();
    assert_eq!(listed(&bench)["stage"], "quarantine", "nothing lifts it by itself");
    let lifted = trust(&bench, &plugin, &["--again", "--json"]).expect(0).json();
    assert_eq!(
        (&lifted["pinned"][0]["id"], &lifted["pinned"][0]["quarantine_lifted"]),
        (&"deadly".into(), &true.into())
    );
    assert_eq!((listed(&bench)["stage"].as_str(), notes(&bench).1.len()), (Some("ready"), 0));
    let _ = neg(&bench, &["--backend", "deadly"]).expect(0);
    // A file that is deadly when it is pinned is not pinned, and no host opens it.
    plugin.change();
    plugin.kill("load abort");
    trust(&bench, &plugin, &[]).expect(15).complains_of("while it was loaded (signal 6, SIGABRT)");
    let _ = neg(&bench, &["--backend", "cpu"]).expect(0);
    assert_eq!(listed(&bench)["stage"], "quarantine");
}

#[test]
fn a_host_that_is_loading_just_now_is_no_evidence_and_one_that_was_stopped_is_asked_again() {
    let (mut bench, folder) = bench();
    let plugin = Deadly::new("deadly", "deadly", &folder);
    let stand_in_it = || {
        plugin.hold();
        let host = start(&bench, &["backend", "list"]);
        let held = plugin.held();
        plugin.spare();
        (host, held)
    };
    let (mut host, held) = stand_in_it();
    assert_eq!(notes(&bench).0.len(), 1);
    assert_eq!(listed(&bench)["stage"], "ready", "its host lives");
    assert_eq!(notes(&bench).0.len(), 1, "and its mark stays");
    // Somebody stops it: the plugin is tried alone, does no harm, and is believed.
    host.kill().expect("killed");
    host.wait().expect("an end");
    drop(held);
    assert_eq!(listed(&bench)["stage"], "ready");
    assert_eq!(notes(&bench), (Vec::new(), Vec::new()));
    // One that never answers alone is not.
    let (mut host, held) = stand_in_it();
    host.kill().expect("killed");
    host.wait().expect("an end");
    drop(held);
    plugin.kill("load hang");
    bench.environment.insert("CLAMP_BACKEND_PROBE_MS".into(), "300".into());
    let found = listed(&bench);
    let reason = "quarantined: it ended the process that opened it while it was loaded (no answer within 300 ms)";
    assert_eq!(found["reason"], reason);
}

#[test]
fn many_hosts_at_once_agree() {
    let (bench, folder) = bench();
    let plugin = Deadly::new("deadly", "deadly", &folder);
    let all = |extra: &[&str]| {
        let args = [&["backend", "list"][..], extra].concat();
        let mut running: Vec<Child> = (0..6).map(|_| start(&bench, &args)).collect();
        running.iter_mut().map(|child| child.wait().expect("an end").success()).collect::<Vec<_>>()
    };
    assert_eq!(all(&[]), [true; 6]);
    assert_eq!(notes(&bench), (Vec::new(), Vec::new()));
    // Each of these ends in the plugin, or comes late enough to know of one that did.
    plugin.kill("load segv");
    assert!(all(&[]).contains(&false));
    assert_eq!(listed(&bench)["stage"], "quarantine");
    assert_eq!((notes(&bench).0.len(), notes(&bench).1.len()), (0, 1));
    let opened = plugin.opened();
    assert_eq!(all(&[]), [true; 6]);
    assert_eq!(plugin.opened(), opened);
}

#[test]
fn a_home_that_cannot_be_written_is_said_and_no_failure() {
    let (bench, folder) = bench();
    let plugin = Deadly::new("deadly", "deadly", &folder);
    // Even root cannot make a folder where a file is.
    std::fs::write(bench.home().join("loading"), "").expect("write");
    std::fs::write(bench.home().join("quarantine"), "").expect("write");
    let ran = neg(&bench, &["--backend", "deadly"]).expect(0);
    let said: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("would not be known")).collect();
    assert_eq!(said.len(), 1, "{ran:#?}");
    assert!(
        said[0].starts_with("note: a plugin that ends this program would not be known the next time: "),
        "{said:?}"
    );
    plugin.kill("load segv");
    assert_eq!(neg(&bench, &["--backend", "cpu"]).code, None, "nothing could be kept");
    let refused = trust(&bench, &plugin, &[]).expect(15).stderr;
    assert!(refused.contains("note: what is known of a plugin holds for this process only: "), "{refused}");
    assert!(refused.contains("while it was loaded (signal 11, SIGSEGV)"), "{refused}");
}

#[test]
fn a_start_leaves_the_home_as_it_was() {
    let (bench, folder) = bench();
    let _plugin = Deadly::new("deadly", "deadly", &folder);
    let _ = neg(&bench, &[]).expect(0);
    let before = bench.listing(&bench.home());
    let _ = neg(&bench, &[]).expect(0);
    let _ = neg(&bench, &["--backend", "deadly"]).expect(0);
    let certificates = bench.home().join("certificates");
    let ours = |all: Vec<(PathBuf, u64)>| -> Vec<_> {
        all.into_iter().filter(|(path, _)| !path.starts_with(&certificates)).collect()
    };
    assert_eq!(ours(bench.listing(&bench.home())), ours(before));
    assert_eq!(notes(&bench), (Vec::new(), Vec::new()));
}
