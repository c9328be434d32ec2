//! What can be installed, and that a refusal leaves everything as it was.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use clamp_plugin_api::manifest::{Grant, jcs};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tar::{EntryType, Header};

use super::bench::{Bench, COMPONENT, WEIGHTS, no_check, only};
use super::{GrantChoice, InstallOptions, install};
use crate::error::{Error, ErrorKind};

fn digits() -> Value {
    Bench::manifest("digits", "1.0.0")
}

/// The error of an installation, after a look that nothing changed.
fn refusal(bench: &Bench, package: &Path) -> Error {
    let before = bench.listing();
    let error = bench.install(package).expect_err("refused");
    assert_eq!(bench.listing(), before, "{error}");
    error
}

#[test]
fn a_folder_becomes_a_folder_of_the_store() {
    let bench = Bench::new();
    let package = bench.package("p", &digits());
    let installed = bench.install(&package).expect("a good package");
    assert!(!installed.already && !installed.overlay.enabled && installed.overlay.grants.is_empty());
    let digest = installed.overlay.digest;
    let folder = bench.store().join(&digest);
    assert_eq!(installed.overlay.folder, folder);
    // The digest can be checked with sha256sum.
    assert_eq!(jcs::sha256_hex(&fs::read(folder.join("manifest.json")).expect("the manifest")), digest);
    assert_eq!(fs::read(folder.join("overlay.wasm")).expect("the component"), COMPONENT);
    assert_eq!(fs::read(folder.join("data/w.bin")).expect("the asset"), WEIGHTS);
    assert!(!folder.join("README").exists(), "only what the manifest names");
    let names: Vec<_> =
        fs::read_dir(bench.store()).expect("a store").map(|e| e.expect("an entry").file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let index: Value =
        serde_json::from_slice(&fs::read(bench.store().join("index.json")).expect("index")).expect("json");
    assert_eq!(
        index,
        json!({"schema": 1, "overlays": [
            {"name": "digits", "version": "1.0.0", "digest": digest, "enabled": false, "grants": []}
        ]})
    );
}

#[test]
fn the_same_again_is_fine_and_keeps_what_was_decided() {
    let bench = Bench::new();
    let first = bench.installed("digits", "1.0.0");
    let package = bench.at("digits-1.0.0");
    let before = bench.listing();
    let again = bench.install(&package).expect("again");
    assert!(again.already && again.overlay.enabled);
    assert_eq!(again.overlay.grants, first.overlay.grants);
    assert_eq!(bench.listing(), before);
}

#[test]
fn a_spoilt_installation_is_mended() {
    let bench = Bench::new();
    let first = bench.installed("digits", "1.0.0").overlay;
    let whole = bench.listing();
    fs::write(first.folder.join("overlay.wasm"), "spoilt").expect("written");
    fs::write(first.folder.join("extra"), "extra").expect("written");
    let again = bench.install(&bench.at("digits-1.0.0")).expect("again");
    assert!(!again.already && again.overlay.enabled);
    assert_eq!(bench.listing(), whole);
}

#[test]
fn options_enable_and_grant() {
    let bench = Bench::new();
    let package = bench.package("p", &digits());
    let options = InstallOptions { enable: true, grants: only(&[Grant::Tensor]), ..bench.options() };
    let overlay = install(&bench.store(), &package, &options, &no_check).expect("good").overlay;
    assert!(overlay.enabled);
    assert_eq!(overlay.grants.into_iter().collect::<Vec<_>>(), [Grant::Tensor]);

    let before = bench.listing();
    let options = InstallOptions { grants: only(&[Grant::Tensor, Grant::Http]), ..bench.options() };
    let error = install(&bench.store(), &package, &options, &no_check).expect_err("not asked for");
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Refused, "overlay `digits` does not ask for the grant http")
    );
    assert_eq!(error.hint.as_deref(), Some("its manifest asks for tensor, compute, assets"));
    assert_eq!(bench.listing(), before);
}

