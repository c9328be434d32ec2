//! determinism.yaml: the mode and seed of runs that name none, whether the floating-point state is checked, and the
//! variables that frameworks need for repeatable results. It sets no variable itself.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::keys;
use super::load::{Given, Origin, Problem, first_of, read_text};
use super::places::Places;
use super::value::Raw;
use super::yaml;
use crate::error::Result;

/// The name of the file.
pub(super) const FILE: &str = "determinism.yaml";

/// What strict mode rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Determinism {
    /// Seed, as text, of a strict run that is given none.
    pub seed: String,
    /// Whether rounding and subnormal flags are checked around every plugin call.
    pub fp_check: bool,
    /// Variables for frameworks in proc overlays, by backend.
    pub backend_environment: BTreeMap<String, BTreeMap<String, String>>,
}

/// Backend, variable, value. cuBLAS and hipBLAS give repeatable results with a fixed workspace only; rocBLAS without
/// atomics only, as its documentation says.
const VARIABLES: &[(&str, &str, &str)] = &[
    ("cpu", "PYTHONHASHSEED", "0"),
    ("cuda", "CUBLAS_WORKSPACE_CONFIG", ":4096:8"),
    ("cuda", "PYTHONHASHSEED", "0"),
    ("rocm", "HIPBLAS_WORKSPACE_CONFIG", ":4096:8"),
    ("rocm", "PYTHONHASHSEED", "0"),
    ("rocm", "ROCBLAS_DEFAULT_ATOMICS_MODE", "0"),
];

impl Default for Determinism {
    fn default() -> Self {
        let mut backend_environment = BTreeMap::<_, BTreeMap<_, _>>::new();
        for &(backend, name, value) in VARIABLES {
            backend_environment.entry(backend.to_owned()).or_default().insert(name.to_owned(), value.to_owned());
        }
        Self { seed: "0".to_owned(), fp_check: true, backend_environment }
    }
}

/// Each with its place in the file.
type Variables = BTreeMap<String, Spanned<String>>;

/// The file's own form.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mode: Option<Spanned<String>>,
    seed: Option<String>,
    fp_check: Option<bool>,
    backend_environment: Option<BTreeMap<String, Option<Variables>>>,
}

/// What the file says, apart from the mode: that is a setting like others, below clamp.yaml.
type Looked = Result<(Determinism, Option<Given>), Problem>;

/// Reads the user's file or else the bundled one; without either, the defaults hold.
pub(super) fn look(places: &Places) -> Result<Looked> {
    let Some(path) = first_of(places, FILE) else { return Ok(Ok((Determinism::default(), None))) };
    let text = read_text(&path)?;
    let file: File = match yaml::typed(&path, &text) {
        Ok(file) => file,
        Err(problem) => return Ok(Err(problem)),
    };
    let mut determinism = Determinism::default();
    // A backend that the file names has the file's variables only.
    for (backend, variables) in file.backend_environment.unwrap_or_default() {
        let mut values = BTreeMap::new();
        for (name, value) in variables.unwrap_or_default() {
            if name.is_empty() || name.contains(['=', '\0']) || value.value.contains('\0') {
                let at = value.referenced;
                let place = format!("{}:{}:{}", path.display(), at.line(), at.column());
                return Ok(Err(Problem::new(place, format!("{name:?} cannot be an environment variable"), None)));
            }
            values.insert(name, value.value);
        }
        determinism.backend_environment.insert(backend, values);
    }
    let mode = file.mode.zip(keys::find("run.mode")).map(|(mode, key)| Given {
        key,
        origin: Origin::File { path: path.clone(), line: mode.referenced.line() },
        raw: Raw::Text(mode.value),
    });
    determinism.seed = file.seed.unwrap_or(determinism.seed);
    determinism.fp_check = file.fp_check.unwrap_or(determinism.fp_check);
    Ok(Ok((determinism, mode)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_at(text: &str) -> Looked {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(FILE), text).expect("written");
        let places = Places { bundled: "/nowhere".into(), home: folder.path().into(), work: "/nowhere".into() };
        look(&places).expect("readable").map_err(|mut problem| {
            problem.place = problem.place.replace(&*folder.path().to_string_lossy(), "");
            problem
        })
    }

    #[test]
    fn the_bundled_file_says_the_defaults() {
        let bundled = include_str!("../../../config/determinism.yaml");
        let Ok((determinism, Some(mode))) = look_at(bundled) else { panic!("not read") };
        assert_eq!(determinism, Determinism::default());
        assert_eq!(mode.raw, Raw::Text("strict".to_owned()));
        let Ok((determinism, None)) = look_at("# nothing\n") else { panic!("not read") };
        assert_eq!(determinism, Determinism::default());
    }

    #[test]
    fn what_is_given_replaces_the_default() {
        let text = "seed: 007\nfp_check: false\nbackend_environment:\n  cuda: {A: b}\n  rocm:\n";
        let Ok((determinism, None)) = look_at(text) else { panic!("not read") };
        assert_eq!((determinism.seed.as_str(), determinism.fp_check), ("007", false));
        let variables = |backend: &str| determinism.backend_environment[backend].clone();
        assert_eq!(variables("cuda"), BTreeMap::from([("A".to_owned(), "b".to_owned())]));
        assert!(variables("rocm").is_empty());
        assert_eq!(variables("cpu").len(), 1, "not named, so as it was");
    }

    #[test]
    fn problems_have_their_line() {
        for (text, expected) in [
            ("mode: strict\nsed: 1\n", "/determinism.yaml:2:1: there is no key \"sed\" (did you mean seed?)"),
            ("fp_check: maybe\n", "/determinism.yaml:1:11: invalid boolean"),
            (
                "backend_environment:\n  cpu:\n    A=B: x\n",
                "/determinism.yaml:3:10: \"A=B\" cannot be an environment variable",
            ),
        ] {
            let Err(problem) = look_at(text) else { panic!("{text} was read") };
            assert!(problem.to_string().starts_with(expected), "{problem}");
        }
    }
}
