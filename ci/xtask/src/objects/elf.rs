//! Kernel descriptors of an AMD code object, read from the ELF file itself: in what mode the floats of a kernel begin. The
//! format is that of LLVM's "User Guide for AMDGPU Backend", "Kernel Descriptor". It changes nothing.

use anyhow::{Context as _, Result, bail, ensure};

/// Bytes of a descriptor.
const DESCRIPTOR: usize = 64;

/// Where COMPUTE_PGM_RSRC1 is in it.
const RSRC1: usize = 48;

/// The mode that a kernel's floats begin in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mode {
    /// The kernel's entry point.
    pub(super) entry: String,
    /// Of binary32, then of binary16 and binary64; 0 is to nearest, ties to even.
    pub(super) round: [u32; 2],
    /// Of the same; 3 keeps subnormal numbers, as operands and as results.
    pub(super) denorm: [u32; 2],
}

impl Mode {
    /// Whether it is what the specification needs.
    pub(super) fn is_exact(&self) -> bool {
        self.round == [0, 0] && self.denorm == [3, 3]
    }

    fn of(entry: &str, rsrc1: u32) -> Mode {
        let bits = |at: u32| rsrc1 >> at & 3;
        Mode { entry: entry.to_owned(), round: [bits(12), bits(14)], denorm: [bits(16), bits(18)] }
    }
}

/// The modes of all kernels of a code object, in order of their entry points.
pub(super) fn modes(object: &[u8]) -> Result<Vec<Mode>> {
    // Class 64, little end first, machine EM_AMDGPU.
    ensure!(object.get(..6) == Some(b"\x7fELF\x02\x01") && half(object, 18)? == 224, "it is no code object of AMD's");
    let table = word(object, 40)?;
    let sections: Vec<Section> = (0..u64::from(half(object, 60)?))
        .map(|at| Section::read(object, table.saturating_add(at * 64)))
        .collect::<Result<_>>()?;
    let section = |index: usize| sections.get(index).context("a section's number is too large");
    let mut modes = Vec::new();
    // SHT_DYNSYM: kernels are what a runtime looks up.
    for symbols in sections.iter().filter(|section| section.kind == 11) {
        let names = section(symbols.link)?;
        for at in (0..symbols.size / 24).map(|symbol| symbols.offset.saturating_add(symbol * 24)) {
            let name = text(object, names.offset.saturating_add(u64::from(quarter(object, at)?)))?;
            let Some(entry) = name.strip_suffix(".kd") else { continue };
            let holder = section(usize::from(half(object, at.saturating_add(6))?))?;
            let place = word(object, at.saturating_add(8))?.wrapping_sub(holder.address).wrapping_add(holder.offset);
            let descriptor = bytes(object, place, DESCRIPTOR)?;
            modes.push(Mode::of(entry, quarter(descriptor, RSRC1 as u64)?));
        }
    }
    modes.sort_by(|one, other| one.entry.cmp(&other.entry));
    Ok(modes)
}

struct Section {
    kind: u32,
    address: u64,
    offset: u64,
    size: u64,
    link: usize,
}

impl Section {
    fn read(object: &[u8], at: u64) -> Result<Section> {
        Ok(Section {
            kind: quarter(object, at.saturating_add(4))?,
            address: word(object, at.saturating_add(16))?,
            offset: word(object, at.saturating_add(24))?,
            size: word(object, at.saturating_add(32))?,
            link: quarter(object, at.saturating_add(40))? as usize,
        })
    }
}

fn bytes(object: &[u8], at: u64, count: usize) -> Result<&[u8]> {
    let from = usize::try_from(at).ok().and_then(|at| object.get(at..));
    from.and_then(|from| from.get(..count)).context("the code object ends early")
}

fn half(object: &[u8], at: u64) -> Result<u16> {
    Ok(u16::from_le_bytes(bytes(object, at, 2)?.try_into()?))
}

fn quarter(object: &[u8], at: u64) -> Result<u32> {
    Ok(u32::from_le_bytes(bytes(object, at, 4)?.try_into()?))
}

fn word(object: &[u8], at: u64) -> Result<u64> {
    Ok(u64::from_le_bytes(bytes(object, at, 8)?.try_into()?))
}

fn text(object: &[u8], at: u64) -> Result<&str> {
    let from = usize::try_from(at).ok().and_then(|at| object.get(at..)).context("the code object ends early")?;
    let Some(end) = from.iter().position(|byte| *byte == 0) else { bail!("a name has no end") };
    std::str::from_utf8(&from[..end]).context("a name is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A code object with one kernel `k`: header, three sections, a descriptor at address 0x1000.
    fn object(rsrc1: u32) -> Vec<u8> {
        let mut object = vec![0u8; 64];
        object[..6].copy_from_slice(b"\x7fELF\x02\x01");
        object[18..20].copy_from_slice(&224u16.to_le_bytes());
        object[40..48].copy_from_slice(&256u64.to_le_bytes());
        object[60..62].copy_from_slice(&4u16.to_le_bytes());
        let mut descriptor = vec![0u8; DESCRIPTOR];
        descriptor[RSRC1..RSRC1 + 4].copy_from_slice(&rsrc1.to_le_bytes());
        object.extend(descriptor); // at 64
        object.extend(b"\0k.kd\0\0\0"); // at 128
        let mut symbol = vec![0u8; 24];
        symbol[..4].copy_from_slice(&1u32.to_le_bytes());
        symbol[6..8].copy_from_slice(&1u16.to_le_bytes());
        symbol[8..16].copy_from_slice(&0x1000u64.to_le_bytes());
        object.extend(symbol); // at 136
        object.resize(256, 0);
        let section = |kind: u32, address: u64, offset: u64, size: u64, link: u32| {
            let mut section = vec![0u8; 64];
            section[4..8].copy_from_slice(&kind.to_le_bytes());
            section[16..24].copy_from_slice(&address.to_le_bytes());
            section[24..32].copy_from_slice(&offset.to_le_bytes());
            section[32..40].copy_from_slice(&size.to_le_bytes());
            section[40..44].copy_from_slice(&link.to_le_bytes());
            section
        };
        object.extend(section(0, 0, 0, 0, 0));
        object.extend(section(1, 0x1000, 64, 64, 0));
        object.extend(section(3, 0, 128, 8, 0));
        object.extend(section(11, 0, 136, 24, 2));
        object
    }

    #[test]
    fn a_kernels_mode_is_read() {
        let mode = |rsrc1| modes(&object(rsrc1)).expect("well formed").remove(0);
        let exact = mode(0xf << 16);
        assert_eq!((exact.entry.as_str(), exact.round, exact.denorm), ("k", [0, 0], [3, 3]));
        assert!(exact.is_exact());
        assert_eq!(mode(0xc << 16).denorm, [0, 3]);
        assert!(!mode(0xc << 16).is_exact() && !mode(0x3 << 16).is_exact());
        assert_eq!(mode(0xf << 16 | 1 << 12).round, [1, 0]);
        assert!(!mode(0xf << 16 | 2 << 14).is_exact());
    }

    #[test]
    fn a_cut_or_foreign_file_is_an_error() {
        let whole = object(0);
        // Of the last section's header the end is of no interest.
        assert!((0..whole.len() - 20).all(|length| modes(&whole[..length]).is_err()));
        assert!(modes(b"no ELF").is_err());
    }
}