#[test]
fn what_does_not_fit_its_manifest_is_refused() {
    let bench = Bench::new();
    let package = bench.package("p", &digits());
    let spoil = |path: &str, bytes: &[u8]| {
        let file = package.join(path);
        let good = fs::read(&file).expect("a file");
        fs::write(&file, bytes).expect("written");
        let error = refusal(&bench, &package);
        fs::write(&file, good).expect("written");
        assert_eq!(error.kind, ErrorKind::BadInput, "{error}");
        error.message
    };
    let expected =
        format!("overlay.wasm: SHA-256 {} expected, {} found", jcs::sha256_hex(COMPONENT), jcs::sha256_hex(b"x"));
    assert_eq!(spoil("overlay.wasm", b"x"), expected);
    assert_eq!(spoil("data/w.bin", b"short"), "data/w.bin has 5 bytes, but the manifest says 22");
    assert_eq!(spoil("data/w.bin", &[0; 99]), "data/w.bin has more than the 22 bytes that the manifest says");
    assert!(spoil("data/w.bin", &[0; 22]).contains("SHA-256"));
    assert!(spoil("manifest.json", b"{\n\"name\": }").contains("manifest.json: line 2, column 9"));
    assert!(spoil("manifest.json", b"{}").contains("manifest.json: at $: missing field"));
    bench.install(&package).expect("good again");
}

#[test]
fn missing_files_and_links_are_refused() {
    let bench = Bench::new();
    let package = bench.package("p", &digits());
    let outside = bench.at("outside");
    fs::write(&outside, WEIGHTS).expect("written");
    fs::remove_file(package.join("data/w.bin")).expect("removed");
    assert!(refusal(&bench, &package).message.ends_with("data/w.bin does not exist"));
    symlink(&outside, package.join("data/w.bin")).expect("a link");
    assert!(refusal(&bench, &package).message.contains("goes through a link"));
    fs::remove_dir_all(package.join("data")).expect("removed");
    symlink(bench.at("q"), package.join("data")).expect("a link");
    bench.package("q", &digits());
    assert!(refusal(&bench, &package).message.contains("goes through a link"));
    fs::remove_file(package.join("manifest.json")).expect("removed");
    assert!(refusal(&bench, &package).message.ends_with("manifest.json does not exist"));
    let error = refusal(&bench, &bench.at("nowhere"));
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[test]
fn host_versions_and_limits_hold() {
    let mut bench = Bench::new();
    let mut manifest = digits();
    manifest["host"] = json!(">=99");
    let error = refusal(&bench, &bench.package("p", &manifest));
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.message.starts_with("overlay `digits` needs a host of version >=99; this is "), "{error}");

    let package = bench.package("p", &digits());
    let most = bench.limits.clone();
    bench.limits.component_bytes = COMPONENT.len() as u64 - 1;
    let error = refusal(&bench, &package);
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Limit, "overlay.wasm has more than the 30 bytes of limits.component_bytes")
    );
    bench.limits = most.clone();
    bench.limits.asset_bytes = 21;
    assert_eq!(
        refusal(&bench, &package).message,
        "the assets together has more than the 21 bytes of limits.asset_bytes"
    );
    bench.limits = most.clone();
    bench.limits.manifest_bytes = 100;
    assert_eq!(refusal(&bench, &package).message, "manifest.json has more than the 100 bytes of limits.manifest_bytes");
    bench.limits = most.clone();
    bench.limits.package_files = 1;
    assert_eq!(refusal(&bench, &package).message, "the manifest names more than the 1 files of limits.package_files");
    bench.limits = most;
    bench.install(&package).expect("within the limits");
}

#[test]
fn the_check_sees_the_component_and_may_refuse() {
    let bench = Bench::new();
    let package = bench.package("p", &digits());
    let before = bench.listing();
    let refuse = |manifest: &clamp_plugin_api::manifest::Manifest, component: &[u8]| {
        assert_eq!((manifest.name.as_str(), component), ("digits", COMPONENT));
        Err(Error::refused("imports clamp:overlay/http"))
    };
    let error = install(&bench.store(), &package, &bench.options(), &refuse).expect_err("refused");
    assert_eq!(error.message, "imports clamp:overlay/http");
    assert_eq!(bench.listing(), before);
}

