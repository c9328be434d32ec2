//! Reads a settings file: groups of keys, each value with its line. Unknown keys are problems with the nearest known
//! one, and all problems of a file are found at once unless it is no YAML at all. It sets nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_saphyr::{Error as YamlError, Spanned};

use super::keys::{self, GROUPS, KEYS, Key};
use super::load::{Given, NamedGiven, Origin, Problem};
use super::nearest::nearest;
use super::value::Raw;

/// The groups whose keys are not this program's: settings of plugins by id, of overlays by name.
const NAMED: [&str; 2] = ["plugins", "overlays"];

/// Their form.
type Named = BTreeMap<String, Option<BTreeMap<String, Spanned<String>>>>;

/// What a file says, and what is wrong with it.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) given: Vec<Given>,
    pub(super) named: Vec<NamedGiven>,
    pub(super) problems: Vec<Problem>,
}

/// Reads the text of the settings file `path`.
pub(super) fn read(path: &Path, text: &str) -> Contents {
    let contents = RefCell::new(Contents::default());
    let file = File { path, contents: &contents };
    let options = serde_saphyr::options! { with_snippet: false };
    let done = serde_saphyr::with_deserializer_from_str_with_options(text, options, |yaml| file.deserialize(yaml));
    let mut contents = contents.into_inner();
    if let Err(error) = done {
        contents.problems.push(problem(path, &error));
    }
    contents
}

/// Reads a whole typed file, such as hardware.yaml.
pub(super) fn typed<T: serde::de::DeserializeOwned + Default>(path: &Path, text: &str) -> Result<T, Problem> {
    let options = serde_saphyr::options! { with_snippet: false };
    // A file of comments only is one with no key.
    let read: Result<Option<T>, YamlError> = serde_saphyr::from_str_with_options(text, options);
    read.map(Option::unwrap_or_default).map_err(|error| problem(path, &error))
}

/// The library's error as one of ours: the place in front, not at the end.
fn problem(path: &Path, error: &YamlError) -> Problem {
    let location = error.location();
    let (line, column) = location.map_or((1, 1), |at| (at.line().max(1), at.column().max(1)));
    let full = error.to_string();
    let message = full.strip_suffix(&format!(" at line {line}, column {column}")).unwrap_or(&full);
    let place = format!("{}:{line}:{column}", path.display());
    match error {
        YamlError::SerdeUnknownField { field, expected, .. } => unknown_key(place, field, expected.iter().copied()),
        _ => Problem::new(place, message, None),
    }
}

fn unknown_key<'a>(place: String, key: &str, known: impl Iterator<Item = &'a str>) -> Problem {
    let known: Vec<&str> = known.collect();
    let hint = match nearest(key, known.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("the keys here are {}", known.join(", ")),
    };
    Problem::new(place, format!("there is no key {key:?}"), Some(hint))
}

/// The whole file.
#[derive(Clone, Copy)]
struct File<'a> {
    path: &'a Path,
    contents: &'a RefCell<Contents>,
}

impl File<'_> {
    fn refuse_key(self, key: &Spanned<String>, full_name: &str) {
        let at = key.referenced;
        let place = format!("{}:{}:{}", self.path.display(), at.line(), at.column());
        let whole_groups = GROUPS.iter().map(|(group, _)| *group).chain(NAMED);
        let known: Vec<&str> = KEYS.iter().map(|key| key.name).chain(whole_groups).collect();
        let mut problem = unknown_key(place, full_name, known.iter().copied());
        if !problem.hint.as_deref().is_some_and(|hint| hint.starts_with("did you")) {
            problem.hint = Some("`clamp-host config show` lists every key".to_owned());
        }
        self.contents.borrow_mut().problems.push(problem);
    }

    fn give_named(self, group: &'static str, named: Named) {
        for (name, settings) in named {
            for (key, value) in settings.unwrap_or_default() {
                let origin = Origin::File { path: PathBuf::from(self.path), line: value.referenced.line() };
                let (name, value) = (name.clone(), value.value);
                self.contents.borrow_mut().named.push(NamedGiven { group, name, key, value, origin });
            }
        }
    }

    fn give(self, key: &'static Key, raw: Raw, line: u64) {
        let origin = Origin::File { path: PathBuf::from(self.path), line };
        self.contents.borrow_mut().given.push(Given { key, raw, origin });
    }
}

impl<'de> DeserializeSeed<'de> for File<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, yaml: D) -> Result<(), D::Error> {
        yaml.deserialize_option(self)
    }
}

