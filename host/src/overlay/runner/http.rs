//! A capability that is a service: one request with the call as canonical JSON, sent again where that can help, until the
//! call's time is over.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::service::failed;
use super::{CallEnd, CallFailure, FailureKind, ServiceCall};
use crate::error::ErrorKind;
use crate::overlay::http::{HttpDoor, Request};

/// Pauses before the second and the third attempt.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(500)];

/// Where a call goes.
#[derive(Clone, Debug)]
pub struct HttpCall {
    /// `base_url` and the capability's path.
    pub url: String,
    /// The capability's.
    pub method: String,
    /// Hosts that the operator allowed.
    pub door: Arc<HttpDoor>,
}

/// What came of one attempt.
enum Attempt {
    Done(Result<Vec<u8>, CallFailure>),
    /// Sending it again may help.
    Again(CallFailure),
}

/// Carries one call to its end.
pub fn call_http(to: &HttpCall, call: &ServiceCall) -> CallEnd {
    let begun = Instant::now();
    let body = call.request();
    let mut pauses = PAUSES.iter();
    loop {
        let left = call.timeout.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return call.end(Err(call.too_late()), true);
        }
        let last = match attempt(to, call, &body, left) {
            Attempt::Done(reply) => return call.end(reply, false),
            Attempt::Again(last) => last,
        };
        let pause = pauses.next().filter(|pause| begun.elapsed() + **pause < call.timeout);
        match pause {
            Some(pause) => thread::sleep(*pause),
            None => return call.end(Err(last), false),
        }
    }
}

fn attempt(to: &HttpCall, call: &ServiceCall, body: &[u8], left: Duration) -> Attempt {
    let headers = [
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("idempotency-key", call.request_id.as_str()),
    ];
    let request = Request {
        method: to.method.clone(),
        url: to.url.clone(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: body.to_vec(),
        timeout: left,
        most_bytes: call.response_bytes,
    };
    let who = format!("{} {}", to.method, to.url);
    match to.door.send(&request) {
        Ok(got) if (200..300).contains(&got.status) => Attempt::Done(call.reply(&who, &got.body)),
        Ok(got) => {
            let said = String::from_utf8_lossy(&got.body[..got.body.len().min(200)]).replace(['\n', '\r'], " ");
            let message = format!("{who} answered with status {}: {said}", got.status);
            let failure = failed("http-status", message);
            // What is wrong with the request is wrong again.
            if got.status >= 500 { Attempt::Again(failure) } else { Attempt::Done(Err(failure)) }
        }
        Err(error) if error.kind == ErrorKind::Limit && error.message.contains("more than") => {
            Attempt::Done(Err(call.too_long(&who)))
        }
        Err(error) if error.kind == ErrorKind::Limit => Attempt::Done(Err(call.too_late())),
        Err(error) => {
            // The service is the overlay: that it cannot be reached is an end of the call, with a record.
            let (kind, code) = (FailureKind::Overlay, "unreachable".to_owned());
            let failure = CallFailure { kind, code, message: error.message, hint: error.hint, data: Vec::new() };
            if error.kind == ErrorKind::Io { Attempt::Again(failure) } else { Attempt::Done(Err(failure)) }
        }
    }
}
