//! The rules of a manifest beyond the types of its fields. Each refusal names the field and what to write.
//! It changes nothing but what was left out of the file.

use super::jcs::is_sha256_hex;
use super::overlay::{Asset, Capability, Entrypoints, Manifest, ManifestError};
use super::path::{JsonPath, package_path_problem};
use super::words::{Grant, Phase, Right, Runner};
use std::collections::BTreeSet;

type Checked = Result<(), ManifestError>;

fn refuse(path: JsonPath, message: impl Into<String>) -> Checked {
    Err(ManifestError::Field { path, message: message.into() })
}

fn at(key: &str) -> JsonPath {
    JsonPath::root().key(key)
}

/// Fills in the phases that were left out: the overlay's are all that its rights allow, a capability's the overlay's.
pub(super) fn complete(manifest: &mut Manifest) {
    if manifest.phases.is_empty() {
        let exec = manifest.has_right(Right::Exec);
        manifest.phases = Phase::ALL.iter().copied().filter(|phase| exec || !phase.may_write()).collect();
    }
    for capability in manifest.capabilities.values_mut() {
        if capability.phases.is_empty() {
            capability.phases.clone_from(&manifest.phases);
        }
    }
}

/// Checks a completed manifest; the first breach is the error.
pub(super) fn check(manifest: &Manifest) -> Checked {
    if let Some(problem) = overlay_name_problem(&manifest.name) {
        return refuse(at("name"), problem);
    }
    if !manifest.has_right(Right::Analysis) {
        return refuse(at("rights"), "rights are [\"analysis\"] or [\"analysis\", \"exec\"]");
    }
    ascend_needs_exec(manifest, &manifest.phases, || at("phases"))?;
    grants(manifest)?;
    entrypoints(&manifest.entrypoints)?;
    if manifest.capabilities.is_empty() {
        return refuse(at("capabilities"), "there is none; an overlay has at least one");
    }
    for (name, item) in &manifest.capabilities {
        capability(manifest, name, item)?;
    }
    kernels(&manifest.kernels)?;
    assets(manifest)
}

/// Why `name` cannot be an overlay's; `None` when it can.
pub fn overlay_name_problem(name: &str) -> Option<String> {
    let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    name_problem(name, allowed, "a-z, 0-9, _ and -")
}

/// Why `name` cannot be a capability's bare name; `None` when it can.
pub fn capability_name_problem(name: &str) -> Option<String> {
    let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.');
    name_problem(name, allowed, "a-z, 0-9, _, - and .")
}

fn name_problem(name: &str, allowed: impl Fn(u8) -> bool, letters: &str) -> Option<String> {
    let shown: String = name.chars().take(80).collect();
    if name.is_empty() {
        Some("the name is empty".to_owned())
    } else if name.len() > 64 {
        Some(format!("the name {shown:?} is longer than 64 characters"))
    } else if !name.bytes().all(allowed) {
        Some(format!("the name {shown:?} has other characters than {letters}"))
    } else if name.starts_with(['_', '-', '.']) {
        Some(format!("the name {shown:?} does not start with a letter or digit"))
    } else {
        None
    }
}

fn ascend_needs_exec(manifest: &Manifest, phases: &[Phase], path: impl Fn() -> JsonPath) -> Checked {
    match phases.iter().position(|phase| phase.may_write()) {
        Some(index) if !manifest.has_right(Right::Exec) => {
            refuse(path().index(index), "ASCEND needs the right exec; add it to rights or remove the phase")
        }
        _ => Ok(()),
    }
}

fn grants(manifest: &Manifest) -> Checked {
    let asked = &manifest.grants;
    if asked.contains(&Grant::Compute) && !asked.contains(&Grant::Tensor) {
        return refuse(at("grants"), "compute works on tensors; ask for tensor too");
    }
    Ok(())
}

fn entrypoints(entries: &Entrypoints) -> Checked {
    let place = at("entrypoints");
    if entries.wasm.is_none() && entries.http.is_none() && entries.proc.is_none() {
        return refuse(place, "there is none; give wasm, http or proc");
    }
    if let Some(wasm) = &entries.wasm {
        package_file(&place.clone().key("wasm"), &wasm.path, &wasm.sha256)?;
    }
    if let Some(http) = &entries.http {
        let rest = http.base_url.strip_prefix("http://").or_else(|| http.base_url.strip_prefix("https://"));
        let host = rest.map_or("", |rest| rest.split(['/', '?', '#']).next().unwrap_or(""));
        let odd = http.base_url.chars().any(|c| c.is_whitespace() || c.is_control());
        if host.is_empty() || odd || http.base_url.contains(['?', '#', '@']) {
            let path = place.key("http").key("base_url");
            return refuse(
                path,
                "a base URL is http://host or https://host, with a path but no user, query or fragment",
            );
        }
    }
    if let Some(proc) = &entries.proc {
        let path = place.key("proc").key("command");
        if proc.command.first().is_none_or(String::is_empty) {
            return refuse(path, "a command is a list that starts with the program's name");
        }
        if let Some(index) = proc.command.iter().position(|word| word.contains('\0')) {
            return refuse(path.index(index), "a command's words have no NUL character");
        }
    }
    Ok(())
}

