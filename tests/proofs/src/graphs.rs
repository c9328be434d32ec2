//! Random graphs of kernels. A node takes whole or partial results of earlier nodes, at any element, or fresh values,
//! and may overwrite one of its inputs. Each graph is queued without a wait on another backend and on the CPU backend at
//! some level with some threads; then every array is compared with the reference.

use std::time::Instant;

use anyhow::{Result, bail};
use clamp_host::backend::ArrayRef;
use clamp_kernels::catalogue::{KernelSpec, all};
use clap::Args;

use crate::array::{Array, difference};
use crate::problem::{Problem, problem, variants};
use crate::random::Random;
use crate::report::{self, Progress};
use crate::subject::{self, Subject};
use crate::values::Values;

#[derive(Args)]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    subjects: crate::Subjects,
    /// How many graphs
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    count: u64,
    /// The first graph's number; a graph depends on its number and the seed alone
    #[arg(long, value_name = "N", default_value_t = 0)]
    first: u64,
    /// Where the random numbers begin
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
}

/// Where an argument's elements are: an array of the graph, from this element on.
#[derive(Clone, Copy)]
struct View {
    array: usize,
    first: u64,
}

/// One launch of a graph.
struct Node {
    problem: Problem,
    inputs: Vec<Option<View>>,
    outputs: Vec<View>,
}

/// A graph with what the reference made of it.
struct Graph {
    /// What the arrays hold before the first launch.
    before: Vec<Array>,
    nodes: Vec<Node>,
    /// What they hold after the last.
    after: Vec<Array>,
    /// The error of the last node, where that is one of data.
    error: Option<String>,
}

/// True where nothing differs.
pub(crate) fn run(args: &GraphArgs) -> Result<bool> {
    let begun = Instant::now();
    let mut subjects = subject::open(&args.subjects)?;
    for subject in &subjects {
        report::line(&format!("subject  {}", subject.label));
    }
    let values = Values::new(args.seed);
    let mut specs: Vec<&'static KernelSpec> = Vec::new();
    for spec in all() {
        let have = subjects.iter().map(|subject| subject.has(spec)).collect::<Result<Vec<_>>>()?;
        if have.iter().all(|has| *has) {
            specs.push(spec);
        }
    }
    if specs.is_empty() {
        bail!("no kernel is on all of these backends");
    }
    let cpus = subjects.iter().filter(|subject| subject.is_cpu).count();
    let (mut launches, mut arrays, mut errors, mut differences) = (0, 0, 0, 0u64);
    let mut used = vec![0u64; specs.len()];
    let mut progress = Progress::new("graphs");
    for number in args.first..args.first + args.count {
        progress.at(number - args.first, args.count);
        let graph = draw(&specs, &values, &mut Random::new(args.seed, number + 1000), &mut used)?;
        launches += graph.nodes.len();
        arrays += graph.after.len();
        errors += usize::from(graph.error.is_some());
        let chosen = (number % cpus as u64) as usize;
        for index in std::iter::once(chosen).chain(cpus..subjects.len()) {
            if let Some(what) = compare(&mut subjects[index], &graph)? {
                differences += 1;
                report::line(&format!("graph {number} on {}: {what}", subjects[index].label));
                report::line(&graph.describe());
                if differences >= 10 {
                    bail!("ten graphs differ: stopped at graph {number}");
                }
            }
        }
    }
    drop(progress);
    report::line(&format!(
        "{} graphs, {launches} launches of {} kernels, {arrays} arrays compared, {errors} errors of data alike, \
         {differences} differences, {:.0} s",
        args.count,
        used.iter().filter(|count| **count > 0).count(),
        begun.elapsed().as_secs_f64()
    ));
    Ok(differences == 0)
}

