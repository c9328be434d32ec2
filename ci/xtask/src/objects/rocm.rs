//! AMD code objects of every module: compiled by clang, the assembly scanned, the mode of each kernel read from the object
//! itself. They stay under target/objects.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};

use super::clang::Clang;
use super::elf::{self, Mode};
use super::sources::{self, Source};
use super::{Build, Finding, Report, isa, kernel, must_be_clean, must_be_found, sample, side_by_side};
use crate::workspace::Workspace;

/// One processor of each kind: Vega 20, CDNA 2, CDNA 3, RDNA 3.
const PROCESSORS: [&str; 4] = ["gfx906", "gfx90a", "gfx942", "gfx1100"];

/// For the self-test: division and root of binary32 as approximations.
const QUICK: &str = "-fno-hip-fp32-correctly-rounded-divide-sqrt";

/// Why a kernel's mode is wrong.
const MODE: &str = "rounds otherwise or flushes subnormal numbers from its start";

/// One code object.
struct Compiled {
    processor: &'static str,
    kernels: usize,
    bytes: usize,
    report: Report,
}

pub(super) fn run(workspace: &Workspace) -> Result<()> {
    let Some(clang) = Clang::find(workspace) else {
        bail!("clang 19 or its linker is not installed: apt-get install clang-19 lld-19");
    };
    println!("{}", clang.version()?);
    let sources = sources::write(workspace, "hip")?;
    self_test(workspace, &clang, &sources, &PROCESSORS)?;
    let compiled = compile(workspace, &clang, &sources)?;
    conclude(&compiled, sources.len())
}

/// A few modules for every processor, and the self-test for one.
pub(super) fn quick(workspace: &Workspace, clang: &Clang) -> Result<u64> {
    println!("{}", clang.version()?);
    let sources = sample(sources::write(workspace, "hip")?, "hip")?;
    self_test(workspace, clang, &sources, &["gfx90a"])?;
    let compiled = compile(workspace, clang, &sources)?;
    conclude(&compiled, sources.len())?;
    Ok(compiled.len() as u64)
}

