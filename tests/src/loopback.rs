//! A bench with an AMD GPU that is none: the ROCm backend over the tests' own HIP, which runs launches on the CPU through
//! PoCL, fails on demand and writes an account when the program ends.

use std::path::{Path, PathBuf};
use std::sync::Once;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{Bench, Ran, folder};

/// A bench whose ROCm backend has a device.
pub struct Loopback {
    /// Its place.
    pub bench: Bench,
}

impl Loopback {
    /// With both libraries in the working folder under the names of ROCm 6; `None`, and a line that says so, where there is
    /// no OpenCL driver for the CPU.
    ///
    /// # Panics
    /// If the disk refuses.
    pub fn new() -> Option<Self> {
        if !Path::new("/etc/OpenCL/vendors/pocl.icd").exists() {
            clamp_test_skip::skip("no OpenCL driver for the CPU: apt-get install pocl-opencl-icd ocl-icd-libopencl1");
            return None;
        }
        let mut bench = Bench::new();
        let library = library();
        let hip = bench.work().join("libamdhip64.so.6");
        std::fs::write(&hip, &library).expect("write");
        // One file under two names is loaded once, and has one account.
        std::os::unix::fs::symlink(&hip, bench.work().join("libhiprtc.so.6")).expect("link");
        let cache = cache(&library);
        // The folder that the host gives the plugin for compiled modules.
        let own = bench.home().join("cache/backends");
        std::fs::create_dir_all(&own).expect("a folder");
        std::os::unix::fs::symlink(cache.join("modules"), own.join("rocm")).expect("link");
        let mut set = |name: &str, value: String| bench.environment.insert(name.to_owned(), value);
        set("CLAMP_PLUGINS_ROCM_LIBRARY", hip.display().to_string());
        set("POCL_CACHE_DIR", cache.join("pocl").display().to_string());
        Some(Self { bench })
    }

    /// Sets a variable for every later command.
    pub fn set(&mut self, name: &str, value: &str) {
        self.bench.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Runs a command; gives its end and the library's account of it.
    ///
    /// # Panics
    /// If there is no account, which means that the program did not end by itself.
    pub fn run(&self, args: &[&str]) -> (Ran, Account) {
        self.run_failing("", args)
    }

    /// The same while calls fail: see the library's `control`.
    ///
    /// # Panics
    /// As above.
    pub fn run_failing(&self, failures: &str, args: &[&str]) -> (Ran, Account) {
        self.run_program(&crate::dist().join("clamp-host"), failures, args)
    }

    /// The same of another program than `clamp-host`.
    ///
    /// # Panics
    /// As above.
    pub fn run_program(&self, program: &Path, failures: &str, args: &[&str]) -> (Ran, Account) {
        let report = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
        let mut environment = self.bench.environment.clone();
        environment.insert("LOOPBACK_REPORT".to_owned(), report.display().to_string());
        environment.insert("LOOPBACK_FAIL".to_owned(), failures.to_owned());
        let ran = crate::command(program, &self.bench.work(), &environment, args, None);
        let account = std::fs::read_to_string(&report).expect("read");
        let account = serde_json::from_str(&account).unwrap_or_else(|error| panic!("no account ({error}): {ran:#?}"));
        (ran, Account(account))
    }
}

/// What the library says of one run.
#[derive(Debug)]
pub struct Account(Value);

impl Account {
    /// How often a function was called.
    pub fn calls(&self, function: &str) -> u64 {
        self.0["calls"][function].as_u64().unwrap_or(0)
    }

    /// Every function that was called.
    ///
    /// # Panics
    /// If the account is none.
    pub fn functions(&self) -> Vec<String> {
        self.0["calls"].as_object().expect("calls").keys().cloned().collect()
    }

    /// Nothing was used as it must not be.
    ///
    /// # Panics
    /// If something was.
    pub fn is_proper(&self) -> &Self {
        assert_eq!(self.0["misuse"].as_array().map(Vec::len), Some(0), "{:#}", self.0);
        self
    }

    /// How many things of a kind were not given back.
    pub fn live(&self, kind: &str) -> u64 {
        self.0["live"][kind].as_u64().unwrap_or(0)
    }

    /// Everything was given back.
    ///
    /// # Panics
    /// If something was not.
    pub fn is_settled(&self) -> &Self {
        let live = self.0["live"].as_object().expect("what is alive");
        assert!(live.values().all(|count| *count == 0), "{:#}", self.0);
        self
    }
}

fn library() -> Vec<u8> {
    let path = folder("CLAMP_TEST_PLUGINS").join("libfixture_loopback_hip.so");
    std::fs::read(&path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()))
}

/// A folder for what this very library compiled, in this run of the tests and in earlier ones.
fn cache(library: &[u8]) -> PathBuf {
    let name: String = Sha256::digest(library).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let room = folder("CLAMP_TEST_CACHE").join("loopback");
    let own = room.join(&name);
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::fs::create_dir_all(own.join("modules")).expect("a folder");
        // What earlier libraries left.
        for entry in std::fs::read_dir(&room).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy() != name {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    });
    own
}

/// Takes a function away from a library: its name in the table of names becomes another, so that nobody finds it.
///
/// # Panics
/// If the library has no such function.
pub fn without(library: &Path, function: &str) {
    let mut bytes = std::fs::read(library).expect("read");
    let name = format!("\0{function}\0");
    let at = bytes.windows(name.len()).position(|part| part == name.as_bytes());
    bytes[at.unwrap_or_else(|| panic!("no function {function}")) + 1] = b'_';
    std::fs::write(library, bytes).expect("write");
}
