//! The CPU backend's DLPack entries against NumPy, tests/dlpack: arrays cross without a copy and are released in time.

use anyhow::{Result, ensure};

use super::Report;
use super::products::Products;
use super::reference::last_line;
use crate::process::Tool;
use crate::tools;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, products: &Products<'_>, report: &mut Report) -> Result<()> {
    let python = tools::python(workspace)?;
    report.measure("dlpack with NumPy", || {
        let plugin = products.dist()?.join("plugins/clamp_cpu.so");
        ensure!(plugin.is_file(), "the distribution has no {}", plugin.display());
        let call = Tool::new(&python).folder(&workspace.root.join("tests/dlpack"));
        // Python would write its caches into the sources.
        let call = call.env("PYTHONDONTWRITEBYTECODE", "1").arg("check_dlpack.py").arg("--plugin").arg(plugin);
        let (lines, status) = call.watch()?;
        last_line(&lines, status.success(), ["checks", "failed"])
    });
    Ok(())
}
