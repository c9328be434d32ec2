//! Puts the settings together: default, then file, then environment, then flag; the later wins and is remembered.
//! A wrong value is an error even where a later one hides it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::determinism;
use super::environment::Environment;
use super::hardware::Hardware;
use super::keys::{self, KEYS, Key, Settings};
use super::nearest::nearest;
use super::places::Places;
use super::value::Raw;
use super::yaml;
use crate::error::{Error, ErrorKind, Result};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The table of keys.
    Default,
    /// A settings file.
    File {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
    },
    /// A variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// The command line.
    Flag {
        /// As it is written: `--seed`.
        flag: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment { variable } => f.write_str(variable),
            Self::Flag { flag } => f.write_str(flag),
        }
    }
}

/// A setting given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The setting's name: `run.seed`.
    pub key: &'static str,
    /// The flag as it is written: `--seed`.
    pub flag: String,
    /// Its value.
    pub raw: Raw,
}

/// Everything that settings come from.
#[derive(Clone, Debug)]
pub struct Sources<'a> {
    /// The variables.
    pub environment: &'a Environment,
    /// Where files are looked for.
    pub places: &'a Places,
    /// `--config`.
    pub config: Option<PathBuf>,
    /// Flags that are settings.
    pub flags: Vec<Flag>,
}

/// One setting as `config show` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// `group.key`, or `plugins.ID.KEY` and `overlays.NAME.KEY`.
    pub key: String,
    /// As it would be written in a file; empty when it is not set.
    pub value: String,
    /// Where it came from: `default`, `FILE:LINE`, a variable or a flag.
    pub origin: Origin,
    /// What it means.
    pub doc: String,
}

/// Something that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `FILE:LINE:COLUMN`, a variable or a flag.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Something that is probably a mistake but stops nothing.
    pub warning: bool,
}

impl Problem {
    pub(super) fn new(place: impl Into<String>, message: impl Into<String>, hint: Option<String>) -> Self {
        Self { place: place.into(), message: message.into(), hint, warning: false }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        // A flag's value is part of the command line, everything else is a setting that somebody wrote down.
        let kind = if problem.place.starts_with("--") { ErrorKind::Usage } else { ErrorKind::BadInput };
        let error = Self::new(kind, format!("{}: {}", problem.place, problem.message));
        error.hint(problem.hint.unwrap_or_else(|| "`clamp-host config check` looks for every problem".to_owned()))
    }
}

/// A setting of a plugin or an overlay on its way into the settings.
#[derive(Debug)]
pub(super) struct NamedGiven {
    /// `plugins` or `overlays`.
    pub(super) group: &'static str,
    pub(super) name: String,
    pub(super) key: String,
    pub(super) value: String,
    pub(super) origin: Origin,
}

/// Variables of plugins' and overlays' settings: the name up to the next underscore, then the key.
const NAMED_VARIABLES: [(&str, &str); 2] = [("plugins", "CLAMP_PLUGINS_"), ("overlays", "CLAMP_OVERLAYS_")];

/// A value on its way into the settings.
pub(super) struct Given {
    pub(super) key: &'static Key,
    pub(super) raw: Raw,
    pub(super) origin: Origin,
}

impl Settings {
    /// The settings that hold.
    ///
    /// # Errors
    /// The first problem: a named file that is missing, an unknown key, a value that is not of its kind.
    pub fn load(sources: &Sources<'_>) -> Result<Self> {
        let (settings, problems) = put_together(sources)?;
        match problems.into_iter().find(|problem| !problem.warning) {
            Some(problem) => Err(problem.into()),
            None => Ok(settings),
        }
    }

    /// Where the value of `key` came from.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// Every setting with its value and origin.
    pub fn show(&self) -> Vec<Shown> {
        let shown = |key: &Key| Shown {
            key: key.name.to_owned(),
            value: (key.get)(self),
            origin: self.origin(key.name),
            doc: key.doc(),
        };
        let groups = [("plugins", "plugin", &self.plugins), ("overlays", "overlay", &self.overlays)];
        let named = groups.into_iter().flat_map(|(group, what, all)| {
            all.iter().flat_map(move |(name, settings)| {
                settings.iter().map(move |(key, value)| {
                    let key = format!("{group}.{name}.{key}");
                    let origin = self.named_origins.get(&key).cloned().unwrap_or(Origin::Default);
                    Shown { key, value: value.clone(), origin, doc: format!("A setting of the {what} {name}.") }
                })
            })
        });
        KEYS.iter().map(shown).chain(named).collect()
    }
}

/// Everything that is wrong with settings, determinism.yaml and hardware.yaml.
///
/// # Errors
/// Only a file that was named and is not there, or that cannot be read.
pub fn check(sources: &Sources<'_>) -> Result<Vec<Problem>> {
    let (_, mut problems) = put_together(sources)?;
    problems.extend(misspelt_variables(sources.environment));
    if let Err(problem) = Hardware::look(sources.places)? {
        problems.push(problem);
    }
    Ok(problems)
}

