//! PTX of every module: compiled by NVRTC, scanned, and kept under plugins/cuda/ptx for machines that have a driver alone.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::nvrtc::Nvrtc;
use super::packed::{self, Head};
use super::prebuilt::{Prebuilt, PrebuiltError};
use super::sources::{self, Source};
use super::{Build, Report, kernel, must_be_clean, must_be_found, ptx, sample, side_by_side};
use crate::tools;
use crate::workspace::Workspace;

/// The least compute capability that the PTX is for; drivers compile it for all later ones.
const CAPABILITY: &str = "7.0";

/// Rounding as the specification has it. The first contracts nothing; the others are NVRTC's defaults, said aloud.
const OPTIONS: [&str; 5] =
    ["--gpu-architecture=compute_70", "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true"];

/// The header has functions that not every module calls.
const QUIET: &str = "--diag-suppress=177";

/// One module as it was compiled.
struct Compiled<'a> {
    source: &'a Source,
    ptx: String,
    report: Report,
}

pub(super) fn run(workspace: &Workspace, check: bool) -> Result<()> {
    let nvrtc = Nvrtc::load(&tools::nvrtc(workspace)?)?;
    let sources = sources::write(workspace, "cuda")?;
    self_test(workspace, &nvrtc, &sources)?;
    let compiled = compile(workspace, &nvrtc, &sources)?;
    println!("{}", conclude(&compiled)?);
    let ahead: Vec<_> = compiled.iter().filter(|module| module.source.is_ahead).collect();
    if check {
        let (index, data) = committed(workspace)?;
        let prebuilt = Prebuilt::read(&index, &data)?;
        let sources: Vec<&Source> = ahead.iter().map(|module| module.source).collect();
        let mut wrong = not_of(&prebuilt, &sources);
        wrong.extend(ahead.iter().filter_map(|module| is_other(&prebuilt, module.source, &module.ptx)));
        let head = head(&ahead)?;
        ensure!(
            (head.compiler.as_str(), head.options.as_str(), head.language.as_str(), head.driver)
                == (prebuilt.compiler, prebuilt.options, prebuilt.language, prebuilt.driver)
                && head.capability == format!("{}.{}", prebuilt.capability.0, prebuilt.capability.1),
            "plugins/cuda/ptx/modules.txt is by {} with {}, not by {} with {}: run `cargo xtask objects cuda`",
            prebuilt.compiler,
            prebuilt.options,
            head.compiler,
            head.options
        );
        refuse(&wrong)?;
        println!("{} modules are as committed", ahead.len());
        return Ok(());
    }
    let head = head(&ahead)?;
    let modules: Vec<packed::Compiled<'_>> = ahead
        .iter()
        .map(|module| (module.source.name.as_str(), module.source.text.as_str(), module.ptx.as_str()))
        .collect();
    let (index, data) = packed::files(&head, &modules)?;
    let [index_path, data_path] = paths(workspace);
    for (path, bytes) in [(&index_path, index.as_bytes()), (&data_path, data.as_slice())] {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let whole: usize = ahead.iter().map(|module| module.ptx.len()).sum();
    println!("{} modules, {whole} bytes of PTX in {} packed", ahead.len(), data.len());
    Ok(())
}

/// Whether the committed PTX was made from today's sources, by their digests alone.
pub(super) fn up_to_date(workspace: &Workspace) -> Result<u64> {
    let (index, data) = committed(workspace)?;
    let prebuilt = Prebuilt::read(&index, &data)?;
    let sources = sources::write(workspace, "cuda")?;
    let ahead: Vec<&Source> = sources.iter().filter(|source| source.is_ahead).collect();
    refuse(&not_of(&prebuilt, &ahead))?;
    println!(
        "the PTX of {} modules is of today's sources; PTX ISA {}, compute capability {}.{} and later, drivers from {} on",
        ahead.len(),
        prebuilt.language,
        prebuilt.capability.0,
        prebuilt.capability.1,
        prebuilt.driver
    );
    Ok(ahead.len() as u64)
}

/// A few modules compared with what is committed, and the self-test.
pub(super) fn quick(workspace: &Workspace, nvrtc: &Nvrtc) -> Result<u64> {
    let sources = sample(sources::write(workspace, "cuda")?, "cuda")?;
    self_test(workspace, nvrtc, &sources)?;
    let compiled = compile(workspace, nvrtc, &sources)?;
    println!("{}", conclude(&compiled)?);
    let (index, data) = committed(workspace)?;
    let prebuilt = Prebuilt::read(&index, &data)?;
    let ahead = compiled.iter().filter(|module| module.source.is_ahead);
    refuse(&ahead.filter_map(|module| is_other(&prebuilt, module.source, &module.ptx)).collect::<Vec<_>>())?;
    Ok(compiled.len() as u64)
}

fn compile<'a>(workspace: &Workspace, nvrtc: &Nvrtc, sources: &'a [Source]) -> Result<Vec<Compiled<'a>>> {
    let headers = sources::headers(workspace);
    side_by_side(sources, |source| {
        let mut report = Report::default();
        let mut made = String::new();
        for build in [Build::Real, Build::Opaque] {
            let ptx = one(nvrtc, &headers, &source.text, build, None)
                .with_context(|| format!("module {} does not compile", source.name))?;
            let entries = ptx::entries(&ptx);
            ensure!(
                source.entries.iter().all(|entry| entries.contains(&entry.as_str())),
                "the PTX of {} has the entry points {}, not {}",
                source.name,
                entries.join(", "),
                source.entries.join(", ")
            );
            report.note(build, &source.name, ptx::scan(&ptx, build));
            if build == Build::Real {
                made = ptx;
            }
        }
        Ok(Compiled { source, ptx: made, report })
    })
}

