//! Runs other programs: with their output shown, or gathered. A failure names the program, its arguments and how it
//! ended.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};

/// One program call.
#[derive(Debug)]
pub(crate) struct Tool {
    command: Command,
}

impl Tool {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        // Nothing here ever asks a question.
        command.stdin(Stdio::null());
        Self { command }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// It reads this file as its standard input.
    pub(crate) fn input(mut self, file: &Path) -> Result<Self> {
        let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
        self.command.stdin(opened);
        Ok(self)
    }

    /// Runs it with its output shown; fails unless it succeeds.
    pub(crate) fn run(mut self) -> Result<()> {
        let status = self.command.status().with_context(|| format!("cannot start {}", self.shown()))?;
        self.check(status)
    }

    /// Runs it silently; gives what it wrote to stdout, and in a failure the end of what it wrote to stderr.
    pub(crate) fn output(mut self) -> Result<Vec<u8>> {
        let output = self.command.output().with_context(|| format!("cannot start {}", self.shown()))?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            bail!("{} ended with {}: {}", self.shown(), output.status, last_lines(&words));
        }
        Ok(output.stdout)
    }

    /// Runs it with stderr shown; gives what it wrote to stdout.
    pub(crate) fn stdout(mut self) -> Result<Vec<u8>> {
        self.command.stderr(Stdio::inherit());
        let output = self.command.output().with_context(|| format!("cannot start {}", self.shown()))?;
        self.check(output.status)?;
        Ok(output.stdout)
    }

    /// Runs it with both outputs shown as they come; gives the lines and how it ended, which may be a failure.
    pub(crate) fn watch(mut self) -> Result<(Vec<String>, ExitStatus)> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().with_context(|| format!("cannot start {}", self.shown()))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let lines = std::thread::scope(|scope| {
            let out = scope.spawn(|| stdout.map(show_lines).unwrap_or_default());
            let mut lines = stderr.map(show_lines).unwrap_or_default();
            lines.extend(out.join().unwrap_or_default());
            lines
        });
        Ok((lines, child.wait().with_context(|| format!("cannot wait for {}", self.shown()))?))
    }

    /// Whether it starts and succeeds, with nothing shown.
    pub(crate) fn works(mut self) -> bool {
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        self.command.status().is_ok_and(|status| status.success())
    }

    /// The call as a person would type it.
    pub(crate) fn shown(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        let mut text = words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
        if let Some((end, _)) = text.char_indices().nth(200) {
            text.truncate(end);
            text.push_str("...");
        }
        format!("`{text}`")
    }

    fn check(&self, status: ExitStatus) -> Result<()> {
        if status.success() { Ok(()) } else { bail!("{} ended with {status}", self.shown()) }
    }
}

/// Whether a program of this name is on the search path.
pub(crate) fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn show_lines(stream: impl std::io::Read) -> Vec<String> {
    let mut lines = Vec::new();
    for raw in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&raw).into_owned();
        // A reader that has gone away is no failure of the tests.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
        lines.push(line);
    }
    lines
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(5)..].join("\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_call_and_its_last_words() {
        let error = Tool::new("sh").args(["-c", "echo why >&2; exit 3"]).output().expect_err("it fails").to_string();
        assert!(error.contains("`sh -c") && error.contains("status: 3") && error.ends_with("why"), "{error}");
        let error = Tool::new("no-such-program").run().expect_err("it does not exist");
        assert!(format!("{error:#}").starts_with("cannot start `no-such-program`"), "{error:#}");
    }

    #[test]
    fn both_outputs_are_gathered() {
        let (mut lines, status) = Tool::new("sh").args(["-c", "echo a; echo b >&2; exit 1"]).watch().expect("it runs");
        lines.sort();
        assert_eq!((lines, status.code()), (vec!["a".to_owned(), "b".to_owned()], Some(1)));
    }
}
