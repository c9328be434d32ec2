//! NumPy files: format 1.0 written, 1.0 to 3.0 read. Little endian, C order; anything else is refused by name.
//! Elements pass through a piece at a time, so that an array as large as the memory is never there twice. The
//! header is parsed by npyz; it is written here, because its bytes enter artifact hashes and may never change.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use clamp_kernels::catalogue::{Dtype, Shape};
use npyz::{DType, Order};

use crate::error::{Error, Result};
use crate::run::durable::{Staged, stage_file_with};

/// Bytes of one piece.
const PIECE: u64 = 4 << 20;

/// A file whose header was read and whose elements come next.
#[derive(Debug)]
pub struct Source {
    /// Element type.
    pub dtype: Dtype,
    /// Extents.
    pub shape: Shape,
    reader: BufReader<File>,
    path: PathBuf,
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

/// Reads the header and holds the file's length against it.
pub fn open(path: &Path) -> Result<Source> {
    let bad = |what: String| refused(path, &what);
    let file = File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            Error::not_found(format!("{} does not exist", path.display())).hint("check the path given to --in")
        }
        _ => Error::io(format!("cannot open {}", path.display()), &e),
    })?;
    let length = file.metadata().ok().filter(|there| there.is_file()).map(|there| there.len());
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
    // A pipe has no length; what is wrong with it shows when it is read.
    if let (Some(length), Ok(at)) = (length, reader.stream_position()) {
        check_length(path, length.saturating_sub(at), expected)?;
    }
    Ok(Source { dtype, shape, reader, path: path.to_owned() })
}

impl Source {
    /// Hands over the elements' bytes, each piece with its place.
    pub fn stream(self, mut take: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
        let Self { dtype, shape, mut reader, path } = self;
        let (reader, path) = (&mut reader, path.as_path());
        let expected = shape.bytes(dtype);
        let mut piece = vec![0; expected.min(PIECE) as usize];
        let mut at = 0;
        while at < expected {
            let wanted = (expected - at).min(PIECE) as usize;
            let got = fill(reader, &mut piece[..wanted]).map_err(|e| cannot_read(path, &e))?;
            if got < wanted {
                return check_length(path, at + got as u64, expected);
            }
            take(at, &piece[..got])?;
            at += got as u64;
        }
        let more = fill(reader, &mut [0]).map_err(|e| cannot_read(path, &e))?;
        check_length(path, expected + more as u64, expected)
    }
}

