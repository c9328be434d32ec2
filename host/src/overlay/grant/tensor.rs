//! `tensor`: arrays on the call's device. A handle is a shared allocation, an offset and a shape.

use std::sync::Arc;

use clamp_kernels::catalogue::{Dtype, Shape};
use sha2::{Digest as _, Sha256};
use wasmtime::component::Resource;

use super::wit::tensor::{Host, HostTensor};
use super::wit::types::{Bits64, Dtype as WitDtype};
use super::{Answer, handle_error, pattern};
use crate::backend::{ArrayRef, Buffer, Queue};
use crate::error::{Error, ErrorKind, Result};
use crate::overlay::call::{Account, CallState, Function, LimitHit};

/// Bytes that one step of a long transfer moves.
pub(super) const CHUNK: u64 = 4 << 20;

/// Device memory that counts towards the call's HARD limit for as long as a tensor names it.
struct Storage {
    buffer: Arc<Buffer>,
    bytes: u64,
    account: Arc<Account>,
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.account.give(self.bytes);
    }
}

/// One tensor, whole or a view.
#[derive(Clone)]
pub struct TensorHandle {
    storage: Arc<Storage>,
    byte_offset: u64,
    dtype: Dtype,
    shape: Shape,
}

impl TensorHandle {
    /// Its bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.shape.bytes(self.dtype)
    }

    pub(super) fn dtype(&self) -> Dtype {
        self.dtype
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// As a kernel argument.
    pub(super) fn array(&self) -> ArrayRef {
        ArrayRef {
            buffer: Arc::clone(&self.storage.buffer),
            byte_offset: self.byte_offset,
            dtype: self.dtype,
            shape: self.shape,
        }
    }

    fn range(&self, byte_offset: u64, len: u64, what: &str) -> Result<u64> {
        let size = self.bytes();
        match byte_offset.checked_add(len) {
            Some(end) if end <= size => Ok(self.byte_offset + byte_offset),
            _ => Err(Error::bad_input(format!(
                "{what}: {len} bytes from byte {byte_offset} leave a tensor of {size} bytes"
            ))),
        }
    }
}

impl Host for CallState {}

impl HostTensor for CallState {
    fn full(&mut self, dtype: WitDtype, shape: Vec<u64>, value: Bits64) -> Answer<Resource<TensorHandle>> {
        self.enter(Function::TensorFull)?;
        self.trace_shape(&shape);
        self.trace.add(&pattern(value).to_le_bytes());
        let made = self.allocate(dtype_of(dtype), &shape).and_then(|tensor| {
            let width = tensor.dtype.size() as u32;
            let count = tensor.shape.elements();
            self.queue()?.fill(&tensor.storage.buffer, 0, pattern(value), width, count)?;
            Ok(tensor)
        });
        self.hand_out(made)
    }

    fn dtype(&mut self, this: Resource<TensorHandle>) -> wasmtime::Result<WitDtype> {
        self.enter(Function::TensorDtype)?;
        Ok(wit_dtype(self.table.get(&this)?.dtype))
    }

    fn shape(&mut self, this: Resource<TensorHandle>) -> wasmtime::Result<Vec<u64>> {
        self.enter(Function::TensorShape)?;
        Ok(self.table.get(&this)?.shape.dims().to_vec())
    }

    fn view(
        &mut self,
        this: Resource<TensorHandle>,
        first_element: u64,
        shape: Vec<u64>,
    ) -> Answer<Resource<TensorHandle>> {
        self.enter(Function::TensorView)?;
        self.trace.add(&first_element.to_le_bytes());
        self.trace_shape(&shape);
        let whole = self.table.get(&this)?.clone();
        let made = shape_of(&shape).and_then(|shape| {
            let size = whole.dtype.size();
            let start = first_element.checked_mul(size).ok_or_else(|| Error::bad_input("view: offset is too large"))?;
            let byte_offset = whole.range(start, shape.bytes(whole.dtype), "view")?;
            Ok(TensorHandle { byte_offset, shape, ..whole.clone() })
        });
        self.hand_out(made)
    }

    fn write(&mut self, this: Resource<TensorHandle>, byte_offset: u64, data: Vec<u8>) -> Answer<()> {
        self.enter(Function::TensorWrite)?;
        self.trace.add(&byte_offset.to_le_bytes());
        self.trace.add(&data);
        self.check_transfer(data.len() as u64)?;
        let tensor = self.table.get(&this)?.clone();
        let done = tensor
            .range(byte_offset, data.len() as u64, "write")
            .and_then(|offset| self.queue()?.upload(&tensor.storage.buffer, offset, &data));
        Ok(done.map_err(|e| self.tell(e)))
    }

    fn read(&mut self, this: Resource<TensorHandle>, byte_offset: u64, len: u32) -> Answer<Vec<u8>> {
        self.enter(Function::TensorRead)?;
        self.check_transfer(u64::from(len))?;
        let tensor = self.table.get(&this)?.clone();
        let done = tensor.range(byte_offset, u64::from(len), "read").and_then(|_| {
            let mut bytes = vec![0; len as usize];
            self.download(&tensor, byte_offset, &mut bytes)?;
            self.trace.add(&byte_offset.to_le_bytes());
            self.trace.add(&bytes);
            Ok(bytes)
        });
        Ok(done.map_err(|e| self.tell(e)))
    }

