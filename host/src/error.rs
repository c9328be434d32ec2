//! The host's one error type: what failed, what to do about it, and the exit code that says so to scripts.
//! It never prints; `cli/` does.

use std::fmt;

/// Why a command ended as it did. Exit codes are an API: docs/exit-codes.md lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The command line itself is wrong.
    Usage,
    /// The overlay answered `ok: false`.
    OverlayFailed,
    /// A named limit of the call was reached.
    Limit,
    /// A grant, phase, policy or signature forbids it.
    Refused,
    /// No such overlay, capability, backend, kernel, run or file name.
    NotFound,
    /// Input, manifest, asset or settings that cannot be accepted.
    BadInput,
    /// A kernel met values that it cannot work on, such as an index out of range.
    Data,
    /// A backend could not be loaded or failed at work.
    Backend,
    /// `--require-gpu` and no GPU would do the work.
    NoGpu,
    /// A kernel of the backend has not the bits of the specification, or could not be tried; strict refuses it.
    NotCertified,
    /// plugins.lock vouches for no plugin file that would do the work, and the policy demands that it does.
    Untrusted,
    /// Reading or writing failed: permissions, a full disk.
    Io,
    /// A comparison found something slower than it was.
    Slower,
    /// A fault of this program.
    Internal,
}

impl ErrorKind {
    /// The process exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 64,
            Self::OverlayFailed => 10,
            Self::Limit => 11,
            Self::Refused => 12,
            Self::NotFound => 13,
            Self::BadInput | Self::Data => 14,
            Self::Backend => 15,
            Self::NoGpu => 16,
            Self::Io => 17,
            Self::NotCertified => 18,
            Self::Slower => 19,
            Self::Untrusted => 20,
            Self::Internal => 70,
        }
    }

    /// The stable word in `--json` output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::OverlayFailed => "overlay-failed",
            Self::Limit => "limit",
            Self::Refused => "refused",
            Self::NotFound => "not-found",
            Self::BadInput => "bad-input",
            Self::Data => "data",
            Self::Backend => "backend",
            Self::NoGpu => "no-gpu",
            Self::NotCertified => "not-certified",
            Self::Untrusted => "untrusted",
            Self::Io => "io",
            Self::Slower => "slower",
            Self::Internal => "internal",
        }
    }
}

/// A failure as a person meets it: one sentence that names the thing, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Decides the exit code.
    pub kind: ErrorKind,
    /// What failed and which file, field or argument it was; one line.
    pub message: String,
    /// What to do; one line.
    pub hint: Option<String>,
}

/// What nearly every function of the host returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` without a remedy; add one with [`Error::hint`].
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same about something that its sender could not name: `about` goes before the message.
    #[must_use]
    pub fn about(mut self, about: impl fmt::Display) -> Self {
        self.message = format!("{about}: {}", self.message);
        self
    }

    /// A wrong command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// Something named does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// Something given cannot be accepted.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadInput, message)
    }

    /// Something is forbidden.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    /// A limit was reached.
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit, message)
    }

    /// A backend failed.
    pub fn backend(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Backend, message)
    }

    /// A fault of this program.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// `doing` is what was tried, path included ("cannot write /x/y").
    pub fn io(doing: impl fmt::Display, source: &std::io::Error) -> Self {
        let error = Self::new(ErrorKind::Io, format!("{doing}: {source}"));
        match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                error.hint("free disk space, or choose a place on another disk")
            }
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                error.hint("choose a folder that this user may write, or change its permissions")
            }
            _ => error,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