/// Draws a graph and runs the reference along.
fn draw(specs: &[&'static KernelSpec], values: &Values, random: &mut Random, used: &mut [u64]) -> Result<Graph> {
    let size = if random.once_in(50) { random.below(20_000) } else { random.below(600) };
    let nodes = 2 + random.below(14);
    let mut graph = Graph { before: Vec::new(), nodes: Vec::new(), after: Vec::new(), error: None };
    while (graph.nodes.len() as u64) < nodes && graph.error.is_none() {
        let chosen = random.below(specs.len() as u64) as usize;
        let spec = specs[chosen];
        let n = if random.once_in(4) { random.below(size + 1) } else { size };
        let variant = if random.once_in(5) { 0 } else { random.below(variants(spec)) };
        let mut problem = problem(spec, n, variant, values, random)?;
        if random.once_in(200) {
            spoil(&mut problem);
        }
        if graph.add(problem, random)? {
            used[chosen] += 1;
        }
    }
    Ok(graph)
}

/// Makes an index point outside, where the kernel takes indices.
fn spoil(problem: &mut Problem) {
    let ids = problem.spec.inputs.iter().position(|input| input.name == "ids");
    if let Some(ids) = ids.and_then(|position| problem.inputs[position].as_mut()) {
        let bytes = ids.bytes_mut();
        if let Some(last) = bytes.len().checked_sub(8) {
            bytes[last..].copy_from_slice(&(1i64 << 40).to_le_bytes());
        }
    }
}

impl Graph {
    /// Adds a launch of these arguments, some of them exchanged for earlier results, unless it is refused.
    fn add(&mut self, mut problem: Problem, random: &mut Random) -> Result<bool> {
        let mut inputs = Vec::new();
        let existing = self.after.len();
        for (position, input) in problem.inputs.iter_mut().enumerate() {
            let Some(input) = input else {
                inputs.push(None);
                continue;
            };
            let elements = input.shape.elements();
            let fits = |array: &Array| array.dtype == input.dtype && array.shape.elements() >= elements;
            let found: Vec<usize> = (0..existing).filter(|&index| fits(&self.after[index])).collect();
            if found.is_empty() || problem.bound[position] || random.once_in(4) {
                self.before.push(input.clone());
                self.after.push(input.clone());
                inputs.push(Some(View { array: self.after.len() - 1, first: 0 }));
                continue;
            }
            let array = *random.pick(&found);
            let first = random.below(self.after[array].shape.elements() - elements + 1);
            let size = input.dtype.size();
            let from = (first * size) as usize;
            let len = input.bytes().len();
            input.bytes_mut().copy_from_slice(&self.after[array].bytes()[from..from + len]);
            inputs.push(Some(View { array, first }));
        }
        let shapes = match problem.output_shapes() {
            Ok(shapes) => shapes,
            Err(_) => return Ok(false),
        };
        let outcome = problem.reference();
        let mut outputs = Vec::new();
        for (position, (spec, shape)) in problem.spec.outputs.iter().zip(shapes).enumerate() {
            let same = |(input, view): (&Option<Array>, &Option<View>)| {
                let input = input.as_ref()?;
                (problem.spec.in_place && input.dtype == spec.dtype && input.shape == shape).then_some(*view)?
            };
            let candidates: Vec<View> = problem.inputs.iter().zip(&inputs).filter_map(same).collect();
            let place = match candidates.first() {
                // Overwriting is sound where every other input is the very same elements or lies in another array.
                Some(&view) if random.once_in(3) && alone(view, &inputs) => view,
                _ => {
                    let fresh = Array::new(spec.dtype, shape);
                    self.before.push(fresh.clone());
                    self.after.push(fresh);
                    View { array: self.after.len() - 1, first: 0 }
                }
            };
            if let Ok(results) = &outcome {
                let from = (place.first * spec.dtype.size()) as usize;
                let bytes = results[position].bytes();
                self.after[place.array].bytes_mut()[from..from + bytes.len()].copy_from_slice(bytes);
            }
            outputs.push(place);
        }
        self.error = outcome.err();
        self.nodes.push(Node { problem, inputs, outputs });
        Ok(true)
    }

    fn describe(&self) -> String {
        let node = |(index, node): (usize, &Node)| {
            let view = |view: &View| format!("{}+{}", view.array, view.first);
            let inputs: Vec<String> =
                node.inputs.iter().map(|input| input.as_ref().map_or_else(|| "-".into(), view)).collect();
            let outputs: Vec<String> = node.outputs.iter().map(view).collect();
            format!("  {index}: {} from [{}] to [{}]", node.problem.describe(), inputs.join(" "), outputs.join(" "))
        };
        self.nodes.iter().enumerate().map(node).collect::<Vec<_>>().join("\n")
    }
}

/// Whether no input lies in the view's array at another place.
fn alone(view: View, inputs: &[Option<View>]) -> bool {
    inputs.iter().flatten().all(|other| other.array != view.array || other.first == view.first)
}

/// Runs the graph and says what differs.
fn compare(subject: &mut Subject, graph: &Graph) -> Result<Option<String>> {
    let mut places: Vec<ArrayRef> = Vec::new();
    for (slot, array) in graph.before.iter().enumerate() {
        let offset = slot as u64 % 3 * array.dtype.size();
        let at = subject.place(slot, offset, array.dtype, array.shape)?;
        subject.write(&at, array)?;
        places.push(at);
    }
    let at = |view: &View, array: &clamp_kernels::catalogue::Shape| {
        let place = &places[view.array];
        let byte_offset = place.byte_offset + view.first * place.dtype.size();
        ArrayRef { byte_offset, shape: *array, ..place.clone() }
    };
    for node in &graph.nodes {
        let (fixed, params) = node.problem.spec.split_params(&node.problem.given())?;
        let input = |(view, array): (&Option<View>, &Option<Array>)| Some(at(view.as_ref()?, &array.as_ref()?.shape));
        let inputs = node.inputs.iter().zip(&node.problem.inputs).map(input).collect();
        let shapes = node.problem.output_shapes().map_err(anyhow::Error::msg)?;
        let outputs = node.outputs.iter().zip(&shapes).map(|(view, shape)| at(view, shape)).collect();
        if let Err(message) = subject.launch(node.problem.spec, &fixed, &params, inputs, outputs) {
            subject.recover()?;
            return Ok(Some(format!("{} is refused: {message}", node.problem.spec.id)));
        }
    }
    if let Some(expected) = &graph.error {
        let got = subject.sync().err();
        subject.recover()?;
        let alike = got.as_ref().is_some_and(|got| got.contains(expected.as_str()));
        return Ok((!alike).then(|| format!("says {got:?}, but the reference says {expected:?}")));
    }
    for (index, (expected, at)) in graph.after.iter().zip(&places).enumerate() {
        let mut got = vec![0; expected.bytes().len()];
        if let Err(message) = subject.read(at, &mut got) {
            subject.recover()?;
            return Ok(Some(format!("fails: {message}")));
        }
        if let Some(what) = difference(expected.bytes(), &got, expected.dtype.size() as usize) {
            return Ok(Some(format!("array {index}: {what}")));
        }
    }
    Ok(None)
}
