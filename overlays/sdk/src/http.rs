//! Requests to hosts that the operator allowed, `overlays.NAME.http_hosts` of the settings; needs the grant `http`. Answers
//! are recorded, and given again when the call is replayed.

pub use crate::bindings::clamp::overlay::http::{Header, Response};

use crate::bindings::clamp::overlay::http;
use crate::failure::HostError;

/// Sends a request and waits for the whole answer, whatever its status.
///
/// # Errors
/// A host that is not allowed, a service that does not answer, a time or a size that is over.
pub fn send(method: &str, url: &str, headers: &[Header], body: &[u8]) -> Result<Response, HostError> {
    http::send(method, url, headers, body)
}
