//! NumPy files: format 1.0 written, 1.0 to 3.0 read. Little endian, C order; anything else is refused by name. The
//! header is parsed by npyz; it is written here, because its bytes enter artifact hashes and may never change.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;

use clamp_kernels::catalogue::{Dtype, Shape};
use npyz::{DType, Order};

use crate::error::{Error, Result};

/// An array in memory: little-endian elements in C order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array {
    /// Element type.
    pub dtype: Dtype,
    /// Extents.
    pub shape: Shape,
    /// `shape.bytes(dtype)` bytes.
    pub data: Vec<u8>,
}

/// The header that precedes the elements.
pub fn header(dtype: Dtype, shape: &Shape) -> Vec<u8> {
    let dims: Vec<String> = shape.dims().iter().map(u64::to_string).collect();
    let dims = match dims.as_slice() {
        [one] => format!("({one},)"),
        many => format!("({})", many.join(", ")),
    };
    let descr = descr(dtype);
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {dims}, }}");
    // Magic, version and length take ten bytes; the whole is padded to a multiple of 64 and ends with a newline.
    let padding = 63 - (10 + text.len()) % 64;
    text.extend(std::iter::repeat_n(' ', padding));
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// Reads a whole file.
pub fn read(path: &Path) -> Result<Array> {
    let bad = |what: String| {
        Error::bad_input(format!("{}: {what}", path.display()))
            .hint("save it with numpy.save(FILE, numpy.ascontiguousarray(x)) as f4, f8, i1, u1, i4, u4, i8 or u8")
    };
    let file = File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            Error::not_found(format!("{} does not exist", path.display())).hint("check the path given to --in")
        }
        _ => Error::io(format!("cannot open {}", path.display()), &e),
    })?;
    let mut reader = BufReader::new(file);
    if let Some(what) =
        absurd_header(reader.fill_buf().map_err(|e| Error::io(format!("cannot read {}", path.display()), &e))?)
    {
        return Err(bad(format!("is no NumPy file: {what}")));
    }
    let head = npyz::NpyHeader::from_reader(&mut reader).map_err(|e| {
        bad(format!("is no NumPy file: {}", e.to_string().split_whitespace().collect::<Vec<_>>().join(" ")))
    })?;
    if head.order() != Order::C && head.shape().len() > 1 {
        return Err(bad("is in Fortran order, C order is needed".into()));
    }
    let dtype = dtype_of(&head.dtype()).map_err(bad)?;
    let shape = Shape::new(head.shape()).map_err(|e| bad(format!("shape {:?}: {e}", head.shape())))?;
    let expected = shape.bytes(dtype);
    let mut data = Vec::new();
    reader
        .take(expected.saturating_add(1))
        .read_to_end(&mut data)
        .map_err(|e| Error::io(format!("cannot read {}", path.display()), &e))?;
    match (data.len() as u64).cmp(&expected) {
        std::cmp::Ordering::Less => {
            Err(bad(format!("is cut short: {} of {expected} bytes of elements are there", data.len())))
        }
        std::cmp::Ordering::Greater => Err(bad(format!("has bytes after its {expected} bytes of elements"))),
        std::cmp::Ordering::Equal => Ok(Array { dtype, shape, data }),
    }
}

/// Writes a whole file: temp, fsync, rename. A link is followed; a device or pipe (`/dev/stdout`) is written to and never
/// replaced.
pub fn write(path: &Path, array: &Array) -> Result<()> {
    let mut bytes = header(array.dtype, &array.shape);
    bytes.extend_from_slice(&array.data);
    let cannot = |e: &std::io::Error| Error::io(format!("cannot write {}", path.display()), e);
    match path.metadata() {
        Ok(there) if !there.is_file() && !there.is_dir() => std::fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(&bytes))
            .map_err(|e| cannot(&e)),
        Ok(there) if there.is_dir() => {
            Err(Error::bad_input(format!("cannot write {}: it is a folder", path.display())).hint("name a file in it"))
        }
        Ok(_) => {
            let target = path.canonicalize().map_err(|e| cannot(&e))?;
            crate::run::durable::write_file(&target, &bytes)
        }
        Err(_) => crate::run::durable::write_file(path, &bytes),
    }
}

