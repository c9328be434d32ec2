//! plugins.lock at the door: what is pinned or signed is opened, anything else is refused or warned of before a line of
//! its code runs.

use std::path::{Path, PathBuf};

use clamp_tests::{Bench, Deadly, Ran, c_plugin, dist, npy};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A bench under a policy, with an empty plugin folder.
fn bench(policy: &str) -> (Bench, PathBuf) {
    let mut bench = Bench::new();
    bench.environment.insert("CLAMP_BACKEND_LOCK_POLICY".into(), policy.into());
    let folder = bench.work().join("plugins");
    std::fs::create_dir(&folder).expect("a folder");
    npy(&bench.work().join("x.npy"), &[1.0, -2.0]);
    (bench, folder)
}

fn with_plugins(bench: &Bench, args: &[&str]) -> Ran {
    let folder = bench.work().join("plugins").to_string_lossy().into_owned();
    bench.run(&[args, &["--plugins", &folder]].concat())
}

/// Negates two numbers.
fn neg(bench: &Bench, extra: &[&str]) -> Ran {
    let args = ["kernel", "run", "neg.f32.v1", "--in", "x=x.npy", "--out", "y.npy"];
    with_plugins(bench, &[&args[..], extra].concat())
}

fn trust(bench: &Bench, file: &Path, extra: &[&str]) -> Ran {
    bench.run(&[&["backend", "trust", &*file.to_string_lossy()][..], extra].concat())
}

fn entry(bench: &Bench, file: &str) -> Value {
    let list = with_plugins(bench, &["backend", "list", "--json"]).expect(0).json();
    let all = list["backends"].as_array().expect("a list");
    let found = all.iter().find(|b| b["path"].as_str().is_some_and(|path| path.ends_with(file)));
    found.unwrap_or_else(|| panic!("{file} is not in {list:#}")).clone()
}

