//! The overlay abraxas: what is in a JSON object. It looks and counts; it changes nothing and asks the host for nothing
//! but its log.
//!
//! Every phase takes any JSON object and answers with one; what it answers grows and then closes:
//!
//! | phase | sections of the reply                                                     |
//! |-------|---------------------------------------------------------------------------|
//! | OPEN  | `structure`, `numbers`, `tables`, `texts`: the whole first look           |
//! | ALIGN | `structure`, `tables`, `misaligned`: what stands in columns, what nearly  |
//! | CLEAR | everything: OPEN and `misaligned`                                         |
//! | SEAL  | `summary`: the main figures and the SHA-256 of the canonical input        |
//!
//! Places are JSON Pointers (RFC 6901), `""` for the whole document. A figure that does not exist, such as the mean of
//! nothing or a variance beyond the largest double, is `null`.

mod numbers;
mod structure;
mod tables;
mod texts;
mod walk;

use clamp_overlay_sdk::{Failure, Overlay, Phase, Reply, Request, Value, export_overlay, json, log};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The overlay.
#[derive(Debug)]
pub struct Abraxas;

impl Overlay for Abraxas {
    fn invoke(request: Request) -> Result<Reply, Failure> {
        let phase = request.phase()?;
        let document = Value::Object(request.object()?);
        log::debug("analyze", &json!({ "phase": phase.name(), "bytes": request.payload.len() }));
        Reply::json(&report(phase, &document, &request.payload)?)
    }
}

export_overlay!(Abraxas);

/// The reply; a section that the phase does not give is left out.
#[derive(Debug, Default, Serialize)]
struct Report {
    phase: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    structure: Option<structure::Structure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    numbers: Option<numbers::Statistics>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tables: Option<Vec<tables::Table>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    misaligned: Option<Vec<tables::Misaligned>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    texts: Option<texts::Counts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
}

/// What SEAL leaves of a document.
#[derive(Debug, Serialize)]
struct Summary {
    /// SHA-256 of the input as it reached the overlay, which for JSON is its canonical form.
    sha256: String,
    bytes: usize,
    values: u64,
    depth: u64,
    numbers: u64,
    mean: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    tables: usize,
    texts: u64,
    words: u64,
}

fn report(phase: Phase, document: &Value, payload: &[u8]) -> Result<Report, Failure> {
    let found = walk::Findings::of(document);
    let structure = structure::Structure::of(document);
    let numbers = numbers::Statistics::of(&found.numbers);
    let texts = texts::Counts::of(&found.texts);
    let (tables, misaligned) = tables::find(&found.arrays);
    let report = Report { phase: phase.name(), ..Report::default() };
    Ok(match phase {
        Phase::Open => Report {
            structure: Some(structure),
            numbers: Some(numbers),
            tables: Some(tables),
            texts: Some(texts),
            ..report
        },
        Phase::Align => {
            Report { structure: Some(structure), tables: Some(tables), misaligned: Some(misaligned), ..report }
        }
        Phase::Clear => Report {
            structure: Some(structure),
            numbers: Some(numbers),
            tables: Some(tables),
            misaligned: Some(misaligned),
            texts: Some(texts),
            ..report
        },
        Phase::Seal => {
            let summary = Summary {
                sha256: hex(&Sha256::digest(payload)),
                bytes: payload.len(),
                values: structure.values,
                depth: structure.depth,
                numbers: numbers.count,
                mean: numbers.mean,
                min: numbers.min,
                max: numbers.max,
                tables: tables.len(),
                texts: texts.count,
                words: texts.words,
            };
            Report { summary: Some(summary), ..report }
        }
        Phase::Ascend => {
            let message = "abraxas only looks; it runs in OPEN, ALIGN, CLEAR and SEAL";
            return Err(Failure::new("wrong-phase", message));
        }
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report_of(phase: Phase, text: &str) -> Value {
        let document: Value = serde_json::from_str(text).expect("test input");
        let report = report(phase, &document, text.as_bytes()).expect("a report");
        serde_json::to_value(report).expect("the report is JSON")
    }

    fn sections(report: &Value) -> Vec<&str> {
        report.as_object().expect("an object").keys().map(String::as_str).collect()
    }

    #[test]
    fn each_phase_has_its_sections() {
        let text = r#"{"a":[1,2],"b":"two words"}"#;
        assert_eq!(sections(&report_of(Phase::Open, text)), ["numbers", "phase", "structure", "tables", "texts"]);
        assert_eq!(sections(&report_of(Phase::Align, text)), ["misaligned", "phase", "structure", "tables"]);
        let clear = report_of(Phase::Clear, text);
        assert_eq!(sections(&clear), ["misaligned", "numbers", "phase", "structure", "tables", "texts"]);
        assert_eq!(sections(&report_of(Phase::Seal, text)), ["phase", "summary"]);
    }

    #[test]
    fn ascend_is_refused() {
        let failure = report(Phase::Ascend, &json!({}), b"{}").expect_err("no such phase here");
        assert_eq!(failure.code, "wrong-phase");
    }

    #[test]
    fn the_empty_object_is_a_document_too() {
        let report = report_of(Phase::Clear, "{}");
        assert_eq!(report["numbers"]["count"], 0);
        assert_eq!(report["numbers"]["mean"], Value::Null);
        assert_eq!(report["texts"]["count"], 0);
        assert_eq!(report["structure"]["values"], 1);
        assert_eq!(report["tables"], json!([]));
    }

    #[test]
    fn the_seal_holds_the_digest_of_the_input() {
        let report = report_of(Phase::Seal, "{}");
        let digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(report["summary"]["sha256"], digest);
    }
}
