//! PTX that was compiled ahead, for machines with a driver and no NVRTC: an index in plain text and the packed modules,
//! both written by `cargo xtask objects cuda` into `ptx/`. This reads them and checks every byte that it gives out; it
//! compiles nothing and asks no driver.
//!
//! The index begins with lines of a name and a value, then has a line for each module: `module KEY SOURCE PTX PACKED LENGTH`,
//! with the SHA-256 of the source and of the PTX in hexadecimal, then the bytes of the packed and of the whole PTX. The packed
//! modules, raw deflate each, stand in the order of the index without anything between them. A line that begins with `#` is
//! for people.

use std::collections::BTreeMap;
use std::io::Read as _;

use flate2::read::DeflateDecoder;
use sha2::{Digest as _, Sha256};

/// All modules that were compiled ahead.
#[derive(Clone, Debug)]
pub(crate) struct Prebuilt<'a> {
    /// What compiled them.
    pub(crate) compiler: &'a str,
    /// Its options.
    pub(crate) options: &'a str,
    /// The version of the PTX language, such as 7.8.
    pub(crate) language: &'a str,
    /// The least compute capability that takes them, such as `(7, 0)`.
    pub(crate) capability: (u32, u32),
    /// The least driver that takes them, as `cuDriverGetVersion` tells it, such as 11080.
    pub(crate) driver: u32,
    modules: BTreeMap<&'a str, Entry<'a>>,
}

/// One module.
#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    source: &'a str,
    ptx: &'a str,
    packed: &'a [u8],
    length: usize,
}

/// Why there is no PTX to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PrebuiltError {
    /// The index or the packed modules have another form; the library was built from damaged files.
    #[error("the prebuilt PTX has another form in {0}; build the plugin from a whole checkout")]
    Form(String),
    /// There is no such module.
    #[error("module {0} is not among the prebuilt ones")]
    Missing(String),
    /// It was compiled from another source.
    #[error("the prebuilt PTX of module {0} is of another source; run `cargo xtask objects cuda`")]
    Stale(String),
    /// Its bytes are not those that were written.
    #[error("the prebuilt PTX of module {0} is damaged; build the plugin from a whole checkout")]
    Damaged(String),
}

impl<'a> Prebuilt<'a> {
    /// Reads an index and finds each module's place among the packed ones.
    pub(crate) fn read(index: &'a str, packed: &'a [u8]) -> Result<Prebuilt<'a>, PrebuiltError> {
        let mut head = BTreeMap::new();
        let mut modules = BTreeMap::new();
        let mut rest = packed;
        for (number, line) in index.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
            let form = || PrebuiltError::Form(format!("line {} of the index", number + 1));
            match line.split_once(' ').ok_or_else(form)? {
                ("module", words) => {
                    let words: Vec<&str> = words.split(' ').collect();
                    let &[key, source, ptx, bytes, length] = words.as_slice() else { return Err(form()) };
                    let bytes = bytes.parse().map_err(|_| form())?;
                    let length = length.parse().map_err(|_| form())?;
                    let (packed, after) = rest.split_at_checked(bytes).ok_or_else(form)?;
                    rest = after;
                    if modules.insert(key, Entry { source, ptx, packed, length }).is_some() {
                        return Err(form());
                    }
                }
                (name, value) => {
                    if head.insert(name, value).is_some() {
                        return Err(form());
                    }
                }
            }
        }
        if !rest.is_empty() {
            return Err(PrebuiltError::Form(format!("{} bytes after the last module", rest.len())));
        }
        let value = |name: &str| {
            head.get(name).copied().ok_or_else(|| PrebuiltError::Form(format!("the index, which has no `{name}`")))
        };
        let number = |name: &str, text: &str| {
            text.parse().map_err(|_| PrebuiltError::Form(format!("`{name}` of the index: {text}")))
        };
        let capability = value("capability")?;
        let (major, minor) = capability.split_once('.').unwrap_or((capability, ""));
        Ok(Prebuilt {
            compiler: value("compiler")?,
            options: value("options")?,
            language: value("language")?,
            capability: (number("capability", major)?, number("capability", minor)?),
            driver: number("driver", value("driver")?)?,
            modules,
        })
    }

    /// The PTX of a module, if it was compiled from this very source.
    pub(crate) fn ptx(&self, key: &str, source: &str) -> Result<String, PrebuiltError> {
        let entry = self.modules.get(key).ok_or_else(|| PrebuiltError::Missing(key.to_owned()))?;
        if digest(source.as_bytes()) != entry.source {
            return Err(PrebuiltError::Stale(key.to_owned()));
        }
        let mut ptx = String::with_capacity(entry.length);
        // One byte more would show that the text goes on.
        let read = DeflateDecoder::new(entry.packed).take(entry.length as u64 + 1).read_to_string(&mut ptx);
        if read.is_err() || digest(ptx.as_bytes()) != entry.ptx {
            return Err(PrebuiltError::Damaged(key.to_owned()));
        }
        Ok(ptx)
    }

    /// The keys of all modules, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.modules.keys().copied()
    }
}

