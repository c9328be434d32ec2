//! The input of a run, from what was given to the bytes that the guest gets.

use std::io::Read as _;
use std::path::Path;

use clamp_plugin_api::manifest::ids::Payload;
use clamp_plugin_api::manifest::jcs::to_jcs;
use clamp_plugin_api::manifest::json;
use serde_json::Value;

use crate::error::{Error, Result};

/// What an overlay works on.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// JSON; reaches the guest as its RFC 8785 bytes.
    Json(Value),
    /// Anything else; reaches the guest as it is.
    Raw(Vec<u8>),
}

impl Input {
    /// No input is an empty object.
    pub fn empty() -> Self {
        Self::Json(Value::Object(serde_json::Map::new()))
    }

    /// JSON text; `origin` is how messages name it.
    pub fn from_json(text: &[u8], origin: &str) -> Result<Self> {
        json::parse(text).map(Self::Json).map_err(|e| {
            Error::bad_input(format!("{origin}: {e}"))
                .hint("correct the JSON, or give the file another extension than .json to pass it as raw bytes")
        })
    }

    /// A file: `.json` is parsed, anything else is raw.
    pub fn from_file(path: &Path, most: u64) -> Result<Self> {
        let cannot = |e: &std::io::Error| match e.kind() {
            std::io::ErrorKind::NotFound => Error::not_found(format!("input file {} does not exist", path.display()))
                .hint("check the path; JSON given directly begins with {, [ or \""),
            _ => Error::io(format!("cannot read input {}", path.display()), e),
        };
        // Read to the limit, whatever the file's length says: a device has none.
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(|e| cannot(&e))?;
        file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| cannot(&e))?;
        if bytes.len() as u64 > most {
            return Err(too_large(&path.display().to_string(), most));
        }
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) {
            Self::from_json(&bytes, &path.display().to_string())
        } else {
            Ok(Self::Raw(bytes))
        }
    }

    /// For the guest.
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Json(_) => "application/json",
            Self::Raw(_) => "application/octet-stream",
        }
    }

    /// The file of the record that holds it.
    pub fn file_name(&self) -> &'static str {
        match self {
            Self::Json(_) => "input.json",
            Self::Raw(_) => "input.bin",
        }
    }

    /// The bytes that the guest gets.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Json(value) => to_jcs(value),
            Self::Raw(bytes) => bytes.clone(),
        }
    }

    /// What counts in payload_hash and run_id.
    pub fn payload(&self) -> Payload {
        match self {
            Self::Json(value) => Payload::json(value),
            Self::Raw(bytes) => Payload::raw(bytes),
        }
    }
}

/// An input over `limits.input_bytes`.
pub fn too_large(origin: &str, most: u64) -> Error {
    Error::limit(format!("{origin} has more than {most} bytes, which limits.input_bytes allows"))
        .hint("raise limits.input_bytes in the settings, or make the input smaller")
}
