//! `cargo xtask objects`: compiles the device modules of every kernel for GPUs that are not here, and scans what comes out
//! for arithmetic that the sources do not have. The PTX is committed, for machines with a driver and no NVRTC; the code objects
//! for AMD GPUs are not. No GPU is asked, and nothing of a vendor's is kept.

mod clang;
mod cuda;
mod elf;
mod isa;
mod nvrtc;
mod packed;
#[path = "../../../../plugins/cuda/src/prebuilt.rs"]
mod prebuilt;
mod ptx;
mod rocm;
mod sources;

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Result, bail, ensure};

use crate::cli::{ObjectsArgs, Vendor};
use crate::workspace::Workspace;
pub(crate) use clang::Clang;
pub(crate) use nvrtc::Nvrtc;
use sources::Source;

/// Modules of the quick form: the probe has every operation, the others are short and have fused steps.
const SAMPLE: [&str; 4] = ["probe", "fma.f64.v1", "rmsnorm.f32.v1", "map.f32.v1-sums"];

pub(crate) fn run(workspace: &Workspace, args: &ObjectsArgs) -> Result<()> {
    match args.vendor {
        Vendor::Cuda => cuda::run(workspace, args.check),
        Vendor::Rocm => rocm::run(workspace),
    }
}

/// The committed PTX is of today's sources; no compiler is asked.
pub(crate) fn up_to_date(workspace: &Workspace) -> Result<u64> {
    cuda::up_to_date(workspace)
}

/// The quick form of the scan of PTX; how many modules it looked at.
pub(crate) fn quick_cuda(workspace: &Workspace, nvrtc: &Nvrtc) -> Result<u64> {
    cuda::quick(workspace, nvrtc)
}

/// The quick form of the scan of AMD's code, on every processor; how many code objects it looked at.
pub(crate) fn quick_rocm(workspace: &Workspace, clang: &Clang) -> Result<u64> {
    rocm::quick(workspace, clang)
}

/// How a module is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Build {
    /// As a backend takes it.
    Real,
    /// With a marker in the place of everything that may rightly become a fused or approximate instruction
    /// (`kernels/src/device/opaque.h`), so that what is still fused is a contraction.
    Opaque,
}

/// Something in emitted code that must not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    /// Of the emitted text, from 1; 0 for the whole.
    line: usize,
    /// The instruction, or what was counted.
    what: String,
    /// What is wrong with it.
    why: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what.split_whitespace().collect::<Vec<_>>().join(" ");
        match self.line {
            0 => write!(f, "{what}: {}", self.why),
            line => write!(f, "line {line}, `{what}`: {}", self.why),
        }
    }
}

/// What a scan saw beside findings, so that a scan of nothing shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    instructions: usize,
    /// Arithmetic of floats.
    floats: usize,
    /// Fused steps of floats among them.
    fused: usize,
    /// Markers of the opaque build.
    markers: usize,
}

impl Seen {
    fn add(&mut self, other: Seen) {
        self.instructions += other.instructions;
        self.floats += other.floats;
        self.fused += other.fused;
        self.markers += other.markers;
    }
}

/// What came of one module: what was seen in the code for use and in the opaque one, and the findings of both, each with the
/// module's name.
#[derive(Clone, Debug, Default)]
struct Report {
    real: Seen,
    opaque: Seen,
    findings: Vec<String>,
}

impl Report {
    fn note(&mut self, build: Build, module: &str, (seen, findings): (Seen, Vec<Finding>)) {
        match build {
            Build::Real => self.real.add(seen),
            Build::Opaque => self.opaque.add(seen),
        }
        let name = match build {
            Build::Real => "",
            Build::Opaque => " (opaque build)",
        };
        self.findings.extend(findings.iter().map(|finding| format!("{module}{name}: {finding}")));
    }

    fn add(&mut self, other: Report) {
        self.real.add(other.real);
        self.opaque.add(other.opaque);
        self.findings.extend(other.findings);
    }

    /// The scan's figures; an error names the findings.
    fn conclude(&self, what: &str) -> Result<String> {
        if !self.findings.is_empty() {
            let shown = self.findings.iter().take(20).map(|finding| format!("\n  {finding}")).collect::<String>();
            bail!(
                "the scan of {what} found {} instructions that the sources do not ask for:{shown}",
                self.findings.len()
            );
        }
        let Report { real, opaque, .. } = self;
        ensure!(real.floats > 0 && opaque.floats > 0 && opaque.markers > 0, "the scan of {what} saw no arithmetic");
        Ok(format!(
            "scan of {what}: {} instructions, {} of them on floats, {} fused; with fused steps, divisions and roots \
             opaque: {} instructions, {} on floats, {} markers, {} fused; 0 findings",
            real.instructions,
            real.floats,
            real.fused,
            opaque.instructions,
            opaque.floats,
            opaque.markers,
            opaque.fused
        ))
    }
}

