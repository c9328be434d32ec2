//! Certificates as files, `<key>.json` in one folder. A file that is not what it has to be counts as none, with the
//! reason; nothing is ever trusted because of its name.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::certificate::{Binding, Certificate};
use crate::error::{Error, Result};
use crate::run::durable;

/// The largest certificate that is read; one of every kernel has about 30 KiB.
const MOST_BYTES: u64 = 1 << 20;

/// A file of the folder.
pub struct Kept {
    /// Where it is.
    pub path: PathBuf,
    /// What it says, or why it does not count.
    pub certificate: std::result::Result<Certificate, String>,
}

/// Where the certificate of this binding is kept.
pub(super) fn file(folder: &Path, binding: &Binding) -> PathBuf {
    folder.join(format!("{}.json", binding.key()))
}

/// The certificate of this binding, if there is one; the error says what is wrong with its file.
pub(super) fn read(folder: &Path, binding: &Binding) -> std::result::Result<Option<Certificate>, String> {
    let path = file(folder, binding);
    let ignored = |why: String| format!("the certificate {} {why}; it is made anew", path.display());
    match load(&path) {
        Ok(None) => Ok(None),
        Ok(Some(certificate)) if certificate.binding == *binding => Ok(Some(certificate)),
        Ok(Some(_)) => Err(ignored("is of another backend, device or driver".to_owned())),
        Err(why) => Err(ignored(why)),
    }
}

fn load(path: &Path) -> std::result::Result<Option<Certificate>, String> {
    let cannot = |e: &std::io::Error| format!("cannot be read ({e})");
    let length = match fs::metadata(path) {
        Ok(there) if there.is_file() => there.len(),
        Ok(_) => return Err("is no file".to_owned()),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(cannot(&e)),
    };
    if length > MOST_BYTES {
        return Err(format!("has more than {MOST_BYTES} bytes"));
    }
    let bytes = fs::read(path).map_err(|e| cannot(&e))?;
    Certificate::read(&bytes).map(Some)
}

/// Writes a certificate. Verdicts that another process kept meanwhile stay.
pub(super) fn write(folder: &Path, certificate: &Certificate) -> Result<()> {
    fs::create_dir_all(folder).map_err(|e| Error::io(format!("cannot make the folder {}", folder.display()), &e))?;
    let mut whole = certificate.clone();
    if let Ok(Some(kept)) = read(folder, &certificate.binding) {
        for (kernel, verdict) in kept.kernels {
            whole.kernels.entry(kernel).or_insert(verdict);
        }
    }
    durable::write_file(&file(folder, &certificate.binding), &whole.bytes())
}

/// Every certificate of the folder, sorted by file name.
///
/// # Errors
/// A folder that is there and cannot be read.
pub fn list(folder: &Path) -> Result<Vec<Kept>> {
    let cannot = |e: &std::io::Error| Error::io(format!("cannot list {}", folder.display()), e);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(cannot(&e)),
    };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| cannot(&e))?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let named = |certificate: Option<Certificate>| match certificate {
            Some(certificate) if path.file_stem().is_some_and(|stem| *stem == *certificate.binding.key()) => {
                Ok(certificate)
            }
            Some(_) => Err("is not named after what it is bound to".to_owned()),
            None => Err("is gone".to_owned()),
        };
        let certificate = load(&path).and_then(named);
        all.push(Kept { path, certificate });
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::super::certificate::conformance;
    use super::*;

    fn certificate(driver: &str) -> Certificate {
        let text = |text: &str| text.to_owned();
        Certificate::new(Binding {
            backend: text("cpu"),
            version: text("0.1.0"),
            plugin_sha256: text("ab"),
            index: 0,
            device: text("cpu"),
            uuid: text(""),
            driver: text(driver),
            dispatch: text("avx2"),
            conformance: conformance(),
        })
    }

    #[test]
    fn what_is_written_is_read_and_foreign_files_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("certificates");
        let (one, other) = (certificate("1"), certificate("2"));
        assert_eq!(read(&folder, &one.binding), Ok(None));
        write(&folder, &one).expect("written");
        assert_eq!(read(&folder, &one.binding), Ok(Some(one.clone())));
        assert_eq!(read(&folder, &other.binding), Ok(None), "another driver is another certificate");
        fs::copy(file(&folder, &one.binding), file(&folder, &other.binding)).expect("copy");
        let note = read(&folder, &other.binding).expect_err("foreign");
        assert!(note.contains("is of another backend, device or driver; it is made anew"), "{note}");
        let states: Vec<bool> = list(&folder).expect("list").iter().map(|kept| kept.certificate.is_ok()).collect();
        assert_eq!(states.iter().filter(|ok| **ok).count(), 1);
        fs::write(file(&folder, &one.binding), "{").expect("write");
        assert!(read(&folder, &one.binding).expect_err("corrupt").contains("is no JSON"));
    }
}
