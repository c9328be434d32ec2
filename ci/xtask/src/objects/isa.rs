//! What AMD's assembly may hold of arithmetic on floats. It knows which instructions round once, which are fused, and which
//! approximations belong to the expansions of division and root that are rounded correctly in the end (LLVM 19). It reads text
//! and knows no kernel.

use super::{Build, Finding, Seen};

/// Arithmetic that rounds once, or not at all. `rcp_iflag` is the first step of a whole quotient of 32 bits, which the
/// compiler makes of integers alone.
const ROUNDED: [&str; 18] = [
    "add",
    "sub",
    "subrev",
    "mul",
    "max",
    "min",
    "max3",
    "min3",
    "med3",
    "rndne",
    "trunc",
    "floor",
    "ceil",
    "ldexp",
    "frexp_mant",
    "frexp_exp_i32",
    "fract",
    "rcp_iflag",
];

/// A product and a sum in one.
const FUSED: [&str; 9] = ["fma", "fmac", "fmamk", "fmaak", "mac", "mad", "madmk", "madak", "mad_mix"];

/// Those of them that round the product and flush subnormal numbers whatever the mode says.
const FLUSHING: [&str; 5] = ["mac", "mad", "madmk", "madak", "mad_mix"];

/// The literals of a whole quotient of 64 bits, 2^32 and -2^32 as binary32: what it takes apart and puts together is integers,
/// and on processors of before gfx10 it does so with [`FLUSHING`].
const HALVES_OF_64: [&str; 2] = ["0x4f800000", "0xcf800000"];

/// Steps of the expansions of division and root, right only among the others of their expansion.
const STEPS: [&str; 6] = ["rcp", "rsq", "sqrt", "div_scale", "div_fmas", "div_fixup"];

/// The literal of one whole quotient of 64 bits, (2^64)(1 - 2^-22) as binary32; its reciprocal is no float's quotient.
const WHOLE_QUOTIENT: &str = "0x5f7ffffc";

/// The literal of one correctly rounded root of binary32, 2^-16, which undoes the scaling.
const ROOT: &str = "0x37800000";

/// What stands before the markers of the opaque build.
const MARKER: &str = "; clamp_opaque ";

/// Counts of the steps of expansions.
#[derive(Clone, Copy, Debug, Default)]
struct Steps {
    rcp: [usize; 2],
    fixup: [usize; 2],
    sqrt: [usize; 2],
    rsq: [usize; 2],
    whole_quotients: usize,
    roots: usize,
    /// The first refinement of a binary64 root, `0.5 - h s`.
    refined: usize,
}

/// Reads one module's assembly.
pub(super) fn scan(text: &str, build: Build) -> (Seen, Vec<Finding>) {
    let (mut seen, mut findings, mut steps) = (Seen::default(), Vec::new(), Steps::default());
    for (number, line) in text.lines().enumerate() {
        seen.markers += usize::from(line.contains(MARKER));
        let code = line.split(';').next().unwrap_or_default();
        // Two instructions in one from gfx11 on.
        for statement in code.split("::").map(str::trim) {
            let Some(name) = instruction(statement) else { continue };
            seen.instructions += 1;
            let mut find = |why| findings.push(Finding { line: number + 1, what: statement.to_owned(), why });
            if ["s_setreg", "s_denorm_mode", "s_round_mode"].iter().any(|mode| name.starts_with(mode)) {
                find("changes the mode of floats while the kernel runs");
            }
            let Some((operation, width)) = float(name) else { continue };
            seen.floats += 1;
            if ["mul:2", "mul:4", "div:2", "clamp"].iter().any(|word| statement.split([' ', ',']).any(|w| w == *word)) {
                find("scales or bounds its result");
            }
            steps.count(operation, width, statement);
            let is_known = |list: &[&str]| list.contains(&operation);
            if is_known(&FUSED) {
                seen.fused += 1;
                let is_of_integers = || HALVES_OF_64.iter().any(|literal| statement.contains(literal));
                if build == Build::Opaque {
                    find("is fused where the source writes no fused step");
                } else if FLUSHING.contains(&operation) && !is_of_integers() {
                    find("flushes subnormal numbers and rounds the product");
                }
            } else if is_known(&STEPS) {
                if build == Build::Opaque {
                    find("is approximate where the source writes neither division nor root");
                }
            } else if !is_known(&ROUNDED) && !operation.starts_with("cmp") && !operation.starts_with("cvt") {
                find("is an operation on floats that no source has");
            }
        }
    }
    if build == Build::Real {
        findings.extend(steps.wrong());
    }
    (seen, findings)
}

