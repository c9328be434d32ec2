//! The tools that the commands need beside cargo. What can be installed without asking is; for the rest the error is
//! the exact command.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::objects::Nvrtc;
use crate::process::{Tool, exists};
use crate::workspace::Workspace;

/// The target that guests are built for.
pub(crate) const GUEST_TARGET: &str = "wasm32-unknown-unknown";

/// Makes sure that the pinned toolchain can build guests.
pub(crate) fn guest_target(workspace: &Workspace) -> Result<()> {
    let sysroot = Tool::new("rustc").args(["--print", "sysroot"]).folder(&workspace.root).output()?;
    let sysroot = PathBuf::from(String::from_utf8(sysroot).context("rustc's sysroot is not UTF-8")?.trim());
    if sysroot.join("lib/rustlib").join(GUEST_TARGET).join("lib").is_dir() {
        return Ok(());
    }
    if !exists("rustup") {
        bail!("the Rust toolchain in {} has no {GUEST_TARGET}; install that target", sysroot.display());
    }
    eprintln!("installing the target {GUEST_TARGET}");
    Tool::new("rustup")
        .args(["target", "add", GUEST_TARGET])
        .folder(&workspace.root)
        .run()
        .with_context(|| format!("run `rustup target add {GUEST_TARGET}` in {}", workspace.root.display()))
}

/// The program that takes debugging symbols out.
pub(crate) fn strip(file: &Path) -> Result<()> {
    Tool::new("strip")
        .arg("--strip-unneeded")
        .arg(file)
        .run()
        .context("`strip` is part of binutils: apt-get install binutils")
}

/// A Python with NumPy and mpmath, in an environment of its own under target/.
pub(crate) fn python(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("python");
    let python = folder.join("bin/python");
    let wanted = workspace.root.join("ci/requirements.txt");
    let is_complete = "import mpmath, numpy; assert numpy.lib.NumpyVersion(numpy.__version__) >= '2.1.0'";
    if Tool::new(&python).args(["-c", is_complete]).works() {
        return Ok(python);
    }
    if !exists("python3") {
        bail!("python3 is not installed, and the kernel reference needs it: apt-get install python3 python3-venv");
    }
    eprintln!("making a Python environment in {}", folder.display());
    Tool::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder)
        .output()
        .context("python3 cannot make environments: apt-get install python3-venv")?;
    Tool::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(&wanted)
        .output()
        .with_context(|| {
            let call = format!("{} -m pip install --requirement {}", python.display(), wanted.display());
            format!("NumPy and mpmath could not be installed; the command is `{call}`")
        })?;
    Ok(python)
}

/// NVRTC's library from its pinned wheel, in the same environment.
pub(crate) fn nvrtc(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(library) = Nvrtc::find(workspace) {
        return Ok(library);
    }
    let python = python(workspace)?;
    let wanted = workspace.root.join("ci/nvrtc.txt");
    eprintln!("installing NVRTC's wheel");
    let words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"];
    Tool::new(&python).args(words).arg("--requirement").arg(&wanted).output().with_context(|| {
        let call = format!("{} {} --requirement {}", python.display(), words.join(" "), wanted.display());
        format!("NVRTC's wheel could not be installed; the command is `{call}`")
    })?;
    Nvrtc::find(workspace).with_context(|| format!("the wheel of {} holds no libnvrtc", wanted.display()))
}

/// Whether cargo-nextest is there; without it the tests run under plain `cargo test`.
pub(crate) fn has_nextest(workspace: &Workspace) -> bool {
    Tool::new(crate::workspace::cargo()).args(["nextest", "--version"]).folder(&workspace.root).works()
}
