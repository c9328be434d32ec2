//! The sandbox of a command: this program again, which gives up what the command shall not have and then becomes it. No new
//! privileges, files by Landlock, address space by a limit. What the kernel does not offer is said in the report.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope,
};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::{Value, json};

use crate::error::{Error, Result};

/// What every program needs to start: libraries, interpreters, the system's own tables. Read and run only.
const SYSTEM: [&str; 10] =
    ["/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/proc/self", "/dev/urandom", "/dev/zero"];

/// The only device that is written.
const NULL: &str = "/dev/null";

/// What a command may have.
#[derive(Clone, Debug, Default)]
pub struct Sandbox {
    /// Files and folders that it may read and run, beside the system's.
    pub readable: Vec<PathBuf>,
    /// Folders that it may change.
    pub writable: Vec<PathBuf>,
    /// Bytes of address space of each process; 0 is no limit.
    pub address_space: u64,
    /// Where it is said what held.
    pub report: PathBuf,
}

impl Sandbox {
    /// The words before `-- COMMAND` that make this program put it on.
    pub fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["overlay".into(), "sandboxed".into()];
        words.extend(["--report".into(), self.report.clone().into_os_string()]);
        words.extend(["--address-space".into(), self.address_space.to_string().into()]);
        words.extend(self.readable.iter().flat_map(|path| ["--read".into(), path.clone().into_os_string()]));
        words.extend(self.writable.iter().flat_map(|path| ["--write".into(), path.clone().into_os_string()]));
        words
    }

    /// Puts it on, says so in the report, and becomes the command; comes back only with an error, which is in the report too.
    pub fn become_command(&self, command: &[OsString]) -> Error {
        let error = match self.put_on() {
            Ok(held) => match self.say(&held) {
                Ok(()) => match command.split_first() {
                    Some((program, args)) => {
                        let failed = Command::new(program).args(args).exec();
                        let error = Error::io(format!("cannot start {}", program.to_string_lossy()), &failed);
                        let _ = self.say(&json!({"error": error.message, "stage": "exec"}));
                        return error;
                    }
                    None => Error::usage("no command"),
                },
                Err(error) => error,
            },
            Err(error) => error,
        };
        let _ = self.say(&json!({"error": error.message, "stage": "sandbox"}));
        error
    }

    fn say(&self, what: &Value) -> Result<()> {
        std::fs::write(&self.report, what.to_string())
            .map_err(|e| Error::io(format!("cannot write {}", self.report.display()), &e))
    }

    fn put_on(&self) -> Result<Value> {
        rustix::thread::set_no_new_privs(true)
            .map_err(|e| Error::io("no_new_privs cannot be set", &std::io::Error::from(e)))?;
        if self.address_space > 0 {
            let most = Some(self.address_space);
            setrlimit(Resource::As, Rlimit { current: most, maximum: most })
                .map_err(|e| Error::io("the address space cannot be limited", &std::io::Error::from(e)))?;
        }
        let landlock = self.landlock()?;
        Ok(json!({
            "no_new_privs": true,
            "address_space_bytes": self.address_space,
            "landlock": landlock,
        }))
    }

    /// How far the kernel goes along; every path that is there is opened before, so a missing one is named.
    fn landlock(&self) -> Result<&'static str> {
        let wrong = |e: &dyn std::fmt::Display| Error::internal(format!("the sandbox cannot be made: {e}"));
        let abi = ABI::V6;
        let (all, read) = (AccessFs::from_all(abi), AccessFs::from_read(abi));
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(all)
            // No signals to processes outside, no abstract sockets of theirs.
            .and_then(|rules| rules.scope(Scope::from_all(abi)))
            .and_then(Ruleset::create)
            .map_err(|e| wrong(&e))?;
        let system = SYSTEM.iter().map(Path::new).filter(|path| path.exists());
        let readable = system.chain(self.readable.iter().map(PathBuf::as_path)).map(|path| (path, read));
        let writable = self.writable.iter().map(PathBuf::as_path).map(|path| (path, all));
        let null = [(Path::new(NULL), AccessFs::ReadFile | AccessFs::WriteFile)];
        // The report is written once more if the command cannot be started.
        let report = [(self.report.as_path(), AccessFs::WriteFile | AccessFs::Truncate)];
        for (path, access) in readable.chain(writable).chain(null).chain(report) {
            let fd = PathFd::new(path).map_err(|e| Error::not_found(format!("cannot open {}: {e}", path.display())))?;
            // The rights of folders mean nothing for a file, and would make the whole look half enforced.
            let access = if path.is_dir() { access } else { access & AccessFs::from_file(abi) };
            rules = rules.add_rule(PathBeneath::new(fd, access)).map_err(|e| wrong(&e))?;
        }
        let status = rules.restrict_self().map_err(|e| wrong(&e))?;
        Ok(match status.ruleset {
            RulesetStatus::FullyEnforced => "enforced",
            RulesetStatus::PartiallyEnforced => "enforced in part: this kernel knows an older Landlock",
            RulesetStatus::NotEnforced => "not enforced: this kernel has no Landlock",
        })
    }
}