    fn digest(&mut self, this: Resource<TensorHandle>) -> Answer<Vec<u8>> {
        self.enter(Function::TensorDigest)?;
        let tensor = self.table.get(&this)?.clone();
        let mut hasher = Sha256::new();
        let done = self.stream(&tensor, |bytes| {
            hasher.update(bytes);
            Ok(())
        });
        let done = done.map(|()| hasher.finalize().to_vec()).inspect(|digest| self.trace.add(digest));
        Ok(done.map_err(|e| self.tell(e)))
    }

    fn drop(&mut self, this: Resource<TensorHandle>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl CallState {
    /// A shape's part of the call's mark.
    pub(super) fn trace_shape(&mut self, shape: &[u64]) {
        shape.iter().for_each(|extent| self.trace.add(&extent.to_le_bytes()));
    }

    /// The call's queue; every overlay with `tensor` has one.
    pub(super) fn queue(&mut self) -> Result<&mut Queue> {
        self.queue.as_mut().ok_or_else(|| Error::internal("this call has no device"))
    }

    /// Memory for a new tensor, counted towards HARD; contents undefined.
    pub(super) fn allocate(&mut self, dtype: Dtype, dims: &[u64]) -> Result<TensorHandle> {
        let shape = shape_of(dims)?;
        let bytes = shape.bytes(dtype);
        if let Err(left) = self.account.take(bytes) {
            let hit = LimitHit::new(
                self.hard_name.clone(),
                format!("a tensor {dtype}{shape} wants {bytes} bytes, {left} of {} are left", self.account.hard()),
            );
            self.note_limit(hit.clone());
            return Err(Error::new(ErrorKind::Limit, hit.to_string()));
        }
        let account = Arc::clone(&self.account);
        match self.queue().and_then(|queue| queue.device().alloc(bytes)) {
            Ok(buffer) => {
                Ok(TensorHandle { storage: Arc::new(Storage { buffer, bytes, account }), byte_offset: 0, dtype, shape })
            }
            Err(error) => {
                account.give(bytes);
                Err(error)
            }
        }
    }

    /// Puts a new tensor into the handle table.
    pub(super) fn hand_out(&mut self, made: Result<TensorHandle>) -> Answer<Resource<TensorHandle>> {
        match made {
            Ok(tensor) => match self.table.push(tensor) {
                Ok(handle) => Ok(Ok(handle)),
                Err(error) => Err(handle_error(self, error)),
            },
            Err(error) => Ok(Err(self.tell(error))),
        }
    }

    pub(super) fn upload(&mut self, tensor: &TensorHandle, byte_offset: u64, bytes: &[u8]) -> Result<()> {
        let offset = tensor.byte_offset + byte_offset;
        self.queue()?.upload(&tensor.storage.buffer, offset, bytes)
    }

    fn download(&mut self, tensor: &TensorHandle, byte_offset: u64, bytes: &mut [u8]) -> Result<()> {
        let offset = tensor.byte_offset + byte_offset;
        self.queue()?.download(&tensor.storage.buffer, offset, bytes)
    }

    /// Hands a tensor's bytes to `take`, a piece at a time. A sync point.
    pub(super) fn stream(&mut self, tensor: &TensorHandle, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let size = tensor.bytes();
        let mut piece = vec![0; usize::try_from(size.min(CHUNK)).unwrap_or(0)];
        let mut at = 0;
        while at < size {
            let len = (size - at).min(CHUNK) as usize;
            self.download(tensor, at, &mut piece[..len])?;
            take(&piece[..len])?;
            at += len as u64;
        }
        // A data error is given even where there is nothing to read.
        if size == 0 { self.queue()?.sync() } else { Ok(()) }
    }
}

fn shape_of(dims: &[u64]) -> Result<Shape> {
    Shape::new(dims).map_err(|e| Error::bad_input(format!("shape {dims:?}: {e}")))
}

pub(super) fn dtype_of(dtype: WitDtype) -> Dtype {
    match dtype {
        WitDtype::F32 => Dtype::F32,
        WitDtype::F64 => Dtype::F64,
        WitDtype::I8 => Dtype::I8,
        WitDtype::U8 => Dtype::U8,
        WitDtype::I32 => Dtype::I32,
        WitDtype::U32 => Dtype::U32,
        WitDtype::I64 => Dtype::I64,
        WitDtype::U64 => Dtype::U64,
    }
}

fn wit_dtype(dtype: Dtype) -> WitDtype {
    match dtype {
        Dtype::F32 => WitDtype::F32,
        Dtype::F64 => WitDtype::F64,
        Dtype::I8 => WitDtype::I8,
        Dtype::U8 => WitDtype::U8,
        Dtype::I32 => WitDtype::I32,
        Dtype::U32 => WitDtype::U32,
        Dtype::I64 => WitDtype::I64,
        Dtype::U64 => WitDtype::U64,
    }
}
