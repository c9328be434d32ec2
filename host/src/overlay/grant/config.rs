//! `config`: the operator's values for this overlay, `overlays.NAME.KEY` of the settings. They are inputs: the record has
//! them, and a replay uses the record's.

use super::wit::config::Host;
use crate::overlay::call::{CallState, Function};

impl Host for CallState {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        self.enter(Function::ConfigGet)?;
        self.trace.add(key.as_bytes());
        let value = self.world.config.get(&key).cloned();
        self.trace.add(value.as_deref().unwrap_or_default().as_bytes());
        Ok(value)
    }

    fn keys(&mut self) -> wasmtime::Result<Vec<String>> {
        self.enter(Function::ConfigKeys)?;
        Ok(self.world.config.keys().cloned().collect())
    }
}