#[test]
fn a_failure_while_writing_takes_everything_back() {
    let bench = Bench::new();
    bench.installed("other", "0.1.0");
    let package = bench.package("p", &digits());

    // The asset changes after it was checked.
    let before = bench.listing();
    let change = |_: &clamp_plugin_api::manifest::Manifest, _: &[u8]| {
        fs::write(package.join("data/w.bin"), [b'x'; 22]).expect("written");
        Ok(())
    };
    let error = install(&bench.store(), &package, &bench.options(), &change).expect_err("changed");
    assert!(error.message.starts_with("data/w.bin: SHA-256"), "{error}");
    fs::write(package.join("data/w.bin"), WEIGHTS).expect("written");
    assert_eq!(bench.listing(), before);

    // The index cannot be read, or not be written.
    let index = bench.store().join("index.json");
    let good = fs::read(&index).expect("the index");
    fs::write(&index, "{").expect("written");
    assert!(refusal(&bench, &package).message.contains("index.json: line 1, column 2"));
    fs::write(&index, good).expect("written");

    // A file stands where the store should be.
    let before = bench.listing();
    let error = install(&package.join("README"), &package, &bench.options(), &no_check).expect_err("a file");
    assert_eq!(error.kind, ErrorKind::Io);
    let error = install(&package.join("README/store"), &package, &bench.options(), &no_check).expect_err("a file");
    assert_eq!(error.kind, ErrorKind::Io);
    assert_eq!(bench.listing(), before);
}

/// The file that tells the child of the next test that it is one.
const CHILD: &str = "install-here";

/// Writes of more than 1 KiB a file fail in the child, as they do on a full disk.
#[test]
fn a_full_disk_leaves_the_store_as_it_was() {
    let bench = Bench::new();
    bench.installed("other", "0.1.0");
    let mut manifest = digits();
    let large = vec![7; 5000];
    manifest["assets"][0]["sha256"] = json!(jcs::sha256_hex(&large));
    manifest["assets"][0]["bytes"] = json!(large.len());
    let package = bench.package("p", &manifest);
    fs::write(package.join("data/w.bin"), large).expect("written");
    fs::write(bench.at(CHILD), "").expect("written");
    let before = bench.listing();
    let this_test = concat!(module_path!(), "::install_where_told");
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 2; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().expect("this program"))
        .args(["--exact", "--nocapture", this_test.split_once("::").expect("a crate").1])
        .current_dir(bench.at("."))
        .output()
        .expect("a child");
    let said = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert_eq!(said.matches("File too large").count(), 2, "{said}");
    assert_eq!(bench.listing(), before);
}

/// Does nothing by itself: it is the child of the test above.
#[test]
fn install_where_told() {
    let here = PathBuf::from(".");
    if here.join(CHILD).exists() {
        let limits = crate::config::Settings::default().limits;
        let options = InstallOptions { enable: true, grants: GrantChoice::All, limits: &limits };
        for store in ["home/store", "a/new/store"] {
            let error = install(&here.join(store), &here.join("p"), &options, &no_check).expect_err("no space");
            assert_eq!(error.kind, ErrorKind::Io);
            println!("{error}");
        }
    }
}

/// A tar entry: its name as raw bytes, so that hostile ones can be written.
struct Member<'a>(&'a str, EntryType, &'a [u8]);

fn archive(bench: &Bench, members: &[Member<'_>]) -> PathBuf {
    let path = bench.at("package.tar.gz");
    let mut tar = tar::Builder::new(GzEncoder::new(fs::File::create(&path).expect("a file"), Compression::fast()));
    for Member(name, kind, bytes) in members {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            header.set_link_name("/etc/passwd").expect("a name");
        }
        header.set_cksum();
        tar.append(&header, *bytes).expect("appended");
    }
    tar.into_inner().and_then(GzEncoder::finish).expect("written");
    path
}

fn good_members<'a>(manifest: &'a [u8], root: &'a [String; 3]) -> Vec<Member<'a>> {
    vec![
        // An asset may come before the manifest.
        Member(&root[2], EntryType::Regular, WEIGHTS),
        Member(&root[0], EntryType::Regular, manifest),
        Member(&root[1], EntryType::Regular, COMPONENT),
    ]
}

fn rooted(root: &str) -> [String; 3] {
    ["manifest.json", "overlay.wasm", "data/w.bin"].map(|name| format!("{root}{name}"))
}

#[test]
fn an_archive_gives_the_same_overlay_as_its_folder() {
    let manifest = serde_json::to_vec(&digits()).expect("json");
    let mut digests = Vec::new();
    for root in ["", "./", "digits-1.0/"] {
        let bench = Bench::new();
        let names = rooted(root);
        let mut members = good_members(&manifest, &names);
        members.insert(0, Member("./", EntryType::Directory, b""));
        members.push(Member("notes/", EntryType::Directory, b""));
        members.push(Member("notes/x", EntryType::Regular, b"not named"));
        let overlay = bench.install(&archive(&bench, &members)).expect("a good archive").overlay;
        overlay.verify().expect("whole");
        digests.push(overlay.digest);
    }
    let bench = Bench::new();
    digests.push(bench.install(&bench.package("p", &digits())).expect("a folder").overlay.digest);
    digests.dedup();
    assert_eq!(digests.len(), 1);
}

