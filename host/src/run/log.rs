//! `logs.jsonl`: one JSON object a line with `ts`, `level`, `event`, `data`. A `tracing` layer, active for the thread
//! that carries the run.

use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use clamp_plugin_api::manifest::jcs::hex;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::record::utc_millis;
use crate::error::{Error, Result};

/// The file behind the layer.
#[derive(Clone)]
pub struct RunLog(Arc<Mutex<Inner>>);

struct Inner {
    file: BufWriter<File>,
    hasher: Sha256,
    bytes: u64,
    /// The first failure; the run is told of it at `finish`.
    error: Option<std::io::Error>,
}

impl RunLog {
    /// Begins a log.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(|e| Error::io(format!("cannot write {}", path.display()), &e))?;
        Ok(Self(Arc::new(Mutex::new(Inner {
            file: BufWriter::new(file),
            hasher: Sha256::new(),
            bytes: 0,
            error: None,
        }))))
    }

    /// The layer that writes to it.
    pub fn layer(&self) -> RunLogLayer {
        RunLogLayer(self.clone())
    }

    fn line(&self, line: &Value) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = format!("{line}\n");
        let written = inner.file.write_all(text.as_bytes());
        inner.hasher.update(text.as_bytes());
        inner.bytes += text.len() as u64;
        if let Err(error) = written {
            inner.error.get_or_insert(error);
        }
    }

    /// Syncs; an earlier failure comes back here. Nothing is written after it.
    pub fn finish(&self) -> Result<LogDigest> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let synced = match inner.error.take() {
            Some(error) => Err(error),
            None => inner.file.flush().and_then(|()| inner.file.get_ref().sync_all()),
        };
        synced.map_err(|e| Error::io("cannot write the run's logs.jsonl", &e))?;
        let sha256 = hex(&std::mem::take(&mut inner.hasher).finalize());
        Ok(LogDigest { sha256, bytes: inner.bytes })
    }
}

/// What a finished log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogDigest {
    /// Of its bytes, lower-case hex.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// See [`RunLog::layer`].
pub struct RunLogLayer(RunLog);

impl<S: Subscriber> Layer<S> for RunLogLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        // The engine's and other libraries' own chatter is not the run's.
        let target = event.metadata().target();
        if target != "guest" && !target.starts_with("clamp_host") {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let data = match fields.data {
            Some(data) => data,
            None if fields.rest.is_empty() => Value::Null,
            None => Value::Object(fields.rest),
        };
        self.0.line(&serde_json::json!({
            "ts": utc_millis(SystemTime::now()),
            "level": event.metadata().level().as_str().to_ascii_lowercase(),
            "event": fields.event.unwrap_or_else(|| target.to_owned()),
            "data": data,
        }));
    }
}

#[derive(Default)]
struct Fields {
    event: Option<String>,
    data: Option<Value>,
    rest: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("event", Value::String(name)) => self.event = Some(name),
            // Data crosses as a JSON text, because tracing has no nested values.
            ("data", Value::String(text)) => {
                self.data = Some(serde_json::from_str(&text).unwrap_or(Value::String(text)));
            }
            (name, value) => {
                self.rest.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::String(value.to_owned()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}