/// PTX of one text; a wrong option takes the place of the right one of its name.
fn one(nvrtc: &Nvrtc, headers: &Path, text: &str, build: Build, wrong: Option<&str>) -> Result<String> {
    let name = |option: &str| option.split('=').next().unwrap_or_default().to_owned();
    let instead =
        |option: &&'static str| wrong.filter(|wrong| name(wrong) == name(option)).unwrap_or(option).to_owned();
    let mut options: Vec<String> = OPTIONS.iter().chain([&QUIET]).map(instead).collect();
    if build == Build::Opaque {
        options.extend(["--define-macro=CLAMP_OPAQUE".to_owned(), format!("--include-path={}", headers.display())]);
    }
    nvrtc.compile(text, &options)
}

/// The scan has to find what is wrong on purpose, by an option or in the source, and nothing in the probe, which has every
/// operation.
fn self_test(workspace: &Workspace, nvrtc: &Nvrtc, sources: &[Source]) -> Result<()> {
    let headers = sources::headers(workspace);
    let probe = sources.iter().find(|source| source.name.starts_with("probe")).context("there is no probe")?;
    let scan = |text: &str, build: Build, wrong: Option<&str>| {
        one(nvrtc, &headers, text, build, wrong).map(|ptx| ptx::scan(&ptx, build).1).context("self-test")
    };
    for build in [Build::Real, Build::Opaque] {
        must_be_clean("the probe", &scan(&probe.text, build, None)?)?;
    }
    let (real, opaque) = (Build::Real, Build::Opaque);
    for (name, why, build, option) in [
        ("a contraction by option", "no rounding", real, "--fmad=true"),
        ("flushed subnormals by option", "subnormal", real, "--ftz=true"),
        ("a quick division by option", "approximate", real, "--prec-div=false"),
        ("a quick root by option", "approximate", real, "--prec-sqrt=false"),
    ] {
        must_be_found(name, why, &scan(&probe.text, build, Some(option))?)?;
    }
    let flushed = "x[0]; asm(\"mul.rn.ftz.f32 %0, %0, %0;\" : \"+f\"(out[1]))";
    for (name, why, build, step, option) in [
        ("a contraction by option, fused steps opaque", "is fused", opaque, "x[0] * x[1] + x[2]", Some("--fmad=true")),
        ("a fused step beside clamp_fma32", "is fused", opaque, "__fmaf_rn(x[0], x[1], x[2])", None),
        ("a flushed product in the source", "subnormal", real, flushed, None),
        ("an approximate division in the source", "approximate", real, "__fdividef(x[0], x[1])", None),
    ] {
        must_be_found(name, why, &scan(&format!("{}{}", probe.text, kernel(step)), build, option)?)?;
    }
    Ok(())
}

