//! The run's log and its progress line; every overlay has them. Nothing here tells whether anybody looks.

use serde_json::Value;

use crate::bindings::clamp::overlay::log;

/// How much a line matters.
pub use crate::bindings::clamp::overlay::log::Level;

/// Adds a line to the run's log: a short event name and what belongs to it (`Value::Null` for nothing).
pub fn write(level: Level, event: &str, data: &Value) {
    log::write(level, event, &text(data));
}

/// [`write`] at level debug.
pub fn debug(event: &str, data: &Value) {
    write(Level::Debug, event, data);
}

/// [`write`] at level info.
pub fn info(event: &str, data: &Value) {
    write(Level::Info, event, data);
}

/// [`write`] at level warn.
pub fn warn(event: &str, data: &Value) {
    write(Level::Warn, event, data);
}

/// [`write`] at level error.
pub fn error(event: &str, data: &Value) {
    write(Level::Error, event, data);
}

/// Says that `done` of `total` steps are behind, with figures for the progress line.
pub fn progress(done: u64, total: u64, data: &Value) {
    log::progress(done, total, &text(data));
}

fn text(data: &Value) -> String {
    if data.is_null() { String::new() } else { data.to_string() }
}