#[test]
fn hostile_archives_are_refused() {
    let manifest = serde_json::to_vec(&digits()).expect("json");
    let names = rooted("");
    let refused = |extra: Member<'_>| {
        let bench = Bench::new();
        let mut members = good_members(&manifest, &names);
        members.push(extra);
        refusal(&bench, &archive(&bench, &members)).message
    };
    for (member, words) in [
        (Member("../evil", EntryType::Regular, b"x"), "\"../evil\" has `..`"),
        (Member("/etc/evil", EntryType::Regular, b"x"), "\"/etc/evil\" is absolute"),
        (Member("a/../../evil", EntryType::Regular, b"x"), "has `..`"),
        (Member("link", EntryType::Symlink, b""), "\"link\" is a link"),
        (Member("data", EntryType::Link, b""), "\"data\" is a link"),
        (Member("pipe", EntryType::Fifo, b""), "\"pipe\" is a device or pipe"),
        (Member("sparse", EntryType::GNUSparse, b""), "\"sparse\" is a sparse file"),
        (Member("overlay.wasm", EntryType::Regular, COMPONENT), "\"overlay.wasm\" is there twice"),
        (Member("./overlay.wasm", EntryType::Regular, COMPONENT), "\"overlay.wasm\" is there twice"),
        (Member("x", EntryType::XHeader, &[b'x'; 70_000]), "extension header of more than 64 KiB"),
    ] {
        let message = refused(member);
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn archives_that_are_none_are_refused() {
    let bench = Bench::new();
    let path = bench.at("x.tar.gz");
    fs::write(&path, "not gzip").expect("written");
    assert!(refusal(&bench, &path).message.contains("no .tar.gz that can be read"));

    let manifest = serde_json::to_vec(&digits()).expect("json");
    let names = rooted("");
    let whole = fs::read(archive(&bench, &good_members(&manifest, &names))).expect("an archive");
    for part in [whole.len() / 2, whole.len() - 20] {
        fs::write(&path, &whole[..part]).expect("written");
        let error = refusal(&bench, &path);
        assert_eq!(error.kind, ErrorKind::BadInput, "{error}");
    }
    let empty = archive(&bench, &[Member("notes", EntryType::Regular, b"x")]);
    assert!(refusal(&bench, &empty).message.ends_with("has no manifest.json"));
    let two = archive(
        &bench,
        &[Member("a/manifest.json", EntryType::Regular, b"{}"), Member("b/manifest.json", EntryType::Regular, b"{}")],
    );
    assert!(refusal(&bench, &two).message.ends_with("has several packages"));
    let incomplete = archive(&bench, &good_members(&manifest, &names)[..2]);
    assert!(refusal(&bench, &incomplete).message.ends_with("has no file overlay.wasm"));
}

#[test]
fn bombs_end_at_the_limits() {
    let mut bench = Bench::new();
    bench.limits.asset_bytes = 1 << 20;
    bench.limits.package_files = 10;
    bench.limits.component_bytes = 1 << 20;
    // 64 MiB of zeros in a few KiB.
    let path = bench.at("bomb.tar.gz");
    let mut gz = GzEncoder::new(fs::File::create(&path).expect("a file"), Compression::best());
    let mut header = Header::new_ustar();
    header.set_path("zeros").expect("a name");
    header.set_entry_type(EntryType::Regular);
    header.set_size(64 << 20);
    header.set_cksum();
    gz.write_all(header.as_bytes()).expect("written");
    for _ in 0..64 {
        gz.write_all(&vec![0; 1 << 20]).expect("written");
    }
    gz.finish().expect("written");
    let error = refusal(&bench, &path);
    assert_eq!(error.kind, ErrorKind::Limit, "{error}");
    assert!(error.message.contains("limits.asset_bytes"), "{error}");

    let many: Vec<String> = (0..12).map(|n| format!("f{n}")).collect();
    let members: Vec<Member<'_>> = many.iter().map(|name| Member(name, EntryType::Regular, b"")).collect();
    let error = refusal(&bench, &archive(&bench, &members));
    assert_eq!(error.kind, ErrorKind::Limit, "{error}");
    assert!(error.message.contains("10 entries of limits.package_files"), "{error}");
}
