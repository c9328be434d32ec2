//! The operator's values for this overlay, `overlays.NAME.KEY` of the settings; needs the grant `config`.

use crate::bindings::clamp::overlay::config;

/// A value, if the operator set it.
pub fn get(key: &str) -> Option<String> {
    config::get(key)
}

/// The keys that the operator set, in order.
pub fn keys() -> Vec<String> {
    config::keys()
}
