//! Writes the files that `plugins/cuda` reads: an index in plain text and the packed modules. The form is described where it
//! is read.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::prebuilt::digest;

/// What stands before the modules in the index.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) compiler: String,
    pub(super) options: String,
    pub(super) language: String,
    pub(super) capability: String,
    pub(super) driver: u32,
}

/// A module: key, source and PTX.
pub(super) type Compiled<'a> = (&'a str, &'a str, &'a str);

/// Index and packed modules.
pub(super) fn files(head: &Head, modules: &[Compiled<'_>]) -> Result<(String, Vec<u8>)> {
    let Head { compiler, options, language, capability, driver } = head;
    let mut index = String::from(
        "# PTX of the device modules in kernels/, by `cargo xtask objects cuda`; do not edit. The PTX itself is in modules.bin.\n",
    );
    write!(
        index,
        "compiler {compiler}\noptions {options}\nlanguage {language}\ncapability {capability}\ndriver {driver}\n"
    )?;
    let mut all = Vec::new();
    for (key, source, ptx) in modules {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(ptx.as_bytes()).context("cannot pack")?;
        let packed = encoder.finish().context("cannot pack")?;
        let (source, whole) = (digest(source.as_bytes()), digest(ptx.as_bytes()));
        writeln!(index, "module {key} {source} {whole} {} {}", packed.len(), ptx.len())?;
        all.extend(packed);
    }
    Ok((index, all))
}

#[cfg(test)]
mod tests {
    use super::super::prebuilt::Prebuilt;
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let head = Head {
            compiler: "NVRTC 11.8".to_owned(),
            options: "--fmad=false".to_owned(),
            language: "7.8".to_owned(),
            capability: "7.0".to_owned(),
            driver: 11080,
        };
        let long = "fma.rn.f32;\n".repeat(1000);
        let modules: [Compiled<'_>; 2] = [("a-cuda", "source", &long), ("b-cuda", "other", "ret;\n")];
        let (index, packed) = files(&head, &modules).expect("written");
        let prebuilt = Prebuilt::read(&index, &packed).expect("read");
        assert_eq!(prebuilt.options, "--fmad=false");
        assert_eq!(prebuilt.ptx("a-cuda", "source").expect("there"), long);
        assert_eq!(prebuilt.ptx("b-cuda", "other").expect("there"), "ret;\n");
        assert!(packed.len() < 200, "{}", packed.len());
    }
}
