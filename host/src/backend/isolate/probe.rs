//! Trying a plugin in a process of its own: this program again, which opens the file, starts it and asks for its devices.
//! How that process ends, and what it wrote into a file of its own on the way, is all that is believed: what the plugin prints
//! and the processes that it starts are nobody's concern. It is ended itself when it takes too long.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::finding::Step;

/// How a plugin is tried.
#[derive(Clone, Debug)]
pub struct Prober {
    /// This program.
    pub program: PathBuf,
    /// What comes before `backend probe`.
    pub args: Vec<OsString>,
    /// It has to be done by then.
    pub most: Duration,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq)]
pub enum Tried {
    /// The process came to its own end; this is what it says of the plugin, a report as `backend list` has it.
    Lived(Value),
    /// The process ended within the plugin.
    Ended {
        /// What was being done.
        step: Step,
        /// `signal 11, SIGSEGV`, `exit code 3`, `no answer within 60000 ms`.
        how: String,
    },
    /// It could not be tried.
    Unable(String),
}

/// What is read of the report, at most.
const MOST_BYTES: u64 = 1 << 20;

/// How often a process is asked whether it has ended.
const PAUSE: Duration = Duration::from_millis(5);

impl Prober {
    /// Tries the file `plugin`, which has to have this digest, up to the opening of `device` if one is given.
    pub fn run(&self, plugin: &Path, sha256: &str, device: Option<u32>) -> Tried {
        let report = match tempfile::NamedTempFile::new() {
            Ok(report) => report,
            Err(e) => return Tried::Unable(format!("no file for its report: {e}")),
        };
        let mut command = Command::new(&self.program);
        command.args(&self.args).args(["backend", "probe", "--report"]).arg(report.path());
        command.args(["--sha256", sha256]);
        if let Some(device) = device {
            command.args(["--device", &device.to_string()]);
        }
        command.arg("--").arg(plugin);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(e) => return Tried::Unable(format!("{} cannot be started: {e}", self.program.display())),
        };
        let how = match end_within(&mut child, self.most) {
            Ok(Some(status)) => end_of(status),
            Ok(None) => format!("no answer within {} ms", self.most.as_millis()),
            Err(e) => return Tried::Unable(format!("cannot wait for {}: {e}", self.program.display())),
        };
        let mut said = Vec::new();
        match File::open(report.path()).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut said)) {
            Ok(_) => judge(&said, how),
            Err(e) => Tried::Unable(format!("its report cannot be read: {e}")),
        }
    }
}

/// How the process ended; `None` where it did not in time, and was ended.
fn end_within(child: &mut Child, most: Duration) -> io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begun.elapsed() >= most {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(PAUSE);
    }
}

/// Reads the lines of the process: one with the step before each step, one with the answer after the last.
fn judge(said: &[u8], how: String) -> Tried {
    let lines = said.split(|&b| b == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let mut reached = None;
    for mut line in lines {
        if let Some(answer) = line.get_mut("answer") {
            return Tried::Lived(answer.take());
        }
        reached = line.get_mut("step").and_then(|word| serde_json::from_value(word.take()).ok()).or(reached);
    }
    match reached {
        Some(step) => Tried::Ended { step, how },
        // Whatever ended it, it was not the plugin.
        None => Tried::Unable(format!("the process ended before it opened the file ({how})")),
    }
}

/// How a process ended.
fn end_of(status: ExitStatus) -> String {
    const NAMES: &[(i32, &str)] = &[
        (4, "SIGILL"),
        (5, "SIGTRAP"),
        (6, "SIGABRT"),
        (7, "SIGBUS"),
        (8, "SIGFPE"),
        (9, "SIGKILL"),
        (11, "SIGSEGV"),
        (15, "SIGTERM"),
        (31, "SIGSYS"),
    ];
    match (status.signal(), status.code()) {
        (Some(signal), _) => match NAMES.iter().find(|(number, _)| *number == signal) {
            Some((_, name)) => format!("signal {signal}, {name}"),
            None => format!("signal {signal}"),
        },
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => "an unknown end".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell in place of the program, which calls the report `$3`.
    fn shell(script: &str, most: Duration) -> Tried {
        let args = vec!["-c".into(), script.into()];
        Prober { program: "/bin/sh".into(), args, most }.run(Path::new("/p/x.so"), "ab", Some(1))
    }

    #[test]
    fn the_way_a_process_ends_is_told() {
        let long = Duration::from_secs(60);
        let ended = |step, how: &str| Tried::Ended { step, how: how.to_owned() };
        let answer = |script: &str| format!("echo '{{\"answer\": {{\"id\": \"cpu\"}}}}' >> $3; {script}");
        let step = |step: &str, then: &str| format!("echo '{{\"step\": \"{step}\"}}' >> $3; {then}");
        let lived = Tried::Lived(serde_json::json!({"id": "cpu"}));
        assert_eq!(shell(&answer("echo '{\"answer\": 7}'"), long), lived, "what is printed is no report");
        assert_eq!(shell(&step("devices", "exit 3"), long), ended(Step::Devices, "exit code 3"));
        assert_eq!(shell(&step("start", "kill -SEGV $$"), long), ended(Step::Start, "signal 11, SIGSEGV"));
        let slow = shell(&step("open", "exec sleep 60"), Duration::from_millis(300));
        assert_eq!(slow, ended(Step::Open, "no answer within 300 ms"));
        // A process that the plugin left behind is not waited for.
        let begun = Instant::now();
        assert_eq!(shell(&answer("sleep 20 & exit 0"), long), lived);
        assert!(begun.elapsed() < Duration::from_secs(10));
        let early = Tried::Unable("the process ended before it opened the file (exit code 14)".to_owned());
        assert_eq!(shell("exit 14", long), early);
        let gone = Prober { program: "/nonexistent/program".into(), args: Vec::new(), most: long };
        assert!(matches!(gone.run(Path::new("/p/x.so"), "ab", None), Tried::Unable(_)));
    }
}
