//! `kernel list | run`: the catalogue, and any kernel on NumPy files, so that anyone can check the bits with other
//! tools. Uses a backend directly and leaves no run record.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clamp_kernels::catalogue::{self, ArgSpec, Given, KernelSpec, ParamKind, Shape, When};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Global;
use super::output::{Output, table};
use super::run::ModeArg;
use super::setup;
use crate::backend::{ArrayRef, Bits, Device, LaunchSpec, Queue, QueueOptions, Selection, Wish, select};
use crate::config::Mode;
use crate::error::{Error, Result};
use crate::host::use_limits;
use crate::npy::{self, Source};
use crate::run::durable::Staged;

#[derive(Subcommand)]
pub(super) enum KernelCommand {
    /// List the kernels with their inputs, outputs and parameters
    List,
    /// Run one kernel on NumPy files
    Run(KernelRunArgs),
}

#[derive(Args)]
pub(super) struct KernelRunArgs {
    /// The kernel's id, such as sum.f32.v1
    id: String,
    /// An input: NAME=FILE.npy
    #[arg(long = "in", value_name = "NAME=FILE")]
    inputs: Vec<String>,
    /// A parameter: NAME=VALUE; floats may be decimal or 0x hexadecimal
    #[arg(long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
    /// Where the output goes: FILE.npy, or NAME=FILE.npy where there are several
    #[arg(long = "out", value_name = "[NAME=]FILE", required = true)]
    outputs: Vec<String>,
    /// Backend id; auto takes a GPU first, then the CPU
    #[arg(long, value_name = "ID")]
    backend: Option<String>,
    /// strict refuses a backend that has not the kernel's bits; fast runs it, with no promise
    #[arg(long, value_enum)]
    mode: Option<ModeArg>,
    /// Threads of the CPU backend; never changes results
    #[arg(long, value_name = "N")]
    threads: Option<u32>,
}

pub(super) fn run(global: &Global, command: &KernelCommand, output: &Output) -> Result<ExitCode> {
    match command {
        KernelCommand::List => {
            list(output);
            Ok(ExitCode::SUCCESS)
        }
        KernelCommand::Run(args) => run_kernel(global, args, output),
    }
}

fn list(output: &Output) {
    if output.json {
        let kernels: Vec<Value> = catalogue::all().map(spec_json).collect();
        output.value(&json!({"kernels": kernels}));
        return;
    }
    let mut rows = vec![["KERNEL", "INPUTS", "PARAMETERS", "OUTPUTS", "WHAT"].map(str::to_owned).to_vec()];
    for spec in catalogue::all() {
        let params: Vec<String> =
            spec.params.iter().map(|p| if p.required { p.name.to_owned() } else { format!("[{}]", p.name) }).collect();
        rows.push(vec![
            spec.id.into(),
            arguments(spec.inputs),
            if params.is_empty() { "-".into() } else { params.join(" ") },
            arguments(spec.outputs),
            spec.summary.into(),
        ]);
    }
    output.text(&table(&rows));
}

fn arguments(args: &[ArgSpec]) -> String {
    let words: Vec<String> = args
        .iter()
        .map(|a| if a.optional { format!("[{}:{}]", a.name, a.dtype) } else { format!("{}:{}", a.name, a.dtype) })
        .collect();
    if words.is_empty() { "-".into() } else { words.join(" ") }
}

fn spec_json(spec: &'static KernelSpec) -> Value {
    let args = |args: &[ArgSpec]| -> Vec<Value> {
        args.iter().map(|a| json!({"name": a.name, "dtype": a.dtype.name(), "optional": a.optional})).collect()
    };
    let params: Vec<Value> = spec
        .params
        .iter()
        .map(|p| json!({"name": p.name, "kind": kind(p.kind), "when": when(p.when), "required": p.required}))
        .collect();
    json!({
        "id": spec.id,
        "summary": spec.summary,
        "inputs": args(spec.inputs),
        "outputs": args(spec.outputs),
        "params": params,
        "in_place": spec.in_place,
    })
}

fn kind(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::Flag => "flag",
        ParamKind::Int => "int",
        ParamKind::F32 => "f32",
        ParamKind::F64 => "f64",
        ParamKind::Text => "text",
    }
}

fn when(when: When) -> &'static str {
    match when {
        When::Open => "open",
        When::Launch => "launch",
    }
}

