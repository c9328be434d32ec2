//! Compares the functions of one variable with CORE-MATH, an independent correctly rounded library, on every one of the
//! 2^32 inputs and in every form that runs here: one element at a time, in blocks at each level, and the device source
//! compiled for this CPU. `cargo xtask prove functions` is its door.

mod forms;
mod inputs;
mod oracle;
mod proof;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use forms::Form;
use inputs::Inputs;
use oracle::Function;

const USAGE: &str = "usage: prove_functions [--short] [--function NAME]... [--form NAME]... [--threads N]";

/// What is asked for.
struct Settings {
    inputs: Inputs,
    functions: Vec<&'static Function>,
    forms: Vec<Form>,
    threads: usize,
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

fn prove(settings: &Settings, function: &Function) -> (Vec<proof::Outcome>, u64) {
    let started = Instant::now();
    let is_shown = std::io::stderr().is_terminal();
    let came = proof::prove(settings.inputs, function, &settings.forms, settings.threads, |done, all| {
        if is_shown && done.is_multiple_of(64) {
            eprint!("\r{}: {:3} % after {} s ", function.name, 100 * done / all, started.elapsed().as_secs());
            // Progress that cannot be shown is no failure.
            let _ = std::io::stderr().flush();
        }
    });
    if is_shown {
        eprint!("\r{:60}\r", "");
    }
    came
}
