//! What a call brings and what it gives back. Bytes in, bytes out; JSON by convention.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::bindings;
use crate::failure::Failure;

/// The phase a call runs in. Only ASCEND may change anything outside the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// First look.
    Open,
    /// Bring into line.
    Align,
    /// The working phase: needs the right `exec`, may write artifacts.
    Ascend,
    /// Report everything.
    Clear,
    /// Close with a summary.
    Seal,
}

impl Phase {
    /// The phase of that name, upper case as manifests write it.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "OPEN" => Some(Self::Open),
            "ALIGN" => Some(Self::Align),
            "ASCEND" => Some(Self::Ascend),
            "CLEAR" => Some(Self::Clear),
            "SEAL" => Some(Self::Seal),
            _ => None,
        }
    }

    /// The name that manifests use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Align => "ALIGN",
            Self::Ascend => "ASCEND",
            Self::Clear => "CLEAR",
            Self::Seal => "SEAL",
        }
    }
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which of the manifest's capabilities was asked for.
    pub capability: String,
    /// The phase's name; [`Request::phase`] reads it.
    pub phase: String,
    /// `application/json` for JSON, anything else for raw bytes.
    pub content_type: String,
    /// JSON comes as its RFC 8785 bytes, so equal documents are equal bytes; other input as it was given.
    pub payload: Vec<u8>,
}

impl Request {
    /// Whether the payload is JSON.
    pub fn is_json(&self) -> bool {
        let essence = self.content_type.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("application/json")
    }

    /// The phase of this call.
    ///
    /// # Errors
    /// `unknown-phase` when the host is newer than this crate.
    pub fn phase(&self) -> Result<Phase, Failure> {
        Phase::from_name(&self.phase)
            .ok_or_else(|| Failure::new("unknown-phase", format!("this overlay knows no phase `{}`", self.phase)))
    }

    /// The payload as a value of `T`.
    ///
    /// # Errors
    /// `not-json` for raw input, `bad-json` with line and column when the text or its fields do not fit.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        if !self.is_json() {
            let message = format!("this overlay takes JSON, and the input came as `{}`", self.content_type);
            return Err(Failure::new("not-json", message));
        }
        let mut reader = serde_json::Deserializer::from_slice(&self.payload);
        // The host has read the text before and limits how deep it may be; a second, lower limit would only surprise.
        reader.disable_recursion_limit();
        T::deserialize(&mut reader).and_then(|value| reader.end().map(|()| value)).map_err(|error| {
            let place = serde_json::json!({ "line": error.line(), "column": error.column() });
            Failure::new("bad-json", error.to_string()).with_data(place)
        })
    }

    /// The payload as a JSON object.
    ///
    /// # Errors
    /// As [`Request::json`], and `not-an-object` for other JSON.
    pub fn object(&self) -> Result<Map<String, Value>, Failure> {
        match self.json()? {
            Value::Object(map) => Ok(map),
            other => {
                let message = format!("this overlay takes a JSON object, and the input is {}", kind_of(&other));
                Err(Failure::new("not-an-object", message))
            }
        }
    }
}

impl From<bindings::Request> for Request {
    fn from(request: bindings::Request) -> Self {
        let bindings::Request { capability, phase, content_type, payload } = request;
        Self { capability, phase, content_type, payload }
    }
}

/// What the call answers: the bytes that the run's output hash covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply(Vec<u8>);

impl Reply {
    /// A reply of bytes.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// A reply of JSON.
    ///
    /// # Errors
    /// `internal` when `value` has no JSON form, such as a map whose keys are not texts.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, Failure> {
        serde_json::to_vec(value)
            .map(Self)
            .map_err(|error| Failure::new("internal", format!("the reply has no JSON form: {error}")))
    }

    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// What a person calls a JSON value of this kind.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(content_type: &str, payload: &str) -> Request {
        Request {
            capability: "c".to_owned(),
            phase: "OPEN".to_owned(),
            content_type: content_type.to_owned(),
            payload: payload.into(),
        }
    }

    #[test]
    fn raw_input_is_refused_where_json_is_wanted() {
        let failure = request("application/octet-stream", "{}").object().expect_err("raw");
        assert_eq!(failure.code, "not-json");
        assert!(failure.message.contains("application/octet-stream"), "{failure}");
        assert!(request("application/json; charset=utf-8", "{}").object().is_ok());
    }

    #[test]
    fn json_mistakes_say_where() {
        let failure = request("application/json", "{\"a\":").object().expect_err("cut short");
        assert_eq!(failure.code, "bad-json");
        assert_eq!(failure.data, Some(serde_json::json!({"line": 1, "column": 5})));
        let failure = request("application/json", "[1]").object().expect_err("an array");
        assert_eq!((failure.code.as_str(), failure.message.ends_with("an array")), ("not-an-object", true));
    }

    #[test]
    fn decimals_are_read_to_the_nearest_double() {
        let map = request("application/json", r#"{"x":0.000030000000000000006}"#).object().expect("an object");
        assert_eq!(map["x"].as_f64().map(f64::to_bits), Some(0.000_030_000_000_000_000_006_f64.to_bits()));
    }

    #[test]
    fn phases_have_their_manifest_names() {
        for phase in [Phase::Open, Phase::Align, Phase::Ascend, Phase::Clear, Phase::Seal] {
            assert_eq!(Phase::from_name(phase.name()), Some(phase));
        }
        assert_eq!(Phase::from_name("open"), None);
    }
}
