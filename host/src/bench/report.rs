//! What was measured, in the form that `--json` writes and `--compare` reads. The form is stable: fields are only added,
//! and another meaning is another `version`.

use serde::{Deserialize, Serialize};

use super::ceiling::Bound;
use super::figure::Figure;
use crate::error::{Error, Result};

/// The form that this program writes.
const VERSION: u32 = 1;

/// One run of `bench`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Of this form.
    pub version: u32,
    /// Whose kernels.
    pub backend: String,
    /// The plugin's version.
    pub backend_version: String,
    /// On what.
    pub device: String,
    /// What the kernels are specialised for.
    pub dispatch: String,
    /// Bytes of a kernel's arrays together, where its extents are not bounded otherwise.
    pub size_bytes: u64,
    /// Bytes of the ceilings' arrays, and how many of them lie on huge pages; null where the system does not say.
    pub ceiling_bytes: u64,
    /// See `ceiling_bytes`.
    pub huge_page_bytes: Option<u64>,
    /// What the machine does.
    pub ceilings: Vec<CeilingRow>,
    /// What the kernels do.
    pub kernels: Vec<KernelRow>,
    /// What a call costs.
    pub calls: Vec<Call>,
    /// What could not be measured.
    pub skipped: Vec<Skipped>,
}

/// One bound at a number of threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CeilingRow {
    /// Which.
    pub name: Bound,
    /// Threads.
    pub threads: u32,
    /// Bytes a second, or operations a second for fma; null where the device has nothing to measure it with.
    pub per_second: Option<Figure>,
    /// With what it was measured.
    pub how: String,
}

/// One kernel at a number of threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelRow {
    /// Its id.
    pub kernel: String,
    /// Threads.
    pub threads: u32,
    /// Extents of the inputs that are there, in catalogue order; of the outputs where there are no inputs.
    pub shapes: Vec<Vec<u64>>,
    /// Bytes of all its arrays, each counted once.
    pub bytes: u64,
    /// Operations on floats as the specification writes them.
    pub operations: u64,
    /// One launch.
    pub seconds: Figure,
    /// What it is held against.
    pub bound: Bound,
    /// How much of that it reaches, 1 being all; measured by turns with it. Null where the bound was not measured.
    pub share: Option<Figure>,
}

impl KernelRow {
    /// Bytes a second.
    pub fn bytes_per_second(&self) -> Figure {
        self.seconds.under(self.bytes as f64)
    }

    /// Operations a second.
    pub fn operations_per_second(&self) -> Figure {
        self.seconds.under(self.operations as f64)
    }
}

/// The cost of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// `table call`, `checked call` or `small launch`.
    pub name: String,
    /// Threads of the queue.
    pub threads: u32,
    /// Nanoseconds each.
    pub ns: Figure,
    /// What the contract allows; null where it says nothing.
    pub most_ns: Option<f64>,
}

/// A kernel that could not be measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its id.
    pub kernel: String,
    /// Why.
    pub reason: String,
}

impl Report {
    /// Without a row yet.
    pub(super) fn new(facts: &crate::backend::DeviceFacts, backend: &str, backend_version: &str, size: u64) -> Self {
        Self {
            version: VERSION,
            backend: backend.to_owned(),
            backend_version: backend_version.to_owned(),
            device: facts.name.clone(),
            dispatch: facts.dispatch.clone(),
            size_bytes: size,
            ceiling_bytes: size,
            huge_page_bytes: None,
            ceilings: Vec::new(),
            kernels: Vec::new(),
            calls: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// From the text of an earlier `--json`; `origin` is how messages name it.
    ///
    /// # Errors
    /// Text that is no such report, or one of another version.
    pub fn read(text: &[u8], origin: &str) -> Result<Self> {
        let again = "give a file that `clamp-host bench --json` wrote";
        let value: serde_json::Value = serde_json::from_slice(text)
            .map_err(|e| Error::bad_input(format!("{origin}: is no JSON: {e}")).hint(again))?;
        match value["version"].as_u64() {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => {
                let message = format!("{origin}: is a report of version {version}, this program reads {VERSION}");
                return Err(Error::bad_input(message).hint("measure again with this program"));
            }
            None => return Err(Error::bad_input(format!("{origin}: is no report of `bench`")).hint(again)),
        }
        let report: Self = serde_path_to_error::deserialize(value)
            .map_err(|e| Error::bad_input(format!("{origin}: {}: {}", e.path(), e.inner())).hint(again))?;
        for (index, row) in report.kernels.iter().enumerate() {
            let figures = [("seconds", Some(row.seconds)), ("share", row.share)];
            if let Some((field, _)) = figures.iter().find(|(_, figure)| figure.is_some_and(|figure| !figure.is_sound()))
            {
                let message = format!("{origin}: kernels[{index}].{field}: is no spread of positive numbers");
                return Err(Error::bad_input(message).hint(again));
            }
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_report_is_refused_by_name() {
        for (text, says) in [
            ("hello", "is no JSON"),
            ("{}", "is no report of `bench`"),
            (r#"{"version": 9}"#, "is a report of version 9"),
            (r#"{"version": 1, "backend": 5}"#, "backend: invalid type"),
        ] {
            let error = Report::read(text.as_bytes(), "old.json").expect_err("refused");
            assert!(error.message.starts_with("old.json: ") && error.message.contains(says), "{error}");
        }
    }
}
