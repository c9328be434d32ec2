//! The progress line of a long run: on a terminal only, silent everywhere else.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::overlay::{Progress, ProgressUpdate};

/// Draws on stderr.
pub(super) struct ProgressLine {
    bar: ProgressBar,
}

impl ProgressLine {
    /// `label` stands at its beginning.
    pub(super) fn new(label: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(spinner());
        bar.set_prefix(label.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar }
    }
}

impl Progress for ProgressLine {
    fn update(&mut self, update: &ProgressUpdate) {
        if update.total > 0 && self.bar.length() != Some(update.total) {
            self.bar.set_length(update.total);
            self.bar.set_style(counted());
        }
        self.bar.set_position(update.done);
        self.bar.set_message(words(&update.data));
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix} {elapsed}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn counted() -> ProgressStyle {
    ProgressStyle::with_template("{prefix} [{bar:20}] {pos}/{len} {eta} left  {wide_msg}")
        .map(|style| style.progress_chars("=> "))
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// `{"loss": 0.5, "rate": 1}` as `loss 0.5 rate 1`.
fn words(data: &Value) -> String {
    let Some(fields) = data.as_object() else { return String::new() };
    let plain = |value: &Value| match value {
        Value::Number(n) if n.is_f64() => format!("{:.4}", n.as_f64().unwrap_or(0.0)),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    fields.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_reads_as_words() {
        assert_eq!(words(&serde_json::json!({"loss": 0.51239, "rate": 1})), "loss 0.5124 rate 1");
        assert_eq!(words(&Value::Null), "");
    }
}