/// Wrong code in which a scan must find something for this reason.
fn must_be_found(name: &str, why: &str, findings: &[Finding]) -> Result<()> {
    let Some(found) = findings.iter().find(|finding| finding.why.contains(why)) else {
        bail!("self-test: the scan does not find that {name} {why}, but {findings:?}")
    };
    println!("self-test: {name}: {found}");
    Ok(())
}

fn must_be_clean(name: &str, findings: &[Finding]) -> Result<()> {
    match findings.first() {
        None => Ok(()),
        Some(first) => bail!("self-test: the scan finds something in {name}: {first}"),
    }
}

/// For the self-tests: a kernel whose one result is this step.
fn kernel(step: &str) -> String {
    format!(
        "\nCLAMP_KERNEL(deliberate)(CLAMP_IN(f32, x), CLAMP_OUT(f32, out)) {{\n    CLAMP_AT_IN(f32, x);\n    \
         CLAMP_AT_OUT(f32, out);\n    out[0] = {step};\n}}\n"
    )
}

/// Does the work for each item on all processors; results in order. The first error ends it.
fn side_by_side<'a, T: Sync, R: Send>(items: &'a [T], work: impl Fn(&'a T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<Result<R>>>> = Mutex::new(items.iter().map(|_| None).collect());
    let walk = || {
        while let Some((at, item)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            items.get(at).map(|item| (at, item))
        } {
            let result = work(item);
            if result.is_err() {
                next.store(items.len(), Ordering::Relaxed);
            }
            if let Ok(mut results) = results.lock() {
                results[at] = Some(result);
            }
        }
    };
    thread::scope(|scope| {
        let count = thread::available_parallelism().map_or(1, usize::from).min(items.len().max(1));
        (0..count).for_each(|_| {
            scope.spawn(walk);
        });
    });
    let results = results.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut done = Vec::with_capacity(items.len());
    for result in results.into_iter().flatten() {
        done.push(result?);
    }
    ensure!(done.len() == items.len(), "only {} of {} modules were compiled", done.len(), items.len());
    Ok(done)
}

/// Those of the quick form, for a dialect's ending.
fn sample(sources: Vec<Source>, dialect: &str) -> Result<Vec<Source>> {
    let wanted = SAMPLE.map(|name| if name.starts_with("map") { name.to_owned() } else { format!("{name}-{dialect}") });
    let found: Vec<Source> = sources.into_iter().filter(|source| wanted.contains(&source.name)).collect();
    ensure!(found.len() == SAMPLE.len(), "of the modules {} only {} are there", wanted.join(", "), found.len());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_side_by_side_keeps_its_order_and_ends_at_an_error() {
        let items: Vec<u32> = (0..100).collect();
        let doubled = side_by_side(&items, |item| Ok(item * 2)).expect("no error");
        assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        let error = side_by_side(&items, |item| if *item == 7 { bail!("seven") } else { Ok(()) });
        assert_eq!(error.expect_err("an error").to_string(), "seven");
        assert!(side_by_side(&[], |_: &u32| Ok(())).expect("nothing to do").is_empty());
    }

    #[test]
    fn a_scan_that_saw_nothing_or_found_something_is_an_error() {
        let seen = Seen { instructions: 9, floats: 3, fused: 1, markers: 1 };
        let mut report = Report::default();
        assert!(report.conclude("x").expect_err("nothing was seen").to_string().contains("saw no arithmetic"));
        report.note(Build::Real, "m", (seen, Vec::new()));
        report.note(Build::Opaque, "m", (Seen { fused: 0, ..seen }, Vec::new()));
        assert!(report.conclude("x").expect("clean").ends_with("0 findings"));
        let finding = Finding { line: 3, what: "fma.rn.f32".to_owned(), why: "is fused" };
        report.note(Build::Opaque, "m", (seen, vec![finding]));
        let message = report.conclude("x").expect_err("a finding").to_string();
        assert!(message.ends_with("ask for:\n  m (opaque build): line 3, `fma.rn.f32`: is fused"), "{message}");
    }
}
