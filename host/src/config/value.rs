//! The kinds of values a setting can have, each read from the same texts whether they come from a file, a variable or
//! a flag. It knows no keys.

use std::path::PathBuf;

/// A value as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raw {
    /// A scalar.
    Text(String),
    /// A list.
    List(Vec<String>),
}

/// Which bits a run promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Those of the specification, on every backend.
    #[default]
    Strict,
    /// Whatever is quick; labelled so in the record.
    Fast,
}

impl Mode {
    /// The word in settings, records and replies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Fast => "fast",
        }
    }
}

impl std::str::FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "strict" => Ok(Self::Strict),
            "fast" => Ok(Self::Fast),
            other => Err(format!("{other:?} is no mode; there are strict and fast")),
        }
    }
}

/// How one kind of setting is read and shown.
pub(super) trait Kind {
    /// What it is in the program.
    type Value;
    /// What may be written, for people.
    const WORDS: &'static str;
    /// Whether it is a list in files.
    const LIST: bool = false;

    /// Reads what was given, or says what is wrong with it.
    fn read(raw: &Raw) -> Result<Self::Value, String>;

    /// As it would be written; empty for what is not set.
    fn show(value: &Self::Value) -> String;

    /// The value that stands in the table of keys.
    fn initial(default: &'static str) -> Self::Value {
        match Self::read(&Raw::Text(default.to_owned())) {
            Ok(value) => value,
            Err(problem) => unreachable!("a default of the table of keys: {problem}"),
        }
    }
}

fn scalar(raw: &Raw) -> Result<&str, String> {
    match raw {
        Raw::Text(text) => Ok(text.trim()),
        Raw::List(_) => Err("one value is wanted, not a list".to_owned()),
    }
}

fn whole_number(text: &str) -> Option<u64> {
    let plain = text.bytes().next().is_some_and(|b| b.is_ascii_digit()) && !text.ends_with('_');
    text.replace('_', "").parse().ok().filter(|_| plain)
}

/// A number from 1.
pub(super) struct Count;

impl Kind for Count {
    type Value = u64;
    const WORDS: &'static str = "a whole number from 1";

    fn read(raw: &Raw) -> Result<u64, String> {
        let text = scalar(raw)?;
        whole_number(text).filter(|&n| n > 0).ok_or_else(|| format!("{text:?} is not {}", Self::WORDS))
    }

    fn show(value: &u64) -> String {
        value.to_string()
    }
}

/// A number from 0, where 0 has a meaning of its own.
pub(super) struct CountOrNone;

impl Kind for CountOrNone {
    type Value = u64;
    const WORDS: &'static str = "a whole number";

    fn read(raw: &Raw) -> Result<u64, String> {
        let text = scalar(raw)?;
        whole_number(text).ok_or_else(|| format!("{text:?} is not {}", Self::WORDS))
    }

    fn show(value: &u64) -> String {
        value.to_string()
    }
}

/// A number of threads; 0 means all cores.
pub(super) struct Threads;

impl Kind for Threads {
    type Value = u32;
    const WORDS: &'static str = "a whole number up to 65536";

    fn read(raw: &Raw) -> Result<u32, String> {
        let text = scalar(raw)?;
        let number = whole_number(text).filter(|&n| n <= 65_536).and_then(|n| u32::try_from(n).ok());
        number.ok_or_else(|| format!("{text:?} is not {}", Self::WORDS))
    }

    fn show(value: &u32) -> String {
        value.to_string()
    }
}

/// A number of bytes.
pub(super) struct Bytes;

const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];

/// A number of bytes, for options that are no settings: `65536` or `64KiB`.
pub fn bytes(text: &str) -> Result<u64, String> {
    Bytes::read(&Raw::Text(text.to_owned()))
}

impl Kind for Bytes {
    type Value = u64;
    const WORDS: &'static str = "bytes from 1, such as 65536 or 64KiB";

    fn read(raw: &Raw) -> Result<u64, String> {
        let text = scalar(raw)?;
        let unit = UNITS.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?.trim_end(), *shift)));
        let (digits, shift) = unit.unwrap_or((text, 0));
        let bytes = whole_number(digits).and_then(|n| n.checked_mul(1 << shift)).filter(|&n| n > 0);
        bytes.ok_or_else(|| format!("{text:?} is not a number of {}", Self::WORDS))
    }

    fn show(value: &u64) -> String {
        match UNITS.iter().find(|(_, shift)| *value > 0 && value.is_multiple_of(1 << shift)) {
            Some((unit, shift)) => format!("{}{unit}", value >> shift),
            None => value.to_string(),
        }
    }
}

/// Letters of a UUID that name a device at least.
const UUID_LETTERS: usize = 4;

/// Whether `word` could name a device: its number, or the beginning of its UUID.
pub fn is_device_name(word: &str) -> bool {
    let is_uuid = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b':' | b'.'));
    word.parse::<u32>().is_ok() || word.len() >= UUID_LETTERS && is_uuid(word)
}

/// A number of bytes, where 0 has a meaning of its own.
pub(super) struct BytesOrNone;

impl Kind for BytesOrNone {
    type Value = u64;
    const WORDS: &'static str = "bytes, such as 65536 or 64KiB";

    fn read(raw: &Raw) -> Result<u64, String> {
        if scalar(raw)? == "0" {
            return Ok(0);
        }
        Bytes::read(raw)
            .map_err(|_| format!("{:?} is not a number of {}", scalar(raw).unwrap_or_default(), Self::WORDS))
    }

    fn show(value: &u64) -> String {
        Bytes::show(value)
    }
}

/// A folder; a relative one is in the working folder.
pub(super) struct Folder;