fn capability(manifest: &Manifest, name: &str, item: &Capability) -> Checked {
    let place = at("capabilities").key(name);
    if let Some(problem) = capability_name_problem(name) {
        return refuse(place, problem);
    }
    let entries = &manifest.entrypoints;
    let has_entry = match item.runner {
        Runner::Wasm => entries.wasm.is_some(),
        Runner::Http => entries.http.is_some(),
        Runner::Proc => entries.proc.is_some(),
    };
    if !has_entry {
        let message = format!("there is no entrypoint {0}; add $.entrypoints.{0} or name another runner", item.runner);
        return refuse(place.key("runner"), message);
    }
    if item.runner == Runner::Proc && !manifest.grants.contains(&Grant::Proc) {
        return refuse(place.key("runner"), "a capability that runs a command asks for the grant proc");
    }
    route(item, &place)?;
    let phases = || place.clone().key("phases");
    ascend_needs_exec(manifest, &item.phases, phases)?;
    if let Some(index) = item.phases.iter().position(|phase| !manifest.phases.contains(phase)) {
        let message = format!("{} is not among the overlay's phases; add it to $.phases", item.phases[index]);
        return refuse(phases().index(index), message);
    }
    if !(0.0..=1.0).contains(&item.degradation.max_fraction) {
        return refuse(place.key("degradation").key("max_fraction"), "a fraction is from 0 to 1");
    }
    Ok(())
}

fn route(item: &Capability, place: &JsonPath) -> Checked {
    if !matches!(item.method.as_str(), "POST" | "PUT" | "PATCH") {
        return refuse(place.clone().key("method"), "a method that sends a body is POST, PUT or PATCH");
    }
    let path = || place.clone().key("path");
    match (item.runner, item.path.as_deref()) {
        (Runner::Http, None) => refuse(place.clone(), "an http capability needs a path, such as /run"),
        (Runner::Http, Some(url))
            if !url.starts_with('/') || url.chars().any(|c| c.is_whitespace() || c.is_control()) =>
        {
            refuse(path(), "a URL's path starts with / and has no spaces")
        }
        (_, Some("")) => refuse(path(), "an empty path; leave the key out"),
        (_, Some(text)) if text.contains('\0') => refuse(path(), "a path has no NUL character"),
        _ => Ok(()),
    }
}

fn kernels(ids: &[String]) -> Checked {
    let mut seen = BTreeSet::new();
    for (index, id) in ids.iter().enumerate() {
        let path = at("kernels").index(index);
        if !is_kernel_id(id) {
            return refuse(path, "a kernel id is like sum.f32.v1: lower-case words between dots, then v and a number");
        }
        if !seen.insert(id) {
            return refuse(path, format!("{id} is listed twice"));
        }
    }
    Ok(())
}

fn is_kernel_id(id: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    let version = |part: &str| {
        part.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.len() < 6 && n.bytes().all(|b| b.is_ascii_digit()))
    };
    id.len() <= 128 && id.rsplit_once('.').is_some_and(|(name, last)| version(last) && name.split('.').all(word))
}

fn assets(manifest: &Manifest) -> Checked {
    let mut names = BTreeSet::new();
    let mut paths: BTreeSet<&str> = manifest.entrypoints.wasm.iter().map(|wasm| wasm.path.as_str()).collect();
    for (index, Asset { name, path, sha256, .. }) in manifest.assets.iter().enumerate() {
        let place = at("assets").index(index);
        let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if name.is_empty() || name.len() > 128 || !name.bytes().all(letters) || name.starts_with(['.', '-']) {
            let message = "an asset's name is 1 to 128 of A-Z, a-z, 0-9, ., _ and -, and starts with neither . nor -";
            return refuse(place.key("name"), message);
        }
        if !names.insert(name) {
            return refuse(place.key("name"), format!("there are two assets named {name}"));
        }
        package_file(&place, path, sha256)?;
        if !paths.insert(path) {
            return refuse(place.key("path"), format!("{path:?} is named twice in this manifest"));
        }
    }
    Ok(())
}

/// A file that the package has under `path`.
fn package_file(place: &JsonPath, path: &str, sha256: &str) -> Checked {
    if let Some(problem) = package_path_problem(path) {
        return refuse(place.clone().key("path"), format!("the path {problem}"));
    }
    if path == "manifest.json" {
        return refuse(place.clone().key("path"), "manifest.json is the manifest itself");
    }
    if !is_sha256_hex(sha256) {
        return refuse(place.clone().key("sha256"), "a SHA-256 is 64 lower-case hexadecimal digits");
    }
    Ok(())
}
