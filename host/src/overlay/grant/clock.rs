//! `clock`: the run's logical clock. In strict it is the number of host calls, which a replay derives again; in fast it is
//! the time since the call began, which is kept for the replay.

use serde_json::json;

use super::halves;
use super::wit::clock::Host;
use super::wit::types::Bits64;
use crate::overlay::call::{CallState, Function};

impl Host for CallState {
    fn now_ms(&mut self) -> wasmtime::Result<Bits64> {
        self.enter(Function::ClockNow)?;
        if self.strict {
            return Ok(halves(self.host_calls));
        }
        let value = self.world(Function::ClockNow, |state| {
            json!(u64::try_from(state.started.elapsed().as_millis()).unwrap_or(u64::MAX))
        })?;
        Ok(halves(value.as_u64().unwrap_or(0)))
    }
}
