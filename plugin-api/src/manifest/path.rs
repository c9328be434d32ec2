//! Places: where something stands inside a JSON text, and which file paths a package may name.
//! It never touches the file system.

use std::fmt;

/// One step into a JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// Where a value stands: `$.capabilities.train.phases[0]`. A key that is not a plain word is written as
/// `["a.b"]`, because a capability's name may have dots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonPath(Vec<Step>);

/// Longest key shown whole; a hostile text may have one of megabytes.
const SHOWN_KEY_CHARS: usize = 64;

impl JsonPath {
    /// The whole text.
    pub fn root() -> Self {
        Self::default()
    }

    /// The member `key` of this place.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.0.push(Step::Key(key.into()));
        self
    }

    /// The element `index` of this place.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push(Step::Index(index));
        self
    }

    /// Puts a step in front: a reader learns the place from the inside out.
    pub(crate) fn within_key(&mut self, key: &str) {
        self.0.push(Step::Key(key.to_owned()));
    }

    pub(crate) fn within_index(&mut self, index: usize) {
        self.0.push(Step::Index(index));
    }

    /// Ends a series of `within_*` calls.
    pub(crate) fn outside_in(mut self) -> Self {
        self.0.reverse();
        self
    }

    pub(crate) fn of(path: &serde_path_to_error::Path) -> Self {
        use serde_path_to_error::Segment;
        let steps = path.iter().map(|segment| match segment {
            Segment::Seq { index } => Step::Index(*index),
            Segment::Map { key } => Step::Key(key.clone()),
            Segment::Enum { variant } => Step::Key(variant.clone()),
            Segment::Unknown => Step::Key("?".to_owned()),
        });
        Self(steps.collect())
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for step in &self.0 {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if is_word(key) => write!(f, ".{key}")?,
                Step::Key(key) => match key.char_indices().nth(SHOWN_KEY_CHARS) {
                    None => write!(f, "[{key:?}]")?,
                    Some((end, _)) => write!(f, "[{:?}]", format!("{}...", &key[..end]))?,
                },
            }
        }
        Ok(())
    }
}

fn is_word(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= SHOWN_KEY_CHARS
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Why `text` is no path inside a package; `None` when it is one.
///
/// A good one is relative, has forward slashes, and no empty, `.` or `..` part, so that joining it to a folder can
/// never leave that folder by itself. Links are the file system's: whoever opens the file looks for them.
pub fn package_path_problem(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("is empty")
    } else if text.len() > 1024 {
        Some("is longer than 1024 bytes")
    } else if text.starts_with('/') {
        Some("is absolute; paths are relative to the package's folder")
    } else if text.contains('\\') {
        Some("has a backslash; write forward slashes")
    } else if text.chars().any(char::is_control) {
        Some("has a control character")
    } else if text.split('/').any(|part| part.len() > 255) {
        Some("has a part longer than 255 bytes")
    } else if text.split('/').any(|part| part == "..") {
        Some("has `..`; a package only names files inside its own folder")
    } else if text.split('/').any(|part| part.is_empty() || part == ".") {
        Some("has an empty or `.` part")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_like_json() {
        let path = JsonPath::root().key("capabilities").key("a.b").key("phases").index(2);
        assert_eq!(path.to_string(), r#"$.capabilities["a.b"].phases[2]"#);
        assert_eq!(JsonPath::root().to_string(), "$");
        assert_eq!(JsonPath::root().key("").to_string(), r#"$[""]"#);
        assert!(JsonPath::root().key("é".repeat(1000)).to_string().ends_with("...\"]"));
    }

    #[test]
    fn paths_that_could_leave_the_package_are_named() {
        for good in ["a", "a/b.wasm", "data/..x", "...", "a b"] {
            assert_eq!(package_path_problem(good), None, "{good}");
        }
        for bad in ["", "/a", "../a", "a/../b", "a/..", "a//b", "a/", "./a", "a\\b", "a\0b", "a\nb"] {
            assert!(package_path_problem(bad).is_some(), "{bad:?}");
        }
        assert!(package_path_problem(&"x/".repeat(600)).is_some());
        assert!(package_path_problem(&"x".repeat(256)).is_some());
    }
}
