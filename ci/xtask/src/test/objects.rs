//! The quick form of `cargo xtask objects`: whether the committed PTX is of today's sources, and the scans of a few modules.
//! A compiler that is not installed is a skip line; `.ci/run` installs both and compiles everything.

use anyhow::Result;

use super::Report;
use super::tally::Tally;
use crate::objects::{self, Clang, Nvrtc};
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, report: &mut Report) -> Result<()> {
    report.measure("prebuilt PTX", || objects::up_to_date(workspace).map(|_| Tally::success()));
    report.measure("scan of PTX", || match Nvrtc::find(workspace) {
        Some(library) => objects::quick_cuda(workspace, &Nvrtc::load(&library)?).map(passed),
        None => Ok(skipped("the wheel of NVRTC is not installed; `cargo xtask objects cuda` installs it")),
    });
    report.measure("scan of AMD's code", || match Clang::find(workspace) {
        Some(clang) => objects::quick_rocm(workspace, &clang).map(passed),
        None => Ok(skipped("clang 19 or its linker is not installed: apt-get install clang-19 lld-19")),
    });
    Ok(())
}

fn passed(modules: u64) -> Tally {
    Tally { passed: modules, ..Tally::default() }
}

fn skipped(why: &str) -> Tally {
    println!("skipped: {why}");
    Tally { skipped: 1, ..Tally::default() }
}
