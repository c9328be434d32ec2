//! Runs conformance cases on a device and says where it stands with each kernel. The work is done on a thread of its
//! own, so that a backend that never answers costs its time limit and no more.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use clamp_kernels::catalogue::{KernelSpec, LaunchParams, Shape};
use clamp_kernels::conformance::{Case, Golden, cases, golden};
use clamp_plugin_api::manifest::jcs::sha256_hex;

use super::certificate::{Standing, Verdict, cases_digest};
use super::difference::first_difference;
use crate::backend::arguments::{ArrayRef, LaunchSpec};
use crate::backend::queue::{Queue, QueueOptions};
use crate::backend::session::{Device, Offer};
use crate::error::{Error, Result};

/// What an output holds before the launch, so that an element that is not written shows.
const UNWRITTEN: u8 = 0xa5;

/// The most elements of the case that runs once more with its arrays lying otherwise.
const ONCE_MORE_ELEMENTS: u64 = 20_000;

/// The finding on one kernel and how long it took.
pub(super) struct Examined {
    pub(super) spec: &'static KernelSpec,
    pub(super) verdict: Verdict,
    pub(super) elapsed: Duration,
}

/// Runs the cases of these kernels; each kernel has `limit`. `seen` is told how many are done.
pub(super) fn examine(
    device: &Arc<Device>,
    kernels: &[&'static KernelSpec],
    limit: Duration,
    mut seen: impl FnMut(usize),
) -> Result<Vec<Examined>> {
    let (sender, receiver) = mpsc::channel();
    let (of_thread, list) = (Arc::clone(device), kernels.to_vec());
    thread::Builder::new()
        .name("certify".to_owned())
        .spawn(move || work(&of_thread, &list, &sender))
        .map_err(|e| Error::io("cannot start a thread to certify the backend", &e))?;
    let mut examined: Vec<Examined> = Vec::new();
    let mut stuck = None;
    for &spec in kernels {
        let failed =
            |message: String, elapsed| Examined { spec, verdict: verdict(spec, Standing::Failed, message), elapsed };
        let found = match stuck {
            Some(at) => failed(format!("not tried, since the backend did not answer on {at}"), Duration::ZERO),
            None => match receiver.recv_timeout(limit) {
                Ok(found) => found,
                Err(error) => {
                    stuck = Some(spec.id);
                    failed(no_answer(error, limit), limit)
                }
            },
        };
        examined.push(found);
        seen(examined.len());
    }
    Ok(examined)
}

fn no_answer(error: RecvTimeoutError, limit: Duration) -> String {
    match error {
        RecvTimeoutError::Timeout => {
            format!("the backend did not answer within {} ms (backend.certify_ms)", limit.as_millis())
        }
        RecvTimeoutError::Disconnected => "the thread that certifies ended early".to_owned(),
    }
}

fn work(device: &Arc<Device>, kernels: &[&'static KernelSpec], sender: &Sender<Examined>) {
    for &spec in kernels {
        let at = Instant::now();
        let verdict = examine_kernel(device, spec);
        // Nobody listens any more after a kernel that took too long.
        if sender.send(Examined { spec, verdict, elapsed: at.elapsed() }).is_err() {
            return;
        }
    }
}

fn verdict(spec: &KernelSpec, standing: Standing, message: String) -> Verdict {
    let message = (!message.is_empty()).then_some(message);
    Verdict { cases: cases_digest(spec.id), standing, first: None, message }
}

fn examine_kernel(device: &Arc<Device>, spec: &'static KernelSpec) -> Verdict {
    match device.offer(spec.id) {
        Ok(Offer::Here) => {}
        Ok(Offer::Absent) => return verdict(spec, Standing::Absent, String::new()),
        Ok(Offer::Unsupported(reason)) => return verdict(spec, Standing::Absent, reason),
        Err(error) => return verdict(spec, Standing::Failed, error.message),
    }
    let cases = cases(spec);
    if cases.is_empty() {
        return verdict(spec, Standing::Failed, "this host has no conformance cases for it".to_owned());
    }
    // One queue for all of a kernel's cases, as a call has; the next kernel is not to suffer for this one.
    let options = QueueOptions { strict: true, max_threads: 0, batch: 1 };
    let mut queue = match Queue::create(device, options) {
        Ok(queue) => queue,
        Err(error) => return verdict(spec, Standing::Failed, error.message),
    };
    let again = once_more(&cases);
    for (number, case) in cases.iter().enumerate() {
        let Some(golden) = golden(spec.id, &case.name) else {
            let message = format!("this host knows no digest to expect of case {}", case.name);
            return verdict(spec, Standing::Failed, message);
        };
        let ways =
            if Some(number) == again { &[Lying::Plain, Lying::Shifted, Lying::InPlace][..] } else { &[Lying::Plain] };
        for way in ways {
            let Some(found) = try_case(&mut queue, device, spec, case, &golden, *way) else { continue };
            return found;
        }
    }
    verdict(spec, Standing::BitExact, String::new())
}

/// How a case's arrays lie.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lying {
    /// Each at the beginning of a buffer of its own.
    Plain,
    /// One element further, where no vector is aligned.
    Shifted,
    /// The output is an input, where the kernel allows it.
    InPlace,
}

/// The largest case of moderate size.
fn once_more(cases: &[Case]) -> Option<usize> {
    let elements = |case: &Case| case.inputs.iter().flatten().map(|input| input.shape.elements()).sum::<u64>();
    let moderate = cases.iter().map(elements).enumerate().filter(|(_, elements)| *elements <= ONCE_MORE_ELEMENTS);
    moderate.max_by_key(|(_, elements)| *elements).map(|(number, _)| number)
}

/// `None` where the case gave what it has to.
fn try_case(
    queue: &mut Queue,
    device: &Arc<Device>,
    spec: &'static KernelSpec,
    case: &Case,
    golden: &Golden,
    way: Lying,
) -> Option<Verdict> {
    let name = match way {
        Lying::Plain => case.name.clone(),
        Lying::Shifted => format!("{} (one element into its buffers)", case.name),
        Lying::InPlace => format!("{} (in place)", case.name),
    };
    let outputs = match launch(queue, device, spec, case, way) {
        Ok(outputs) => outputs,
        Err(error) => return Some(verdict(spec, Standing::Failed, format!("case {name}: {}", error.message))),
    };
    for (number, (output, bytes)) in spec.outputs.iter().zip(&outputs).enumerate() {
        let Some(expected) = golden.output(output.name) else {
            let message = format!("this host knows no digest to expect of `{}` in case {name}", output.name);
            return Some(verdict(spec, Standing::Failed, message));
        };
        if sha256_hex(bytes) != expected {
            return Some(match first_difference(case, name, number, output, bytes) {
                Ok(first) => Verdict { first: Some(first), ..verdict(spec, Standing::Differs, String::new()) },
                Err(message) => verdict(spec, Standing::Failed, message),
            });
        }
    }
    None
}

fn launch(
    queue: &mut Queue,
    device: &Arc<Device>,
    spec: &'static KernelSpec,
    case: &Case,
    way: Lying,
) -> Result<Vec<Vec<u8>>> {
    let refused = |e: &dyn std::fmt::Display| Error::internal(format!("kernel {}: {e}", spec.id));
    let (fixed, params): (_, LaunchParams) = spec.split_params(&case.given()).map_err(|e| refused(&e))?;
    let values = spec.param_values(&fixed, &params).map_err(|e| refused(&e))?;
    let shapes: Vec<Option<Shape>> = case.inputs.iter().map(|input| input.as_ref().map(|input| input.shape)).collect();
    let shapes = spec.output_shapes(&shapes, &values).map_err(|e| refused(&e))?;
    let mut place = |dtype: clamp_kernels::catalogue::Dtype, shape: Shape, bytes: &[u8]| -> Result<ArrayRef> {
        let byte_offset = if way == Lying::Shifted { dtype.size() } else { 0 };
        let buffer = device.alloc(byte_offset + bytes.len() as u64)?;
        queue.upload(&buffer, byte_offset, bytes)?;
        Ok(ArrayRef { buffer, byte_offset, dtype, shape })
    };
    let inputs: Vec<Option<ArrayRef>> = case
        .inputs
        .iter()
        .map(|input| input.as_ref().map(|input| place(input.dtype, input.shape, &input.bytes())).transpose())
        .collect::<Result<_>>()?;
    let mut outputs: Vec<ArrayRef> = Vec::new();
    for (output, shape) in spec.outputs.iter().zip(&shapes) {
        let same = |array: &&ArrayRef| way == Lying::InPlace && array.dtype == output.dtype && array.shape == *shape;
        let array = match inputs.iter().flatten().find(same) {
            Some(input) if spec.in_place => input.clone(),
            _ => place(output.dtype, *shape, &vec![UNWRITTEN; bytes_of(output.dtype, *shape)?])?,
        };
        outputs.push(array);
    }
    let kernel = device.open_kernel(spec, &fixed)?;
    queue.launch(LaunchSpec { kernel, inputs, outputs: outputs.clone(), params })?;
    let download = |array: &ArrayRef| {
        let mut bytes = vec![0; bytes_of(array.dtype, array.shape)?];
        queue.download(&array.buffer, array.byte_offset, &mut bytes)?;
        Ok(bytes)
    };
    outputs.iter().map(download).collect()
}

fn bytes_of(dtype: clamp_kernels::catalogue::Dtype, shape: Shape) -> Result<usize> {
    usize::try_from(shape.bytes(dtype)).map_err(|_| Error::internal("a conformance case larger than memory"))
}