impl Steps {
    fn count(&mut self, operation: &str, width: &str, statement: &str) {
        let wide = usize::from(width == "f64");
        match operation {
            "rcp" => self.rcp[wide] += 1,
            "div_fixup" => self.fixup[wide] += 1,
            "sqrt" => self.sqrt[wide] += 1,
            "rsq" => self.rsq[wide] += 1,
            "fma" | "fmac" if wide == 1 && statement.ends_with(" 0.5") => self.refined += 1,
            "mul" if statement.contains(WHOLE_QUOTIENT) => self.whole_quotients += 1,
            "mul" if statement.contains(ROOT) => self.roots += 1,
            _ => {}
        }
    }

    /// Approximations that are not corrected: reciprocals and roots without the rest of their expansions.
    fn wrong(self) -> Vec<Finding> {
        let Steps { rcp, fixup, sqrt, rsq, whole_quotients, roots, refined } = self;
        let mut findings = Vec::new();
        let mut find = |is_wrong: bool, what: String, why| {
            if is_wrong {
                findings.push(Finding { line: 0, what, why });
            }
        };
        find(
            rcp[0] != fixup[0] + whole_quotients,
            format!("{} v_rcp_f32, {} v_div_fixup_f32, {whole_quotients} whole quotients", rcp[0], fixup[0]),
            "a binary32 division is approximate",
        );
        find(
            rcp[1] != fixup[1],
            format!("{} v_rcp_f64, {} v_div_fixup_f64", rcp[1], fixup[1]),
            "a binary64 division is approximate",
        );
        find(
            sqrt[0] != roots || rsq[0] > 0,
            format!("{} v_sqrt_f32, {} v_rsq_f32, {roots} scaled back", sqrt[0], rsq[0]),
            "a binary32 root is approximate",
        );
        find(
            sqrt[1] > 0 || rsq[1] > refined,
            format!("{} v_sqrt_f64, {} v_rsq_f64, {refined} refined", sqrt[1], rsq[1]),
            "a binary64 root is approximate",
        );
        findings
    }
}

/// The instruction's name; `None` for directives and labels.
fn instruction(statement: &str) -> Option<&str> {
    let name = statement.split_whitespace().next()?;
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.contains('_') && !name.ends_with(':');
    (is_name && !statement.contains('=')).then_some(name)
}

