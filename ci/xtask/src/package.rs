//! Makes an overlay's package: the component, the assets, and the manifest with their digests. The manifest in the
//! sources leaves `sha256` and `bytes` out, because they follow from the files; one that has them is refused.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::staging::Staging;
use crate::workspace::{Member, Workspace};

/// A package that was made.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    version: String,
    component_bytes: usize,
    component_sha256: String,
    /// Interfaces of the host that the component imports.
    imports: Vec<String>,
}

impl Package {
    /// One line for people.
    pub(crate) fn summary(&self) -> String {
        format!(
            "{} {}: {} bytes, sha256 {}, imports {}",
            self.name,
            self.version,
            self.component_bytes,
            self.component_sha256,
            self.imports.join(" ")
        )
    }
}

/// Where a crate's manifest is; a crate without one is no overlay.
pub(crate) fn source_manifest(workspace: &Workspace, member: &Member) -> PathBuf {
    workspace.root.join(&member.folder).join("manifest.json")
}

/// Writes `out/NAME`, whole or not at all.
pub(crate) fn assemble(workspace: &Workspace, member: &Member, component: &[u8], out: &Path) -> Result<Package> {
    let source = workspace.root.join(&member.folder);
    let path = source_manifest(workspace, member);
    let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut manifest: Value =
        serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    let name = string(&manifest, "/name")?;
    let version = string(&manifest, "/version")?;
    if version != member.version {
        bail!("{} says version {version}, the crate {}; write the same into both", path.display(), member.version);
    }
    let place = out.join(&name);
    let staging = Staging::beside(&place)?;
    let wasm = string(&manifest, "/entrypoints/wasm/path")?;
    let component_sha256 = write(staging.path(), &wasm, component)?;
    fill(object(&mut manifest, "/entrypoints/wasm")?, json!({ "sha256": component_sha256 }))?;
    let assets = manifest.pointer("/assets").and_then(Value::as_array).map_or(0, Vec::len);
    for index in 0..assets {
        let asset = format!("/assets/{index}");
        let file = string(&manifest, &format!("{asset}/path"))?;
        let bytes = fs::read(source.join(&file)).with_context(|| format!("cannot read {}/{file}", member.folder))?;
        let sha256 = write(staging.path(), &file, &bytes)?;
        fill(object(&mut manifest, &asset)?, json!({ "sha256": sha256, "bytes": bytes.len() }))?;
    }
    write(staging.path(), "manifest.json", format!("{manifest:#}\n").as_bytes())?;
    staging.publish()?;
    let imports = imports(component)?;
    Ok(Package { name, folder: place, version, component_bytes: component.len(), component_sha256, imports })
}

/// Adds keys that must not be there yet.
fn fill(object: &mut Map<String, Value>, made: Value) -> Result<()> {
    let Value::Object(made) = made else { return Ok(()) };
    for (key, value) in made {
        if object.insert(key.clone(), value).is_some() {
            bail!("the manifest in the sources has `{key}`; leave it out, it is made from the file");
        }
    }
    Ok(())
}

/// Writes a file of the package; gives its SHA-256.
fn write(folder: &Path, path: &str, bytes: &[u8]) -> Result<String> {
    let inside = Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if !inside || path.is_empty() {
        bail!("the path {path:?} of the manifest leaves the package");
    }
    let file = folder.join(path);
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(sha256_hex(bytes))
}

/// Lower-case hex SHA-256.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The component's imports, without the package's name.
fn imports(component: &[u8]) -> Result<Vec<String>> {
    let decoded = wit_component::decode(component).map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let wit_component::DecodedWasm::Component(resolve, world) = decoded else { bail!("this is no component") };
    let world = &resolve.worlds[world];
    // Types alone are no import that anybody grants.
    let names = world.imports.keys().map(|key| resolve.name_world_key(key));
    let interface = |name: String| Some(name.strip_prefix("clamp:overlay/")?.split('@').next()?.to_owned());
    Ok(names.filter_map(interface).filter(|name| name != "types").collect())
}

fn string(manifest: &Value, pointer: &str) -> Result<String> {
    let text = manifest.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned).with_context(|| format!("the manifest has no text at {pointer}"))
}

fn object<'a>(manifest: &'a mut Value, pointer: &str) -> Result<&'a mut Map<String, Value>> {
    let found = manifest.pointer_mut(pointer).and_then(Value::as_object_mut);
    found.with_context(|| format!("the manifest has no object at {pointer}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_the_files_is_not_written_by_hand() {
        let mut manifest = json!({"entrypoints": {"wasm": {"path": "x.wasm", "sha256": "by hand"}}});
        let wasm = object(&mut manifest, "/entrypoints/wasm").expect("it is there");
        let error = fill(wasm, json!({"sha256": "made"})).expect_err("refused").to_string();
        assert!(error.contains("`sha256`"), "{error}");
    }

    #[test]
    fn paths_stay_inside() {
        let room = tempfile::tempdir().expect("a temporary folder");
        for path in ["../x", "/x", "a/../../x", ""] {
            assert!(write(room.path(), path, b"").is_err(), "{path}");
        }
        let digest = write(room.path(), "a/b", b"").expect("inside");
        assert_eq!(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
