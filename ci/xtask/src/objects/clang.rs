//! Clang for AMD GPUs, as Debian has it, without any file of ROCm's: assembly from a module's source, and a code object from
//! that assembly, so that what is scanned is what is built.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::{Build, sources};
use crate::process::{Tool, exists};
use crate::workspace::Workspace;

/// Places where it may be, the search path first.
const PLACES: [&str; 2] = ["clang-19", "/usr/lib/llvm-19/bin/clang"];

/// Arithmetic as the specification has it. Without the first, clang contracts in HIP; the others are its defaults, said aloud:
/// binary32 division and root are rounded correctly, subnormal numbers are kept.
const EXACT: [&str; 3] =
    ["-ffp-contract=off", "-fhip-fp32-correctly-rounded-divide-sqrt", "-fno-gpu-flush-denormals-to-zero"];

/// No file of ROCm's; the object format of all runtimes from ROCm 4 to 7; nothing in it that depends on where it was built.
const PLAIN: [&str; 8] = [
    "-x",
    "hip",
    "--cuda-device-only",
    "-nogpulib",
    "-nogpuinc",
    "-fuse-cuid=none",
    "-mcode-object-version=4",
    "-Werror",
];

/// The compiler.
#[derive(Clone, Debug)]
pub(crate) struct Clang {
    program: PathBuf,
    /// Where the sources' headers are.
    headers: PathBuf,
}

impl Clang {
    /// The compiler, if it and its linker are there.
    pub(crate) fn find(workspace: &Workspace) -> Option<Clang> {
        let is_there = |place: &&&str| exists(place) || Path::new(place).is_file();
        let program = PathBuf::from(PLACES.iter().find(is_there)?);
        let linker = exists("ld.lld-19") || Path::new("/usr/lib/llvm-19/bin/ld.lld").is_file();
        linker.then(|| Clang { program, headers: sources::headers(workspace) })
    }

    /// Its first line about itself.
    pub(super) fn version(&self) -> Result<String> {
        let words = String::from_utf8(Tool::new(&self.program).arg("--version").output()?).context("not UTF-8")?;
        match words.lines().next() {
            Some(line) if line.contains("version 19.") => Ok(line.to_owned()),
            line => bail!("{} is `{}`, not version 19", self.program.display(), line.unwrap_or_default()),
        }
    }

    /// Assembly of a module for a processor, with further options after the right ones.
    pub(super) fn assembly(&self, source: &Path, processor: &str, build: Build, more: &[&str]) -> Result<String> {
        let mut call = Tool::new(&self.program).args(PLAIN).args(["-O3", "-std=c++17"]).args(EXACT);
        call = call.arg(format!("--offload-arch={processor}")).arg("-I").arg(&self.headers);
        if build == Build::Opaque {
            call = call.arg("-DCLAMP_OPAQUE");
        }
        let text = call.args(more).args(["-S", "-o", "-"]).arg(source).output()?;
        String::from_utf8(text).context("the assembly is not UTF-8")
    }

    /// A code object of an assembly file.
    pub(super) fn object(&self, assembly: &Path, processor: &str, object: &Path) -> Result<()> {
        let call = Tool::new(&self.program).args(["-x", "assembler", "-target", "amdgcn-amd-amdhsa", "-nogpulib"]);
        let call = call.arg(format!("-mcpu={processor}")).arg("-mcode-object-version=4");
        call.arg(assembly).arg("-o").arg(object).output().map(drop)
    }
}
