//! What a call may reach of the world outside itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hints::Hints;
use crate::overlay::http::HttpDoor;
use crate::overlay::store::Shelf;

/// See the module. The default is nothing.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The operator's values.
    pub config: BTreeMap<String, String>,
    /// What the host asks of the call.
    pub hints: Hints,
    /// The overlay's own values.
    pub store: Option<Arc<Shelf>>,
    /// Hosts that it may ask.
    pub http: Option<Arc<HttpDoor>>,
}