/// SHA-256 in hexadecimal, as the index has it.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text.as_bytes()).expect("written");
        encoder.finish().expect("packed")
    }

    /// Two modules; the sources are `a` and `b`.
    fn written() -> (String, Vec<u8>) {
        let (one, two) = (".version 7.8\n".repeat(50), ".version 7.8\nret;\n".to_owned());
        let line = |key: &str, source: &str, ptx: &str| {
            let (source, whole) = (digest(source.as_bytes()), digest(ptx.as_bytes()));
            format!("module {key} {source} {whole} {} {}\n", packed(ptx).len(), ptx.len())
        };
        let head = "# for people\ncompiler C 1\noptions -a -b\nlanguage 7.8\ncapability 7.0\ndriver 11080\n";
        let index = format!("{head}{}{}", line("one-cuda", "a", &one), line("two-cuda", "b", &two));
        (index, [packed(&one), packed(&two)].concat())
    }

    #[test]
    fn a_module_comes_out_as_it_went_in() {
        let (index, data) = written();
        let prebuilt = Prebuilt::read(&index, &data).expect("well formed");
        assert_eq!((prebuilt.compiler, prebuilt.options, prebuilt.language), ("C 1", "-a -b", "7.8"));
        assert_eq!((prebuilt.capability, prebuilt.driver), ((7, 0), 11080));
        assert_eq!(prebuilt.keys().collect::<Vec<_>>(), ["one-cuda", "two-cuda"]);
        assert_eq!(prebuilt.ptx("one-cuda", "a").expect("there"), ".version 7.8\n".repeat(50));
        assert_eq!(prebuilt.ptx("two-cuda", "b").expect("there"), ".version 7.8\nret;\n");
    }

    #[test]
    fn another_source_a_missing_module_and_a_changed_byte_are_named() {
        let (index, mut data) = written();
        let message = |data: &[u8], key: &str, source: &str| {
            Prebuilt::read(&index, data).expect("well formed").ptx(key, source).expect_err("refused").to_string()
        };
        assert!(
            message(&data, "one-cuda", "b").starts_with("the prebuilt PTX of module one-cuda is of another source")
        );
        assert_eq!(message(&data, "map-cuda", "a"), "module map-cuda is not among the prebuilt ones");
        for at in 0..data.len() {
            data[at] ^= 1;
            let (one, two) = {
                let prebuilt = Prebuilt::read(&index, &data).expect("well formed");
                (prebuilt.ptx("one-cuda", "a"), prebuilt.ptx("two-cuda", "b"))
            };
            // A bit of a stream's padding changes nothing; every other one is found.
            let whole = ".version 7.8\n".repeat(50);
            assert!(one.is_err() || one.as_deref() == Ok(&whole), "{at}");
            assert!(two.is_err() || two.as_deref() == Ok(".version 7.8\nret;\n"), "{at}");
            data[at] ^= 1;
        }
        data[0] ^= 0xff;
        assert!(message(&data, "one-cuda", "a").starts_with("the prebuilt PTX of module one-cuda is damaged"));
    }

    #[test]
    fn files_of_another_form_are_refused() {
        let (index, data) = written();
        let message = |index: &str, data: &[u8]| Prebuilt::read(index, data).expect_err("refused").to_string();
        let form = "the prebuilt PTX has another form in";
        assert!(message(&index, &data[1..]).starts_with(&format!("{form} line 8 of the index;")));
        assert!(message(&index, &[&data[..], b"x"].concat()).starts_with(&format!("{form} 1 bytes after the last")));
        assert!(message(&index.replace("driver", "drivel"), &data).contains("which has no `driver`"));
        assert!(message(&index.replace("7.0", "seven"), &data).contains("`capability` of the index: seven"));
        assert!(message(&index.replace("two-cuda", "one-cuda"), &data).contains("line 8"), "a key twice");
        assert!(message(&index.replace("one-cuda ", ""), &data).contains("line 7"), "too few words");
        assert!(message("", &[]).contains("which has no `capability`"));
    }
}
