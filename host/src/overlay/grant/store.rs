//! `store`: values that outlive the call, in a cache of this overlay's alone. Reads are kept for a replay, which changes
//! nothing in the store; writes want a phase that may write.

use serde_json::{Value, json};

use super::wit::store::Host;
use super::{Answer, bytes_json, json_bytes};
use crate::error::{Error, Result};
use crate::overlay::call::{CallState, Function};

impl Host for CallState {
    fn get(&mut self, key: String) -> Answer<Option<Vec<u8>>> {
        self.enter(Function::StoreGet)?;
        self.trace.add(key.as_bytes());
        let value = self.world(Function::StoreGet, |state| match &state.world.store {
            Some(store) => store.get(&key).map_or(Value::Null, |value| bytes_json(&value)),
            None => Value::Null,
        })?;
        let value = if value.is_null() { None } else { Some(json_bytes(&value)) };
        self.check_transfer(value.as_ref().map_or(0, |value| value.len() as u64))?;
        Ok(Ok(value))
    }

    fn put(&mut self, key: String, value: Vec<u8>) -> Answer<()> {
        self.enter(Function::StorePut)?;
        self.trace.add(key.as_bytes());
        self.trace.add(&value);
        self.check_transfer(value.len() as u64)?;
        if let Err(error) = self.may_change(&key) {
            return Ok(Err(self.tell(error)));
        }
        // Whether there was room is the store's affair at that time.
        let said = self.world(Function::StorePut, |state| match &state.world.store {
            Some(store) => json!(store.put(&key, value).err().map(|error| error.message)),
            None => json!("this call has no store"),
        })?;
        Ok(match said.as_str() {
            None => Ok(()),
            Some(message) => Err(super::wit::types::Error::Limit(message.to_owned())),
        })
    }

    fn delete(&mut self, key: String) -> Answer<bool> {
        self.enter(Function::StoreDelete)?;
        self.trace.add(key.as_bytes());
        if let Err(error) = self.may_change(&key) {
            return Ok(Err(self.tell(error)));
        }
        let was = self.world(Function::StoreDelete, |state| {
            json!(state.world.store.as_ref().is_some_and(|store| store.delete(&key)))
        })?;
        Ok(Ok(was == Value::Bool(true)))
    }
}

impl CallState {
    fn may_change(&self, key: &str) -> Result<()> {
        if self.may_write {
            return Ok(());
        }
        Err(Error::refused(format!(
            "store value `{key}`: phase {} may change nothing; only ASCEND with the right `exec` writes to the store",
            self.phase.name()
        )))
    }
}
