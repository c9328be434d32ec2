//! Every kernel on every subject over sizes: all from 0 to a bound, then some large ones. Arrays begin at odd elements,
//! so that no kernel may count on more alignment than its dtype's.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, bail};
use clamp_host::backend::ArrayRef;
use clamp_kernels::catalogue::{KernelSpec, all};
use clap::Args;

use crate::array::{Array, difference};
use crate::problem::{Outcome, Problem, problem, variants};
use crate::random::Random;
use crate::report::{self, Progress};
use crate::subject::{self, Subject};
use crate::values::Values;

/// Problems whose launches are queued before any result is read.
const GROUP: usize = 32;

#[derive(Args)]
pub(crate) struct EqualArgs {
    #[command(flatten)]
    subjects: crate::Subjects,
    /// Only kernels whose id contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Every size from 0 to this
    #[arg(long, value_name = "N", default_value_t = 4096)]
    up_to: u64,
    /// Sizes between which nothing is left out; larger sizes are taken one in this many
    #[arg(long, value_name = "K", default_value_t = 1)]
    step: u64,
    /// Further sizes
    #[arg(long, value_name = "N", value_delimiter = ',')]
    sizes: Vec<u64>,
    /// Where the random numbers begin
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
}

/// What one kernel's sweep counted.
#[derive(Default)]
struct Count {
    problems: u64,
    refused: u64,
    compared: u64,
    differences: u64,
    first: Option<String>,
}

/// True where nothing differs and nothing is missing.
pub(crate) fn run(args: &EqualArgs) -> Result<bool> {
    let begun = Instant::now();
    let mut subjects = subject::open(&args.subjects)?;
    for subject in &subjects {
        report::line(&format!("subject  {}", subject.label));
    }
    let values = Values::new(args.seed);
    let mut sizes: Vec<u64> = (0..=args.up_to).step_by(args.step.max(1) as usize).collect();
    sizes.extend(&args.sizes);
    let specs: Vec<&'static KernelSpec> = all().filter(|spec| spec.id.contains(&args.only)).collect();
    if specs.is_empty() {
        bail!("no kernel's id contains {:?}", args.only);
    }
    let mut total = Count::default();
    let mut missing: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for spec in &specs {
        let at = Instant::now();
        let present: Vec<bool> = subjects.iter().map(|subject| subject.has(spec)).collect::<Result<_>>()?;
        for (subject, _) in subjects.iter().zip(&present).filter(|(_, present)| !**present) {
            missing.entry(subject.label.clone()).or_default().push(spec.id);
        }
        let count = sweep(spec, &mut subjects, &present, &sizes, &values, args.seed)?;
        report::line(&format!(
            "{:<24} {:>6} problems, {:>4} refused alike, {:>7} results compared, {} differences, {:.1} s",
            spec.id,
            count.problems,
            count.refused,
            count.compared,
            count.differences,
            at.elapsed().as_secs_f64()
        ));
        if let Some(first) = &count.first {
            report::line(&format!("  first: {first}"));
        }
        total.problems += count.problems;
        total.refused += count.refused;
        total.compared += count.compared;
        total.differences += count.differences;
    }
    for (subject, ids) in &missing {
        report::line(&format!("missing  {subject}: {}", ids.join(" ")));
    }
    report::line(&format!(
        "{} kernels, {} subjects, {} problems ({} refused alike), {} results compared, {} differences, {} missing, {:.0} s",
        specs.len(),
        subjects.len(),
        total.problems,
        total.refused,
        total.compared,
        total.differences,
        missing.values().map(Vec::len).sum::<usize>(),
        begun.elapsed().as_secs_f64()
    ));
    Ok(total.differences == 0 && missing.is_empty())
}