fn put_together(sources: &Sources<'_>) -> Result<(Settings, Vec<Problem>)> {
    let mut settings = Settings::default();
    let mut given = Vec::new();
    let mut named = Vec::new();
    let mut problems = Vec::new();
    match determinism::look(sources.places)? {
        Ok((determinism, mode)) => {
            settings.determinism = determinism;
            given.extend(mode);
        }
        Err(problem) => problems.push(problem),
    }
    if let Some(path) = config_file(sources)? {
        let contents = yaml::read(&path, &read_text(&path)?);
        given.extend(contents.given);
        named.extend(contents.named);
        problems.extend(contents.problems);
    }
    from_environment(sources.environment, &mut given, &mut problems);
    named.extend(named_from_environment(sources.environment));
    for NamedGiven { group, name, key, value, origin } in named {
        settings.named_origins.insert(format!("{group}.{name}.{key}"), origin);
        let all = if group == "plugins" { &mut settings.plugins } else { &mut settings.overlays };
        all.entry(name).or_default().insert(key, value);
    }
    for Flag { key, flag, raw } in &sources.flags {
        let Some(key) = keys::find(key) else {
            return Err(Error::internal(format!("the flag {flag} is for the setting {key}, which does not exist")));
        };
        given.push(Given { key, raw: raw.clone(), origin: Origin::Flag { flag: flag.clone() } });
    }
    for Given { key, raw, origin } in given {
        match (key.set)(&mut settings, &raw) {
            Ok(()) => drop(settings.origins.insert(key.name, origin)),
            Err(message) => {
                problems.push(Problem::new(origin.to_string(), format!("{}: {message}", key.name), Some(key.doc())))
            }
        }
    }
    Ok((settings, problems))
}

fn from_environment(environment: &Environment, given: &mut Vec<Given>, problems: &mut Vec<Problem>) {
    for key in KEYS {
        for variable in key.variables() {
            match environment.get(&variable).map(|value| value.to_str()) {
                None => {}
                Some(Some(text)) => {
                    given.push(Given {
                        key,
                        raw: Raw::Text(text.to_owned()),
                        origin: Origin::Environment { variable },
                    });
                }
                Some(None) => problems.push(Problem::new(variable, "the value is not UTF-8", None)),
            }
        }
    }
}

fn named_from_environment(environment: &Environment) -> Vec<NamedGiven> {
    let setting = |group: &'static str, prefix: &str, variable: &str| {
        let (name, key) = variable.strip_prefix(prefix)?.split_once('_')?;
        let value = environment.get(variable)?.to_str()?.to_owned();
        let origin = Origin::Environment { variable: variable.to_owned() };
        let (name, key) = (name.to_ascii_lowercase(), key.to_ascii_lowercase());
        Some(NamedGiven { group, name, key, value, origin })
    };
    let of = |(group, prefix): (&'static str, &'static str)| {
        environment.names_with(prefix).filter_map(move |variable| setting(group, prefix, variable)).collect::<Vec<_>>()
    };
    NAMED_VARIABLES.into_iter().flat_map(of).collect()
}

/// Variables that look like ours and are none. Others may have theirs, so this is a warning.
fn misspelt_variables(environment: &Environment) -> Vec<Problem> {
    let mut known = vec!["CLAMP_HOME".to_owned(), "CLAMP_CONFIG".to_owned()];
    known.extend(KEYS.iter().flat_map(Key::variables));
    let strangers = environment
        .names_with("CLAMP_")
        .filter(|name| NAMED_VARIABLES.iter().all(|(_, prefix)| !name.starts_with(prefix)))
        .filter(|name| known.iter().all(|known| known != name));
    let problem = |name: &str| {
        let hint = nearest(name, known.iter().map(String::as_str)).map(|near| format!("did you mean {near}?"));
        Problem { warning: true, ..Problem::new(name, "no setting has this variable", hint) }
    };
    strangers.map(problem).collect()
}

/// The one settings file: `--config`, else `CLAMP_CONFIG`, else CLAMP_HOME/clamp.yaml, else the bundled one.
fn config_file(sources: &Sources<'_>) -> Result<Option<PathBuf>> {
    let variable = || sources.environment.get("CLAMP_CONFIG").map(|path| (PathBuf::from(path), "CLAMP_CONFIG"));
    let named = sources.config.clone().map(|path| (path, "--config")).or_else(variable);
    match named {
        Some((path, by)) if !path.exists() => {
            Err(Error::not_found(format!("the settings file {} named by {by} does not exist", path.display()))
                .hint("`clamp-host config init` writes one with every setting explained"))
        }
        Some((path, _)) => Ok(Some(path)),
        None => Ok(first_of(sources.places, "clamp.yaml")),
    }
}

/// The user's file of that name, or else the bundled one.
pub(super) fn first_of(places: &Places, name: &str) -> Option<PathBuf> {
    [places.home_config(name), places.bundled_config(name)].into_iter().find(|path| path.exists())
}

pub(super) fn read_text(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(format!("cannot read {}", path.display()), &e))?;
    String::from_utf8(bytes).map_err(|e| {
        let line = e.as_bytes()[..e.utf8_error().valid_up_to()].iter().filter(|&&b| b == b'\n').count() + 1;
        Error::new(ErrorKind::BadInput, format!("{}:{line}: the file is not UTF-8", path.display()))
            .hint("save it as UTF-8")
    })
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
