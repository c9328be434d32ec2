//! What the engine asks before a memory or a table grows.

use wasmtime::ResourceLimiter;

use super::limits::LimitHit;
use super::state::CallState;

impl ResourceLimiter for CallState {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let grow = (desired.saturating_sub(current)) as u64;
        if let Some(most) = maximum.filter(|most| desired > *most) {
            let message = format!("a memory wants {desired} bytes, wasm allows it {most}");
            self.note_limit(LimitHit::new(self.hard_name.clone(), message));
            return Ok(false);
        }
        match self.account.take(grow) {
            Ok(()) => Ok(true),
            Err(left) => {
                self.note_limit(LimitHit::new(
                    self.hard_name.clone(),
                    format!("a memory wants {grow} more bytes, {left} of {} are left", self.account.hard()),
                ));
                Ok(false)
            }
        }
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let grow = (desired.saturating_sub(current)) as u64;
        if maximum.is_some_and(|max| desired > max) {
            return Ok(false);
        }
        if self.table_elements + grow > self.limits.table_elements {
            let most = self.limits.table_elements;
            self.note_limit(LimitHit::new(
                "limits.table_elements",
                format!("a table wants {grow} more elements, {most} are allowed in all"),
            ));
            return Ok(false);
        }
        self.table_elements += grow;
        Ok(true)
    }

    fn instances(&self) -> usize {
        usize::try_from(self.limits.instances).unwrap_or(usize::MAX)
    }

    fn tables(&self) -> usize {
        self.instances()
    }

    fn memories(&self) -> usize {
        self.instances()
    }
}
