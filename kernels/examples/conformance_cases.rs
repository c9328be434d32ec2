//! Prints every conformance case as JSON, a case a line: what `tests/reference/golden.py` reads. With arguments, only the
//! kernels of these ids.

use std::io::{self, BufWriter, Write as _};

use clamp_kernels::catalogue::all;
use clamp_kernels::conformance::cases;

fn main() -> io::Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let kernels = all().filter(|spec| wanted.is_empty() || wanted.iter().any(|id| id == spec.id));
    let lines: Vec<String> =
        kernels.flat_map(cases).map(|case| serde_json::to_string(&case)).collect::<Result<_, _>>()?;
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(out, "[\n{}\n]", lines.join(",\n"))?;
    out.flush()
}