/// Reads until the room is full or the file ends.
fn fill(reader: &mut impl Read, room: &mut [u8]) -> std::io::Result<usize> {
    let mut got = 0;
    while got < room.len() {
        match reader.read(&mut room[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}

fn check_length(path: &Path, there: u64, expected: u64) -> Result<()> {
    match there.cmp(&expected) {
        std::cmp::Ordering::Less => {
            Err(refused(path, &format!("is cut short: {there} of {expected} bytes of elements are there")))
        }
        std::cmp::Ordering::Greater => Err(refused(path, &format!("has bytes after its {expected} bytes of elements"))),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

fn refused(path: &Path, what: &str) -> Error {
    Error::bad_input(format!("{}: {what}", path.display()))
        .hint("save it with numpy.save(FILE, numpy.ascontiguousarray(x)) as f4, f8, i1, u1, i4, u4, i8 or u8")
}

fn cannot_read(path: &Path, error: &std::io::Error) -> Error {
    Error::io(format!("cannot read {}", path.display()), error)
}

/// Where the pieces of an array's elements go, in order.
pub type Sink<'a> = dyn FnMut(&[u8]) -> Result<()> + 'a;

/// Writes a whole file beside its place and syncs it; `pieces` hands over the elements' bytes. It appears when it is
/// published. A link is followed; a device or pipe (`/dev/stdout`) is written to at once and never replaced: then there is
/// nothing to publish.
pub fn stage(
    path: &Path,
    dtype: Dtype,
    shape: &Shape,
    pieces: impl FnOnce(&mut Sink<'_>) -> Result<()>,
) -> Result<Option<Staged>> {
    let cannot = |e: &std::io::Error| Error::io(format!("cannot write {}", path.display()), e);
    let write_to = |file: &mut File| {
        let mut put = |bytes: &[u8]| file.write_all(bytes).map_err(|e| cannot(&e));
        put(&header(dtype, shape))?;
        pieces(&mut put)
    };
    match path.metadata() {
        Ok(there) if there.is_dir() => {
            Err(Error::bad_input(format!("cannot write {}: it is a folder", path.display())).hint("name a file in it"))
        }
        Ok(there) if !there.is_file() => {
            write_to(&mut std::fs::OpenOptions::new().write(true).open(path).map_err(|e| cannot(&e))?)?;
            Ok(None)
        }
        Ok(_) => stage_file_with(&path.canonicalize().map_err(|e| cannot(&e))?, write_to).map(Some),
        Err(_) => stage_file_with(path, write_to).map(Some),
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

    fn write(path: &Path, dtype: Dtype, shape: &Shape, pieces: impl FnOnce(&mut Sink<'_>) -> Result<()>) -> Result<()> {
        stage(path, dtype, shape, pieces)?.map_or(Ok(()), Staged::publish)
    }

    fn shape() -> Shape {
        Shape::new(&[3]).expect("shape")
    }

    fn elements() -> Vec<u8> {
        [1.5_f32, -0.0, f32::NAN].iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    fn save(path: &Path) -> Result<()> {
        write(path, Dtype::F32, &shape(), |put| put(&elements()[..5]).and_then(|()| put(&elements()[5..])))
    }

    fn read(path: &Path) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        open(path)?.stream(|at, piece| {
            assert_eq!(at, all.len() as u64);
            all.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn what_was_written_is_read_back() {
        let dir = tempfile::tempdir().expect("temp");
        let path = dir.path().join("x.npy");
        save(&path).expect("write");
        assert_eq!(read(&path).expect("read"), elements());
        let source = open(&path).expect("open");
        assert_eq!((source.dtype, source.shape), (Dtype::F32, shape()));
    }

    #[test]
    fn pieces_come_in_order_and_a_failure_leaves_no_file() {
        let dir = tempfile::tempdir().expect("temp");
        let path = dir.path().join("x.npy");
        let long = Shape::new(&[2 * PIECE + 5]).expect("shape");
        let wave = |at: u64| (at % 251) as u8;
        write(&path, Dtype::U8, &long, |put| {
            (0..long.elements()).try_for_each(|at| if at < 2 { put(&[wave(at)]) } else { Ok(()) })?;
            put(&(2..long.elements()).map(wave).collect::<Vec<u8>>())
        })
        .expect("write");
        let all = read(&path).expect("read");
        assert!(all.len() as u64 == long.elements() && all.iter().zip(0..).all(|(byte, at)| *byte == wave(at)));
        let other = dir.path().join("y.npy");
        let failed = write(&other, Dtype::U8, &long, |put| put(&[1]).and(Err(Error::internal("asked to"))));
        assert!(failed.is_err() && !other.exists());
        assert_eq!(std::fs::read_dir(dir.path()).expect("folder").count(), 1);
    }

    #[test]
    fn a_device_is_written_to_and_a_link_followed() {
        save(Path::new("/dev/null")).expect("write");
        use std::os::unix::fs::FileTypeExt as _;
        assert!(std::fs::metadata("/dev/null").expect("stat").file_type().is_char_device());
        let dir = tempfile::tempdir().expect("temp");
        let (real, link) = (dir.path().join("real.npy"), dir.path().join("link.npy"));
        std::fs::write(&real, b"old").expect("write");
        std::os::unix::fs::symlink(&real, &link).expect("link");
        save(&link).expect("write");
        assert!(std::fs::symlink_metadata(&link).expect("stat").is_symlink());
        assert_eq!(read(&real).expect("read"), elements());
        assert!(save(dir.path()).expect_err("a folder").message.contains("is a folder"));
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
