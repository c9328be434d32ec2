//! What a service and a command are told and what they may answer: JSON both ways, the same for both.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clamp_plugin_api::manifest::jcs::to_jcs;
use clamp_plugin_api::manifest::json;
use serde_json::{Value, json};

use super::{CallEnd, CallFailure, FailureKind};
use crate::overlay::call::{Hints, TraceEnd, Usage};

/// One call of an overlay that is not a component.
#[derive(Clone, Debug)]
pub struct ServiceCall {
    /// Its name.
    pub overlay: String,
    /// Its version.
    pub version: String,
    /// Bare name.
    pub capability: String,
    /// `OPEN`, ...
    pub phase: String,
    /// What it works on.
    pub payload: Value,
    /// The run's id.
    pub run_id: String,
    /// Tells this call from every other one, so that a request that is sent again is not done again.
    pub request_id: String,
    /// SHA-256 of the payload's RFC 8785 bytes.
    pub payload_hash: String,
    /// The run's seed, as text.
    pub seed: String,
    /// Strict or fast.
    pub mode: &'static str,
    /// The operator's values that it was given.
    pub config: BTreeMap<String, String>,
    /// How it is asked to get by with less memory.
    pub hints: Hints,
    /// Wall time for all of it.
    pub timeout: Duration,
    /// Where the time comes from, for the message.
    pub timeout_name: &'static str,
    /// The most bytes of an answer.
    pub response_bytes: u64,
    /// The most bytes of what it says beside.
    pub log_bytes: u64,
}

impl ServiceCall {
    /// The request's RFC 8785 bytes.
    pub(super) fn request(&self) -> Vec<u8> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let hints = &self.hints;
        to_jcs(&json!({
            "overlay": self.overlay,
            "version": self.version,
            "capability": self.capability,
            "phase": self.phase,
            "request_id": self.request_id,
            "timestamp_ms": u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            "payload": self.payload,
            "hints": {
                "kv_shrink_factor": hints.kv_shrink_factor,
                "max_context_tokens": hints.max_context_tokens,
                "disabled_features": hints.disabled_features,
                "batch_mode": hints.batch_mode,
                "offload_tier": hints.offload_tier,
                "stress": hints.stress,
            },
            "provenance": {
                "run_id": self.run_id,
                "payload_hash": self.payload_hash,
                "seed": self.seed,
                "mode": self.mode,
            },
        }))
    }

    /// The result's RFC 8785 bytes of an answer, or what it says instead: `{"ok": true, "result": ...}`,
    /// `{"ok": false, "error": ...}`, or without `ok` the result itself.
    pub(super) fn reply(&self, who: &str, bytes: &[u8]) -> Result<Vec<u8>, CallFailure> {
        let answer = json::parse(bytes).map_err(|e| failed("bad-reply", format!("{who} gave no good JSON: {e}")))?;
        match answer.get("ok").and_then(Value::as_bool) {
            Some(true) => {
                let mut rest = answer;
                Ok(to_jcs(&rest.get_mut("result").map_or(Value::Null, Value::take)))
            }
            Some(false) => Err(refusal(who, &answer["error"])),
            None => Ok(to_jcs(&answer)),
        }
    }

    /// The end of a call with this reply; what it used is its own affair.
    pub(super) fn end(&self, reply: Result<Vec<u8>, CallFailure>, stopped_by_clock: bool) -> CallEnd {
        CallEnd {
            reply,
            usage: Usage::default(),
            artifacts: BTreeMap::new(),
            kernel_time: Duration::ZERO,
            stopped_by_clock,
            stop: None,
            trace: TraceEnd::default(),
        }
    }

    pub(super) fn too_late(&self) -> CallFailure {
        CallFailure {
            kind: FailureKind::Limit,
            code: "limit".into(),
            message: format!("limit `{}`: stopped after {} ms", self.timeout_name, self.timeout.as_millis()),
            hint: Some("raise the capability's timeout_s or set limits.wall_ms if the overlay really needs it".into()),
            data: Vec::new(),
        }
    }

    pub(super) fn too_long(&self, who: &str) -> CallFailure {
        CallFailure {
            kind: FailureKind::Limit,
            code: "limit".into(),
            message: format!(
                "limit `limits.response_bytes`: the answer of {who} has more than {} bytes",
                self.response_bytes
            ),
            hint: Some("raise `limits.response_bytes` in the settings if the overlay really needs it".into()),
            data: Vec::new(),
        }
    }
}

/// The overlay's own "no": `error` is a text, or an object with `code`, `message` and `data`.
fn refusal(who: &str, error: &Value) -> CallFailure {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let message = text(error).or_else(|| text(&error["message"]));
    CallFailure {
        kind: FailureKind::Overlay,
        code: text(&error["code"]).unwrap_or_else(|| "failed".to_owned()),
        message: message.unwrap_or_else(|| format!("{who} says no and no more")),
        hint: None,
        data: if error["data"].is_null() { Vec::new() } else { to_jcs(&error["data"]) },
    }
}

/// The overlay failed in a way that it does not speak of itself.
pub(super) fn failed(code: &str, message: String) -> CallFailure {
    CallFailure { kind: FailureKind::Overlay, code: code.to_owned(), message, hint: None, data: Vec::new() }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn call() -> ServiceCall {
        ServiceCall {
            overlay: "psyfi".into(),
            version: "0.1.0".into(),
            capability: "simulate".into(),
            phase: "OPEN".into(),
            payload: json!({"b": 1, "a": [true]}),
            run_id: "r".into(),
            request_id: "q".into(),
            payload_hash: "h".into(),
            seed: "7".into(),
            mode: "strict",
            config: BTreeMap::new(),
            hints: Hints::default(),
            timeout: Duration::from_secs(5),
            timeout_name: "timeout_s",
            response_bytes: 1000,
            log_bytes: 1000,
        }
    }

    #[test]
    fn an_answer_is_a_result_a_no_or_the_result_itself() {
        let reply = |text: &str| call().reply("it", text.as_bytes());
        assert_eq!(reply(r#"{"ok": true, "result": {"b": 1, "a": 2}}"#), Ok(br#"{"a":2,"b":1}"#.to_vec()));
        assert_eq!(reply(r#"{"ok": true}"#), Ok(b"null".to_vec()));
        assert_eq!(reply(r#"{"answer": 42}"#), Ok(br#"{"answer":42}"#.to_vec()));
        assert_eq!(reply("[1]"), Ok(b"[1]".to_vec()));
        let no = reply(r#"{"ok": false, "error": {"code": "busy", "message": "later", "data": [1]}}"#).expect_err("no");
        assert_eq!((&*no.code, &*no.message, &*no.data), ("busy", "later", &b"[1]"[..]));
        let no = reply(r#"{"ok": false, "error": "later"}"#).expect_err("no");
        assert_eq!((&*no.code, &*no.message), ("failed", "later"));
        assert_eq!(reply(r#"{"ok": false}"#).expect_err("no").message, "it says no and no more");
        for bad in ["", "{", r#"{"a": 1, "a": 2}"#, "NaN"] {
            assert_eq!(reply(bad).expect_err("bad").code, "bad-reply", "{bad}");
        }
    }

    #[test]
    fn a_request_has_what_the_older_form_had_and_more() {
        let request: Value = serde_json::from_slice(&call().request()).expect("JSON");
        for key in ["overlay", "version", "phase", "request_id", "timestamp_ms", "payload", "hints", "provenance"] {
            assert!(!request[key].is_null(), "{key}");
        }
        assert_eq!(request["hints"]["kv_shrink_factor"].as_f64(), Some(1.0));
    }
}
