//! `cargo xtask keep-binaries`: adds the example plugins as they are built today to tests/fixtures/binaries, where every
//! later host has to load them. What is there stays; a plugin is known by the commit that it is from.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::cargo;
use crate::guests::GuestFlags;
use crate::package::sha256_hex;
use crate::process::Tool;
use crate::staging;
use crate::workspace::Workspace;
use crate::{new_backend, tools};

const FOLDER: &str = "tests/fixtures/binaries";

/// The largest file that is worth its place in every clone.
const MOST_BYTES: usize = 512 << 10;

/// A plugin that was built.
struct Built {
    id: &'static str,
    door: &'static str,
    file: PathBuf,
    compiler: String,
    kernels: &'static [&'static str],
}

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let commit = commit(workspace)?;
    let list = workspace.root.join(FOLDER).join("binaries.json");
    let mut all = read(&list)?;
    let flags = GuestFlags::find(workspace)?;
    for built in [in_c(workspace)?, in_rust(workspace, &flags)?] {
        tools::strip(&built.file)?;
        let bytes = fs::read(&built.file).with_context(|| format!("cannot read {}", built.file.display()))?;
        flags.check(&bytes)?;
        ensure!(bytes.len() <= MOST_BYTES, "{} has {} bytes, at most {MOST_BYTES} are kept", built.id, bytes.len());
        let name = format!("{}-{}.so", built.id, &commit[..12]);
        if all.iter().any(|kept| kept["file"] == name) {
            bail!("{name} is kept already");
        }
        staging::copy(&built.file, &workspace.root.join(FOLDER).join(&name))?;
        println!("{name}: {} bytes", bytes.len());
        all.push(json!({
            "file": name, "id": built.id, "door": built.door, "commit": commit, "sha256": sha256_hex(&bytes),
            "bytes": bytes.len(), "compiler": built.compiler, "target": "x86_64-linux-gnu", "kernels": built.kernels,
        }));
    }
    let text = format!("{:#}\n", Value::Array(all));
    fs::write(&list, text).with_context(|| format!("cannot write {}", list.display()))
}

/// The commit that is checked out, which has to be all that there is.
fn commit(workspace: &Workspace) -> Result<String> {
    let git = |words: &[&str]| -> Result<String> {
        let output = Tool::new("git").folder(&workspace.root).args(words).output()?;
        Ok(String::from_utf8(output).context("git's words are not UTF-8")?.trim().to_owned())
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    ensure!(changed.is_empty(), "there are changes that no commit has; a kept binary names its commit:\n{changed}");
    git(&["rev-parse", "HEAD"])
}

fn read(list: &Path) -> Result<Vec<Value>> {
    match fs::read(list) {
        Ok(text) => serde_json::from_slice(&text).with_context(|| format!("{} is no list", list.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", list.display())),
    }
}

/// The C example, as its README builds it.
fn in_c(workspace: &Workspace) -> Result<Built> {
    let folder = workspace.target.join("keep");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let file = folder.join("c-example.so");
    let source = workspace.root.join("plugins/c-example");
    let options = ["-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-ffp-contract=off"];
    let include = workspace.root.join("plugin-api/include");
    let call = Tool::new("cc").folder(&source).args(options).arg("-I").arg(include);
    call.args(["backend.c", "kernels.c", "-lm", "-o"]).arg(&file).run()?;
    let compiler = Tool::new("cc").arg("--version").output()?;
    let compiler = String::from_utf8_lossy(&compiler).lines().next().unwrap_or_default().to_owned();
    Ok(Built {
        id: "c-example",
        door: "c",
        file,
        compiler,
        kernels: &["neg.f32.v1", "sum.f32.v1", "gather_rows.f32.v1"],
    })
}

/// What `new-backend` writes, built for size.
fn in_rust(workspace: &Workspace, flags: &GuestFlags) -> Result<Built> {
    let folder = workspace.target.join("keep/yesterday");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    new_backend::write(workspace, "yesterday", Some(&folder))?;
    let call = Tool::new(crate::workspace::cargo())
        .folder(&folder)
        .args(["build", "--release", "--target-dir"])
        .arg(workspace.target.join("keep/build"))
        .env("CARGO_ENCODED_RUSTFLAGS", &flags.encoded)
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "z")
        .env("CARGO_PROFILE_RELEASE_LTO", "true")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1");
    let artifacts = cargo::artifacts(call)?;
    let libraries = cargo::shared_libraries(&artifacts, &folder);
    let (_, file) = libraries.into_iter().next().context("cargo built no plugin")?;
    let compiler = Tool::new("rustc").folder(&workspace.root).arg("--version").output()?;
    let compiler = String::from_utf8_lossy(&compiler).trim().to_owned();
    Ok(Built {
        id: "yesterday",
        door: "rust",
        file,
        compiler,
        kernels: &["neg.f32.v1", "clamp.f32.v1", "gather_rows.f32.v1"],
    })
}