fn conclude(compiled: &[Compiled<'_>]) -> Result<String> {
    let mut total = Report::default();
    for module in compiled {
        total.add(module.report.clone());
    }
    total.conclude(&format!("the PTX of {} modules", compiled.len()))
}

/// What the index says of all modules, from what the compiler wrote into the first.
fn head(compiled: &[&Compiled<'_>]) -> Result<Head> {
    let ptx = &compiled.first().context("there are no modules")?.ptx;
    let tools = ptx::directive(ptx, "// Cuda compilation tools, ").context("the PTX does not say what compiled it")?;
    let language = ptx::directive(ptx, ".version").context("the PTX does not say its version")?;
    Ok(Head {
        compiler: format!("NVRTC, {tools}"),
        options: OPTIONS.join(" "),
        language: language.to_owned(),
        capability: CAPABILITY.to_owned(),
        driver: Nvrtc::cuda_version(),
    })
}

/// What of the committed PTX is not of these sources: modules without any, modules that are none any longer, and those of
/// which the source was another.
fn not_of(prebuilt: &Prebuilt<'_>, sources: &[&Source]) -> Vec<String> {
    let no_source = |key: &&str| sources.iter().all(|source| source.name != *key);
    let left = prebuilt.keys().filter(no_source).map(|key| format!("{key} is no module"));
    let wrong = sources.iter().filter_map(|source| match prebuilt.ptx(&source.name, &source.text) {
        Ok(_) => None,
        Err(PrebuiltError::Missing(key)) => Some(format!("{key} is missing")),
        Err(PrebuiltError::Stale(key)) => Some(format!("{key} is of another source")),
        Err(error) => Some(error.to_string()),
    });
    wrong.chain(left).collect()
}

/// Whether the committed PTX of a module is other than this; what is missing or stale is told otherwise.
fn is_other(prebuilt: &Prebuilt<'_>, source: &Source, made: &str) -> Option<String> {
    let is_other = prebuilt.ptx(&source.name, &source.text).is_ok_and(|ptx| ptx != made);
    is_other.then(|| format!("{} is other PTX than NVRTC makes of it", source.name))
}

fn refuse(wrong: &[String]) -> Result<()> {
    if wrong.is_empty() {
        return Ok(());
    }
    let (shown, more) = wrong.split_at(wrong.len().min(8));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    bail!("plugins/cuda/ptx is not what the sources give: {}{more}; run `cargo xtask objects cuda`", shown.join(", "))
}

fn committed(workspace: &Workspace) -> Result<(String, Vec<u8>)> {
    let [index, data] = paths(workspace);
    let cannot = |path: &PathBuf| format!("cannot read {}: run `cargo xtask objects cuda`", path.display());
    Ok((fs::read_to_string(&index).with_context(|| cannot(&index))?, fs::read(&data).with_context(|| cannot(&data))?))
}

fn paths(workspace: &Workspace) -> [PathBuf; 2] {
    ["modules.txt", "modules.bin"].map(|name| workspace.root.join("plugins/cuda/ptx").join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, text: &str) -> Source {
        let (path, entries) = (PathBuf::new(), Vec::new());
        Source { name: name.to_owned(), is_ahead: true, entries, path, text: text.to_owned() }
    }

    #[test]
    fn what_is_not_as_committed_is_named() {
        let head = Head {
            compiler: "c".to_owned(),
            options: "o".to_owned(),
            language: "7.8".to_owned(),
            capability: "7.0".to_owned(),
            driver: 11080,
        };
        let (index, data) =
            packed::files(&head, &[("a", "text a", "ptx a"), ("b", "text b", "ptx b")]).expect("packed");
        let prebuilt = Prebuilt::read(&index, &data).expect("read");
        let (a, b, other, new) = (source("a", "text a"), source("b", "text b"), source("b", "?"), source("c", ""));
        assert!(not_of(&prebuilt, &[&a, &b]).is_empty());
        assert_eq!(not_of(&prebuilt, &[&a, &other]), ["b is of another source"]);
        assert_eq!(not_of(&prebuilt, &[&a, &new]), ["c is missing", "b is no module"]);
        assert_eq!(is_other(&prebuilt, &a, "ptx a"), None);
        assert_eq!(is_other(&prebuilt, &a, "ptx"), Some("a is other PTX than NVRTC makes of it".to_owned()));
        assert_eq!(is_other(&prebuilt, &other, "ptx"), None, "told as stale");
        let wrong: Vec<String> = (0..10).map(|module| format!("m{module} is missing")).collect();
        let message = refuse(&wrong).expect_err("refused").to_string();
        assert!(message.ends_with("m7 is missing and 2 more; run `cargo xtask objects cuda`"), "{message}");
    }
}
