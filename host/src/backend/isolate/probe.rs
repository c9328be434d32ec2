//! Trying a plugin in a process of its own: this program again, which opens the file, starts it and asks for its devices.
//! How that process ends is all that is believed; it is ended itself when it takes too long.

use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

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

/// Output that is read, at most; a plugin may write there as well.
const MOST_BYTES: u64 = 1 << 20;

impl Prober {
    /// Tries the file `plugin`, which has to have this digest, up to the opening of `device` if one is given.
    pub fn run(&self, plugin: &Path, sha256: &str, device: Option<u32>) -> Tried {
        let mut command = Command::new(&self.program);
        command.args(&self.args).args(["backend", "probe", "--sha256", sha256]);
        if let Some(device) = device {
            command.args(["--device", &device.to_string()]);
        }
        command.arg("--").arg(plugin);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(e) => return Tried::Unable(format!("{} cannot be started: {e}", self.program.display())),
        };
        let (send, receive) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            // Ends with the process, or with the last of those that it started; nobody waits for those.
            thread::spawn(move || {
                let mut said = Vec::new();
                let _ = stdout.take(MOST_BYTES).read_to_end(&mut said);
                let _ = send.send(said);
            });
        }
        let said = receive.recv_timeout(self.most);
        let silent = said.is_err();
        if silent {
            let _ = child.kill();
        }
        let status = match child.wait() {
            Ok(status) => status,
            Err(e) => return Tried::Unable(format!("cannot wait for {}: {e}", self.program.display())),
        };
        let said = said.or_else(|_| receive.recv_timeout(Duration::from_secs(1))).unwrap_or_default();
        let how = if silent { format!("no answer within {} ms", self.most.as_millis()) } else { end_of(status) };
        judge(&said, how)
    }
}

/// Reads the lines of the process: one with the step before each step, one with the answer after the last.
fn judge(said: &[u8], how: String) -> Tried {
    let lines = said.split(|&b| b == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let mut step = Step::Load;
    for mut line in lines {
        if let Some(answer) = line.get_mut("answer") {
            return Tried::Lived(answer.take());
        }
        step = line.get_mut("step").and_then(|word| serde_json::from_value(word.take()).ok()).unwrap_or(step);
    }
    Tried::Ended { step, how }
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

    /// A shell in place of the program; the words after its script are its own.
    fn shell(script: &str, most: Duration) -> Tried {
        let args = vec!["-c".into(), script.into()];
        Prober { program: "/bin/sh".into(), args, most }.run(Path::new("/p/x.so"), "ab", Some(1))
    }

    #[test]
    fn the_way_a_process_ends_is_told() {
        let long = Duration::from_secs(60);
        let ended = |step, how: &str| Tried::Ended { step, how: how.to_owned() };
        assert_eq!(
            shell("echo noise; echo '{\"answer\": {\"id\": \"cpu\"}}'", long),
            Tried::Lived(serde_json::json!({"id": "cpu"}))
        );
        assert_eq!(shell("exit 0", long), ended(Step::Load, "exit code 0"));
        assert_eq!(shell("echo '{\"step\": \"devices\"}'; exit 3", long), ended(Step::Devices, "exit code 3"));
        assert_eq!(
            shell("echo '{\"step\": \"start\"}'; kill -SEGV $$", long),
            ended(Step::Start, "signal 11, SIGSEGV")
        );
        let slow = shell("echo '{\"step\": \"open\"}'; exec sleep 60", Duration::from_millis(300));
        assert_eq!(slow, ended(Step::Open, "no answer within 300 ms"));
        let gone = Prober { program: "/nonexistent/program".into(), args: Vec::new(), most: long };
        assert!(matches!(gone.run(Path::new("/p/x.so"), "ab", None), Tried::Unable(_)));
    }
}
