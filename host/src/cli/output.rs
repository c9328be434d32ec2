//! Where words go: results to stdout, talk and errors to stderr, JSON in one form.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::backend::Notice;
use crate::error::{Error, ErrorKind};

/// How a command speaks.
pub(super) struct Output {
    pub(super) json: bool,
    /// Why stdout could not be written, if it could not.
    lost: std::cell::Cell<Option<io::Error>>,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json, lost: std::cell::Cell::new(None) }
    }

    /// A result for people.
    pub(super) fn text(&self, text: &str) {
        let mut out = io::stdout().lock();
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let written =
            out.write_all(text.as_bytes()).and_then(|()| out.write_all(end.as_bytes())).and_then(|()| out.flush());
        // A reader that has gone away (`| head`) is no failure of ours.
        if let Err(e) = written
            && e.kind() != io::ErrorKind::BrokenPipe
        {
            self.lost.set(Some(e));
        }
    }

    /// The code to end with: a result that nobody could read is no success.
    pub(super) fn end(&self, code: ExitCode) -> ExitCode {
        match self.lost.take() {
            None => code,
            Some(e) => {
                self.complain(&Error::io("cannot write to standard output", &e));
                exit_of(ErrorKind::Io)
            }
        }
    }

    /// A result for programs: one line.
    pub(super) fn value(&self, value: &Value) {
        self.text(&value.to_string());
    }

    /// A remark for people; silent with `--json`.
    pub(super) fn say(&self, text: &str) {
        if !self.json {
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    /// An error, and its exit code.
    pub(super) fn fail(&self, error: &Error) -> ExitCode {
        if self.json {
            self.value(&json!({"ok": false, "error": error_json(error)}));
        } else {
            self.complain(error);
        }
        ExitCode::from(error.kind.exit_code())
    }

    /// An error on stderr: what failed, then what to do.
    pub(super) fn complain(&self, error: &Error) {
        let mut err = io::stderr().lock();
        let _ = writeln!(err, "error: {}", plain(&error.message));
        if let Some(hint) = &error.hint {
            let _ = writeln!(err, "  help: {}", plain(hint));
        }
    }

    /// Whether somebody looks at stderr.
    pub(super) fn watched(&self) -> bool {
        !self.json && io::stderr().is_terminal()
    }
}

/// How what backends' rooms have to say is shown: on stderr, at once; with `--json` only warnings are.
pub(super) fn notice(json: bool) -> impl Fn(&Notice<'_>) + Send + Sync + 'static {
    move |notice| {
        let mut err = io::stderr().lock();
        let _ = match notice {
            Notice::Warning { text, help } => writeln!(err, "warning: {}\n  help: {}", plain(text), plain(help)),
            Notice::Note(_) if json => Ok(()),
            Notice::Note(text) => writeln!(err, "note: {}", plain(text)),
        };
    }
}

/// The stable form of an error.
pub(super) fn error_json(error: &Error) -> Value {
    json!({
        "code": error.kind.exit_code(),
        "kind": error.kind.name(),
        "message": error.message,
        "hint": error.hint,
    })
}

/// The exit code of a run that left a record.
pub(super) fn exit_of(kind: ErrorKind) -> ExitCode {
    ExitCode::from(kind.exit_code())
}

/// A text without control characters: names come from plugins, packages and folders, and a terminal obeys escapes.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Rows in aligned columns, the first row being the heads.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["ID".to_owned(), "STAGE".to_owned()], vec!["longer".to_owned(), "x".to_owned()]];
        assert_eq!(table(&rows), "ID      STAGE\nlonger  x\n");
    }
}
