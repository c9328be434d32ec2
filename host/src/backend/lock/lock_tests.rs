//! Where files stand: every way in which the lock vouches for one or does not, before and after its id is known.

use ed25519_dalek::{Signer as _, SigningKey};

use super::*;

struct Ground {
    folder: tempfile::TempDir,
    acme: SigningKey,
    lab: SigningKey,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a.so", "b.so"] {
            std::fs::write(folder.path().join(name), name).expect("write");
        }
        Self { folder, acme: SigningKey::from_bytes(&[7; 32]), lab: SigningKey::from_bytes(&[9; 32]) }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().expect("a folder").join(name)
    }

    fn lock(&self, trusted: &[(&str, &SigningKey)], pins: Vec<Pin>) -> Lock {
        let key = |(name, key): &(&str, &SigningKey)| TrustedKey { name: (*name).to_owned(), key: key.verifying_key() };
        let path = self.file("plugins.lock");
        Lock { policy: LockPolicy::Require, path, pins, keys: trusted.iter().map(key).collect() }
    }

    fn sign(&self, name: &str, key: &SigningKey, digest: &str) {
        let signature = key.sign(statement(digest).as_bytes()).to_bytes();
        std::fs::write(signature::beside(&self.file(name)), signature).expect("write");
    }
}

fn digest(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn plain(id: &str, path: &Path, digit: char) -> Pin {
    Lock::pin(id, path, &digest(digit), None).expect("a pin")
}

#[test]
fn a_pin_is_of_bytes_and_knows_its_place() {
    let ground = Ground::new();
    let (a, b) = (ground.file("a.so"), ground.file("b.so"));
    let lock = ground.lock(&[], vec![plain("cpu", &a, '1')]);
    let pinned = Standing::Pinned { id: "cpu".to_owned(), signed_by: None };
    assert_eq!(lock.standing(&a, &digest('1')), pinned);
    assert_eq!(lock.standing(&b, &digest('1')), pinned, "the same bytes elsewhere");
    let changed = Standing::Changed { id: "cpu".to_owned(), pinned_sha256: digest('1') };
    assert_eq!(lock.standing(&a, &digest('2')), changed);
    assert_eq!(lock.standing(&b, &digest('2')), Standing::Unpinned);
    // What the file calls itself is known later.
    assert_eq!(lock.settle(pinned.clone(), "cpu"), pinned);
    assert_eq!(lock.settle(pinned, "gpu"), Standing::Misnamed { id: "cpu".to_owned() });
    assert_eq!(lock.settle(Standing::Unpinned, "cpu"), changed, "the id is taken by other bytes");
    assert_eq!(lock.settle(Standing::Unpinned, "gpu"), Standing::Unpinned);
    std::os::unix::fs::symlink(&a, ground.file("link.so")).expect("a link");
    assert_eq!(lock.standing(&ground.file("link.so"), &digest('2')), changed, "by another name");
}

#[test]
fn a_signature_counts_by_a_trusted_key_only() {
    let ground = Ground::new();
    let (a, b) = (ground.file("a.so"), ground.file("b.so"));
    ground.sign("a.so", &ground.acme, &digest('1'));
    let signed = Standing::Signed { signed_by: "acme".to_owned() };
    let lock = ground.lock(&[("lab", &ground.lab), ("acme", &ground.acme)], Vec::new());
    assert_eq!(lock.standing(&a, &digest('1')), signed);
    assert_eq!(lock.standing(&b, &digest('1')), Standing::Unpinned, "it has no signature beside it");
    // Other bytes, another signer, no signature at all, nobody trusted.
    for (lock, digit) in [(&lock, '2'), (&ground.lock(&[("lab", &ground.lab)], Vec::new()), '1')] {
        let standing = lock.standing(&a, &digest(digit));
        let reason = standing.reason().expect("a reason");
        assert!(reason.contains("a.so.sig does not sign these bytes by a trusted key"), "{reason}");
        assert!(!standing.is_verified() && standing.unverified().is_some());
    }
    assert_eq!(ground.lock(&[], Vec::new()).standing(&a, &digest('1')), Standing::Unpinned);
    assert!(ground.lock(&[], Vec::new()).has_unread_signature(&a));
    std::fs::write(signature::beside(&a), "rubbish").expect("write");
    let reason = lock.standing(&a, &digest('1')).reason().expect("a reason");
    assert!(reason.contains("a.so.sig is no signature"), "{reason}");
    // A pin of the place is the stricter word, and so is one of the id.
    ground.sign("a.so", &ground.acme, &digest('2'));
    let both = ground.lock(&[("acme", &ground.acme)], vec![plain("cpu", &a, '1')]);
    assert!(matches!(both.standing(&a, &digest('2')), Standing::Changed { .. }));
    assert!(matches!(both.settle(signed, "cpu"), Standing::Changed { .. }));
}

#[test]
fn a_pinned_signature_holds_as_long_as_its_key_is_trusted() {
    let ground = Ground::new();
    let a = ground.file("a.so");
    ground.sign("a.so", &ground.acme, &digest('1'));
    let trusting = ground.lock(&[("acme", &ground.acme)], Vec::new());
    let signed = trusting.signature(&a, &digest('1'), None).expect("good");
    let pin = Lock::pin("cpu", &a, &digest('1'), signed).expect("a pin");
    std::fs::remove_file(signature::beside(&a)).expect("removed");
    let lock = ground.lock(&[("acme", &ground.acme)], vec![pin.clone()]);
    let standing = lock.standing(&a, &digest('1'));
    assert_eq!(standing.label(), "pinned, signed by acme");
    for keys in [&[][..], &[("lab", &ground.lab)]] {
        assert_eq!(
            ground.lock(keys, vec![pin.clone()]).standing(&a, &digest('1')),
            Standing::Withdrawn { id: "cpu".to_owned() }
        );
    }
    // A pin that was edited to look signed.
    let forged = Pin { signature: Some("0".repeat(128)), ..pin };
    let lock = ground.lock(&[("acme", &ground.acme)], vec![forged]);
    assert_eq!(lock.standing(&a, &digest('1')), Standing::Withdrawn { id: "cpu".to_owned() });
}

#[test]
fn pins_are_put_replaced_and_taken_out() {
    let ground = Ground::new();
    let (a, b) = (ground.file("a.so"), ground.file("b.so"));
    let path = ground.file("home/plugins.lock");
    assert_eq!(Lock::put(&path, vec![plain("cpu", &a, '1'), plain("gpu", &b, '2')]), Ok(Vec::new()));
    assert_eq!(Lock::put(&path, vec![plain("cpu", &a, '3')]), Ok(vec![plain("cpu", &a, '1')]));
    let error = Lock::take_out(&path, &["gpu".to_owned(), "tpu".to_owned()]).expect_err("unknown");
    assert_eq!(error.kind, crate::error::ErrorKind::NotFound);
    assert_eq!(error.message, "plugins.lock pins no plugin `tpu`");
    assert_eq!(error.hint.as_deref(), Some("pinned are: cpu, gpu"));
    assert_eq!(Lock::take_out(&path, &["gpu".to_owned()]), Ok(vec![plain("gpu", &b, '2')]));
    let lock = Lock::read(path.clone(), LockPolicy::Off, Vec::new()).expect("a lock");
    assert_eq!(lock.pins, [plain("cpu", &a, '3')]);
    assert_eq!(Lock::take_out(&path, &["cpu".to_owned()]).map(|gone| gone.len()), Ok(1));
    let error = Lock::take_out(&path, &["cpu".to_owned()]).expect_err("gone");
    assert_eq!(error.hint.as_deref(), Some("it pins none; `clamp-host backend trust FILE` pins one"));
}
