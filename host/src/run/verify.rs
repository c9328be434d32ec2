//! `runs verify`: whether a run folder is still what its manifest says, and whether the manifest agrees with itself. Reads
//! everything, follows no link, changes nothing. Somebody who rewrites folder and manifest together is not caught here;
//! that takes the signed log.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::Path;

use clamp_plugin_api::manifest::jcs::hex;
use clamp_plugin_api::manifest::{ids, json};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::listing::read_manifest;
use super::record::{FIELDS, MANIFEST_SCHEMA, manifest_bytes};
use crate::error::{Error, Result};

/// One thing that does not agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `manifest.json`, `artifacts/weights.npy`, ...
    pub what: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Holds a run's files against its manifest. No findings means it is whole. An `Err` means it could not be read.
pub fn verify(run: &Path) -> Result<Vec<Finding>> {
    let manifest = read_manifest(run)?;
    let mut check = Check { run, manifest: &manifest, findings: Vec::new() };
    if manifest["schema"] != MANIFEST_SCHEMA {
        check.wrong("manifest.json", format!("schema is {}, not {MANIFEST_SCHEMA}", manifest["schema"]));
        return Ok(check.findings);
    }
    check.form()?;
    check.outcome();
    let artifacts = check.artifacts()?;
    check.result(&artifacts)?;
    check.input()?;
    check.log()?;
    check.trace()?;
    check.folder()?;
    Ok(check.findings)
}

struct Check<'a> {
    run: &'a Path,
    manifest: &'a Value,
    findings: Vec<Finding>,
}

/// A regular file's digest and size.
struct Found {
    sha256: String,
    bytes: u64,
}