/// Operation and type of an instruction that computes with floats: `v_dual_fmac_f32` is `fmac` of `f32`. What neither
/// begins with `v_` nor `s_` and names a float is an atomic; its whole name is its operation.
fn float(name: &str) -> Option<(&str, &'static str)> {
    let widths = ["f64", "f32", "f16", "bf16", "fp8", "bf8"];
    let width = widths.into_iter().find(|width| name.split('_').any(|part| part == *width))?;
    let operation = name.strip_prefix("v_").or_else(|| name.strip_prefix("s_"));
    let Some(operation) = operation else { return Some((name, width)) };
    let operation = operation.strip_prefix("dual_").or_else(|| operation.strip_prefix("pk_")).unwrap_or(operation);
    if operation.starts_with("cvt") || operation.starts_with("cmp") {
        return Some((operation, width));
    }
    let end = operation.find(&format!("_{width}")).unwrap_or(operation.len());
    Some((&operation[..end], width))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str, build: Build) -> Vec<String> {
        scan(text, build).1.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_fall_apart_into_operation_and_type() {
        for (name, apart) in [
            ("v_fmac_f32_e32", Some(("fmac", "f32"))),
            ("v_dual_fmac_f32", Some(("fmac", "f32"))),
            ("v_pk_fma_f32", Some(("fma", "f32"))),
            ("v_fma_f64", Some(("fma", "f64"))),
            ("v_div_fixup_f64", Some(("div_fixup", "f64"))),
            ("v_rcp_iflag_f32_e32", Some(("rcp_iflag", "f32"))),
            ("v_frexp_exp_i32_f64_e32", Some(("frexp_exp_i32", "f64"))),
            ("v_cvt_f32_f64_e32", Some(("cvt_f32_f64_e32", "f64"))),
            ("global_atomic_add_f32", Some(("global_atomic_add_f32", "f32"))),
            ("v_mfma_f32_4x4x1_16b_f32", Some(("mfma", "f32"))),
            ("v_mad_u64_u32", None),
            ("v_mad_i32_i24", None),
            ("s_waitcnt", None),
            ("ds_read2_b32", None),
        ] {
            assert_eq!(float(name), apart, "{name}");
        }
    }

    #[test]
    fn fused_steps_are_wrong_only_where_none_is_written() {
        for line in [
            "\tv_fma_f32 v1, v2, v3, v4",
            "\tv_fmac_f64_e32 v[0:1], v[2:3], v[4:5]",
            "\tv_madmk_f32 v0, v1, 0x4f800000, v0",
            "\tv_pk_fma_f32 v[0:1], v[2:3], v[4:5], v[6:7]",
            "\tv_dual_mov_b32 v1, v2 :: v_dual_fmac_f32 v3, v4, v5",
        ] {
            assert!(findings(line, Build::Real).is_empty(), "{line}");
            assert!(
                findings(line, Build::Opaque)[0].ends_with("is fused where the source writes no fused step"),
                "{line}"
            );
        }
        let lines =
            "\tv_mad_u64_u32 v[0:1], vcc, v2, v3, v[4:5]\n\tv_mul_f32_e32 v1, v2, v3\n\tv_rcp_iflag_f32_e32 v1, v2";
        assert!(findings(lines, Build::Opaque).is_empty());
    }

    #[test]
    fn a_step_that_flushes_is_wrong_but_in_a_whole_quotient() {
        for line in ["\tv_mad_f32 v1, v2, v3, v4", "\tv_mac_f32_e32 v1, v2, v3", "\tv_madak_f32 v1, v2, v3, 0x3f000000"]
        {
            assert!(findings(line, Build::Real)[0].contains("flushes subnormal numbers"), "{line}");
        }
    }

    #[test]
    fn approximations_must_have_the_rest_of_their_expansion() {
        assert!(findings("\tv_rcp_f32_e32 v1, v2", Build::Real)[0].ends_with("a binary32 division is approximate"));
        let division = "\tv_rcp_f32_e32 v1, v2\n\tv_div_fixup_f32 v1, v2, v3, v4";
        assert!(findings(division, Build::Real).is_empty());
        let whole = "\tv_rcp_f32_e32 v6, v6\n\tv_mul_f32_e32 v6, 0x5f7ffffc, v6";
        assert!(findings(whole, Build::Real).is_empty());
        assert!(findings("\tv_rcp_f64_e32 v[0:1], v[2:3]", Build::Real)[0].contains("binary64 division"));
        assert!(findings("\tv_sqrt_f32_e32 v1, v2", Build::Real)[0].contains("binary32 root"));
        let root = "\tv_sqrt_f32_e32 v1, v2\n\tv_mul_f32_e32 v4, 0x37800000, v2";
        assert!(findings(root, Build::Real).is_empty());
        assert!(findings("\tv_sqrt_f64_e32 v[0:1], v[2:3]", Build::Real)[0].contains("binary64 root"));
        assert_eq!(findings(root, Build::Opaque).len(), 1);
        let seed = "\tv_rsq_f64_e32 v[2:3], v[0:1]";
        assert!(findings(seed, Build::Real)[0].contains("binary64 root"));
        let refined = format!("{seed}\n\tv_fma_f64 v[6:7], -v[2:3], v[4:5], 0.5");
        assert!(findings(&refined, Build::Real).is_empty());
    }

    #[test]
    fn modes_scales_atomics_and_unknown_arithmetic_are_found() {
        for line in [
            "\ts_setreg_imm32_b32 hwreg(HW_REG_MODE, 4, 2), 0",
            "\ts_denorm_mode 12",
            "\tv_mul_f32_e64 v1, v2, v3 mul:2",
            "\tv_add_f32_e64 v1, v2, v3 clamp",
            "\tglobal_atomic_add_f32 v[0:1], v2, off",
            "\tv_exp_f32_e32 v1, v2",
            "\tv_dot2_f32_f16 v1, v2, v3, v4",
            "\tv_mfma_f32_4x4x1_16b_f32 a[0:3], v1, v2, a[0:3]",
        ] {
            assert_eq!(findings(line, Build::Real).len(), 1, "{line}");
        }
    }

    #[test]
    fn labels_directives_and_markers_are_no_instructions() {
        let text = "each:\n.LBB0_1:\n\t.amdhsa_float_denorm_mode_32 3\n\t;;#ASMSTART\n\t; clamp_opaque fma32 v1 v2\n\ts_endpgm\n";
        let (seen, found) = scan(text, Build::Opaque);
        assert_eq!((seen, found), (Seen { instructions: 1, floats: 0, fused: 0, markers: 1 }, Vec::new()));
    }
}
