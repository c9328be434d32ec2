//! What a certificate says, what it is bound to, and its one written form. Reads and writes no file.

use std::collections::BTreeMap;

use clamp_kernels::catalogue;
use clamp_kernels::conformance::{GOLDEN, golden_text};
use clamp_plugin_api::manifest::jcs::{sha256_hex, sha256_jcs, to_jcs};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::instance::DeviceFacts;
use super::super::session::Device;

/// Changes when a field, or the way in which cases are run, changes its meaning.
const SCHEMA: &str = "clamp.certificate.v1";

/// Everything whose change makes a certificate worthless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// The backend's id.
    pub backend: String,
    /// The plugin's version.
    pub version: String,
    /// Of the plugin file.
    pub plugin_sha256: String,
    /// The device's number within the backend.
    pub index: u32,
    /// The device's name.
    pub device: String,
    /// The device's id, or empty.
    pub uuid: String,
    /// Driver and version.
    pub driver: String,
    /// What the kernels are specialised for.
    pub dispatch: String,
    /// Of all cases and the digests that they have to give.
    pub conformance: String,
}

impl Binding {
    /// Of a device as its backend describes it.
    pub fn new(backend: &str, version: &str, plugin_sha256: &str, facts: &DeviceFacts) -> Self {
        Self {
            backend: backend.to_owned(),
            version: version.to_owned(),
            plugin_sha256: plugin_sha256.to_owned(),
            index: facts.index,
            device: facts.name.clone(),
            uuid: facts.uuid.clone(),
            driver: facts.driver.clone(),
            dispatch: facts.dispatch.clone(),
            conformance: conformance(),
        }
    }

    /// Of an opened device.
    pub fn of(device: &Device) -> Self {
        Self::new(device.backend_id(), device.backend_version(), device.plugin_sha256(), &device.facts)
    }

    /// Names the certificate's file.
    pub fn key(&self) -> String {
        sha256_jcs(&json!(self))
    }
}

/// The digest of all cases and of what they have to give.
pub fn conformance() -> String {
    sha256_hex(GOLDEN.as_bytes())
}

/// The digest of one kernel's cases and of what they have to give.
pub fn cases_digest(kernel: &str) -> String {
    sha256_hex(golden_text(kernel).as_bytes())
}

/// Where a backend stands with one kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Every case gave the bits of the specification.
    BitExact,
    /// A case gave others.
    Differs,
    /// A case could not be run to its end. Never kept: the next time may be better.
    Failed,
    /// The backend has no such kernel.
    Absent,
}

impl Standing {
    /// The word in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::BitExact => "bit-exact",
            Self::Differs => "differs",
            Self::Failed => "failed",
            Self::Absent => "absent",
        }
    }
}

/// The first element that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The case's name, and how its arrays lay if not plainly.
    pub case: String,
    /// The output's name.
    pub output: String,
    /// In C order.
    pub element: u64,
    /// The element's bit pattern as the backend gave it.
    pub got: String,
    /// As the specification has it.
    pub expected: String,
    /// Floats between the two; `None` for integers and where one is no number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ulp: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { case, output, element, got, expected, ulp } = self;
        write!(f, "case {case}: element {element} of `{output}` is {got}, it has to be {expected}")?;
        match ulp {
            Some(ulp) => write!(f, " ({ulp} ULP apart)"),
            None => Ok(()),
        }
    }
}

/// The finding on one kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The digest of the cases that were run.
    pub cases: String,
    /// What came out.
    pub standing: Standing,
    /// The first difference, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Difference>,
    /// Why it failed, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Verdict {
    /// Whether strict may run the kernel.
    pub fn is_exact(&self) -> bool {
        self.standing == Standing::BitExact
    }

    /// What is wrong, in one line; empty where nothing is.
    pub fn complaint(&self) -> String {
        match (self.standing, &self.first, &self.message) {
            (_, Some(first), _) => first.to_string(),
            (_, _, Some(message)) => message.clone(),
            (Standing::BitExact, ..) => String::new(),
            (standing, ..) => standing.name().to_owned(),
        }
    }

    /// Whether its parts agree, as those of every kept verdict do.
    fn is_sound(&self) -> bool {
        self.message.is_none()
            && self.standing != Standing::Failed
            && self.first.is_some() == (self.standing == Standing::Differs)
    }
}

/// The findings on one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    schema: String,
    /// What it holds for.
    pub binding: Binding,
    /// By kernel id.
    pub kernels: BTreeMap<String, Verdict>,
}

impl Certificate {
    /// Without a finding.
    pub fn new(binding: Binding) -> Self {
        Self { schema: SCHEMA.to_owned(), binding, kernels: BTreeMap::new() }
    }