fn sweep(
    spec: &'static KernelSpec,
    subjects: &mut [Subject],
    present: &[bool],
    sizes: &[u64],
    values: &Values,
    seed: u64,
) -> Result<Count> {
    let mut count = Count::default();
    let mut random = Random::new(seed, 100);
    let mut progress = Progress::new(spec.id);
    let total = sizes.len() as u64;
    let mut group: Vec<(Problem, Outcome)> = Vec::new();
    for (position, &size) in sizes.iter().enumerate() {
        progress.at(position as u64, total);
        for variant in 0..variants(spec) {
            let problem = problem(spec, size, variant, values, &mut random)?;
            let outcome = problem.reference();
            count.problems += 1;
            group.push((problem, outcome));
        }
        let large = size > 1 << 16;
        if group.len() >= GROUP || large || position + 1 == sizes.len() {
            for (subject, _) in subjects.iter_mut().zip(present).filter(|(_, present)| **present) {
                compare(subject, &group, &mut count)?;
                if large {
                    subject.shrink();
                }
            }
            count.refused += group.iter().filter(|(_, outcome)| outcome.is_err()).count() as u64;
            group.clear();
        }
    }
    Ok(count)
}

/// Queues all problems of a group, then reads and compares all results.
fn compare(subject: &mut Subject, group: &[(Problem, Outcome)], count: &mut Count) -> Result<()> {
    let mut slot = 0;
    let mut results: Vec<(&Problem, &[Array], Vec<ArrayRef>)> = Vec::new();
    for (index, (problem, outcome)) in group.iter().enumerate() {
        let mut inputs = Vec::new();
        for input in &problem.inputs {
            let Some(input) = input else {
                inputs.push(None);
                continue;
            };
            let at = subject.place(slot, index as u64 % 5 * input.dtype.size(), input.dtype, input.shape)?;
            subject.write(&at, input)?;
            inputs.push(Some(at));
            slot += 1;
        }
        let shapes = match (outcome, problem.output_shapes()) {
            (Ok(arrays), _) => arrays.iter().map(|array| array.shape).collect(),
            (Err(_), Ok(shapes)) => shapes,
            // Refused before anything is queued; the catalogue's own check, which has its tests.
            (Err(_), Err(_)) => continue,
        };
        let mut outputs = Vec::new();
        for (spec, shape) in problem.spec.outputs.iter().zip(shapes) {
            outputs.push(subject.place(slot, (index as u64 + 2) % 5 * spec.dtype.size(), spec.dtype, shape)?);
            slot += 1;
        }
        let (fixed, params) = problem.spec.split_params(&problem.given())?;
        let queued = subject.launch(problem.spec, &fixed, &params, inputs, outputs.clone());
        match outcome {
            Ok(arrays) => {
                if let Err(message) = queued {
                    differs(count, subject, problem, &format!("is refused: {message}"));
                } else {
                    results.push((problem, arrays, outputs));
                }
            }
            Err(expected) => {
                let got = queued.and_then(|()| subject.sync()).err();
                if !got.as_ref().is_some_and(|got| got.contains(expected.as_str())) {
                    let got = got.unwrap_or_else(|| "nothing".into());
                    differs(count, subject, problem, &format!("says {got}, but the reference says {expected}"));
                }
                // What was queued before is in its buffers; the error stays with the queue.
                subject.recover()?;
            }
        }
    }
    for (problem, arrays, outputs) in results {
        for (expected, at) in arrays.iter().zip(&outputs) {
            let mut got = vec![0; expected.bytes().len()];
            count.compared += 1;
            if let Err(message) = subject.read(at, &mut got) {
                differs(count, subject, problem, &format!("fails: {message}"));
                subject.recover()?;
            } else if let Some(what) = difference(expected.bytes(), &got, expected.dtype.size() as usize) {
                differs(count, subject, problem, &what);
            }
        }
    }
    Ok(())
}

fn differs(count: &mut Count, subject: &Subject, problem: &Problem, what: &str) {
    count.differences += 1;
    count.first.get_or_insert_with(|| format!("{}: {}: {what}", subject.label, problem.describe()));
}