/// The `trust` field of a short run of digits.
fn trust_of_a_run(bench: &Bench, extra: &[&str]) -> (Ran, Vec<String>) {
    let run = ["run", "digits", "--json", "--input", r#"{"steps": 20}"#];
    let ran = with_plugins(bench, &[&run[..], extra].concat()).expect(0);
    let reply = ran.json();
    let folder = Path::new(reply["run_dir"].as_str().expect("run_dir"));
    let manifest = std::fs::read(folder.join("manifest.json")).expect("read");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    let lines = manifest["trust"].as_array().expect("a list").iter();
    (ran, lines.filter_map(Value::as_str).filter(|line| line.starts_with("plugin")).map(str::to_owned).collect())
}

fn sha256(path: &Path) -> String {
    let digest = Sha256::digest(std::fs::read(path).expect("read"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn under_require_only_what_is_pinned_is_opened() {
    let (bench, folder) = bench("require");
    let plugin = Deadly::new("mine", "mine", &folder);
    let refused = neg(&bench, &["--backend", "mine"]).expect(20);
    refused.complains_of("it is not pinned in plugins.lock (backend.lock_policy is require)");
    assert!(refused.stderr.contains("  help: if you trust it, pin it: clamp-host backend trust "), "{refused:#?}");
    neg(&bench, &[]).expect(20).complains_of("no backend can be used: ");
    let json = neg(&bench, &["--json"]).expect(20).json();
    assert_eq!(json["error"]["kind"], "untrusted");
    let listed = entry(&bench, "mine.so");
    assert_eq!((&listed["stage"], &listed["trust"]["standing"]), (&"lock".into(), &"unpinned".into()));
    assert_eq!((&listed["id"], &listed["sha256"]), (&Value::Null, &sha256(&plugin.file).into()));
    let text = with_plugins(&bench, &["backend", "list"]).expect(0).stdout;
    assert!(text.contains("help: if you trust it, pin it: clamp-host backend trust "), "{text}");
    assert_eq!(plugin.opened(), 0, "not a line of it ran");

    let pinned = trust(&bench, &plugin.file, &["--json"]).expect(0).json();
    assert_eq!((&pinned["pinned"][0]["id"], &pinned["policy"]), (&"mine".into(), &"require".into()));
    assert_eq!((plugin.opened(), &pinned["pinned"][0]["sha256"]), (1, &sha256(&plugin.file).into()));
    let _ = neg(&bench, &["--backend", "mine"]).expect(0);
    assert_eq!(entry(&bench, "mine.so")["trust"]["standing"], "pinned");
    let text = with_plugins(&bench, &["backend", "list"]).expect(0).stdout;
    assert!(text.lines().any(|line| line.starts_with("mine 1.0.0  ready  pinned  ")), "{text}");

    // The same bytes elsewhere are the same plugin; a certificate of a file is asked as well.
    std::fs::create_dir(bench.work().join("elsewhere")).expect("a folder");
    std::fs::copy(&plugin.file, bench.work().join("elsewhere/other.so")).expect("copy");
    let certify = ["backend", "certify", "--kernel", "neg.f32.v1"];
    let _ = bench.run(&[&certify[..], &["elsewhere/other.so"]].concat()).expect(0);
    let removed = bench.run(&["backend", "remove", "mine"]).expect(0);
    assert!(removed.stdout.starts_with("no longer pinned: mine (sha256 "), "{removed:#?}");
    bench.run(&[&certify[..], &["elsewhere/other.so"]].concat()).expect(20).complains_of("not pinned");
    let _ = neg(&bench, &["--backend", "mine"]).expect(20);
}

#[test]
fn a_changed_byte_is_refused_before_any_of_its_code_runs() {
    let (bench, folder) = bench("require");
    let plugin = Deadly::new("mine", "mine", &folder);
    let _ = trust(&bench, &plugin.file, &[]).expect(0);
    let _ = neg(&bench, &["--backend", "mine"]).expect(0);
    let (before, former) = (plugin.opened(), sha256(&plugin.file));
    plugin.change();
    // The changed file would end every process that opens it.
    plugin.kill("load segv");
    let refused = neg(&bench, &["--backend", "mine"]).expect(20);
    refused.complains_of(&format!("plugins.lock pins other bytes as `mine` (sha256 {former})"));
    let listed = entry(&bench, "mine.so");
    assert_eq!((&listed["stage"], &listed["trust"]["standing"]), (&"lock".into(), &"changed".into()));
    assert_eq!(plugin.opened(), before, "it was not opened");
    plugin.spare();
    let again = trust(&bench, &plugin.file, &["--json"]).expect(0).json();
    assert_eq!(again["pinned"][0]["replaced"], former);
    let _ = neg(&bench, &["--backend", "mine"]).expect(0);
}

#[test]
fn under_warn_it_is_opened_with_a_warning_and_a_line_in_the_record() {
    let (mut bench, folder) = bench("warn");
    let plugin = folder.join("clamp_cpu.so");
    std::fs::copy(dist().join("plugins/clamp_cpu.so"), &plugin).expect("copy");
    let (ran, lines) = trust_of_a_run(&bench, &[]);
    let warning = format!("warning: plugin {} is opened although it is not pinned", plugin.display());
    assert!(ran.stderr.starts_with(&warning) && ran.stderr.contains("help: if you trust it, pin it"), "{ran:#?}");
    assert_eq!(lines, ["plugin: not pinned in plugins.lock"]);
    let _ = trust(&bench, &plugin, &[]).expect(0);
    let (ran, lines) = trust_of_a_run(&bench, &[]);
    assert!(!ran.stderr.contains("warning") && lines.is_empty(), "{ran:#?} {lines:?}");
    let mut bytes = std::fs::read(&plugin).expect("read");
    bytes.push(0);
    std::fs::write(&plugin, bytes).expect("write");
    let (ran, lines) = trust_of_a_run(&bench, &[]);
    assert!(ran.stderr.contains("although plugins.lock pins other bytes as `cpu`"), "{ran:#?}");
    assert_eq!(lines, ["plugin: plugins.lock pins other bytes"]);
    // Off asks nothing and says that.
    bench.environment.remove("CLAMP_BACKEND_LOCK_POLICY");
    let (ran, lines) = trust_of_a_run(&bench, &[]);
    assert!(!ran.stderr.contains("warning"), "{ran:#?}");
    assert_eq!(lines, ["plugin: not held against plugins.lock (backend.lock_policy is off)"]);
    let shown = trust(&bench, &plugin, &[]).expect(0).stderr;
    assert!(shown.contains("backend.lock_policy is off, so pins are kept and not asked"), "{shown}");
}

#[test]
fn a_signature_by_a_trusted_key_does_instead_of_a_pin() {
    let (mut bench, folder) = bench("require");
    let plugin = Deadly::new("mine", "mine", &folder);
    let (acme, lab) = (SigningKey::from_bytes(&[7; 32]), SigningKey::from_bytes(&[9; 32]));
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let sign = |key: &SigningKey, file: &Path| {
        let statement = format!("clamp-plugin-v1 sha256:{}\n", sha256(file));
        key.sign(statement.as_bytes()).to_bytes()
    };
    let signature = folder.join("mine.so.sig");
    std::fs::write(&signature, sign(&acme, &plugin.file)).expect("write");
    neg(&bench, &["--backend", "mine"]).expect(20).complains_of("not pinned");
    let keys = format!("acme={}", hex(acme.verifying_key().as_bytes()));
    bench.environment.insert("CLAMP_BACKEND_TRUSTED_KEYS".into(), keys.clone());
    let _ = neg(&bench, &["--backend", "mine"]).expect(0);
    let listed = entry(&bench, "mine.so");
    assert_eq!((&listed["trust"]["standing"], &listed["trust"]["signed_by"]), (&"signed".into(), &"acme".into()));

    // Another's key, another file's signature, rubbish: none is opened, none can be pinned by mistake.
    let opened = plugin.opened();
    let mut tampered = sign(&acme, &plugin.file);
    tampered[40] ^= 1;
    let rubbish = b"not a signature".to_vec();
    for (bytes, what) in [
        (sign(&lab, &plugin.file).to_vec(), "does not sign these bytes by a trusted key (trusted: acme)"),
        (tampered.to_vec(), "does not sign these bytes"),
        (sign(&acme, &bench.work().join("x.npy")).to_vec(), "does not sign these bytes"),
        (rubbish, "is no signature: it has neither 64 bytes nor 128 hex digits"),
    ] {
        std::fs::write(&signature, bytes).expect("write");
        neg(&bench, &["--backend", "mine"]).expect(20).complains_of(what);
        assert_eq!(entry(&bench, "mine.so")["trust"]["standing"], "bad-signature");
        trust(&bench, &plugin.file, &[]).expect(12).complains_of(what);
    }
    assert_eq!(plugin.opened(), opened, "it was not opened");
    assert!(!bench.home().join("plugins.lock").exists());

    // A signature from elsewhere is pinned with the file, and holds as long as its key is trusted.
    std::fs::remove_file(&signature).expect("removed");
    std::fs::write(bench.work().join("by-mail"), hex(&sign(&acme, &plugin.file))).expect("write");
    let pinned = trust(&bench, &plugin.file, &["--signature", "by-mail"]).expect(0);
    assert!(pinned.stdout.contains("signed by acme"), "{pinned:#?}");
    let _ = neg(&bench, &["--backend", "mine"]).expect(0);
    let text = with_plugins(&bench, &["backend", "list"]).expect(0).stdout;
    assert!(text.contains("  pinned, signed by acme  "), "{text}");
    let keys = format!("lab={}", hex(lab.verifying_key().as_bytes()));
    bench.environment.insert("CLAMP_BACKEND_TRUSTED_KEYS".into(), keys);
    let refused = neg(&bench, &["--backend", "mine"]).expect(20);
    refused.complains_of("pinned as `mine` with a signature whose key is not in backend.trusted_keys");
    trust(&bench, &plugin.file, &["--signature", "gone"]).expect(13).complains_of("the signature gone does not exist");
}

#[test]
fn a_damaged_lock_is_named_with_its_line_and_stops_everything() {
    for policy in ["warn", "require", "off"] {
        let (bench, folder) = bench(policy);
        let plugin = Deadly::new("mine", "mine", &folder);
        let _ = trust(&bench, &plugin.file, &[]).expect(0);
        let file = bench.home().join("plugins.lock");
        let whole = std::fs::read_to_string(&file).expect("read");
        let opened = plugin.opened();
        for (damaged, place) in [
            (whole.replace("\"sha256\":\"", "\"sha256\":\"x"), ":2: `sha256` has not 64"),
            (whole.trim_end().to_owned(), ":2: the last line is cut short"),
            (format!("{whole}# mine\n"), ":3: column 1"),
            (whole.replace("lock.v1", "lock.v9"), ":1: this host knows the schema"),
            (String::new(), ":1: the file is empty"),
        ] {
            std::fs::write(&file, &damaged).expect("write");
            let place = format!("plugins.lock{place}");
            if policy != "off" {
                neg(&bench, &["--backend", "mine"]).expect(14).complains_of(&place);
            }
            with_plugins(&bench, &["backend", "list"]).expect(14).complains_of(&place);
            trust(&bench, &plugin.file, &[]).expect(14).complains_of(&place);
            bench.run(&["backend", "remove", "mine"]).expect(14).complains_of(&place);
            assert_eq!(std::fs::read_to_string(&file).expect("read"), damaged, "left as it is");
        }
        assert_eq!(plugin.opened(), opened);
    }
}

#[test]
fn a_pin_holds_for_one_id_and_one_file() {
    let (bench, folder) = bench("require");
    let mine = Deadly::new("mine", "mine", &folder);
    let twin = Deadly::new("twin", "mine", &folder);
    let (first, second) = (mine.file.to_string_lossy(), twin.file.to_string_lossy());
    let both = bench.run(&["backend", "trust", &first, &second]).expect(14);
    both.complains_of("both call themselves `mine`");
    let _ = trust(&bench, &mine.file, &[]).expect(0);
    assert_eq!(entry(&bench, "twin.so")["stage"], "lock");
    let replaced = trust(&bench, &twin.file, &[]).expect(0);
    assert!(replaced.stderr.contains("in place of ") && replaced.stderr.contains("mine.so"), "{replaced:#?}");
    assert_eq!(entry(&bench, "mine.so")["trust"]["standing"], "unpinned");
    let _ = neg(&bench, &["--backend", "mine"]).expect(0);
    // A lock that was edited to call it something else: it is opened, and then not used.
    let file = bench.home().join("plugins.lock");
    let text = std::fs::read_to_string(&file).expect("read").replace("\"id\":\"mine\"", "\"id\":\"yours\"");
    std::fs::write(&file, text).expect("write");
    let refused = neg(&bench, &["--backend", "yours"]).expect(20);
    refused.complains_of("plugins.lock pins it as `yours`, which is not what it calls itself");
    assert_eq!(entry(&bench, "twin.so")["stage"], "lock");
    // What is pinned and not there is shown.
    std::fs::remove_file(&twin.file).expect("removed");
    std::fs::remove_file(&mine.file).expect("removed");
    let text = with_plugins(&bench, &["backend", "list"]).expect(0).stdout;
    assert!(text.contains("pinned and not found: yours"), "{text}");
}

#[test]
fn wrong_words_are_named_and_nothing_is_pinned_by_them() {
    let (bench, folder) = bench("off");
    let mine = Deadly::new("mine", "mine", &folder);
    c_plugin("major", &["WRONG_MAJOR"], &folder);
    trust(&bench, &folder.join("gone.so"), &[]).expect(13).complains_of("gone.so does not exist");
    trust(&bench, &bench.work().join("x.npy"), &[]).expect(14).complains_of("not an ELF shared object");
    trust(&bench, &folder.join("major.so"), &[]).expect(15).complains_of("ABI major version 2");
    let other = "0".repeat(64);
    trust(&bench, &mine.file, &["--sha256", &other]).expect(12).complains_of("has another digest than --sha256");
    trust(&bench, &mine.file, &["--sha256", "12"]).expect(64).complains_of("a SHA-256 has 64 hex digits");
    assert_eq!(mine.opened(), 0);
    bench.run(&["backend", "trust"]).expect(64).complains_of("required arguments");
    bench.run(&["backend", "remove", "mine"]).expect(13).complains_of("plugins.lock pins no plugin `mine`");
    assert!(!bench.home().join("plugins.lock").exists());
    let _ = trust(&bench, &mine.file, &["--sha256", &sha256(&mine.file).to_uppercase()]).expect(0);
    let unknown = bench.run(&["backend", "remove", "yours"]).expect(13);
    assert!(unknown.stderr.contains("help: pinned are: mine"), "{unknown:#?}");
    let help = bench.run(&["backend", "trust", "--help"]).expect(0).stdout;
    assert!(["--sha256", "--signature", "--again", "FILE"].iter().all(|word| help.contains(word)), "{help}");
    let help = bench.run(&["backend", "--help"]).expect(0).stdout;
    assert!(!help.contains("probe") && help.contains("trust") && help.contains("remove"), "{help}");
    std::fs::write(bench.home().join("clamp.yaml"), "backend:\n  trusted_keys: [acme]\n").expect("write");
    bench
        .run(&["backend", "list"])
        .expect(14)
        .complains_of("clamp.yaml:2: backend.trusted_keys: \"acme\" is not NAME=KEY");
}

#[test]
fn hosts_that_pin_at_one_time_keep_each_others_pins() {
    let (bench, folder) = bench("off");
    let ids = ["a", "b", "c", "d"];
    let plugins: Vec<Deadly> = ids.iter().map(|id| Deadly::new(id, id, &folder)).collect();
    let mut running: Vec<_> =
        plugins.iter().map(|plugin| bench.start(&["backend", "trust", &plugin.file.to_string_lossy()])).collect();
    assert!(running.iter_mut().all(|child| child.wait().expect("an end").success()));
    let list = with_plugins(&bench, &["backend", "list", "--json"]).expect(0).json();
    let pins = list["lock"]["pins"].as_array().expect("a list").iter().map(|pin| pin["id"].clone());
    assert_eq!(pins.collect::<Vec<_>>(), ids);
}