impl Kind for Folder {
    type Value = PathBuf;
    const WORDS: &'static str = "a folder";

    fn read(raw: &Raw) -> Result<PathBuf, String> {
        match raw {
            Raw::Text(text) if !text.is_empty() && !text.contains('\0') => Ok(PathBuf::from(text)),
            Raw::Text(_) => Err("a folder's path is not empty and has no NUL character".to_owned()),
            Raw::List(_) => Err("one folder is wanted, not a list".to_owned()),
        }
    }

    fn show(value: &PathBuf) -> String {
        value.display().to_string()
    }
}

/// Folders that code is loaded from: absolute, so that none is the current folder by accident.
pub(super) struct Folders;

impl Kind for Folders {
    type Value = Vec<PathBuf>;
    const WORDS: &'static str = "absolute folders, in a variable with `:` between them";
    const LIST: bool = true;

    fn read(raw: &Raw) -> Result<Vec<PathBuf>, String> {
        let parts: Vec<&str> = match raw {
            Raw::Text(text) => text.split(':').collect(),
            Raw::List(items) => items.iter().map(String::as_str).collect(),
        };
        let folders = parts.into_iter().filter(|part| !part.is_empty()).map(PathBuf::from);
        folders
            .map(|folder| {
                if folder.is_absolute() {
                    Ok(folder)
                } else {
                    Err(format!("\"{}\" is relative; code is only loaded from absolute paths", folder.display()))
                }
            })
            .collect()
    }

    fn show(value: &Vec<PathBuf>) -> String {
        value.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(":")
    }
}

/// `strict` or `fast`.
pub(super) struct ModeWord;

impl Kind for ModeWord {
    type Value = Mode;
    const WORDS: &'static str = "strict or fast";

    fn read(raw: &Raw) -> Result<Mode, String> {
        scalar(raw)?.parse()
    }

    fn show(value: &Mode) -> String {
        value.name().to_owned()
    }
}

/// Any text, or not set. The empty text is one when it is given.
pub(super) struct OptionalText;

impl Kind for OptionalText {
    type Value = Option<String>;
    const WORDS: &'static str = "any text";

    fn read(raw: &Raw) -> Result<Option<String>, String> {
        match raw {
            Raw::Text(text) => Ok(Some(text.clone())),
            Raw::List(_) => Err("one text is wanted, not a list".to_owned()),
        }
    }

    fn show(value: &Option<String>) -> String {
        value.clone().unwrap_or_default()
    }

    fn initial(_default: &'static str) -> Option<String> {
        None
    }
}

/// A backend: `auto`, an id, or an id and a device's index.
pub(super) struct BackendName;

impl Kind for BackendName {
    type Value = String;
    const WORDS: &'static str = "auto, a backend's id, or id:device with a number or UUID";

    fn read(raw: &Raw) -> Result<String, String> {
        let text = scalar(raw)?;
        let (id, device) = text.split_once(':').unwrap_or((text, "0"));
        let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
        if plain && is_device_name(device) {
            Ok(text.to_owned())
        } else {
            Err(format!("{text:?} is not {}", Self::WORDS))
        }
    }

    fn show(value: &String) -> String {
        value.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<K: Kind>(text: &str) -> Result<K::Value, String> {
        K::read(&Raw::Text(text.to_owned()))
    }

    #[test]
    fn bytes_take_binary_units_and_show_them() {
        for (text, bytes, shown) in
            [("1", 1, "1"), ("65536", 65_536, "64KiB"), ("16MiB", 16 << 20, "16MiB"), ("1 GiB", 1 << 30, "1GiB")]
        {
            assert_eq!(read::<Bytes>(text), Ok(bytes));
            assert_eq!(Bytes::show(&bytes), shown);
        }
        for wrong in ["", "0", "-1", "1.5MiB", "64kb", "64KB", "KiB", "16777216TiB", "1_", "_1", "+1"] {
            assert!(read::<Bytes>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_may_be_grouped() {
        assert_eq!(read::<Count>("100_000"), Ok(100_000));
        assert_eq!(read::<CountOrNone>("0"), Ok(0));
        assert_eq!((read::<BytesOrNone>("0"), read::<BytesOrNone>("2KiB")), (Ok(0), Ok(2048)));
        assert_eq!(
            read::<BytesOrNone>("-1"),
            Err("\"-1\" is not a number of bytes, such as 65536 or 64KiB".to_owned())
        );
        assert_eq!(read::<Count>("0"), Err("\"0\" is not a whole number from 1".to_owned()));
        assert!(read::<Threads>("65537").is_err());
    }

    #[test]
    fn code_comes_from_absolute_folders_only() {
        assert_eq!(read::<Folders>("/a::/b:"), Ok(vec![PathBuf::from("/a"), PathBuf::from("/b")]));
        assert_eq!(
            read::<Folders>("plugins"),
            Err("\"plugins\" is relative; code is only loaded from absolute paths".to_owned())
        );
        assert_eq!(Folders::read(&Raw::List(vec!["/a:b".to_owned()])), Ok(vec![PathBuf::from("/a:b")]));
    }

    #[test]
    fn words_are_checked() {
        assert_eq!(read::<ModeWord>("fast"), Ok(Mode::Fast));
        assert!(read::<ModeWord>("Strict").is_err());
        assert!(read::<BackendName>("cuda:1").is_ok());
        assert!(read::<BackendName>("cuda:GPU-5c3f").is_ok());
        assert!(read::<BackendName>("cuda:x").is_err());
        assert!(read::<BackendName>("").is_err());
        assert_eq!(read::<OptionalText>(""), Ok(Some(String::new())));
    }
}