fn compile(workspace: &Workspace, clang: &Clang, sources: &[Source]) -> Result<Vec<Compiled>> {
    let pairs: Vec<(&Source, &'static str)> =
        sources.iter().flat_map(|source| PROCESSORS.map(|processor| (source, processor))).collect();
    side_by_side(&pairs, |&(source, processor)| {
        let name = format!("{} for {processor}", source.name);
        let real = clang
            .assembly(&source.path, processor, Build::Real, &[])
            .with_context(|| format!("module {name} does not compile"))?;
        let mut report = Report::default();
        report.note(Build::Real, &name, isa::scan(&real, Build::Real));
        let object = object(workspace, clang, &source.name, &real, processor)?;
        let modes = elf::modes(&object).with_context(|| format!("the code object of {name} cannot be read"))?;
        report.findings.extend(mode_findings(&modes).iter().map(|finding| format!("{name}: {finding}")));
        let found: Vec<&str> = modes.iter().map(|mode| mode.entry.as_str()).collect();
        ensure!(
            source.entries.iter().all(|entry| found.contains(&entry.as_str())),
            "the code object of {name} has the kernels {}, not {}",
            found.join(", "),
            source.entries.join(", ")
        );
        let opaque = clang
            .assembly(&source.path, processor, Build::Opaque, &[])
            .with_context(|| format!("module {name} does not compile with fused steps opaque"))?;
        report.note(Build::Opaque, &name, isa::scan(&opaque, Build::Opaque));
        Ok(Compiled { processor, kernels: modes.len(), bytes: object.len(), report })
    })
}

/// The bytes of the code object that this assembly gives; both files stay.
fn object(workspace: &Workspace, clang: &Clang, name: &str, text: &str, processor: &str) -> Result<Vec<u8>> {
    let folder = workspace.target.join("objects/rocm").join(processor);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let (assembly, object) = (folder.join(format!("{name}.s")), folder.join(format!("{name}.hsaco")));
    fs::write(&assembly, text).with_context(|| format!("cannot write {}", assembly.display()))?;
    clang.object(&assembly, processor, &object).with_context(|| format!("{name} for {processor}"))?;
    fs::read(&object).with_context(|| format!("cannot read {}", object.display()))
}

fn mode_findings(modes: &[Mode]) -> Vec<Finding> {
    let wrong = modes.iter().filter(|mode| !mode.is_exact());
    wrong
        .map(|Mode { entry, round, denorm }| Finding {
            line: 0,
            what: format!("kernel {entry}, rounding {round:?}, subnormals {denorm:?}"),
            why: MODE,
        })
        .collect()
}

/// The figures of each processor; an error names the findings of all.
fn conclude(compiled: &[Compiled], modules: usize) -> Result<()> {
    for processor in PROCESSORS {
        let mut total = Report::default();
        let of = || compiled.iter().filter(|object| object.processor == processor);
        of().for_each(|object| total.add(object.report.clone()));
        let (kernels, bytes) = (of().map(|o| o.kernels).sum::<usize>(), of().map(|o| o.bytes).sum::<usize>());
        println!("{}", total.conclude(&format!("the {processor} code of {modules} modules"))?);
        println!(
            "{processor}: {kernels} kernels in {bytes} bytes; every descriptor rounds to nearest and keeps subnormals"
        );
    }
    Ok(())
}

/// The scan has to find what is wrong on purpose, by an option or in the source, and nothing in the probe, which has every
/// operation.
fn self_test(workspace: &Workspace, clang: &Clang, sources: &[Source], processors: &[&str]) -> Result<()> {
    let probe = sources.iter().find(|source| source.name.starts_with("probe")).context("there is no probe")?;
    let deliberate = |name: &str, step: &str| -> Result<PathBuf> {
        let path = probe.path.with_file_name(format!("deliberate-{name}.hip"));
        let text = format!("{}{}", probe.text, kernel(step));
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    };
    let pragma = deliberate("contraction", "({\n#pragma clang fp contract(fast)\n        x[0] * x[1] + x[2];\n    })")?;
    let fused = deliberate("fused", "__builtin_fmaf(x[0], x[1], x[2])")?;
    let mode = deliberate("mode", "(__builtin_amdgcn_s_setreg(1 | 4 << 6 | 1 << 11, 0), x[0])")?;
    let quick = deliberate("division", "x[0] * __builtin_amdgcn_rcpf(x[1])")?;
    let quick64 = deliberate("division64", "(f32)((f64)x[0] * __builtin_amdgcn_rcp((f64)x[1]))")?;
    let root64 = deliberate("root64", "(f32)((f64)x[0] * __builtin_amdgcn_rsq((f64)x[0]))")?;
    let (real, opaque) = (Build::Real, Build::Opaque);
    let scan = |path: &PathBuf, processor: &str, build: Build, more: &[&str]| -> Result<Vec<Finding>> {
        let text = clang.assembly(path, processor, build, more).context("self-test")?;
        let mut findings = isa::scan(&text, build).1;
        if build == Build::Real {
            findings.extend(mode_findings(&elf::modes(&object(workspace, clang, "self-test", &text, processor)?)?));
        }
        Ok(findings)
    };
    for processor in processors {
        for build in [real, opaque] {
            must_be_clean(&format!("the probe for {processor}"), &scan(&probe.path, processor, build, &[])?)?;
        }
        for (name, why, path, build, more) in [
            ("a contraction by option", "is fused", &probe.path, opaque, &["-ffp-contract=fast"][..]),
            ("a contraction by a pragma in the source", "is fused", &pragma, opaque, &[]),
            ("a fused step beside clamp_fma32", "is fused", &fused, opaque, &[]),
            ("flushed subnormals by option", MODE, &probe.path, real, &["-fgpu-flush-denormals-to-zero"]),
            ("a changed mode in the source", "changes the mode", &mode, real, &[]),
            ("a quick division by option", "32 division", &probe.path, real, &[QUICK]),
            ("a quick root by option", "32 root", &probe.path, real, &[QUICK]),
            ("an approximate division in the source", "32 division", &quick, real, &[]),
            ("an approximate division of binary64", "64 division", &quick64, real, &[]),
            ("an approximate root of binary64", "64 root", &root64, real, &[]),
        ] {
            must_be_found(&format!("{name}, {processor}"), why, &scan(path, processor, build, more)?)?;
        }
    }
    Ok(())
}
