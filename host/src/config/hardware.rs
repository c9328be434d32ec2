//! hardware.yaml: how much of this machine jobs may plan with. It is checked here and used by the job planner; it
//! measures nothing.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::load::{Problem, first_of, read_text};
use super::places::Places;
use super::yaml;
use crate::error::Result;

/// The name of the file.
pub(super) const FILE: &str = "hardware.yaml";

/// The machine's limits; what is not given is as much as the machine has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hardware {
    /// Cores.
    pub cpu_cores: Option<u32>,
    /// Memory in units of 2^30 bytes.
    pub ram_gb: Option<f64>,
    /// Memory of each device in units of 2^30 bytes.
    pub vram_gb: Option<f64>,
    /// Devices.
    pub devices: Option<u32>,
}

/// The file's own form.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cpu_cores: Option<Spanned<u32>>,
    ram_gb: Option<Spanned<f64>>,
    vram_gb: Option<Spanned<f64>>,
    devices: Option<Spanned<u32>>,
}

impl Hardware {
    /// Reads the user's file or else the bundled one; without either nothing is limited.
    ///
    /// # Errors
    /// A file that cannot be read, or whose content breaks a rule, with its line.
    pub fn load(places: &Places) -> Result<Self> {
        Ok(Self::look(places)??)
    }

    /// [`Self::load`], with what is wrong with the content apart from a disk that fails.
    pub(super) fn look(places: &Places) -> Result<Result<Self, Problem>> {
        let Some(path) = first_of(places, FILE) else { return Ok(Ok(Self::default())) };
        let file: File = match yaml::typed(&path, &read_text(&path)?) {
            Ok(file) => file,
            Err(problem) => return Ok(Err(problem)),
        };
        let wrong = |line: u64, column: u64, message: &str| {
            Ok(Err(Problem::new(format!("{}:{line}:{column}", path.display()), message, None)))
        };
        if let Some(cores) = file.cpu_cores.as_ref().filter(|cores| cores.value == 0) {
            return wrong(cores.referenced.line(), cores.referenced.column(), "cpu_cores is at least 1");
        }
        for (name, size, least) in [("ram_gb", &file.ram_gb, f64::MIN_POSITIVE), ("vram_gb", &file.vram_gb, 0.0)] {
            if let Some(size) = size.as_ref().filter(|size| !(size.value >= least && size.value <= 1e6)) {
                let message = format!("{name} is a number of 2^30 bytes, at most 1000000, and ram_gb is above 0");
                return wrong(size.referenced.line(), size.referenced.column(), &message);
            }
        }
        Ok(Ok(Self {
            cpu_cores: file.cpu_cores.map(|cores| cores.value),
            ram_gb: file.ram_gb.map(|size| size.value),
            vram_gb: file.vram_gb.map(|size| size.value),
            devices: file.devices.map(|count| count.value),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Hardware> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(FILE), text).expect("written");
        let places = Places { bundled: "/nowhere".into(), home: folder.path().into(), work: "/nowhere".into() };
        Hardware::load(&places).map_err(|mut error| {
            error.message = error.message.replace(&*folder.path().to_string_lossy(), "");
            error
        })
    }

    #[test]
    fn figures_are_read_and_all_may_be_left_out() {
        let all = load("cpu_cores: 16\nram_gb: 63.5\nvram_gb: 24\ndevices: 2\n").expect("good");
        assert_eq!(all, Hardware { cpu_cores: Some(16), ram_gb: Some(63.5), vram_gb: Some(24.0), devices: Some(2) });
        assert_eq!(load(include_str!("../../../config/hardware.yaml")), Ok(Hardware::default()));
        assert_eq!(load(""), Ok(Hardware::default()));
    }

    #[test]
    fn wrong_figures_are_named_with_their_line() {
        for (text, expected) in [
            ("cpu_cores: 0\n", "/hardware.yaml:1:12: cpu_cores is at least 1"),
            ("cpu_cores: 2.5\n", "/hardware.yaml:1:12: invalid u32"),
            ("\nram_gb: 0\n", "/hardware.yaml:2:9: ram_gb is a number"),
            ("ram_gb: .nan\n", "/hardware.yaml:1:9: ram_gb is a number"),
            ("vram_gb: -1\n", "/hardware.yaml:1:10: vram_gb is a number"),
            ("cores: 3\n", "/hardware.yaml:1:1: there is no key \"cores\""),
        ] {
            let error = load(text).expect_err("wrong");
            assert!(error.message.starts_with(expected), "{error}");
        }
    }
}
