//! `bench`: how quick each kernel is beside what the machine can do, and what got slower since another time. Uses a
//! backend directly and leaves no run record.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::Global;
use super::output::{Output, exit_of, table};
use super::progress::ProgressLine;
use super::setup;
use crate::backend::{DeviceKind, Wish, select};
use crate::bench::{self, Comparison, Figure, Options, Report, Verdict, Watch};
use crate::error::{Error, ErrorKind, Result};
use crate::overlay::{Progress as _, ProgressUpdate};

#[derive(Args)]
pub(super) struct BenchArgs {
    /// Kernels: ids, names, or patterns such as 'cast_*'; all without one
    #[arg(value_name = "KERNEL")]
    kernels: Vec<String>,
    /// Backend id; auto takes a GPU first, then the CPU
    #[arg(long, value_name = "ID")]
    backend: Option<String>,
    /// Numbers of threads of the CPU backend, such as 1,2,4; each is measured for itself
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    threads: Vec<u32>,
    /// Bytes of a kernel's arrays together, such as 256MiB; four times the last-level cache without it
    #[arg(long, value_name = "BYTES")]
    size: Option<String>,
    /// Seconds for each kernel and number of threads, about
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    time: f64,
    /// A file that an earlier --json wrote: say what got slower since, exit code 19 if anything did
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// How much slower is no change; what the spread of both runs explains is none either
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, requires = "compare")]
    tolerance: f64,
}

/// The progress line, on a terminal.
struct Line(Option<ProgressLine>);

impl Watch for Line {
    fn step(&mut self, done: usize, total: usize, now: &str) {
        if let Some(line) = &mut self.0 {
            line.update(&ProgressUpdate { done: done as u64, total: total as u64, data: json!({"now": now}) });
        }
    }
}

pub(super) fn run(global: &Global, args: &BenchArgs, output: &Output) -> Result<ExitCode> {
    // What can be refused is refused before minutes of measuring.
    let former = args.compare.as_deref().map(former).transpose()?;
    let size = args.size.as_deref().map(size).transpose()?.unwrap_or_else(bench::default_size);
    if !(args.time > 0.0 && args.time <= 3600.0) {
        return Err(Error::usage(format!("--time {}: is no number of seconds from above 0 to 3600", args.time)));
    }
    if !(0.0..1.0).contains(&args.tolerance) {
        return Err(Error::usage(format!("--tolerance {}: is no share from 0 to below 1", args.tolerance))
            .hint("5 % is --tolerance 0.05"));
    }
    let flags = setup::Flags { backend: args.backend.clone(), ..setup::Flags::default() };
    let host = setup::host(global, &flags)?;
    let wish = Wish { backend: &host.settings.backend.default, require_gpu: false, ..Wish::default() };
    let device = select(host.catalog()?, &wish)?.device;
    let given = if args.threads.is_empty() { vec![host.settings.run.threads] } else { args.threads.clone() };
    let cores = if device.facts.kind == DeviceKind::Cpu { device.facts.compute_units.max(1) } else { 1 };
    let threads: Vec<u32> = given.into_iter().map(|n| if n == 0 { cores } else { n }).collect();
    if let Some(n) = threads.iter().find(|n| **n > 65_536) {
        return Err(Error::usage(format!("--threads {n}: is more than 65536")));
    }
    if device.backend_id() != "cpu" && !args.threads.is_empty() {
        return Err(Error::usage(format!(
            "--threads: backend `{}` has threads of its own choice",
            device.backend_id()
        ))
        .hint("leave --threads out; it is for the CPU backend"));
    }
    let options = Options { kernels: args.kernels.clone(), threads, size, time: Duration::from_secs_f64(args.time) };
    let report = {
        let mut line = Line(output.watched().then(|| ProgressLine::new("bench")));
        bench::run(&device, &options, &mut line)?
    };
    let comparison = former.as_ref().map(|former| Comparison::of(&report, former, args.tolerance)).transpose()?;
    let slower = comparison.as_ref().is_some_and(|comparison| comparison.slower > 0);
    if output.json {
        let mut value = serde_json::to_value(&report).map_err(|e| Error::internal(e.to_string()))?;
        value["ok"] = Value::Bool(!slower);
        value["compare"] = json!(comparison);
        output.value(&value);
    } else {
        output.text(&tables(&report));
        if let (Some(comparison), Some(file)) = (&comparison, &args.compare) {
            output.text(&format!("\n{}", compared(comparison, &file.display().to_string())));
        }
    }
    Ok(if slower { exit_of(ErrorKind::Slower) } else { ExitCode::SUCCESS })
}

