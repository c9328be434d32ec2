//! `runs verify`: whether a run folder is still what its manifest says. Reads everything, changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::Path;

use clamp_plugin_api::manifest::ids;
use clamp_plugin_api::manifest::jcs::{hex, sha256_hex};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::listing::read_manifest;
use super::record::{MANIFEST_SCHEMA, manifest_bytes};
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
    let mut findings = Vec::new();
    let manifest = read_manifest(run)?;
    let path = run.join("manifest.json");
    let bytes = fs::read(&path).map_err(|e| Error::io(format!("cannot read {}", path.display()), &e))?;
    if bytes != manifest_bytes(&manifest) {
        findings.push(finding("manifest.json", "is not in canonical form (RFC 8785 and a newline)"));
    }
    if manifest["schema"] != MANIFEST_SCHEMA {
        findings.push(finding("manifest.json", format!("schema is {}, not {MANIFEST_SCHEMA}", manifest["schema"])));
        return Ok(findings);
    }
    let artifacts = artifact_findings(run, &manifest, &mut findings)?;
    result_findings(run, &manifest, &artifacts, &mut findings)?;
    input_findings(run, &manifest, &mut findings)?;
    if !run.join("logs.jsonl").is_file() {
        findings.push(finding("logs.jsonl", "is missing"));
    }
    Ok(findings)
}

fn artifact_findings(run: &Path, manifest: &Value, findings: &mut Vec<Finding>) -> Result<BTreeMap<String, String>> {
    let mut declared = BTreeMap::new();
    for (name, sha256) in manifest["artifacts"].as_object().into_iter().flatten() {
        let expected = sha256.as_str().unwrap_or("").to_owned();
        let what = format!("artifacts/{name}");
        match file_sha256(&run.join(&what))? {
            None => findings.push(finding(&what, "is missing")),
            Some(found) if found != expected => {
                findings.push(finding(&what, format!("has sha256 {found}, the manifest says {expected}")));
            }
            Some(_) => {}
        }
        declared.insert(name.clone(), expected);
    }
    let present: BTreeSet<String> = match fs::read_dir(run.join("artifacts")) {
        Ok(entries) => entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect(),
        Err(_) => BTreeSet::new(),
    };
    for extra in present.iter().filter(|name| !declared.contains_key(*name)) {
        findings.push(finding(&format!("artifacts/{extra}"), "is not in the manifest"));
    }
    Ok(declared)
}

fn result_findings(
    run: &Path,
    manifest: &Value,
    artifacts: &BTreeMap<String, String>,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    let Some(expected) = manifest["result"]["sha256"].as_str() else { return Ok(()) };
    let file = manifest["files"]["result"].as_str().unwrap_or("result.json");
    match file_sha256(&run.join(file))? {
        None => findings.push(finding(file, "is missing")),
        Some(found) if found != expected => {
            findings.push(finding(file, format!("has sha256 {found}, the manifest says {expected}")));
        }
        Some(_) => {}
    }
    let output_hash = ids::output_hash(artifacts, expected);
    if manifest["output_hash"] != output_hash.as_str() {
        findings.push(finding(
            "manifest.json",
            format!("output_hash is {}, its artifacts and result give {output_hash}", manifest["output_hash"]),
        ));
    }
    Ok(())
}

fn input_findings(run: &Path, manifest: &Value, findings: &mut Vec<Finding>) -> Result<()> {
    let Some(file) = manifest["files"]["input"].as_str() else { return Ok(()) };
    let path = run.join(file);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            findings.push(finding(file, "is missing"));
            return Ok(());
        }
        Err(e) => return Err(Error::io(format!("cannot read {}", path.display()), &e)),
    };
    let found = if manifest["input"]["content_type"] == "application/json" {
        sha256_hex(&bytes)
    } else {
        ids::Payload::raw(&bytes).hash()
    };
    if manifest["input"]["payload_hash"] != found.as_str() {
        let expected = &manifest["input"]["payload_hash"];
        findings.push(finding(file, format!("gives payload_hash {found}, the manifest says {expected}")));
    }
    Ok(())
}

fn file_sha256(path: &Path) -> Result<Option<String>> {
    let cannot = |e: &std::io::Error| Error::io(format!("cannot read {}", path.display()), e);
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(cannot(&e)),
    };
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        let len = file.read(&mut piece).map_err(|e| cannot(&e))?;
        if len == 0 {
            return Ok(Some(hex(&hasher.finalize())));
        }
        hasher.update(&piece[..len]);
    }
}

fn finding(what: &str, problem: impl Into<String>) -> Finding {
    Finding { what: what.to_owned(), problem: problem.into() }
}
