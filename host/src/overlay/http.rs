//! Requests to services, for overlays that ask and for those that are services: only to hosts that the operator allowed,
//! without redirects, within a time and a size. It knows nothing of overlays' meaning.

use std::collections::BTreeSet;
use std::time::Duration;

use ureq::http::{self, Uri};

use crate::error::{Error, ErrorKind, Result};

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`, ...
    pub method: String,
    /// Absolute, `http` or `https`.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Sent as it is.
    pub body: Vec<u8>,
    /// From the connection to the last byte.
    pub timeout: Duration,
    /// The most bytes of an answer's body.
    pub most_bytes: u64,
}

/// One answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// The status code.
    pub status: u16,
    /// Names in lower case, in the order of the answer; values that are no text are left out.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// The hosts that may be asked, and connections to them.
#[derive(Clone, Debug)]
pub struct HttpDoor {
    hosts: BTreeSet<String>,
    agent: ureq::Agent,
}

impl HttpDoor {
    /// A door to these: `host:port`, or `host` for the scheme's own port.
    pub fn new(hosts: impl IntoIterator<Item = String>) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // A redirect leads to a host that nobody allowed.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("clamp-host/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { hosts: hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect(), agent }
    }

    /// Whether the operator allowed the host of a URL.
    ///
    /// # Errors
    /// What is wrong with the URL, or the host that is not on the list and how it gets there.
    pub fn check(&self, url: &str) -> Result<Uri> {
        let wrong = |what: String| Error::bad_input(format!("{url:?} is no URL: {what}"));
        let uri: Uri = url.parse().map_err(|e: http::uri::InvalidUri| wrong(e.to_string()))?;
        let default = match uri.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            Some(other) => return Err(wrong(format!("the scheme is {other}, allowed are http and https"))),
            None => return Err(wrong("it is not absolute".to_owned())),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host".to_owned()))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a name and a password in it are not sent".to_owned()));
        }
        let (host, port) = (authority.host().to_ascii_lowercase(), authority.port_u16().unwrap_or(default));
        let with_port = format!("{host}:{port}");
        if self.hosts.contains(&with_port) || (port == default && self.hosts.contains(&host)) {
            return Ok(uri);
        }
        let allowed: Vec<&str> = self.hosts.iter().map(String::as_str).collect();
        let allowed = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
        Err(Error::refused(format!("the host {with_port} is not on the operator's list; allowed: {allowed}"))
            .hint(format!("add {with_port} to overlays.NAME.http_hosts in the settings to allow it")))
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// # Errors
    /// A host that is not allowed, an address that does not answer, a time or a size that is over.
    pub fn send(&self, request: &Request) -> Result<Got> {
        self.check(&request.url)?;
        check_method(&request.method)?;
        for (name, _) in &request.headers {
            check_header(name)?;
        }
        let mut builder = http::Request::builder().method(request.method.as_str()).uri(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let built = builder
            .body(&request.body[..])
            .map_err(|e| Error::bad_input(format!("the request to {} cannot be sent: {e}", request.url)))?;
        let run = self.agent.configure_request(built).timeout_global(Some(request.timeout)).build();
        let failed = |e: ureq::Error| self.failed(request, e);
        let mut response = self.agent.run(run).map_err(failed)?;
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        let (status, headers) = (response.status().as_u16(), headers.collect());
        let body = response.body_mut().with_config().limit(request.most_bytes).read_to_vec().map_err(failed)?;
        Ok(Got { status, headers, body })
    }

    fn failed(&self, request: &Request, error: ureq::Error) -> Error {
        let url = &request.url;
        match error {
            ureq::Error::Timeout(_) => {
                Error::limit(format!("{url} gave no whole answer within {} ms", request.timeout.as_millis()))
            }
            ureq::Error::BodyExceedsLimit(most) => {
                Error::limit(format!("the answer of {url} has more than {most} bytes"))
            }
            other => Error::new(ErrorKind::Io, format!("{url}: {other}")).hint("is the service running there?"),
        }
    }
}

/// What a request may be; others change how the connection is used.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Headers that say where a request goes and how long it is, which is the client's own affair.
const RESERVED: [&str; 9] =
    ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect", "keep-alive"];

fn check_method(method: &str) -> Result<()> {
    if METHODS.contains(&method) {
        return Ok(());
    }
    Err(Error::bad_input(format!("the method {method:?} is none of {}", METHODS.join(", "))))
}

fn check_header(name: &str) -> Result<()> {
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&&*lower) || lower.starts_with("proxy-") {
        return Err(Error::bad_input(format!("the header {name:?} is set by the host and by nobody else")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_hosts_are_asked() {
        let door = HttpDoor::new(["127.0.0.1:8787".to_owned(), "Example.org".to_owned()]);
        for allowed in ["http://127.0.0.1:8787/run?x=1", "https://example.org/", "http://EXAMPLE.org:80/a"] {
            assert!(door.check(allowed).is_ok(), "{allowed}");
        }
        for (refused, why) in [
            (
                "http://127.0.0.1:8788/",
                "127.0.0.1:8788 is not on the operator's list; allowed: 127.0.0.1:8787, example.org",
            ),
            ("http://127.0.0.1/", "127.0.0.1:80 is not"),
            ("https://example.org:80/", "example.org:80 is not"),
            ("http://example.org.evil.net/", "example.org.evil.net:80 is not"),
            ("http://127.0.0.1:8787@evil.net/", "a name and a password"),
            ("ftp://example.org/", "the scheme is ftp"),
            ("/run", "it is not absolute"),
            ("http://", "is no URL"),
        ] {
            let error = door.check(refused).expect_err(refused);
            assert!(error.message.contains(why), "{}", error.message);
        }
        assert!(HttpDoor::new([]).check("http://localhost/").is_err());
    }

    #[test]
    fn what_changes_the_connection_is_refused() {
        for name in ["Host", "content-length", "Transfer-Encoding", "Proxy-Authorization", "Connection"] {
            assert!(check_header(name).is_err(), "{name}");
        }
        assert!(check_header("authorization").is_ok() && check_method("PATCH").is_ok());
        assert!(check_method("CONNECT").is_err() && check_method("get").is_err());
    }
}
