//! A capability that is a command: one process for each call, in a sandbox, with the call as JSON on stdin and the answer as
//! JSON on stdout. Its whole process group ends with the call.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde_json::{Value, json};

use super::service::failed;
use super::{CallEnd, CallFailure, FailureKind, ServiceCall};
use crate::error::{Error, Result};
use crate::sandbox::Sandbox;

/// The end of stderr that stands in a failure.
const TAIL_CHARS: usize = 4096;

/// How often a process is looked at.
const PAUSE: Duration = Duration::from_millis(5);

/// What runs.
#[derive(Clone, Debug)]
pub struct ProcCall {
    /// The manifest's command, the capability's path, and `--stdin-json`.
    pub command: Vec<String>,
    /// The overlay's folder.
    pub folder: PathBuf,
    /// What holds it.
    pub sandbox: Sandbox,
    /// This program, which puts on the sandbox before it becomes the command.
    pub program: PathBuf,
    /// Bytes of memory that all of its processes may use together.
    pub hard_bytes: u64,
    /// How messages name that limit.
    pub hard_name: String,
}

/// Which parts of the sandbox held, for the record.
pub type Sandboxed = Value;

/// Carries one call to its end.
///
/// # Errors
/// What keeps the process from being started at all.
pub fn call_proc(what: &ProcCall, call: &ServiceCall) -> Result<(CallEnd, Sandboxed)> {
    let begun = Instant::now();
    let cannot = |e: &std::io::Error| Error::io("cannot make a temporary folder for a command", e);
    let room = tempfile::tempdir().map_err(|e| cannot(&e))?;
    let report = tempfile::NamedTempFile::new().map_err(|e| cannot(&e))?;
    let sandbox =
        Sandbox { report: report.path().to_owned(), writable: vec![room.path().to_owned()], ..what.sandbox.clone() };
    let mut command = Command::new(&what.program);
    command.args(sandbox.words()).arg("--").args(&what.command);
    command.current_dir(&what.folder).env_clear().envs(variables(call));
    command.env("TMPDIR", room.path()).env("HOME", room.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = command.spawn().map_err(|e| Error::io(format!("cannot start {}", what.program.display()), &e))?;
    let mut running = Running::new(child, call);
    let end = running.end(what, call, begun);
    let mut said = String::new();
    let _ = File::open(report.path()).and_then(|mut file| file.read_to_string(&mut said));
    let held = serde_json::from_str(&said).unwrap_or(Value::Null);
    let Ended { status, late, over } = end;
    let (out, err) = running.words();
    for line in err.lines().filter(|line| !line.trim().is_empty()) {
        tracing::info!(target: "guest", event = "stderr", data = %json!(line));
    }
    let who = what.command.first().map_or("the command", String::as_str);
    // Neither a sandbox that could not be put on nor a program that is not there is an answer of the overlay's.
    if let Some(problem) = held.get("error").and_then(Value::as_str) {
        let message = format!("the command `{who}` was not started: {problem}");
        return Err(match held.get("stage").and_then(Value::as_str) {
            Some("exec") => Error::not_found(message)
                .hint("install the program, or correct `entrypoints.proc.command` in the overlay's manifest"),
            _ => Error::refused(message)
                .hint("a command is only run in its sandbox; overlays.NAME.proc_paths names what it may read beside"),
        });
    }
    let reply = match (over, late) {
        (Some(used), _) => Err(CallFailure {
            kind: FailureKind::Limit,
            code: "limit".into(),
            message: format!(
                "limit `{}`: its processes use {used} bytes, {} are allowed",
                what.hard_name, what.hard_bytes
            ),
            hint: Some("choose a larger --profile if the overlay really needs it".into()),
            data: Vec::new(),
        }),
        (None, true) => Err(call.too_late()),
        (None, false) => match out {
            Said::TooMuch => Err(call.too_long(who)),
            Said::Held => Err(failed("held", format!("{who} ended and left a process behind that holds its stdout"))),
            Said::All(out) if status.success() => call.reply(who, &out),
            Said::All(_) => Err(ended_badly(who, status, &err)),
        },
    };
    Ok((call.end(reply, late), held))
}

fn variables(call: &ServiceCall) -> Vec<(OsString, OsString)> {
    let hints = &call.hints;
    let mut all = vec![
        ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ("CLAMP_KV_SHRINK_FACTOR".to_owned(), hints.kv_shrink_factor.to_string()),
        ("CLAMP_DISABLED_FEATURES".to_owned(), hints.disabled_features.join(",")),
    ];
    let given = |name: &str, value: Option<String>| value.map(|value| (name.to_owned(), value));
    all.extend(given("CLAMP_MAX_CONTEXT_TOKENS", hints.max_context_tokens.map(|tokens| tokens.to_string())));
    all.extend(given("CLAMP_BATCH_MODE", hints.batch_mode.clone()));
    all.extend(given("CLAMP_OFFLOAD_TIER", hints.offload_tier.clone()));
    let own =
        call.config.iter().map(|(key, value)| (format!("CLAMP_CONFIG_{}", key.to_ascii_uppercase()), value.clone()));
    all.extend(own);
    all.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// `exit code 3`, or the signal; with the end of what it said.
fn ended_badly(who: &str, status: ExitStatus, err: &str) -> CallFailure {
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown end".to_owned(),
    };
    let last = err.lines().rev().find(|line| !line.trim().is_empty()).map(|line| format!(": {}", line.trim()));
    let mut failure = failed("exit", format!("{who} ended with {how}{}", last.unwrap_or_default()));
    // The log has all of it.
    let tail = err.char_indices().rev().take(TAIL_CHARS).last().map_or("", |(at, _)| &err[at..]);
    failure.data = serde_json::to_vec(&json!({"exit_code": status.code(), "signal": status.signal(), "stderr": tail}))
        .unwrap_or_default();
    failure
}

/// A process with its three streams, each served by a thread of its own.
struct Running {
    child: Child,
    group: Option<Pid>,
    out: mpsc::Receiver<Said>,
    err: mpsc::Receiver<Said>,
    /// Stdout has more than it may; there is nothing to wait for.
    is_flooded: Arc<AtomicBool>,
}

/// What came of a stream.
enum Said {
    All(Vec<u8>),
    TooMuch,
    /// Somebody still holds it open.
    Held,
}

/// How it ended.
struct Ended {
    status: ExitStatus,
    late: bool,
    /// Bytes in use when they were too many.
    over: Option<u64>,
}

impl Running {
    fn new(mut child: Child, call: &ServiceCall) -> Self {
        let request = call.request();
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read is not waited for; the write ends with the pipe.
            thread::spawn(move || drop(stdin.write_all(&request)));
        }
        let is_flooded = Arc::<AtomicBool>::default();
        let out = read(child.stdout.take(), call.response_bytes, Some(Arc::clone(&is_flooded)));
        let err = read(child.stderr.take(), call.log_bytes, None);
        let group = Pid::from_raw(child.id().cast_signed());
        Self { child, group, out, err, is_flooded }
    }

    /// Waits for the first process, ends it where it takes too long or too much, and then ends whatever it left behind.
    fn end(&mut self, what: &ProcCall, call: &ServiceCall, begun: Instant) -> Ended {
        let (mut late, mut over, mut looked) = (false, None, Instant::now());
        loop {
            if self.has_ended() {
                break;
            }
            late = begun.elapsed() >= call.timeout;
            if looked.elapsed() > Duration::from_millis(50) {
                looked = Instant::now();
                over = self.group.map(resident_bytes).filter(|used| *used > what.hard_bytes);
            }
            if late || over.is_some() || self.is_flooded.load(Ordering::Relaxed) {
                break;
            }
            thread::sleep(PAUSE);
        }
        Ended { status: self.reap(), late, over }
    }

    /// Whether the first process has ended; its number stays taken until [`Running::reap`].
    fn has_ended(&self) -> bool {
        let Some(pid) = self.group else { return true };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(pid), options), Ok(None))
    }

    /// Ends the group while its number is surely its own, and takes the first process's end.
    fn reap(&mut self) -> ExitStatus {
        self.kill();
        self.group = None;
        self.child.wait().unwrap_or(ExitStatus::from_raw(-1))
    }

    fn kill(&self) {
        if let Some(group) = self.group {
            // None of the group may be left, and then there is nobody to end.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// Everything on stdout, `None` if it was too much; and the beginning of stderr.
    fn words(&self) -> (Said, String) {
        // The pipes end with the group; a process that left the group may hold them, and is not waited for.
        let second = Duration::from_secs(1);
        let out = self.out.recv_timeout(second).unwrap_or(Said::Held);
        let err = match self.err.recv_timeout(second) {
            Ok(Said::All(err)) => err,
            _ => Vec::new(),
        };
        (out, String::from_utf8_lossy(&err).into_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.group.is_some() {
            self.reap();
        }
    }
}

/// Reads a stream to its end on a thread; of more than `most` bytes the beginning or, if that is to be noted, nothing.
fn read(stream: Option<impl Read + Send + 'static>, most: u64, over: Option<Arc<AtomicBool>>) -> mpsc::Receiver<Said> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let Some(mut stream) = stream else { return };
        let mut bytes = Vec::new();
        let _ = (&mut stream).take(most.saturating_add(1)).read_to_end(&mut bytes);
        let is_over = bytes.len() as u64 > most;
        bytes.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        let refused = over.filter(|_| is_over);
        let _ = send.send(if refused.is_some() { Said::TooMuch } else { Said::All(bytes) });
        if let Some(over) = refused {
            over.store(true, Ordering::Relaxed);
        }
        // The rest is taken too, so that the command is not stuck on a full pipe.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    receive
}

/// What the processes of a group have in memory, shared pages counted once a process.
fn resident_bytes(group: Pid) -> u64 {
    let page = rustix::param::page_size() as u64;
    let pages = |entry: std::fs::DirEntry| -> Option<u64> {
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // The second field is the name in parentheses, which may hold anything.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let of = fields.nth(2)?.parse::<i32>().ok()?;
        if of != group.as_raw_nonzero().get() {
            return None;
        }
        fields.nth(18)?.parse().ok()
    };
    std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(pages).sum::<u64>() * page
}