impl Check<'_> {
    fn wrong(&mut self, what: &str, problem: impl Into<String>) {
        self.findings.push(Finding { what: what.to_owned(), problem: problem.into() });
    }

    /// Canonical bytes, and exactly the fields of the schema.
    fn form(&mut self) -> Result<()> {
        let path = self.run.join("manifest.json");
        let bytes = fs::read(&path).map_err(|e| Error::io(format!("cannot read {}", path.display()), &e))?;
        if bytes != manifest_bytes(self.manifest) {
            self.wrong("manifest.json", "is not in canonical form (RFC 8785 and a newline)");
        }
        let present: BTreeSet<&str> =
            self.manifest.as_object().into_iter().flatten().map(|(k, _)| k.as_str()).collect();
        let wanted: BTreeSet<&str> = FIELDS.iter().copied().collect();
        for field in wanted.difference(&present) {
            self.wrong("manifest.json", format!("has no field `{field}`"));
        }
        for field in present.difference(&wanted) {
            self.wrong("manifest.json", format!("has a field `{field}` that the schema does not know"));
        }
        Ok(())
    }

    /// ok, error, result and output_hash say one thing.
    fn outcome(&mut self) {
        let m = self.manifest;
        let ok = m["ok"] == true;
        for (field, there) in [("result", ok), ("output_hash", ok), ("error", !ok)] {
            if m[field].is_null() == there {
                self.wrong("manifest.json", format!("ok is {}, but {field} is {}", m["ok"], m[field]));
            }
        }
    }

    /// A regular file of the run; anything else is a finding.
    fn file(&mut self, name: &str) -> Result<Option<Found>> {
        let path = self.run.join(name);
        let cannot = |e: &std::io::Error| Error::io(format!("cannot read {}", path.display()), e);
        match fs::symlink_metadata(&path) {
            Ok(there) if there.is_file() => {}
            Ok(_) => {
                self.wrong(name, "is not a regular file");
                return Ok(None);
            }
            Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                self.wrong(name, "is missing");
                return Ok(None);
            }
            Err(e) => return Err(cannot(&e)),
        }
        let mut file = fs::File::open(&path).map_err(|e| cannot(&e))?;
        let (mut hasher, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; 1 << 20]);
        loop {
            let len = file.read(&mut piece).map_err(|e| cannot(&e))?;
            if len == 0 {
                return Ok(Some(Found { sha256: hex(&hasher.finalize()), bytes }));
            }
            hasher.update(&piece[..len]);
            bytes += len as u64;
        }
    }

    /// A file against the digest and, where it is known, the size that the manifest gives.
    fn digest(&mut self, name: &str, sha256: &Value, bytes: Option<&Value>) -> Result<()> {
        let Some(found) = self.file(name)? else { return Ok(()) };
        if *sha256 != found.sha256.as_str() {
            self.wrong(name, format!("has sha256 {}, the manifest says {sha256}", found.sha256));
        } else if let Some(bytes) = bytes
            && *bytes != found.bytes
        {
            self.wrong(name, format!("has {} bytes, the manifest says {bytes}", found.bytes));
        }
        Ok(())
    }

    /// What a replay goes by. Of a very long call the marks are not all there, and then their digest is another.
    fn trace(&mut self) -> Result<()> {
        let (m, trace) = (self.manifest, &self.manifest["volatile"]["trace"]);
        if m["files"]["calls"] == "calls.jsonl" {
            self.digest("calls.jsonl", &trace["calls_sha256"], None)?;
        }
        if m["files"]["trace"] == "trace.bin" && trace["calls"] == m["usage"]["host_calls"] {
            self.digest("trace.bin", &trace["sha256"], None)?;
        }
        Ok(())
    }

    fn artifacts(&mut self) -> Result<BTreeMap<String, String>> {
        let mut declared = BTreeMap::new();
        for (name, sha256) in self.manifest["artifacts"].as_object().into_iter().flatten() {
            self.digest(&format!("artifacts/{name}"), sha256, None)?;
            declared.insert(name.clone(), sha256.as_str().unwrap_or("").to_owned());
        }
        Ok(declared)
    }

    /// The name that `files` gives, if it is one that a run uses.
    fn name_of(&mut self, what: &str) -> Option<&'static str> {
        let named = &self.manifest["files"][what];
        let known = ["input.json", "input.bin", "result.json", "result.bin"];
        let name = known.into_iter().find(|name| name.starts_with(what) && *named == *name);
        if name.is_none() {
            self.wrong("manifest.json", format!("files.{what} is {named}"));
        }
        name
    }

    fn result(&mut self, artifacts: &BTreeMap<String, String>) -> Result<()> {
        let result = &self.manifest["result"];
        let Some(sha256) = result["sha256"].as_str() else { return Ok(()) };
        if let Some(name) = self.name_of("result") {
            self.digest(name, &result["sha256"], Some(&result["bytes"]))?;
        }
        let output_hash = ids::output_hash(artifacts, sha256);
        let said = &self.manifest["output_hash"];
        if *said != output_hash.as_str() {
            self.wrong("manifest.json", format!("output_hash is {said}, its artifacts and result give {output_hash}"));
        }
        Ok(())
    }

    /// The input, and the run id that follows from it.
    fn input(&mut self) -> Result<()> {
        let m = self.manifest;
        let Some(name) = self.name_of("input") else { return Ok(()) };
        let Some(found) = self.file(name)? else { return Ok(()) };
        if m["input"]["bytes"] != found.bytes {
            self.wrong(name, format!("has {} bytes, the manifest says {}", found.bytes, m["input"]["bytes"]));
        }
        let payload = if m["input"]["content_type"] == "application/json" {
            let path = self.run.join(name);
            let bytes = fs::read(&path).map_err(|e| Error::io(format!("cannot read {}", path.display()), &e))?;
            match json::parse(&bytes) {
                Ok(value) => ids::Payload::json(&value),
                Err(e) => {
                    self.wrong(name, format!("is no JSON: {e}"));
                    return Ok(());
                }
            }
        } else {
            ids::Payload::raw_digest(found.bytes, &found.sha256)
        };
        let said = &m["input"]["payload_hash"];
        if *said != payload.hash().as_str() {
            self.wrong(name, format!("gives payload_hash {}, the manifest says {said}", payload.hash()));
        }
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let (overlay, capability) = (text(&m["overlay"]["name"]), text(&m["capability"]));
        let run_id = ids::run_id(&overlay, &capability, &payload, &text(&m["volatile"]["salt"]));
        if m["volatile"]["run_id"] != run_id.as_str() {
            let said = &m["volatile"]["run_id"];
            self.wrong("manifest.json", format!("run_id is {said}, overlay, capability, input and salt give {run_id}"));
        }
        Ok(())
    }

    fn log(&mut self) -> Result<()> {
        let log = &self.manifest["volatile"]["log"];
        self.digest("logs.jsonl", &log["sha256"], Some(&log["bytes"]))
    }

    /// Nothing lies in the folder that the manifest does not name.
    fn folder(&mut self) -> Result<()> {
        let m = self.manifest;
        let mut known: BTreeSet<String> = ["manifest.json", "logs.jsonl"].map(str::to_owned).into();
        known.extend(m["files"].as_object().into_iter().flatten().filter_map(|(_, v)| v.as_str().map(str::to_owned)));
        let artifacts: BTreeSet<String> =
            m["artifacts"].as_object().into_iter().flatten().map(|(k, _)| k.clone()).collect();
        if !artifacts.is_empty() {
            known.insert("artifacts".into());
        }
        for name in names(self.run)?.difference(&known) {
            self.wrong(name, "is not in the manifest");
        }
        let folder = self.run.join("artifacts");
        match fs::symlink_metadata(&folder) {
            Ok(there) if there.is_dir() => {
                for name in names(&folder)?.difference(&artifacts) {
                    self.wrong(&format!("artifacts/{name}"), "is not in the manifest");
                }
            }
            Ok(_) => self.wrong("artifacts", "is not a folder"),
            Err(_) => {}
        }
        Ok(())
    }
}

fn names(folder: &Path) -> Result<BTreeSet<String>> {
    let cannot = |e: &std::io::Error| Error::io(format!("cannot list {}", folder.display()), e);
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(|e| cannot(&e))? {
        names.insert(entry.map_err(|e| cannot(&e))?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}
