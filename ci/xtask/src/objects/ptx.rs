//! What PTX may hold of arithmetic on floats. The driver's compiler may contract a product and a sum that say no rounding
//! (PTX ISA, "add" and "mul"), so each instruction has to; a fused step is there only because the source wrote it; nothing
//! flushes subnormal numbers and nothing is approximate. It reads text and knows no kernel.

use super::{Build, Finding, Seen};

/// Types of floats, as parts of an instruction's name.
const FLOATS: [&str; 9] = ["f16", "f16x2", "bf16", "bf16x2", "tf32", "f32", "f32x2", "f64", "e4m3x2"];

/// Rounded operations; each must say that it rounds to nearest.
const ROUNDED: [&str; 7] = ["add", "sub", "mul", "fma", "div", "sqrt", "rcp"];

/// What moves, compares, picks or converts floats, exactly or (`cvt`) rounded once.
const EXACT: [&str; 13] = ["ld", "st", "ldu", "mov", "selp", "slct", "setp", "set", "neg", "abs", "min", "max", "cvt"];

/// What stands at the head of an instruction for the markers of the opaque build.
const MARKER: &str = "// clamp_opaque ";

/// Reads one module's PTX.
pub(super) fn scan(text: &str, build: Build) -> (Seen, Vec<Finding>) {
    let (mut seen, mut findings) = (Seen::default(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        seen.markers += usize::from(line.contains(MARKER));
        let code = line.split("//").next().unwrap_or_default();
        for statement in code.split(';').map(|statement| statement.trim().trim_start_matches(['{', '}']).trim()) {
            let Some(name) = instruction(statement) else { continue };
            seen.instructions += 1;
            let parts: Vec<&str> = name.split('.').collect();
            if !parts.iter().any(|part| FLOATS.contains(part)) {
                continue;
            }
            seen.floats += usize::from(!["ld", "st", "ldu", "mov"].contains(&parts[0]));
            seen.fused += usize::from(parts[0] == "fma");
            if let Some(why) = wrong(&parts, build) {
                findings.push(Finding { line: number + 1, what: statement.to_owned(), why });
            }
        }
    }
    (seen, findings)
}

/// The entry points that a module defines.
pub(super) fn entries(text: &str) -> Vec<&str> {
    let names = text.lines().filter_map(|line| line.strip_prefix(".visible .entry "));
    names.map(|rest| rest.split('(').next().unwrap_or(rest).trim()).collect()
}

/// The word after a directive such as `.version`.
pub(super) fn directive<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// The instruction's name, without the predicate before it; `None` for directives and labels.
fn instruction(statement: &str) -> Option<&str> {
    let mut words = statement.split_whitespace();
    let mut name = words.next()?;
    if name.starts_with('@') {
        name = words.next()?;
    }
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase());
    (is_name && !name.ends_with(':') && !name.contains(['%', '(', ',', '='])).then_some(name)
}

fn wrong(parts: &[&str], build: Build) -> Option<&'static str> {
    let operation = parts[0];
    let has = |word: &str| parts.contains(&word);
    if has("ftz") {
        return Some("flushes subnormal numbers");
    }
    if has("approx") || has("full") {
        return Some("is approximate");
    }
    if has("sat") || has("relu") {
        return Some("bounds its result");
    }
    if has("rz") || has("rm") || has("rp") {
        return Some("does not round to nearest");
    }
    if ROUNDED.contains(&operation) {
        return match operation {
            _ if !has("rn") => Some("says no rounding, so that the driver may contract it"),
            "fma" if build == Build::Opaque => Some("is fused where the source writes no fused step"),
            _ => None,
        };
    }
    if operation == "mad" {
        return Some("is fused where the source writes no fused step");
    }
    (!EXACT.contains(&operation)).then_some("is an operation on floats that no source has")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(line: &str, build: Build) -> Option<&'static str> {
        let (seen, findings) = scan(&format!(".version 7.8\n$L__BB0_1:\n\t{line}\n"), build);
        assert_eq!(seen.instructions, 1, "{line}");
        findings.first().map(|finding| finding.why)
    }

    #[test]
    fn every_cut_corner_is_found() {
        for (line, word) in [
            ("add.f32 \t%f3, %f1, %f2;", "no rounding"),
            ("@%p1 mul.f64 %fd3, %fd1, %fd2;", "no rounding"),
            ("add.ftz.f32 %f3, %f1, %f2;", "subnormal"),
            ("setp.lt.ftz.f32 %p1, %f1, %f2;", "subnormal"),
            ("cvt.rn.ftz.f32.f64 %f3, %fd1;", "subnormal"),
            ("div.full.f32 %f3, %f1, %f2;", "approximate"),
            ("sqrt.approx.f32 %f3, %f1;", "approximate"),
            ("ex2.approx.f32 %f3, %f1;", "approximate"),
            ("add.rz.f32 %f3, %f1, %f2;", "to nearest"),
            ("add.rn.sat.f32 %f3, %f1, %f2;", "bounds"),
            ("mad.rn.f32 %f4, %f1, %f2, %f3;", "fused"),
            ("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%f1}, {%r1}, {%r2}, {%f1};", "no source"),
            ("atom.global.add.f32 %f3, [%rd1], %f1;", "no source"),
            ("{ fma.f32 %f4, %f1, %f2, %f3; }", "no rounding"),
        ] {
            assert!(finding(line, Build::Real).is_some_and(|why| why.contains(word)), "{line}");
        }
    }

    #[test]
    fn fused_steps_are_wrong_only_where_none_is_written() {
        let line = "fma.rn.f64 \t%fd4, %fd1, %fd2, %fd3;";
        assert_eq!(finding(line, Build::Real), None);
        assert!(finding(line, Build::Opaque).is_some_and(|why| why.starts_with("is fused")));
    }

    #[test]
    fn what_is_rounded_once_or_moved_passes() {
        for line in [
            "add.rn.f32 %f3, %f1, %f2;",
            "div.rn.f32 %f3, %f1, %f2;",
            "sqrt.rn.f64 %fd2, %fd1;",
            "cvt.rn.f32.f64 %f1, %fd1;",
            "cvt.rzi.s64.f32 %rd1, %f1;",
            "cvt.rni.f32.f32 %f2, %f1;",
            "max.f32 %f2, %f1, 0f00000000;",
            "ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%rd1];",
            "mad.lo.s32 %r4, %r1, %r2, %r3;",
            "add.s64 %rd3, %rd1, %rd2;",
        ] {
            assert_eq!(finding(line, Build::Real), None, "{line}");
        }
    }

    #[test]
    fn entries_directives_and_markers_are_read() {
        let text = ".version 7.8\n.target sm_70\n\t// .globl\teach\n.visible .entry each(\n\t.param .u64 each_0\n)\n{\n\
                    .reg .f32 %f<5>;\n\t// begin inline asm\n\t// clamp_opaque fma32 %f4 %f1 %f2 %f3\n\tret;\n}\n";
        assert_eq!(entries(text), ["each"]);
        assert_eq!((directive(text, ".version"), directive(text, ".target")), (Some("7.8"), Some("sm_70")));
        let (seen, findings) = scan(text, Build::Opaque);
        assert_eq!((seen, findings), (Seen { instructions: 1, floats: 0, fused: 0, markers: 1 }, Vec::new()));
    }
}
