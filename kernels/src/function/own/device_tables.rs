//! The tables of device.h: they are written from those of this folder, and the committed text is what is written.

use super::{erf, erf_table, exp, log, log_tables, sin, sinpi, tan, turns};

fn number(name: &str, value: f64) -> String {
    format!("#define CLAMP_F_{name} ({value:?})\n")
}

fn table(name: &str, values: &[f64]) -> String {
    list("f64", name, values.iter().map(|value| format!("{value:?}")).collect())
}

fn words(name: &str, values: &[u32]) -> String {
    list("u32", name, values.iter().map(|value| format!("0x{value:08x}u")).collect())
}

/// Four values a line.
fn list(kind: &str, name: &str, values: Vec<String>) -> String {
    let lines: String = values.chunks(4).map(|values| format!("    {},\n", values.join(", "))).collect();
    format!("\nCLAMP_TABLE {kind} clamp_f_{name}[{}] = {{\n{lines}}};\n", values.len())
}

/// A function that gives the named result of an input, else `y`.
fn names(name: &str, pairs: &[(u32, u32)]) -> String {
    let lines: String =
        pairs.iter().map(|(x, y)| format!("    y = x == 0x{x:08x}u ? clamp_float32(0x{y:08x}u) : y;\n")).collect();
    format!("\nCLAMP_FN f32 clamp_f_named_{name}(u32 x, f32 y) {{\n{lines}    return y;\n}}\n")
}

fn text() -> String {
    let mut text = String::from("/* Written from the folder own, and compared with it by a test; see device.h. */\n\n");
    let numbers = [
        ("SIXTEENTHS_HIGH", exp::SIXTEENTHS_HIGH),
        ("SIXTEENTHS_LOW", exp::SIXTEENTHS_LOW),
        ("LOG_TWO_HIGH", log_tables::LOG.two_high),
        ("LOG_TWO_LOW", log_tables::LOG.two_low),
        ("LOG10_TWO_HIGH", log_tables::LOG10.two_high),
        ("LOG10_TWO_LOW", log_tables::LOG10.two_low),
        ("LOG2_E_HIGH", log_tables::LOG2_E[0]),
        ("LOG2_E_LOW", log_tables::LOG2_E[1]),
        ("LOG10_E_HIGH", log_tables::LOG10_E[0]),
        ("LOG10_E_LOW", log_tables::LOG10_E[1]),
        ("LARGEST", turns::LARGEST),
        ("INVERSE_PI", sin::INVERSE),
        ("LESS_PI_0", sin::LESS_PI[0]),
        ("LESS_PI_1", sin::LESS_PI[1]),
        ("LESS_PI_2", sin::LESS_PI[2]),
        ("PI", sinpi::PI[0]),
        ("PI_LOW", sinpi::PI[1]),
        ("ERF_STEP", erf::STEP),
        ("ERF_INVERSE", erf::INVERSE),
        ("ERF_LARGEST", erf::LARGEST),
    ];
    text.extend(numbers.map(|(name, value)| number(name, value)));
    text.push_str(&format!("#define CLAMP_F_LEAST ((u64)0x{:08x}u << 32)\n", log::LEAST >> 32));
    let tables: [(&str, &[f64]); 15] = [
        ("powers", &exp::POWERS),
        ("powers_low", &exp::POWERS_LOW),
        ("power_polynomial", &exp::POLYNOMIAL),
        ("log_inverses", &log_tables::LOG.inverses),
        ("log_logarithms", &log_tables::LOG.logarithms),
        ("log_polynomial", &log_tables::LOG.polynomial),
        ("log2_inverses", &log_tables::LOG2.inverses),
        ("log2_logarithms", &log_tables::LOG2.logarithms),
        ("log2_polynomial", &log_tables::LOG2.polynomial),
        ("log10_inverses", &log_tables::LOG10.inverses),
        ("log10_logarithms", &log_tables::LOG10.logarithms),
        ("log10_polynomial", &log_tables::LOG10.polynomial),
        ("sine_polynomial", &sin::POLYNOMIAL),
        ("tangent_numerator", &tan::NUMERATOR),
        ("tangent_denominator", &tan::DENOMINATOR),
    ];
    text.extend(tables.map(|(name, values)| table(name, values)));
    text += &table("turn_polynomial", &sinpi::POLYNOMIAL);
    text += &table("erf_polynomials", erf_table::POLYNOMIALS.as_flattened());
    text += &words("inverse_pi", &turns::INVERSE);
    let named: [(&str, &[(u32, u32)]); 7] = [
        ("exp2", &exp::EXP2_HARD),
        ("expm1", &exp::EXPM1_HARD),
        ("log", &log::LOG_HARD),
        ("log10", &log::LOG10_HARD),
        ("log1p", &log::LOG1P_HARD),
        ("sin", &sin::SIN_HARD),
        ("cos", &sin::COS_HARD),
    ];
    text.extend(named.map(|(name, pairs)| names(name, pairs)));
    text
}

/// Where it is not, the text that should be committed stands in a file beside it, with `.new` after its name.
#[test]
fn the_committed_text_is_what_is_written() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/function/device_tables.h");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let text = text();
    if committed != text {
        std::fs::write(format!("{path}.new"), text).expect("a file beside the committed one");
        panic!("device_tables.h is not what the folder own says: compare it with device_tables.h.new and rename that");
    }
}

/// Device code has its own way to write these.
#[test]
fn the_numbers_that_device_h_derives_are_those_of_own() {
    assert_eq!(tan::INVERSE, 2.0 * sin::INVERSE);
    assert_eq!(tan::LESS_HALF_PI, sin::LESS_PI.map(|part| 0.5 * part));
    assert_eq!(log::LEAST as u32, 0);
}
