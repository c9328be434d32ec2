//! `http`: requests to hosts that the operator allowed for this overlay. Every answer is kept, and given again in a replay.

use serde_json::{Value, json};

use super::wit::http::{Header, Host, Response};
use super::wit::types;
use super::{Answer, bytes_json, json_bytes};
use crate::overlay::call::{CallState, Function};
use crate::overlay::http::Request;

impl Host for CallState {
    fn send(&mut self, method: String, url: String, headers: Vec<Header>, body: Vec<u8>) -> Answer<Response> {
        self.enter(Function::HttpSend)?;
        self.trace.add(method.as_bytes());
        self.trace.add(url.as_bytes());
        for Header { name, value } in &headers {
            self.trace.add(name.as_bytes());
            self.trace.add(value.as_bytes());
        }
        self.trace.add(&body);
        self.check_transfer(body.len() as u64)?;
        let left = self.limits.wall.saturating_sub(self.started.elapsed());
        let most = self.limits.hostcall_bytes;
        let request = Request {
            method,
            url,
            headers: headers.into_iter().map(|header| (header.name, header.value)).collect(),
            body,
            timeout: left,
            most_bytes: most,
        };
        let answer = self.world(Function::HttpSend, |state| match &state.world.http {
            Some(door) => match door.send(&request) {
                Ok(got) => json!({"status": got.status, "headers": got.headers, "body": bytes_json(&got.body)}),
                Err(error) => json!({"kind": error.kind.name(), "error": error.message}),
            },
            None => json!({"kind": "refused", "error": "no host is allowed to this overlay"}),
        })?;
        Ok(read(&answer))
    }
}

fn read(answer: &Value) -> Result<Response, types::Error> {
    if let Some(message) = answer.get("error").and_then(Value::as_str) {
        let message = message.to_owned();
        return Err(match answer.get("kind").and_then(Value::as_str) {
            Some("refused" | "bad-input") => types::Error::Invalid(message),
            Some("limit") => types::Error::Limit(message),
            _ => types::Error::Io(message),
        });
    }
    let headers = answer["headers"].as_array().into_iter().flatten().filter_map(|pair| {
        let name = pair.get(0)?.as_str()?.to_owned();
        Some(Header { name, value: pair.get(1)?.as_str()?.to_owned() })
    });
    Ok(Response {
        status: answer["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(0),
        headers: headers.collect(),
        body: json_bytes(&answer["body"]),
    })
}
