//! `hints`: how the host asks the call to get by with less memory. They are settled before the call begins, stand in the
//! record, and a replay uses the record's.

use super::wit::hints::{HintSet, Host, StressBand};
use crate::overlay::call::{CallState, Function, StressBand as Band};

impl Host for CallState {
    fn current(&mut self) -> wasmtime::Result<HintSet> {
        self.enter(Function::HintsCurrent)?;
        let hints = self.world.hints.clone();
        Ok(HintSet {
            kv_shrink_factor: hints.kv_shrink_factor,
            max_context_tokens: hints.max_context_tokens,
            disabled_features: hints.disabled_features,
            batch_mode: hints.batch_mode,
            offload_tier: hints.offload_tier,
            stress: match hints.stress {
                Band::Low => StressBand::Low,
                Band::Moderate => StressBand::Moderate,
                Band::High => StressBand::High,
                Band::Critical => StressBand::Critical,
            },
        })
    }
}
