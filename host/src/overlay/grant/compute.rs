//! `compute`: kernels by id. Names become catalogue order here, once; the queue checks shapes and aliasing.

use std::sync::Arc;

use clamp_kernels::catalogue::{self, ArgSpec, Given, KernelSpec};
use wasmtime::component::Resource;

use super::wit::compute::{Host, HostKernel, Input, Param, Value};
use super::{Answer, handle_error, pattern};
use crate::backend::{ArrayRef, Kernel, LaunchSpec};
use crate::error::{Error, Result};
use crate::overlay::call::{CallState, Function};

/// An opened kernel.
pub struct KernelHandle(Arc<Kernel>);

impl Host for CallState {
    fn sync(&mut self) -> Answer<()> {
        self.enter(Function::Sync)?;
        let done = self.queue().and_then(|queue| queue.sync());
        Ok(done.map_err(|e| self.tell(e)))
    }
}

impl HostKernel for CallState {
    fn open(&mut self, id: String, fixed: Vec<Param>) -> Answer<Resource<KernelHandle>> {
        self.enter(Function::KernelOpen)?;
        self.trace.add(id.as_bytes());
        self.trace_params(&fixed);
        match self.open_listed(&id, &fixed) {
            Ok(kernel) => match self.table.push(KernelHandle(kernel)) {
                Ok(handle) => Ok(Ok(handle)),
                Err(error) => Err(handle_error(self, error)),
            },
            Err(error) => Ok(Err(self.tell(error))),
        }
    }

    fn launch(
        &mut self,
        this: Resource<KernelHandle>,
        inputs: Vec<Input>,
        outputs: Vec<Input>,
        params: Vec<Param>,
    ) -> Answer<()> {
        self.enter(Function::KernelLaunch)?;
        let kernel = Arc::clone(&self.table.get(&this)?.0);
        self.trace.add(kernel.spec.id.as_bytes());
        self.trace_params(&params);
        self.trace.launched(self.host_calls, kernel.spec.id);
        let done = self.launch_named(kernel, &inputs, &outputs, &params);
        Ok(done.map_err(|e| self.tell(e)))
    }

    fn drop(&mut self, this: Resource<KernelHandle>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl CallState {
    fn open_listed(&mut self, id: &str, fixed: &[Param]) -> Result<Arc<Kernel>> {
        if !self.kernels.contains(id) {
            return Err(Error::bad_input(format!("kernel {id} is not in the manifest's `kernels`")));
        }
        let spec = catalogue::find(id).ok_or_else(|| Error::not_found(format!("kernel {id} does not exist")))?;
        let fixed = spec.fixed_params(&given(fixed)).map_err(|e| refused(spec, &e))?;
        self.queue()?.device().open_kernel(spec, &fixed)
    }

    fn trace_params(&mut self, params: &[Param]) {
        for Param { name, value } in params {
            self.trace.add(name.as_bytes());
            match value {
                Value::Flag(flag) => self.trace.add(&[u8::from(*flag)]),
                Value::Int(int) => self.trace.add(&int.to_le_bytes()),
                Value::Bits(bits) => self.trace.add(&pattern(*bits).to_le_bytes()),
                Value::Text(text) => self.trace.add(text.as_bytes()),
            }
        }
    }

    fn launch_named(
        &mut self,
        kernel: Arc<Kernel>,
        inputs: &[Input],
        outputs: &[Input],
        params: &[Param],
    ) -> Result<()> {
        let spec = kernel.spec;
        let params = spec.launch_params(&given(params)).map_err(|e| refused(spec, &e))?;
        let inputs = self.in_order(spec, "input", spec.inputs, inputs)?;
        let outputs = self
            .in_order(spec, "output", spec.outputs, outputs)?
            .into_iter()
            .zip(spec.outputs)
            .map(|(array, arg)| {
                array.ok_or_else(|| Error::bad_input(format!("kernel {}: output `{}` is missing", spec.id, arg.name)))
            })
            .collect::<Result<Vec<_>>>()?;
        self.queue()?.launch(LaunchSpec { kernel, inputs, outputs, params })
    }

    fn in_order(
        &self,
        spec: &KernelSpec,
        what: &str,
        order: &[ArgSpec],
        named: &[Input],
    ) -> Result<Vec<Option<ArrayRef>>> {
        let mut arrays = vec![None; order.len()];
        for argument in named {
            let slot = order.iter().position(|arg| arg.name == argument.name).ok_or_else(|| {
                let names: Vec<_> = order.iter().map(|arg| arg.name).collect();
                Error::bad_input(format!(
                    "kernel {}: no {what} is called `{}`; it has {}",
                    spec.id,
                    argument.name,
                    names.join(", ")
                ))
            })?;
            let tensor = self.table.get(&argument.tensor).map_err(|e| Error::internal(e.to_string()))?;
            if arrays[slot].replace(tensor.array()).is_some() {
                return Err(Error::bad_input(format!("kernel {}: {what} `{}` is given twice", spec.id, argument.name)));
            }
        }
        Ok(arrays)
    }
}

fn given(params: &[Param]) -> Vec<(&str, Given<'_>)> {
    params
        .iter()
        .map(|param| {
            let value = match &param.value {
                Value::Flag(flag) => Given::Flag(*flag),
                Value::Int(int) => Given::Int(*int),
                Value::Bits(bits) => Given::Bits(pattern(*bits)),
                Value::Text(text) => Given::Written(text),
            };
            (param.name.as_str(), value)
        })
        .collect()
}

fn refused(spec: &KernelSpec, error: &dyn std::fmt::Display) -> Error {
    Error::bad_input(format!("kernel {}: {error}", spec.id))
}
