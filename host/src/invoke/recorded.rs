//! A run folder read back as what a replay goes by: the invocation, what the call knew of the world, where it was stopped.
//! It runs nothing and changes nothing.

use std::path::{Path, PathBuf};

use clamp_plugin_api::manifest::{Grant, json};
use serde_json::Value;

use super::input::Input;
use super::{Invocation, Pinned};
use crate::config::Mode;
use crate::error::{Error, Result};
use crate::overlay::{Hints, Mark, Script, Stop, World};
use crate::run;

/// A run folder's content.
pub(super) struct Recorded {
    pub(super) folder: PathBuf,
    pub(super) manifest: Value,
}

impl Recorded {
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let manifest = run::read_manifest(folder)?;
        if manifest["schema"] != run::MANIFEST_SCHEMA {
            let schema = &manifest["schema"];
            return Err(Error::bad_input(format!("{}: schema {schema} is not known to this host", folder.display()))
                .hint("replay it with the host that wrote it"));
        }
        Ok(Self { folder: folder.to_owned(), manifest })
    }

    pub(super) fn text(&self, pointer: &str) -> Result<&str> {
        self.manifest.pointer(pointer).and_then(Value::as_str).ok_or_else(|| {
            Error::bad_input(format!("{}: manifest.json has no text {pointer}", self.folder.display()))
                .hint("`clamp-host runs verify` says what else is wrong with it")
        })
    }

    pub(super) fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.folder.join(name);
        std::fs::read(&path).map_err(|e| Error::io(format!("cannot read {}", path.display()), &e))
    }

    /// A word of the recorded command line, `--name=value`.
    pub(super) fn word(&self, name: &str) -> Option<&str> {
        let words = self.manifest["command"].as_array()?.iter().filter_map(Value::as_str);
        words.filter_map(|word| word.strip_prefix("--")?.split_once('=')).find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    pub(super) fn invocation(&self, backend: Option<&str>) -> Result<Invocation> {
        let m = &self.manifest;
        let wrong = |what: &str| {
            Error::bad_input(format!("{}: manifest.json: {what}", self.folder.display()))
                .hint("`clamp-host runs verify` says what else is wrong with it")
        };
        let input = self.bytes(self.text("/files/input")?)?;
        let input = match self.text("/input/content_type")? {
            "application/json" => Input::Json(json::parse(&input).map_err(|e| wrong(&format!("its input: {e}")))?),
            _ => Input::Raw(input),
        };
        if input.payload().hash() != self.text("/input/payload_hash")? {
            return Err(wrong("the input is not what it was"));
        }
        let grants = m["overlay"]["grants"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let grants = grants.map(|word| word.parse::<Grant>().map_err(|e| wrong(&e.to_string())));
        Ok(Invocation {
            target: format!("{}.{}", self.text("/overlay/name")?, self.text("/capability")?),
            phase: Some(self.text("/phase")?.parse().map_err(|e| wrong(&format!("{e}")))?),
            input,
            profile: self.word("profile").map(|word| word.parse().map_err(|e| wrong(&format!("{e}")))).transpose()?,
            backend: match (backend, m["backend"]["id"].as_str()) {
                (Some(backend), _) => backend.to_owned(),
                (None, Some(id)) => format!("{id}:{}", m["volatile"]["device"]["index"].as_u64().unwrap_or(0)),
                (None, None) => "auto".to_owned(),
            },
            require_gpu: false,
            mode: if self.text("/determinism/mode")? == "fast" { Mode::Fast } else { Mode::Strict },
            seed: Some(self.text("/volatile/seed_text")?.to_owned()),
            threads: 0,
            run_root: PathBuf::new(),
            argv: Vec::new(),
            pinned: Some(Pinned {
                digest: self.text("/overlay/digest")?.to_owned(),
                grants: grants.collect::<Result<_>>()?,
            }),
        })
    }

    /// What the call knew of the world.
    pub(super) fn world(&self) -> World {
        let m = &self.manifest;
        let config = m["overlay"]["config"].as_object().into_iter().flatten();
        let config = config.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        let hints: Option<Hints> = serde_json::from_value(m["hints"].clone()).ok();
        World { config: config.collect(), hints: hints.unwrap_or_default(), ..World::default() }
    }

    pub(super) fn script(&self) -> Result<Script> {
        let mut script = Script { stop: self.stop(), ..Script::default() };
        let Some(name) = self.manifest["files"]["calls"].as_str() else { return Ok(script) };
        let bytes = self.bytes(name)?;
        for (number, line) in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).enumerate() {
            let value: Value = serde_json::from_slice(line).unwrap_or_default();
            if value.get("stop").is_some() {
                continue;
            }
            let answer = serde_json::from_value(value)
                .map_err(|e| Error::bad_input(format!("{}/{name}: line {}: {e}", self.folder.display(), number + 1)))?;
            script.answers.push_back(answer);
        }
        Ok(script)
    }

    pub(super) fn stop(&self) -> Option<Stop> {
        serde_json::from_value(self.manifest["volatile"]["stop"].clone()).ok()
    }

    pub(super) fn marks(&self) -> Result<Vec<Mark>> {
        let Some(name) = self.manifest["files"]["trace"].as_str() else { return Ok(Vec::new()) };
        let bytes = self.bytes(name)?;
        let word = |chunk: &[u8]| u64::from_le_bytes(std::array::from_fn(|at| chunk.get(at).copied().unwrap_or(0)));
        Ok(bytes.chunks(8).map(|chunk| Mark(word(chunk))).collect())
    }
}
