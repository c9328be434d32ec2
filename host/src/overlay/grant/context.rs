//! `context`: what an overlay may know of its call. The run id is left out on purpose: it is no input.

use super::halves;
use super::wit::context::Host;
use super::wit::types::Bits64;
use crate::overlay::call::{CallState, Function};

impl Host for CallState {
    fn phase(&mut self) -> wasmtime::Result<String> {
        self.enter(Function::ContextPhase)?;
        Ok(self.phase.name().to_owned())
    }

    fn seed(&mut self) -> wasmtime::Result<Bits64> {
        self.enter(Function::ContextSeed)?;
        Ok(halves(self.seed))
    }

    fn strict(&mut self) -> wasmtime::Result<bool> {
        self.enter(Function::ContextStrict)?;
        Ok(self.strict)
    }
}