fn former(path: &Path) -> Result<Report> {
    let text = std::fs::read(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::not_found(format!("--compare: {} does not exist", path.display()))
            .hint("give a file that `clamp-host bench --json` wrote"),
        _ => Error::io(format!("cannot read {}", path.display()), &e),
    })?;
    Report::read(&text, &path.display().to_string())
}

/// Bytes from 64 KiB on; below, a call's own cost is all that would be seen.
fn size(text: &str) -> Result<u64> {
    match crate::config::bytes(text) {
        Ok(bytes) if bytes >= 64 << 10 => Ok(bytes),
        Ok(_) => Err(Error::usage(format!("--size {text}: is less than 64KiB"))),
        Err(problem) => Err(Error::usage(format!("--size: {problem}"))),
    }
}

fn tables(report: &Report) -> String {
    let Report { backend, backend_version, device, dispatch, .. } = report;
    let mib = |bytes: u64| bytes >> 20;
    let huge = match report.huge_page_bytes {
        Some(bytes) => format!("{} of {} MiB on huge pages", mib(bytes), mib(report.ceiling_bytes)),
        None => "huge pages unknown".to_owned(),
    };
    let mut text = format!(
        "backend {backend} {backend_version} on {device} ({dispatch}); {} MiB a kernel; ceilings {huge}\n\n",
        mib(report.size_bytes)
    );
    let head = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut rows = vec![head(&["CEILING", "THREADS", "RATE", "SPREAD", "HOW"])];
    for row in &report.ceilings {
        let (rate, spread) = match row.per_second {
            Some(rate) if row.name == bench::Bound::Fma => (gigas(rate.median, "GFLOP/s"), percent(rate)),
            Some(rate) => (gigas(rate.median, "GB/s"), percent(rate)),
            None => ("-".to_owned(), "-".to_owned()),
        };
        rows.push(vec![row.name.name().to_owned(), row.threads.to_string(), rate, spread, row.how.clone()]);
    }
    text += &table(&rows);
    let mut rows = vec![head(&["CALL", "THREADS", "EACH", "SPREAD", "CONTRACT"])];
    for row in &report.calls {
        let most = row.most_ns.map_or("-".to_owned(), |most| {
            format!("at most {most:.0} ns: {}", if row.ns.median <= most { "kept" } else { "missed" })
        });
        let each = format!("{:.1} ns", row.ns.median);
        rows.push(vec![row.name.clone(), row.threads.to_string(), each, percent(row.ns), most]);
    }
    text += &format!("\n{}", table(&rows));
    let mut rows = vec![head(&["KERNEL", "THREADS", "SHARE", "OF", "SPREAD", "GB/s", "GFLOP/s", "ms", "EXTENTS"])];
    for row in &report.kernels {
        let share = row.share.map_or(("-".to_owned(), "-".to_owned()), |s| (format!("{:.2}", s.median), percent(s)));
        let operations = match row.operations {
            0 => "-".to_owned(),
            _ => format!("{:.2}", row.operations_per_second().median / 1e9),
        };
        let shapes: Vec<String> = row.shapes.iter().map(|dims| format!("{dims:?}").replace(", ", "x")).collect();
        rows.push(vec![
            row.kernel.clone(),
            row.threads.to_string(),
            share.0,
            row.bound.name().to_owned(),
            share.1,
            format!("{:.2}", row.bytes_per_second().median / 1e9),
            operations,
            format!("{:.3}", row.seconds.median * 1e3),
            shapes.join(" "),
        ]);
    }
    text += &format!("\n{}", table(&rows));
    for skipped in &report.skipped {
        text += &format!("not measured: {}: {}\n", skipped.kernel, skipped.reason);
    }
    text
}

fn compared(comparison: &Comparison, file: &str) -> String {
    let mut rows = vec![["SINCE THEN", "THREADS", "CHANGE", "NOISE"].map(str::to_owned).to_vec()];
    let signed = |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{:+.1} %", share * 100.0));
    for row in comparison.rows.iter().filter(|row| row.verdict != Verdict::Same) {
        let noise = row.noise.map_or("-".to_owned(), |noise| format!("{:.1} %", noise * 100.0));
        let what = format!("{} {}", row.verdict.name(), row.name);
        rows.push(vec![what, row.threads.to_string(), signed(row.change), noise]);
    }
    let same = comparison.rows.iter().filter(|row| row.verdict == Verdict::Same).count();
    let end = format!("{} slower than in {file}, {same} the same\n", comparison.slower);
    if rows.len() == 1 { end } else { table(&rows) + &end }
}

fn gigas(rate: f64, unit: &str) -> String {
    format!("{:.2} {unit}", rate / 1e9)
}

fn percent(figure: Figure) -> String {
    format!("{:.1} %", figure.noise() * 100.0)
}
