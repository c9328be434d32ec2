//! Compares the functions of one variable with CORE-MATH, an independent correctly rounded library, on every one of the
//! 2^32 inputs and in every form that runs here: one element at a time, in blocks at each level, and the device source
//! compiled for this CPU. `cargo xtask prove functions` is its door.

mod forms;
mod inputs;
mod oracle;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use forms::Form;
use inputs::{CHUNK, Inputs};
use oracle::Function;

const USAGE: &str = "usage: prove_functions [--short] [--function NAME]... [--form NAME]... [--threads N]";

/// What is asked for.
struct Settings {
    inputs: Inputs,
    functions: Vec<&'static Function>,
    forms: Vec<Form>,
    threads: usize,
}

/// What came of one function in one form.
#[derive(Clone, Default)]
struct Outcome {
    differences: u64,
    /// The lowest input that differs: its bits, what is right, what came.
    first: Option<[u32; 3]>,
    /// Over all threads.
    time: Duration,
}

fn main() -> ExitCode {
    let settings = match settings(std::env::args().skip(1)) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let mut differences = 0;
    for &function in &settings.functions {
        let (outcomes, inputs) = prove(&settings, function);
        for (form, outcome) in settings.forms.iter().zip(outcomes) {
            println!(
                "{:8} {:14} {inputs} inputs, {} differences, {:.1} s",
                function.name,
                form.name(),
                outcome.differences,
                outcome.time.as_secs_f64(),
            );
            if let Some([x, right, got]) = outcome.first {
                println!("    the first: {x:#010x} gives {got:#010x}, but {right:#010x} is right");
            }
            differences += outcome.differences;
        }
    }
    println!("{differences} differences in all");
    if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn settings(mut args: impl Iterator<Item = String>) -> Result<Settings, String> {
    let mut inputs = Inputs::All;
    let (mut functions, mut names) = (Vec::new(), Vec::new());
    let mut threads = std::thread::available_parallelism().map_or(1, usize::from);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} takes a value"));
        match arg.as_str() {
            "--short" => inputs = Inputs::Short,
            "--function" => functions.push(oracle::find(&value()?)?),
            "--form" => names.push(value()?),
            "--threads" => {
                let text = value()?;
                threads = text.parse().ok().filter(|&n| n > 0).ok_or(format!("--threads {text}: not a count"))?;
            }
            _ => return Err(format!("{arg}: unknown")),
        }
    }
    let mut forms = forms::all().map_err(|error| format!("the device source: {error}"))?;
    for name in &names {
        if forms.iter().all(|form| form.name() != name) {
            let known: Vec<&str> = forms.iter().map(Form::name).collect();
            return Err(format!("--form {name}: it is one of {}", known.join(", ")));
        }
    }
    forms.retain(|form| names.is_empty() || names.iter().any(|name| name == form.name()));
    if functions.is_empty() {
        functions = oracle::FUNCTIONS.iter().collect();
    }
    Ok(Settings { inputs, functions, forms, threads })
}

/// The outcome in each form, and the number of inputs.
fn prove(settings: &Settings, function: &Function) -> (Vec<Outcome>, u64) {
    let chunks = settings.inputs.chunks();
    let (next, inputs) = (AtomicU64::new(0), AtomicU64::new(0));
    let outcomes = Mutex::new(vec![Outcome::default(); settings.forms.len()]);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..settings.threads {
            scope.spawn(|| {
                let mut mine = vec![Outcome::default(); settings.forms.len()];
                let (mut x, mut y) = (Vec::with_capacity(CHUNK), vec![0f32; CHUNK]);
                loop {
                    let chunk = next.fetch_add(1, Ordering::Relaxed);
                    if chunk >= chunks {
                        break;
                    }
                    settings.inputs.fill(chunk, &mut x);
                    inputs.fetch_add(x.len() as u64, Ordering::Relaxed);
                    let right: Vec<u32> = x.iter().map(|&x| (function.right)(x).to_bits()).collect();
                    for (form, outcome) in settings.forms.iter().zip(&mut mine) {
                        let started = Instant::now();
                        form.run(function, &x, &mut y[..x.len()]);
                        outcome.time += started.elapsed();
                        outcome.compare(&x, &right, &y);
                    }
                    show(function, chunk, chunks, started);
                }
                let mut outcomes = outcomes.lock().expect("no thread panics while it holds this");
                outcomes.iter_mut().zip(mine).for_each(|(outcome, mine)| outcome.join(mine));
            });
        }
    });
    if std::io::stderr().is_terminal() {
        eprint!("\r{:60}\r", "");
    }
    (outcomes.into_inner().expect("the threads have ended"), inputs.into_inner())
}

/// On a terminal, how far it has come.
fn show(function: &Function, chunk: u64, chunks: u64, started: Instant) {
    if chunk.is_multiple_of(64) && std::io::stderr().is_terminal() {
        let seconds = started.elapsed().as_secs();
        eprint!("\r{}: {:3} % after {seconds} s ", function.name, 100 * chunk / chunks);
        // Progress that cannot be shown is no failure.
        let _ = std::io::stderr().flush();
    }
}

impl Outcome {
    fn compare(&mut self, x: &[f32], right: &[u32], y: &[f32]) {
        for ((x, &right), y) in x.iter().zip(right).zip(y) {
            if y.to_bits() != right {
                self.differences += 1;
                let found = [x.to_bits(), right, y.to_bits()];
                self.first = Some(self.first.map_or(found, |first| first.min(found)));
            }
        }
    }

    fn join(&mut self, other: Outcome) {
        self.differences += other.differences;
        self.time += other.time;
        self.first = self.first.into_iter().chain(other.first).min();
    }
}
