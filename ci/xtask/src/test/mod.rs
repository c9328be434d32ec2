//! `cargo xtask test`: every check and test of the project, in groups. It stops at nothing: a group that fails leaves
//! the others running, and the last line counts them all. A group that cannot run counts as failed, never as skipped.

mod checks;
mod dlpack;
mod nextest;
mod objects;
mod plain;
mod products;
mod reference;
mod suites;
mod tally;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::cli::{Proof, TestArgs};
use crate::workspace::Workspace;
use crate::{cargo, prove};
use products::Products;
use suites::Engine;
use tally::Tally;

/// A group by name, and what runs it.
struct Group<'a> {
    name: &'static str,
    about: &'static str,
    run: Work<'a>,
}

/// Adds lines to the report; an error means that the group could not begin.
type Work<'a> = Box<dyn Fn(&mut Report) -> Result<()> + 'a>;

/// What came of the groups so far.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<(String, Tally, Duration)>,
}

impl Report {
    /// Runs one piece of work and notes its counts and time; an error counts as one failure.
    pub(crate) fn measure(&mut self, name: &str, work: impl FnOnce() -> Result<Tally>) {
        println!("\n== {name}");
        let began = Instant::now();
        let tally = work().unwrap_or_else(|error| {
            println!("{name}: {error:#}");
            Tally::failure()
        });
        self.lines.push((name.to_owned(), tally, began.elapsed()));
    }

    fn total(&self) -> Tally {
        self.lines.iter().map(|(_, tally, _)| *tally).sum()
    }

    fn print(&self) {
        println!();
        for (name, tally, time) in &self.lines {
            println!("{name:28} {:7.1} s   {tally}", time.as_secs_f64());
        }
    }
}

pub(crate) fn run(workspace: &Workspace, args: &TestArgs) -> Result<ExitCode> {
    let products = Products::new(workspace);
    let groups = groups(workspace, &products);
    if args.list {
        groups.iter().for_each(|group| println!("{:10} {}", group.name, group.about));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(unknown) = args.only.iter().find(|name| groups.iter().all(|group| group.name != **name)) {
        let names: Vec<_> = groups.iter().map(|group| group.name).collect();
        bail!("there is no group `{unknown}`; there are {}", names.join(", "));
    }
    let mut report = Report::default();
    for group in &groups {
        let wanted = args.only.is_empty() || args.only.iter().any(|name| name == group.name);
        if wanted && let Err(error) = (group.run)(&mut report) {
            report.measure(group.name, || Err(error));
        }
    }
    report.print();
    let total = report.total();
    println!("{total}");
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn groups<'a>(workspace: &'a Workspace, products: &'a Products<'a>) -> Vec<Group<'a>> {
    let group = |name, about, run| Group { name, about, run };
    vec![
        group(
            "checks",
            "formatting, lints, the generated C headers",
            Box::new(|report| checks::run(workspace, report)),
        ),
        group("unit", "the tests inside the crates", Box::new(|report| unit(workspace, report))),
        group("doc", "the examples in the documentation", Box::new(|report| doc(workspace, report))),
        group("e2e", "the finished programs, door by door", Box::new(|report| e2e(workspace, products, report))),
        group("objects", "device code for GPUs that are not here", Box::new(|report| objects::run(workspace, report))),
        group("proofs", "the short forms of the long proofs", Box::new(|report| proofs(workspace, report))),
        group(
            "reference",
            "every kernel against its independent reading in NumPy",
            Box::new(|report| reference::run(workspace, products, report)),
        ),
        group(
            "dlpack",
            "arrays between NumPy and a backend, without a copy",
            Box::new(|report| dlpack::run(workspace, products, report)),
        ),
    ]
}

fn unit(workspace: &Workspace, report: &mut Report) -> Result<()> {
    let engine = Engine::choose(workspace);
    for members in [suites::native(workspace), suites::guests(workspace)] {
        let suites = engine.find(workspace, &members)?;
        for (name, suites) in suites::by_room(suites) {
            report.measure(&name, || engine.run(workspace, &members, &suites, &[]));
        }
    }
    Ok(())
}

fn doc(workspace: &Workspace, report: &mut Report) -> Result<()> {
    for (name, members) in [("doc", suites::native(workspace)), ("doc overlays", suites::guests(workspace))] {
        report.measure(name, || plain::documentation(workspace, &members));
    }
    Ok(())
}

fn e2e(workspace: &Workspace, products: &Products<'_>, report: &mut Report) -> Result<()> {
    let mut environment = None;
    report.measure("build for e2e", || {
        environment = Some(products.environment()?);
        Ok(Tally::success())
    });
    let Some(environment) = environment else { return Ok(()) };
    let engine = Engine::choose(workspace);
    let members = suites::native(workspace);
    for (name, suites) in suites::by_door(engine.find(workspace, &members)?) {
        report.measure(&name, || engine.run(workspace, &members, &suites, &environment));
    }
    Ok(())
}

fn proofs(workspace: &Workspace, report: &mut Report) -> Result<()> {
    let artifacts = cargo::build_native(workspace)?;
    for (name, proof) in [("equal bits over sizes", Proof::Equal), ("equal bits of graphs", Proof::Graphs)] {
        report.measure(name, || {
            prove::backends(workspace, &artifacts, proof, true)?.run()?;
            Ok(Tally::success())
        });
    }
    Ok(())
}