/// An empty file, or one with groups.
impl<'de> Visitor<'de> for File<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("groups of settings")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, yaml: D) -> Result<(), D::Error> {
        yaml.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut groups: A) -> Result<(), A::Error> {
        while let Some(name) = groups.next_key::<Spanned<String>>()? {
            let own = GROUPS.iter().find(|(group, _)| *group == name.value);
            match (own, NAMED.iter().find(|group| **group == name.value)) {
                (Some((group, _)), _) => groups.next_value_seed(Group { file: self, name: group })?,
                (None, Some(group)) => {
                    self.give_named(group, groups.next_value::<Option<Named>>()?.unwrap_or_default());
                }
                (None, None) => {
                    self.refuse_key(&name, &name.value);
                    groups.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// One group of the file.
#[derive(Clone, Copy)]
struct Group<'a> {
    file: File<'a>,
    name: &'static str,
}

impl<'de> DeserializeSeed<'de> for Group<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, yaml: D) -> Result<(), D::Error> {
        yaml.deserialize_option(self)
    }
}

/// A group whose keys are all commented out, or one with keys.
impl<'de> Visitor<'de> for Group<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the keys of {}", self.name)
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, yaml: D) -> Result<(), D::Error> {
        yaml.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<Spanned<String>>()? {
            let full_name = format!("{}.{}", self.name, name.value);
            let line = name.referenced.line();
            match keys::find(&full_name) {
                Some(key) if key.list => {
                    if let Some(items) = members.next_value::<Option<Vec<String>>>()? {
                        self.file.give(key, Raw::List(items), line);
                    }
                }
                // Every scalar is read as its text: 007 and 1_000 stay as they are written.
                Some(key) => {
                    if let Some(text) = members.next_value::<Option<String>>()? {
                        self.file.give(key, Raw::Text(text), line);
                    }
                }
                None => {
                    self.file.refuse_key(&name, &full_name);
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(text: &str) -> Vec<String> {
        let contents = read(Path::new("/c.yaml"), text);
        let given = contents.given.iter().map(|g| format!("{} = {:?} ({})", g.key.name, g.raw, g.origin));
        let named =
            contents.named.iter().map(|n| format!("{}.{}.{} = {} ({})", n.group, n.name, n.key, n.value, n.origin));
        given.chain(named).chain(contents.problems.iter().map(ToString::to_string)).collect()
    }

    #[test]
    fn values_keep_their_text_and_line() {
        let text = "# comment\nrun:\n  seed: 007\n  threads:\nlimits: {fuel: 1_000, log_bytes: 64KiB}\n\
                    backend:\n  plugin_path: [/a, \"/b c\"]\n";
        assert_eq!(
            summary(text),
            [
                "run.seed = Text(\"007\") (/c.yaml:3)",
                "limits.fuel = Text(\"1_000\") (/c.yaml:5)",
                "limits.log_bytes = Text(\"64KiB\") (/c.yaml:5)",
                "backend.plugin_path = List([\"/a\", \"/b c\"]) (/c.yaml:7)",
            ]
        );
        assert_eq!(
            summary("plugins:\n  cpu:\n    dispatch: avx2\n    depth: 007\n  none:\n"),
            ["plugins.cpu.depth = 007 (/c.yaml:4)", "plugins.cpu.dispatch = avx2 (/c.yaml:3)"]
        );
        for empty in ["", "plugins:\n", "# nothing\n", "run:\nlimits:\n  # fuel: 3\n", "---\n"] {
            assert!(summary(empty).is_empty(), "{empty:?}");
        }
    }

    #[test]
    fn every_unknown_key_is_found_with_its_place_and_the_nearest() {
        let text = "runs:\n  root: x\nrun:\n  fuel: 3\n  seed: 1\nlimits:\n  feul: 3\n  colour: red\nother: {a: [1]}\n";
        assert_eq!(
            summary(text),
            [
                "run.seed = Text(\"1\") (/c.yaml:5)",
                "/c.yaml:1:1: there is no key \"runs\" (did you mean run?)",
                "/c.yaml:4:3: there is no key \"run.fuel\" (did you mean limits.fuel?)",
                "/c.yaml:7:3: there is no key \"limits.feul\" (did you mean limits.fuel?)",
                "/c.yaml:8:3: there is no key \"limits.colour\" (`clamp-host config show` lists every key)",
                "/c.yaml:9:1: there is no key \"other\" (`clamp-host config show` lists every key)",
            ]
        );
    }

    #[test]
    fn what_is_no_settings_file_says_where() {
        for (text, place) in [
            ("run: 3\n", "/c.yaml:1:6: "),
            ("- run\n", "/c.yaml:1:1: "),
            ("run:\n  seed: 1\n  seed: 2\n", "/c.yaml:3:3: duplicate mapping key: seed"),
            ("run:\n\tseed: 1\n", "/c.yaml:2:2: tabs disallowed"),
            ("run:\n  seed: [1]\n", "/c.yaml:2:9: "),
            ("backend:\n  plugin_path: /a\n", "/c.yaml:2:16: "),
            ("run: {}\n---\nrun: {}\n", "/c.yaml:3:1: "),
            ("run: 'x\n", "/c.yaml:2:1: "),
            ("plugins:\n  cpu: avx2\n", "/c.yaml:2:8: "),
        ] {
            let found = summary(text);
            assert!(found.iter().any(|line| line.starts_with(place)), "{text:?}: {found:?}");
        }
    }
}