fn run_kernel(global: &Global, args: &KernelRunArgs, output: &Output) -> Result<ExitCode> {
    let spec = catalogue::find(&args.id).ok_or_else(|| unknown(&args.id))?;
    let given = args.params.iter().map(|p| pair(p, "--param")).collect::<Result<Vec<_>>>()?;
    let given: Vec<(&str, Given<'_>)> = given.iter().map(|(name, value)| (*name, Given::Written(value))).collect();
    let refused = |e: &dyn std::fmt::Display| {
        Error::bad_input(format!("kernel {}: {e}", spec.id)).hint("`clamp-host kernel list` shows what it takes")
    };
    let (fixed, launch) = spec.split_params(&given).map_err(|e| refused(&e))?;
    let inputs = open_inputs(spec, &args.inputs)?;
    for (arg, array) in spec.inputs.iter().zip(&inputs) {
        if let Some(array) = array
            && array.dtype != arg.dtype
        {
            return Err(refused(&format!("input `{}` is {}, it has to be {}", arg.name, array.dtype, arg.dtype)));
        }
    }
    let targets = output_files(spec, &args.outputs)?;
    let shapes: Vec<Option<Shape>> = inputs.iter().map(|a| a.as_ref().map(|a| a.shape)).collect();
    let values = spec.param_values(&fixed, &launch).map_err(|e| refused(&e))?;
    let shapes = spec.output_shapes(&shapes, &values).map_err(|e| refused(&e))?;

    let flags = setup::Flags {
        backend: args.backend.clone(),
        threads: args.threads,
        mode: args.mode.map(ModeArg::name),
        ..setup::Flags::default()
    };
    let host = setup::host(global, &flags)?;
    let ids = [spec.id.to_owned()];
    let mode = host.settings.run.mode;
    let bits = Bits::of(mode, &host.certifier);
    let wish = Wish { backend: &host.settings.backend.default, require_gpu: false, kernels: &ids, bits };
    let about = |e: Error| if e.message.contains(spec.id) { e } else { e.about(format!("kernel {}", spec.id)) };
    let Selection { device, standings, .. } = select(host.catalog()?, &wish).map_err(about)?;
    for note in standings.iter().flat_map(|standings| &standings.notes) {
        output.say(&format!("note: {note}"));
    }
    let _scope = device.restrict(use_limits(&host.settings.limits));
    let options = QueueOptions { strict: mode == Mode::Strict, max_threads: host.settings.run.threads, batch: 1 };
    let mut queue = Queue::create(&device, options)?;
    let inputs = inputs
        .into_iter()
        .map(|source| source.map(|source| upload(&device, &mut queue, source)).transpose())
        .collect::<Result<Vec<_>>>()
        .map_err(about)?;
    let outputs = spec
        .outputs
        .iter()
        .zip(&shapes)
        .map(|(arg, shape)| {
            let buffer = device.alloc(shape.bytes(arg.dtype))?;
            Ok(ArrayRef { buffer, byte_offset: 0, dtype: arg.dtype, shape: *shape })
        })
        .collect::<Result<Vec<_>>>()
        .map_err(about)?;
    let kernel = device.open_kernel(spec, &fixed).map_err(about)?;
    queue.launch(LaunchSpec { kernel, inputs, outputs: outputs.clone(), params: launch }).map_err(about)?;
    // What is wrong with the data is told before a file is begun; no file appears before all are written.
    queue.sync().map_err(about)?;
    let staged = outputs
        .iter()
        .zip(&targets)
        .map(|(array, path)| npy::stage(path, array.dtype, &array.shape, |put| download(&mut queue, array, put)));
    let staged = staged.collect::<Result<Vec<_>>>()?;
    staged.into_iter().flatten().try_for_each(Staged::publish)?;
    let certificate = standings.map(|standings| standings.label(mode));
    if output.json {
        let outputs = outputs_json(spec, &outputs, &targets);
        let backend = device.backend_id();
        let (kernel, mode) = (spec.id, mode.name());
        output.value(&json!({
            "ok": true, "kernel": kernel, "backend": backend, "mode": mode, "certificate": certificate, "outputs": outputs,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    for (array, path) in outputs.iter().zip(&targets) {
        output.say(&format!("{} {}{} -> {}", device.backend_id(), array.dtype, array.shape, path.display()));
    }
    if mode == Mode::Fast {
        output.say(&format!("fast; certificate: {}", certificate.as_deref().unwrap_or("none")));
    }
    Ok(ExitCode::SUCCESS)
}

fn outputs_json(spec: &KernelSpec, arrays: &[ArrayRef], targets: &[PathBuf]) -> Vec<Value> {
    let outputs = spec.outputs.iter().zip(arrays).zip(targets);
    outputs
        .map(|((arg, a), path)| {
            json!({"name": arg.name, "dtype": a.dtype.name(), "shape": a.shape.dims(), "file": path})
        })
        .collect()
}

fn unknown(id: &str) -> Error {
    let error = Error::not_found(format!("kernel {id} does not exist"));
    match catalogue::nearest(id) {
        Some(near) => error.hint(format!("near is {near}; `clamp-host kernel list` shows all")),
        None => error.hint("`clamp-host kernel list` shows all"),
    }
}

fn pair<'a>(text: &'a str, flag: &str) -> Result<(&'a str, &'a str)> {
    text.split_once('=')
        .filter(|(name, value)| !name.is_empty() && !value.is_empty())
        .ok_or_else(|| Error::usage(format!("{flag} {text}: write it as NAME=VALUE, neither of them empty")))
}

fn open_inputs(spec: &KernelSpec, given: &[String]) -> Result<Vec<Option<Source>>> {
    let mut files: BTreeMap<&str, &str> = BTreeMap::new();
    for text in given {
        let (name, path) = pair(text, "--in")?;
        if !spec.inputs.iter().any(|arg| arg.name == name) {
            return Err(Error::usage(format!("kernel {} has no input `{name}`", spec.id))
                .hint(format!("its inputs are: {}", arguments(spec.inputs))));
        }
        if files.insert(name, path).is_some() {
            return Err(Error::usage(format!("--in {name} is given twice")));
        }
    }
    spec.inputs
        .iter()
        .map(|arg| match files.get(arg.name) {
            Some(path) => npy::open(Path::new(path)).map(Some),
            None if arg.optional => Ok(None),
            None => Err(Error::usage(format!("kernel {}: input `{}` is missing", spec.id, arg.name))
                .hint(format!("give it with --in {}=FILE.npy", arg.name))),
        })
        .collect()
}

fn output_files(spec: &KernelSpec, given: &[String]) -> Result<Vec<PathBuf>> {
    if let ([only], [one]) = (spec.outputs, given) {
        let path = one.strip_prefix(&format!("{}=", only.name)).unwrap_or(one);
        return match path.split_once('=') {
            Some((name, file)) if !name.contains(['/', '.']) => Err(Error::usage(format!(
                "--out {one}: kernel {} has no output `{name}`, it has {}",
                spec.id,
                arguments(spec.outputs)
            ))
            .hint(format!("write --out {file}, or --out ./{path} where the file is called so"))),
            _ => Ok(vec![path.into()]),
        };
    }
    let mut files: BTreeMap<&str, &str> = BTreeMap::new();
    for text in given {
        let (name, path) = pair(text, "--out")?;
        if !spec.outputs.iter().any(|arg| arg.name == name) || files.insert(name, path).is_some() {
            return Err(Error::usage(format!(
                "--out {text}: kernel {} has the outputs {}",
                spec.id,
                arguments(spec.outputs)
            )));
        }
    }
    let mut names: Vec<&&str> = files.values().collect();
    names.sort_unstable();
    if let Some(two) = names.windows(2).find(|two| two[0] == two[1]) {
        return Err(Error::usage(format!("--out: two outputs of kernel {} would go to {}", spec.id, two[0]))
            .hint("give each its own file"));
    }
    spec.outputs
        .iter()
        .map(|arg| {
            files
                .get(arg.name)
                .map(PathBuf::from)
                .ok_or_else(|| Error::usage(format!("kernel {}: --out {}=FILE.npy is missing", spec.id, arg.name)))
        })
        .collect()
}

/// Bytes that go from the device to a file at a time.
const PIECE: u64 = 4 << 20;

fn upload(device: &std::sync::Arc<Device>, queue: &mut Queue, source: Source) -> Result<ArrayRef> {
    let (dtype, shape) = (source.dtype, source.shape);
    let buffer = device.alloc(shape.bytes(dtype))?;
    source.stream(|at, piece| queue.upload(&buffer, at, piece))?;
    Ok(ArrayRef { buffer, byte_offset: 0, dtype, shape })
}

fn download(queue: &mut Queue, array: &ArrayRef, put: &mut npy::Sink<'_>) -> Result<()> {
    let bytes = array.shape.bytes(array.dtype);
    let mut piece = vec![0; bytes.min(PIECE) as usize];
    let mut at = 0;
    while at < bytes {
        let len = (bytes - at).min(PIECE) as usize;
        queue.download(&array.buffer, array.byte_offset + at, &mut piece[..len])?;
        put(&piece[..len])?;
        at += len as u64;
    }
    Ok(())
}
