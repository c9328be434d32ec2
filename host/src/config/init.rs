//! The commented settings file: every key with its meaning and default. Made from the table of keys, so it cannot lag.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::keys::{GROUPS, KEYS};
use super::places::Places;
use crate::error::{Error, Result};
use crate::run::durable;

/// Column after which a comment goes on in the next line.
const WIDTH: usize = 110;

/// The text of a clamp.yaml in which nothing is changed.
pub fn template() -> String {
    let mut text = "\
# Settings of clamp-host. Every key stands here with its default; remove its # to change it.
# A key may also come from the environment (limits.fuel from CLAMP_LIMITS_FUEL), which wins over this file, and some
# from flags, which win over both. `clamp-host config show` says which value holds and why.
"
    .to_owned();
    for (group, doc) in GROUPS {
        text.push('\n');
        comment(&mut text, "", &doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "));
        let _ = writeln!(text, "{group}:");
        for key in KEYS.iter().filter(|key| key.name.split_once('.').is_some_and(|(of, _)| of == *group)) {
            let name = key.name.split_once('.').map_or(key.name, |(_, name)| name);
            comment(&mut text, "  ", &format!("{} [{}]", key.doc(), key.kind));
            let default = if key.list { "[]" } else { key.default };
            let _ = writeln!(text, "{}", format!("  # {name}: {default}").trim_end());
        }
    }
    text.push_str(PLUGINS);
    text
}

/// The group whose keys are the plugins' own, with those of the bundled ones.
const PLUGINS: &str = "
# Settings of single plugins, by the backend's id; each plugin reads its own. From the environment: plugins.cpu.dispatch
# is CLAMP_PLUGINS_CPU_DISPATCH.
plugins:
  # cpu:
  #   Vector instructions of its kernels; without it the best that the CPU has. Never changes a result. [portable,
  #   avx2 or avx512]
  #   dispatch: avx512

# Settings of single overlays, by the overlay's name. http_hosts are the hosts that it may ask (grant http, runner http), as
# HOST:PORT or HOST, separated by commas; every other key is what it gets by the grant config.
overlays:
  # psyfi:
  #   http_hosts: 127.0.0.1:8787
";

fn comment(text: &mut String, indent: &str, words: &str) {
    let mut line = format!("{indent}#");
    for word in words.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(text, "{line}");
            line = format!("{indent}#");
        }
        let _ = write!(line, " {word}");
    }
    let _ = writeln!(text, "{line}");
}

/// Writes [`template`] to CLAMP_HOME/clamp.yaml and says where that is. A file that is there stays, unless `force`.
///
/// # Errors
/// A file that is there already, or the disk's.
pub fn init(places: &Places, force: bool) -> Result<PathBuf> {
    let path = places.home_config("clamp.yaml");
    std::fs::create_dir_all(&places.home)
        .map_err(|e| Error::io(format!("cannot make the folder {}", places.home.display()), &e))?;
    let text = template();
    if force {
        durable::write_file(&path, text.as_bytes())?;
    } else if !durable::write_new_file(&path, text.as_bytes())? {
        return Err(Error::refused(format!("the settings file {} is already there", path.display()))
            .hint("edit that file, or write the defaults over it with --force"));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;
    use std::path::Path;

    #[test]
    fn the_template_is_a_settings_file_that_changes_nothing() {
        let contents = yaml::read(Path::new("clamp.yaml"), &template());
        assert!(contents.given.is_empty() && contents.problems.is_empty());
    }

    #[test]
    fn every_key_of_the_template_can_be_uncommented() {
        let live: String = template()
            .lines()
            .map(|line| match line.strip_prefix("  # ") {
                Some(key)
                    if KEYS
                        .iter()
                        .any(|k| key.starts_with(&format!("{}:", k.name.split_once('.').expect("group").1))) =>
                {
                    format!("  {key}\n")
                }
                _ => format!("{line}\n"),
            })
            .collect();
        let contents = yaml::read(Path::new("clamp.yaml"), &live);
        assert!(contents.problems.is_empty(), "{:?}", contents.problems);
        // All but run.seed, which has no default.
        assert_eq!(contents.given.len(), KEYS.len() - 1);
    }

    /// With CLAMP_BLESS=1 the test writes the file again after a change to the table of keys.
    #[test]
    fn the_bundled_file_is_the_template() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/clamp.yaml");
        if std::env::var_os("CLAMP_BLESS").is_some() {
            std::fs::write(&path, template()).expect("written");
        }
        let found = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(found, template(), "write it again with CLAMP_BLESS=1");
    }

    #[test]
    fn a_file_that_is_there_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let places =
            Places { bundled: folder.path().into(), home: folder.path().join("home"), work: folder.path().into() };
        let path = init(&places, false).expect("written");
        assert_eq!(path, folder.path().join("home/clamp.yaml"));
        std::fs::write(&path, "mine").expect("written");
        let error = init(&places, false).expect_err("there");
        assert_eq!(error.kind, crate::error::ErrorKind::Refused);
        assert_eq!(std::fs::read_to_string(&path).expect("the file"), "mine");
        init(&places, true).expect("forced");
        assert_eq!(std::fs::read_to_string(&path).expect("the file"), template());
    }
}
