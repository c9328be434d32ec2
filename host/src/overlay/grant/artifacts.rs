//! `artifacts`: named outputs of the run, only in a phase that may write. What was not finished leaves nothing.

use wasmtime::component::Resource;

use super::tensor::TensorHandle;
use super::wit::artifacts::{Host, HostArtifact};
use super::{Answer, handle_error};
use crate::error::{Error, Result};
use crate::npy;
use crate::overlay::call::{CallState, Function, LimitHit};

/// An artifact that is being written.
pub struct ArtifactHandle {
    sink: u64,
    open: bool,
}

impl HostArtifact for CallState {
    fn create(&mut self, name: String) -> Answer<Resource<ArtifactHandle>> {
        self.enter(Function::ArtifactCreate)?;
        self.trace.add(name.as_bytes());
        self.count_artifact()?;
        match self.begin(&name) {
            Ok(sink) => match self.table.push(ArtifactHandle { sink, open: true }) {
                Ok(handle) => Ok(Ok(handle)),
                Err(error) => {
                    self.artifacts.discard(sink);
                    Err(handle_error(self, error))
                }
            },
            Err(error) => Ok(Err(self.tell(error))),
        }
    }

    fn append(&mut self, this: Resource<ArtifactHandle>, data: Vec<u8>) -> Answer<()> {
        self.enter(Function::ArtifactAppend)?;
        self.trace.add(&data);
        self.check_transfer(data.len() as u64)?;
        self.count_artifact_bytes(data.len() as u64)?;
        let handle = self.table.get(&this)?;
        let done = if handle.open { self.artifacts.append(handle.sink, &data) } else { Err(finished("append")) };
        Ok(done.map_err(|e| self.tell(e)))
    }

    fn finish(&mut self, this: Resource<ArtifactHandle>) -> Answer<()> {
        self.enter(Function::ArtifactFinish)?;
        let handle = self.table.get_mut(&this)?;
        let was_open = std::mem::replace(&mut handle.open, false);
        let sink = handle.sink;
        let done = if was_open { self.artifacts.finish(sink).map(|_| ()) } else { Err(finished("finish")) };
        Ok(done.map_err(|e| self.tell(e)))
    }

    fn drop(&mut self, this: Resource<ArtifactHandle>) -> wasmtime::Result<()> {
        let handle = self.table.delete(this)?;
        if handle.open {
            self.artifacts.discard(handle.sink);
        }
        Ok(())
    }
}

impl Host for CallState {
    fn save_npy(&mut self, name: String, tensor: Resource<TensorHandle>) -> Answer<()> {
        self.enter(Function::ArtifactSaveNpy)?;
        self.trace.add(name.as_bytes());
        self.count_artifact()?;
        let tensor = self.table.get(&tensor)?.clone();
        let header = npy::header(tensor.dtype(), &tensor.shape());
        self.count_artifact_bytes(header.len() as u64 + tensor.bytes())?;
        let done = self.save(&name, &header, &tensor);
        Ok(done.map_err(|e| self.tell(e)))
    }
}

impl CallState {
    fn begin(&mut self, name: &str) -> Result<u64> {
        if !self.may_write {
            return Err(Error::refused(format!(
                "artifact `{name}`: phase {} may change nothing; only ASCEND with the right `exec` writes artifacts",
                self.phase.name()
            )));
        }
        self.artifacts.create(name)
    }

    fn save(&mut self, name: &str, header: &[u8], tensor: &TensorHandle) -> Result<()> {
        let sink = self.begin(name)?;
        let outcome = self.write_npy(sink, header, tensor);
        if outcome.is_err() {
            self.artifacts.discard(sink);
        }
        outcome
    }

    fn write_npy(&mut self, sink: u64, header: &[u8], tensor: &TensorHandle) -> Result<()> {
        self.artifacts.append(sink, header)?;
        // The pieces go from the device to the file one after the other; two rooms of the state are in use at once.
        let mut sink_of = std::mem::replace(&mut self.artifacts, Box::new(crate::overlay::call::NoArtifacts));
        let streamed = self.stream(tensor, |piece| sink_of.append(sink, piece));
        self.artifacts = sink_of;
        streamed?;
        self.artifacts.finish(sink).map(|_| ())
    }

    fn count_artifact(&mut self) -> wasmtime::Result<()> {
        self.artifact_count += 1;
        if self.artifact_count <= self.limits.artifacts {
            return Ok(());
        }
        let message = format!("more than {} artifacts", self.limits.artifacts);
        Err(self.stop_at(LimitHit::new("limits.artifacts", message)))
    }

    fn count_artifact_bytes(&mut self, bytes: u64) -> wasmtime::Result<()> {
        self.artifact_bytes = self.artifact_bytes.saturating_add(bytes);
        if self.artifact_bytes <= self.limits.artifact_bytes {
            return Ok(());
        }
        let message = format!("more than {} bytes of artifacts", self.limits.artifact_bytes);
        Err(self.stop_at(LimitHit::new("limits.artifact_bytes", message)))
    }
}

fn finished(what: &str) -> Error {
    Error::bad_input(format!("{what}: the artifact is finished already"))
}
