//! `log`: lines of the run's log, and signs of life. Always linked.

use serde_json::Value;

use super::wit::log::{Host, Level};
use crate::overlay::call::{CallState, Function, LimitHit, ProgressUpdate};

/// The tracing target of guest lines; the run log and `-v` tell them by it.
pub(crate) const GUEST: &str = "guest";

impl Host for CallState {
    fn write(&mut self, level: Level, event: String, data_json: String) -> wasmtime::Result<()> {
        self.enter(Function::LogWrite)?;
        self.trace.add(&[level as u8]);
        self.trace.add(event.as_bytes());
        self.trace.add(data_json.as_bytes());
        self.count_line(event.len() + data_json.len())?;
        let data = parsed(&data_json);
        match level {
            Level::Debug => tracing::debug!(target: GUEST, event = %event, data = %data),
            Level::Info => tracing::info!(target: GUEST, event = %event, data = %data),
            Level::Warn => tracing::warn!(target: GUEST, event = %event, data = %data),
            Level::Error => {
                tracing::error!(target: GUEST, event = %event, data = %data);
                self.last_error = Some(match &data {
                    Value::Null => event,
                    data => format!("{event}: {}", text_of(data)),
                });
            }
        }
        Ok(())
    }

    fn progress(&mut self, done: u64, total: u64, data_json: String) -> wasmtime::Result<()> {
        self.enter(Function::LogProgress)?;
        self.trace.add(&[done, total].map(u64::to_le_bytes).concat());
        self.trace.add(data_json.as_bytes());
        self.count_line(data_json.len())?;
        let data = parsed(&data_json);
        tracing::info!(target: GUEST, event = "progress", data = %serde_json::json!({
            "done": done, "total": total, "data": data,
        }));
        self.progress.update(&ProgressUpdate { done, total, data });
        Ok(())
    }
}

impl CallState {
    fn count_line(&mut self, bytes: usize) -> wasmtime::Result<()> {
        self.log_records += 1;
        self.log_bytes += bytes as u64;
        if self.log_records > self.limits.log_records {
            let message = format!("more than {} log lines", self.limits.log_records);
            return Err(self.stop_at(LimitHit::new("limits.log_records", message)));
        }
        if self.log_bytes > self.limits.log_bytes {
            let message = format!("more than {} bytes of log", self.limits.log_bytes);
            return Err(self.stop_at(LimitHit::new("limits.log_bytes", message)));
        }
        Ok(())
    }
}

/// A guest's data is JSON by contract; what is not is kept as a text.
fn parsed(data_json: &str) -> Value {
    if data_json.is_empty() {
        return Value::Null;
    }
    serde_json::from_str(data_json).unwrap_or_else(|_| Value::String(data_json.to_owned()))
}

fn text_of(data: &Value) -> String {
    let message = data.get("message").unwrap_or(data);
    message.as_str().map_or_else(|| message.to_string(), str::to_owned)
}
