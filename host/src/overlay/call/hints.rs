//! How a call is asked to get by with less memory. Who decides that is the governor; without one nothing is asked.

use serde::{Deserialize, Serialize};

/// What a call is asked; it is an input of the result, so the record has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hints {
    /// Of the usual size of caches, in (0, 1].
    pub kv_shrink_factor: f64,
    /// The most tokens of context.
    pub max_context_tokens: Option<u64>,
    /// Features to go without.
    pub disabled_features: Vec<String>,
    /// Another way to batch.
    pub batch_mode: Option<String>,
    /// Another tier to keep data in.
    pub offload_tier: Option<String>,
    /// How scarce memory is.
    pub stress: StressBand,
}

/// How scarce memory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum StressBand {
    /// Below 0.25.
    #[default]
    Low,
    /// Below 0.5.
    Moderate,
    /// Below 0.75.
    High,
    /// From there on.
    Critical,
}

impl Default for Hints {
    fn default() -> Self {
        Self {
            kv_shrink_factor: 1.0,
            max_context_tokens: None,
            disabled_features: Vec::new(),
            batch_mode: None,
            offload_tier: None,
            stress: StressBand::Low,
        }
    }
}

impl Hints {
    /// Whether anything is asked.
    pub fn is_degraded(&self) -> bool {
        let Self { kv_shrink_factor, max_context_tokens, disabled_features, batch_mode, offload_tier, stress: _ } =
            self;
        *kv_shrink_factor < 1.0
            || max_context_tokens.is_some()
            || !disabled_features.is_empty()
            || batch_mode.is_some()
            || offload_tier.is_some()
    }
}
