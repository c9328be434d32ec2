//! `cargo xtask guests`: builds overlays for wasm32 and turns each into a component and a package. The same sources
//! give the same bytes in any folder on any machine, because no path of the machine reaches the compiler's output.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::cargo;
use crate::cli::GuestArgs;
use crate::package::{self, Package};
use crate::process::Tool;
use crate::tools::{self, GUEST_TARGET};
use crate::workspace::{Member, Workspace, cargo_home};

pub(crate) fn run(workspace: &Workspace, args: &GuestArgs) -> Result<()> {
    let out = args.out.clone().unwrap_or_else(|| packages_folder(workspace));
    let mut packages = build(workspace, "overlays", &out)?;
    if args.fixtures {
        packages.extend(build(workspace, FIXTURES, &out)?);
    }
    for package in packages {
        println!("{}", package.summary());
    }
    Ok(())
}

/// The folder of the crates that are overlays only for tests.
pub(crate) const FIXTURES: &str = "tests/fixtures/overlays";

/// Where packages go when nothing else is said.
pub(crate) fn packages_folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("overlays")
}

/// Builds every overlay of a folder of the workspace; packages go to `out/NAME`.
pub(crate) fn build(workspace: &Workspace, folder: &str, out: &Path) -> Result<Vec<Package>> {
    tools::guest_target(workspace)?;
    let flags = GuestFlags::find(workspace)?;
    workspace
        .members_in(folder)
        .filter(|member| package::source_manifest(workspace, member).is_file())
        .map(|member| build_one(workspace, member, &flags, out).with_context(|| format!("overlay {}", member.folder)))
        .collect()
}

fn build_one(workspace: &Workspace, member: &Member, flags: &GuestFlags, out: &Path) -> Result<Package> {
    // One crate a call: features unify over the crates of a call, and a guest's bytes must not depend on its neighbours.
    let call = cargo::command(workspace, &["build", "--locked", "--quiet", "--profile", "guest"])
        .args(["--target", GUEST_TARGET, "--lib", "-p", &member.name])
        .env("CARGO_ENCODED_RUSTFLAGS", &flags.encoded);
    let artifacts = cargo::artifacts(call)?;
    let folder = workspace.root.join(&member.folder);
    let module =
        artifacts.iter().filter(|artifact| artifact.folder == folder).find_map(|artifact| artifact.file("wasm"));
    let module = module.context("cargo built no module; the crate needs crate-type = [\"cdylib\"]")?;
    let core = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    flags.check(&core)?;
    let component = encode(&core)?;
    package::assemble(workspace, member, &component, out)
}

/// The component of a core module, checked.
fn encode(core: &[u8]) -> Result<Vec<u8>> {
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(core)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| anyhow::anyhow!("the module is no component of the world: {error:#}"))
}

/// Compiler flags that replace each folder of this machine by a name.
pub(crate) struct GuestFlags {
    /// For CARGO_ENCODED_RUSTFLAGS, which alone can hold paths with spaces.
    pub(crate) encoded: OsString,
    /// What must not be found in the output.
    folders: Vec<PathBuf>,
}

impl GuestFlags {
    pub(crate) fn find(workspace: &Workspace) -> Result<Self> {
        // The folders of the registries are there only once the sources are.
        cargo::command(workspace, &["fetch", "--locked", "--quiet", "--target", GUEST_TARGET]).run()?;
        let cargo_home = cargo_home()?;
        let sysroot = Tool::new("rustc").args(["--print", "sysroot"]).folder(&workspace.root).output()?;
        let sysroot = PathBuf::from(String::from_utf8(sysroot).context("rustc's sysroot is not UTF-8")?.trim());
        let mut renamed = vec![
            (workspace.root.clone(), "clamp"),
            (workspace.target.clone(), "target"),
            (cargo_home.clone(), "cargo"),
            (sysroot.join("lib/rustlib/src/rust"), "rust"),
        ];
        // A registry's folder has a name made of its address, which is another one where a mirror is used.
        let sources = cargo_home.join("registry/src");
        for entry in fs::read_dir(&sources).with_context(|| format!("cannot read {}", sources.display()))? {
            renamed.push((entry.with_context(|| format!("cannot read {}", sources.display()))?.path(), "registry"));
        }
        let mut encoded = OsString::new();
        for (folder, name) in &renamed {
            if !encoded.is_empty() {
                encoded.push("\u{1f}");
            }
            encoded.push("--remap-path-prefix=");
            encoded.push(folder);
            encoded.push(format!("={name}"));
        }
        Ok(Self { encoded, folders: renamed.into_iter().map(|(folder, _)| folder).collect() })
    }

    /// Fails if a folder of this machine is in the module.
    pub(crate) fn check(&self, module: &[u8]) -> Result<()> {
        for folder in &self.folders {
            let name = folder.as_os_str().as_encoded_bytes();
            if name.len() > 1 && module.windows(name.len()).any(|window| window == name) {
                bail!("the module holds the path {}; its digest would differ on other machines", folder.display());
            }
        }
        Ok(())
    }
}
