//! A fault of our own: exit code 70 and a report file instead of a bare panic.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::error::ErrorKind;
use crate::run::{Program, utc_millis};

/// From here on a panic ends the program with a report.
pub(super) fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        let mut report = String::new();
        let program = Program::CURRENT;
        let _ = writeln!(report, "clamp-host {} ({})", program.version, program.git_sha.unwrap_or("commit unknown"));
        let _ = writeln!(report, "{}", utc_millis(std::time::SystemTime::now()));
        let _ = writeln!(report, "{info}");
        let _ = writeln!(report, "{}", std::backtrace::Backtrace::force_capture());
        let saved = tempfile::Builder::new().prefix("clamp-report-").suffix(".txt").tempfile().and_then(|mut file| {
            file.write_all(report.as_bytes())?;
            let (_, path) = file.keep().map_err(|e| e.error)?;
            Ok(path)
        });
        let mut err = std::io::stderr().lock();
        let _ = writeln!(err, "error: clamp-host met a fault of its own: {info}");
        match saved {
            Ok(path) => {
                let _ = writeln!(err, "  help: please report it with the file {}", path.display());
            }
            Err(_) => {
                let _ = err.write_all(report.as_bytes());
            }
        }
        std::process::exit(i32::from(ErrorKind::Internal.exit_code()));
    }));
}
