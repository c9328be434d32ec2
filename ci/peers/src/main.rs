//! `clamp-peers [--json] [SHAPE ...]`: times matmul.f32.v1 beside OpenBLAS and the crate gemm, turn by turn in one process
//! on one and on two threads, and prints the ratios. A shape is MxKxN, with `ta` or `tb` after a colon where a or b is
//! stored transposed: 64x1437x10:ta. It measures; whether a ratio is good enough is said elsewhere.

mod contender;
mod openblas;
mod shape;

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use contender::{Clamp, Contender, Gemm};
use openblas::OpenBlas;
use rayon::ThreadPoolBuilder;
use serde_json::{Value, json};
use shape::{Problem, Shape};

/// What is measured when no shape is named.
const SHAPES: [&str; 10] = [
    "2048x2048x2048",
    "1024x1024x1024",
    "512x512x512",
    "16x4096x4096",
    "1x4096x4096",
    "256x4096x256",
    "1437x64x10",
    "64x1437x10:ta",
    "1437x10x64:tb",
    "100x3000x200",
];

/// Seconds that one sample takes at least.
const SAMPLE_SECONDS: f64 = 0.01;

/// Samples of each contender; their median counts.
const SAMPLES: usize = 9;

fn main() -> Result<()> {
    let (options, names): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    ensure!(options.iter().all(|option| option == "--json"), "usage: clamp-peers [--json] [MxKxN[:ta|:tb|:tatb] ...]");
    let as_json = !options.is_empty();
    let names = if names.is_empty() { SHAPES.map(str::to_owned).to_vec() } else { names };
    let shapes = names.iter().map(|name| name.parse()).collect::<Result<Vec<Shape>>>()?;
    let openblas = match OpenBlas::load() {
        Ok(openblas) => {
            eprintln!("OpenBLAS with its kernels for {}", openblas.core());
            Some(openblas)
        }
        Err(error) => {
            eprintln!("without OpenBLAS: {error:#}. On Debian: apt-get install libopenblas0");
            None
        }
    };
    if !as_json {
        println!(
            "{:<20} {:>7} {:>10} {:>12} {:>9}   best of each: {:>12} {:>9}",
            "shape", "threads", "GFLOP/s", "of OpenBLAS", "of gemm", "of OpenBLAS", "of gemm"
        );
    }
    let mut lines = Vec::new();
    for shape in shapes {
        for threads in [1, 2] {
            let line = measure(&shape, threads, openblas.as_ref())?;
            if !as_json {
                let ratio = |name: &str| line[name].as_f64().map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
                println!(
                    "{:<20} {threads:>7} {:>10.1} {:>12} {:>9} {:>27} {:>9}",
                    shape.name,
                    line["gflops"].as_f64().unwrap_or(f64::NAN),
                    ratio("of_openblas"),
                    ratio("of_gemm"),
                    ratio("best_of_openblas"),
                    ratio("best_of_gemm")
                );
            }
            lines.push(line);
        }
    }
    if as_json {
        println!("{}", serde_json::to_string_pretty(&lines)?);
    }
    Ok(())
}

/// Times all contenders on `threads` threads and gives one line of the table.
fn measure(shape: &Shape, threads: usize, openblas: Option<&OpenBlas>) -> Result<Value> {
    let problem = Problem::new(shape);
    let clamp = Clamp::open(shape)?;
    let mut contenders: Vec<(&str, &(dyn Contender + Sync))> = vec![("clamp", &clamp), ("gemm", &Gemm)];
    contenders.extend(openblas.map(|openblas| ("openblas", openblas as &(dyn Contender + Sync))));
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().context("starting the threads")?;
    let samples = pool.install(|| samples(&problem, threads, &contenders))?;
    let [medians, bests] = [|samples: &Vec<f64>| samples[samples.len() / 2], |samples: &Vec<f64>| samples[0]]
        .map(|pick| samples.iter().map(pick).collect::<Vec<f64>>());
    let place = |name: &str| contenders.iter().position(|(contender, _)| *contender == name);
    let ours = medians[0];
    let of = |name: &str| place(name).map(|at| medians[at] / ours);
    let best_of = |name: &str| place(name).map(|at| bests[at] / bests[0]);
    Ok(json!({
        "shape": shape.name,
        "threads": threads,
        "gflops": shape.flops() / ours / 1e9,
        "of_openblas": of("openblas"),
        "of_gemm": of("gemm"),
        "best_of_openblas": best_of("openblas"),
        "best_of_gemm": best_of("gemm"),
    }))
}

/// Seconds of one product by each contender, least first.
fn samples(problem: &Problem, threads: usize, contenders: &[(&str, &(dyn Contender + Sync))]) -> Result<Vec<Vec<f64>>> {
    let mut expected = Vec::new();
    let mut repeats = Vec::new();
    for (name, contender) in contenders {
        let mut out = vec![0f32; problem.out_len()];
        contender.multiply(problem, &mut out, threads)?;
        if expected.is_empty() {
            expected.clone_from(&out);
        }
        let far = expected.iter().zip(&out).position(|(x, y)| y.is_nan() || (x - y).abs() > 1e-3);
        ensure!(far.is_none(), "{name} has another product than clamp at element {far:?}");
        let begin = Instant::now();
        contender.multiply(problem, &mut out, threads)?;
        repeats.push((SAMPLE_SECONDS / begin.elapsed().as_secs_f64()).clamp(1.0, 1e4).ceil() as usize);
    }
    let mut samples = vec![Vec::new(); contenders.len()];
    let mut out = vec![0f32; problem.out_len()];
    for _ in 0..SAMPLES {
        for (at, (_, contender)) in contenders.iter().enumerate() {
            // Once apart, so that each begins with the caches as it left them.
            contender.multiply(problem, &mut out, threads)?;
            let begin = Instant::now();
            for _ in 0..repeats[at] {
                contender.multiply(problem, &mut out, threads)?;
            }
            samples[at].push(begin.elapsed().as_secs_f64() / repeats[at] as f64);
        }
    }
    for samples in &mut samples {
        samples.sort_by(f64::total_cmp);
    }
    Ok(samples)
}