    /// RFC 8785 and a newline; no times, so equal findings are equal bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = to_jcs(&json!(self));
        bytes.push(b'\n');
        bytes
    }

    /// Reads what [`Certificate::bytes`] wrote; the error says what is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(bytes).map_err(|e| format!("is no JSON: {e}"))?;
        if value["schema"] != SCHEMA {
            return Err(format!("has the schema {}, not {SCHEMA}", value["schema"]));
        }
        let certificate: Self = serde_json::from_value(value).map_err(|e| format!("is no certificate: {e}"))?;
        if certificate.bytes() != bytes {
            return Err("is not in canonical form".to_owned());
        }
        match certificate.kernels.iter().find(|(_, verdict)| !verdict.is_sound()) {
            Some((kernel, _)) => Err(format!("contradicts itself on {kernel}")),
            None => Ok(certificate),
        }
    }

    /// The finding on a kernel, if it was made with the cases that hold now.
    pub fn verdict(&self, kernel: &str) -> Option<&Verdict> {
        self.kernels.get(kernel).filter(|verdict| verdict.cases == cases_digest(kernel))
    }

    /// How many kernels of the catalogue have this standing. (A certificate may be of a later program's.)
    pub fn count(&self, standing: Standing) -> usize {
        let verdicts = catalogue::all().filter_map(|spec| self.kernels.get(spec.id));
        verdicts.filter(|verdict| verdict.standing == standing).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding() -> Binding {
        let text = |text: &str| text.to_owned();
        Binding {
            backend: text("cpu"),
            version: text("0.1.0"),
            plugin_sha256: text("ab"),
            index: 0,
            device: text("cpu"),
            uuid: text(""),
            driver: text("d"),
            dispatch: text("avx2"),
            conformance: conformance(),
        }
    }

    fn certificate() -> Certificate {
        let mut certificate = Certificate::new(binding());
        let cases = cases_digest("exp.f32.v1");
        let verdict = Verdict { cases, standing: Standing::BitExact, first: None, message: None };
        certificate.kernels.insert("exp.f32.v1".to_owned(), verdict.clone());
        let first = Difference {
            case: "one".to_owned(),
            output: "out".to_owned(),
            element: 3,
            got: "3f800001".to_owned(),
            expected: "3f800000".to_owned(),
            ulp: Some("1".to_owned()),
        };
        let differs = Verdict {
            standing: Standing::Differs,
            first: Some(first),
            cases: cases_digest("log.f32.v1"),
            message: None,
        };
        certificate.kernels.insert("log.f32.v1".to_owned(), differs);
        certificate
    }

    #[test]
    fn it_is_read_as_it_was_written_and_never_otherwise() {
        let bytes = certificate().bytes();
        assert_eq!(Certificate::read(&bytes), Ok(certificate()));
        let text = String::from_utf8(bytes).expect("text");
        for (from, to, why) in [
            ("{", " {", "not in canonical form"),
            ("\"bit-exact\"", "\"differs\"", "contradicts itself on exp.f32.v1"),
            ("\"bit-exact\"", "\"failed\"", "contradicts itself on exp.f32.v1"),
            ("\"bit-exact\"", "\"fine\"", "is no certificate"),
            ("certificate.v1", "certificate.v2", "schema"),
            ("\"index\":0", "\"index\":0,\"more\":1", "is no certificate"),
            ("}", "", "is no JSON"),
        ] {
            let error = Certificate::read(text.replacen(from, to, 1).as_bytes()).expect_err(to);
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn every_part_of_the_binding_changes_the_key() {
        let Value::Object(fields) = json!(binding()) else { unreachable!("a struct") };
        for name in fields.keys() {
            let mut changed = json!(binding());
            changed[name] = if name == "index" { 1.into() } else { "other".into() };
            let changed: Binding = serde_json::from_value(changed).expect("binding");
            assert_ne!(changed.key(), binding().key(), "{name}");
        }
    }

    #[test]
    fn a_verdict_of_other_cases_does_not_count() {
        let mut certificate = certificate();
        assert!(certificate.verdict("exp.f32.v1").is_some_and(Verdict::is_exact));
        certificate.kernels.values_mut().for_each(|verdict| verdict.cases = "00".to_owned());
        assert_eq!(certificate.verdict("exp.f32.v1"), None);
    }

    #[test]
    fn a_complaint_names_case_element_and_bits() {
        let complaint = certificate().kernels["log.f32.v1"].complaint();
        assert_eq!(complaint, "case one: element 3 of `out` is 3f800001, it has to be 3f800000 (1 ULP apart)");
    }
}