/// What keeps a header from being looked at: npyz takes exponential time for brackets in brackets, and no header that
/// NumPy writes has more than four.
fn absurd_header(start: &[u8]) -> Option<String> {
    if !start.starts_with(b"\x93NUMPY") {
        return Some("it does not begin with \\x93NUMPY".into());
    }
    let text = &start[start.len().min(8)..];
    let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    let opening = text[..end].iter().filter(|byte| matches!(byte, b'{' | b'(' | b'[')).count();
    (opening > 64 || text[..end].windows(2).any(|two| matches!(two, b"{{" | b"((" | b"[[")))
        .then(|| "its header is brackets in brackets".into())
}

fn descr(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F32 => "<f4",
        Dtype::F64 => "<f8",
        Dtype::I8 => "|i1",
        Dtype::U8 => "|u1",
        Dtype::I32 => "<i4",
        Dtype::U32 => "<u4",
        Dtype::I64 => "<i8",
        Dtype::U64 => "<u8",
    }
}

fn dtype_of(dtype: &DType) -> std::result::Result<Dtype, String> {
    let text = match dtype {
        DType::Plain(plain) => plain.to_string(),
        other => return Err(format!("has the structured type {}", other.descr())),
    };
    match text.as_str() {
        "<f4" => Ok(Dtype::F32),
        "<f8" => Ok(Dtype::F64),
        "|i1" | "<i1" => Ok(Dtype::I8),
        "|u1" | "<u1" | "|b1" => Ok(Dtype::U8),
        "<i4" => Ok(Dtype::I32),
        "<u4" => Ok(Dtype::U32),
        "<i8" => Ok(Dtype::I64),
        "<u8" => Ok(Dtype::U64),
        _ if text.starts_with('>') => Err(format!("is big endian ({text})")),
        _ => Err(format!("has the element type {text}, which no kernel takes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array() -> Array {
        let data = [1.5_f32, -0.0, f32::NAN].iter().flat_map(|x| x.to_le_bytes()).collect();
        Array { dtype: Dtype::F32, shape: Shape::new(&[3]).expect("shape"), data }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let dir = tempfile::tempdir().expect("temp");
        let path = dir.path().join("x.npy");
        write(&path, &array()).expect("write");
        assert_eq!(read(&path).expect("read"), array());
    }

    #[test]
    fn a_device_is_written_to_and_a_link_followed() {
        write(Path::new("/dev/null"), &array()).expect("write");
        use std::os::unix::fs::FileTypeExt as _;
        assert!(std::fs::metadata("/dev/null").expect("stat").file_type().is_char_device());
        let dir = tempfile::tempdir().expect("temp");
        let (real, link) = (dir.path().join("real.npy"), dir.path().join("link.npy"));
        std::fs::write(&real, b"old").expect("write");
        std::os::unix::fs::symlink(&real, &link).expect("link");
        write(&link, &array()).expect("write");
        assert!(std::fs::symlink_metadata(&link).expect("stat").is_symlink());
        assert_eq!(read(&real).expect("read"), array());
        assert!(write(dir.path(), &array()).expect_err("a folder").message.contains("is a folder"));
    }

    #[test]
    fn the_header_is_numpys_own() {
        let head = header(Dtype::F64, &Shape::new(&[2, 3]).expect("shape"));
        assert_eq!(head.len() % 64, 0);
        assert!(
            head.starts_with(b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }")
        );
        assert!(header(Dtype::U8, &Shape::SCALAR).windows(11).any(|w| w == b"'shape': ()"));
    }

    #[test]
    fn cut_long_and_foreign_files_are_refused_by_name() {
        let dir = tempfile::tempdir().expect("temp");
        let path = dir.path().join("x.npy");
        let mut bytes = header(Dtype::F32, &Shape::new(&[3]).expect("shape"));
        bytes.extend_from_slice(&[0; 11]);
        for (contents, says) in [
            (bytes.clone(), "cut short"),
            ([bytes.clone(), vec![0; 5]].concat(), "bytes after"),
            (b"hello".to_vec(), "no NumPy file"),
            ([&b"\x93NUMPY\x01\x00\x12\x00"[..], &[b'{'; 18]].concat(), "brackets in brackets"),
        ] {
            std::fs::write(&path, contents).expect("write");
            let error = read(&path).expect_err("refused");
            assert!(error.message.contains(says) && error.message.contains("x.npy"), "{error}");
        }
        assert_eq!(read(&dir.path().join("no.npy")).expect_err("missing").kind, crate::ErrorKind::NotFound);
    }
}
