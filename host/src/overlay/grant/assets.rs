//! `assets`: the files that the manifest declares, verified before the call, read only.

use std::os::unix::fs::FileExt as _;

use wasmtime::component::Resource;

use super::Answer;
use super::tensor::{CHUNK, TensorHandle, dtype_of};
use super::wit::assets::Host;
use super::wit::types::Dtype as WitDtype;
use crate::error::{Error, Result};
use crate::overlay::call::{CallState, Function};

impl Host for CallState {
    fn size(&mut self, name: String) -> Answer<u64> {
        self.enter(Function::AssetSize)?;
        self.trace.add(name.as_bytes());
        let size = self.asset_size(&name);
        Ok(size.map_err(|e| self.tell(e)))
    }

    fn read(&mut self, name: String, byte_offset: u64, len: u32) -> Answer<Vec<u8>> {
        self.enter(Function::AssetRead)?;
        self.trace.add(name.as_bytes());
        self.trace.add(&[byte_offset.to_le_bytes(), u64::from(len).to_le_bytes()].concat());
        self.check_transfer(u64::from(len))?;
        let mut bytes = vec![0; len as usize];
        let done = self.read_asset(&name, byte_offset, &mut bytes);
        Ok(done.map(|()| bytes).map_err(|e| self.tell(e)))
    }

    fn load(
        &mut self,
        name: String,
        byte_offset: u64,
        dtype: WitDtype,
        shape: Vec<u64>,
    ) -> Answer<Resource<TensorHandle>> {
        self.enter(Function::AssetLoad)?;
        self.trace.add(name.as_bytes());
        self.trace.add(&byte_offset.to_le_bytes());
        self.trace_shape(&shape);
        let made = self.load_asset(&name, byte_offset, dtype, &shape);
        self.hand_out(made)
    }
}

impl CallState {
    fn asset_size(&self, name: &str) -> Result<u64> {
        self.assets.get(name).map(|(_, size)| *size).ok_or_else(|| {
            let names: Vec<_> = self.assets.keys().map(String::as_str).collect();
            Error::not_found(format!("asset `{name}` is not declared; the manifest has: {}", names.join(", ")))
        })
    }

    fn read_asset(&self, name: &str, byte_offset: u64, bytes: &mut [u8]) -> Result<()> {
        let size = self.asset_size(name)?;
        let len = bytes.len() as u64;
        if byte_offset.checked_add(len).is_none_or(|end| end > size) {
            return Err(Error::bad_input(format!(
                "asset `{name}`: {len} bytes from byte {byte_offset} leave a file of {size} bytes"
            )));
        }
        match self.assets.get(name) {
            Some((file, _)) => {
                file.read_exact_at(bytes, byte_offset).map_err(|e| Error::io(format!("cannot read asset `{name}`"), &e))
            }
            None => Ok(()),
        }
    }

    fn load_asset(&mut self, name: &str, byte_offset: u64, dtype: WitDtype, shape: &[u64]) -> Result<TensorHandle> {
        self.asset_size(name)?;
        let tensor = self.allocate(dtype_of(dtype), shape)?;
        let size = tensor.bytes();
        let mut piece = vec![0; usize::try_from(size.min(CHUNK)).unwrap_or(0)];
        let mut at = 0;
        while at < size {
            let len = (size - at).min(CHUNK) as usize;
            self.read_asset(name, byte_offset + at, &mut piece[..len])?;
            self.upload(&tensor, at, &piece[..len])?;
            at += len as u64;
        }
        Ok(tensor)
    }
}
