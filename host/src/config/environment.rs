//! The process environment, read once and handed down, so that tests bring their own and nothing else looks.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Environment variables, and whether they may be believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    privileged: bool,
}

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        Self { variables: std::env::vars_os().collect(), privileged: is_privileged() }
    }

    /// Given variables.
    pub fn from_pairs<K: Into<OsString>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let variables = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables, privileged: false }
    }

    /// The same variables in a program that has more rights than the user who started it: none of them is believed,
    /// since the user chose them.
    #[must_use]
    pub fn privileged(mut self) -> Self {
        self.privileged = true;
        self
    }

    /// Whether the variables are left unread because the program has more rights than its user.
    pub fn is_privileged(&self) -> bool {
        self.privileged
    }

    /// A variable that is set to something and may be believed.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        let value = self.variables.get(OsStr::new(name)).filter(|_| !self.privileged)?;
        (!value.is_empty()).then_some(value.as_os_str())
    }

    /// The names that start with `prefix`.
    pub(super) fn names_with(&self, prefix: &str) -> impl Iterator<Item = &str> {
        let believed = !self.privileged;
        self.variables.keys().filter_map(|name| name.to_str()).filter(move |name| believed && name.starts_with(prefix))
    }
}

/// Whether the kernel gave this program more rights than its user has: set-user-id, set-group-id, file capabilities.
fn is_privileged() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    getuid() != geteuid()
        || getgid() != getegid()
        || std::fs::read("/proc/self/auxv").is_ok_and(|auxv| at_secure(&auxv))
}

/// The kernel's own word: the entry AT_SECURE of the auxiliary vector, pairs of native words.
fn at_secure(auxv: &[u8]) -> bool {
    const AT_SECURE: usize = 23;
    const WORD: usize = size_of::<usize>();
    let word = |bytes: &[u8]| bytes.try_into().map_or(0, usize::from_ne_bytes);
    auxv.chunks_exact(2 * WORD).any(|entry| word(&entry[..WORD]) == AT_SECURE && word(&entry[WORD..]) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let environment = Environment::from_pairs([("A", "1"), ("B", "")]);
        assert_eq!(environment.get("A"), Some(OsStr::new("1")));
        assert_eq!(environment.get("B"), None);
        assert_eq!(environment.get("C"), None);
    }

    #[test]
    fn a_privileged_program_believes_no_variable() {
        let environment = Environment::from_pairs([("CLAMP_PLUGIN_PATH", "/evil")]).privileged();
        assert_eq!(environment.get("CLAMP_PLUGIN_PATH"), None);
        assert_eq!(environment.names_with("CLAMP_").count(), 0);
    }

    #[test]
    fn the_auxiliary_vector_says_whether_rights_were_gained() {
        let vector = |secure: usize| -> Vec<u8> {
            [6, 4096, 23, secure, 0, 0].iter().flat_map(|word: &usize| word.to_ne_bytes()).collect()
        };
        assert!(!at_secure(&vector(0)));
        assert!(at_secure(&vector(1)));
        assert!(!at_secure(&[23, 1]));
    }
}
