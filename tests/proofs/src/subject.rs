//! What is compared: a device with its settings, a queue on it, and buffers that are used again. Launches go the host's
//! way: checked, queued, submitted in batches, read back.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clamp_host::backend::load::{LoadOptions, PluginSettings};
use clamp_host::backend::{
    ArrayRef, Buffer, Catalog, Device, Kernel, LaunchSpec, Offer, Queue, QueueOptions, SearchFolder,
};
use clamp_kernels::catalogue::{Dtype, FixedParams, KernelSpec, LaunchParams, Shape};

use crate::Subjects;
use crate::array::Array;

/// A device with its settings.
pub(crate) struct Subject {
    /// Whether it is the CPU backend, of which there are several.
    pub(crate) is_cpu: bool,
    /// `cpu avx2, 3 threads`.
    pub(crate) label: String,
    device: Arc<Device>,
    options: QueueOptions,
    queue: Queue,
    buffers: Vec<Arc<Buffer>>,
    kernels: HashMap<(&'static str, FixedParams), Arc<Kernel>>,
}

/// An error as a sentence, for comparing.
pub(crate) type Refusal = String;

impl Subject {
    fn open(label: String, device: &Arc<Device>, threads: u32) -> Result<Subject> {
        let options = QueueOptions { strict: true, max_threads: threads, batch: 256 };
        Ok(Subject {
            is_cpu: device.backend_id() == "cpu",
            label,
            device: Arc::clone(device),
            options,
            queue: queue(device, options)?,
            buffers: Vec::new(),
            kernels: HashMap::new(),
        })
    }

    /// Whether the backend has the kernel.
    pub(crate) fn has(&self, spec: &'static KernelSpec) -> Result<bool> {
        self.device.offer(spec.id).map(|offer| offer == Offer::Here).map_err(told)
    }

    /// Queues a launch of arrays in this subject's memory.
    pub(crate) fn launch(
        &mut self,
        spec: &'static KernelSpec,
        fixed: &FixedParams,
        params: &LaunchParams,
        inputs: Vec<Option<ArrayRef>>,
        outputs: Vec<ArrayRef>,
    ) -> Result<(), Refusal> {
        let key = (spec.id, fixed.clone());
        let kernel = match self.kernels.get(&key) {
            Some(kernel) => Arc::clone(kernel),
            None => {
                let kernel = self.device.open_kernel(spec, fixed).map_err(|error| error.message)?;
                self.kernels.insert(key, Arc::clone(&kernel));
                kernel
            }
        };
        let launch = LaunchSpec { kernel, inputs, outputs, params: params.clone() };
        self.queue.launch(launch).map_err(|error| error.message)
    }

    /// An array of buffer `slot`, which grows where it must.
    pub(crate) fn place(&mut self, slot: usize, byte_offset: u64, dtype: Dtype, shape: Shape) -> Result<ArrayRef> {
        let bytes = byte_offset + shape.bytes(dtype);
        while self.buffers.len() <= slot {
            self.buffers.push(self.device.alloc(64).map_err(told)?);
        }
        if self.buffers[slot].bytes < bytes {
            self.buffers[slot] = self.device.alloc(bytes.next_power_of_two().max(1 << 16)).map_err(told)?;
        }
        Ok(ArrayRef { buffer: Arc::clone(&self.buffers[slot]), byte_offset, dtype, shape })
    }

    /// Writes the array's elements.
    pub(crate) fn write(&mut self, at: &ArrayRef, array: &Array) -> Result<()> {
        self.queue.upload(&at.buffer, at.byte_offset, array.bytes()).map_err(told)
    }

    /// Reads the array's elements; a sync point, where data errors are told.
    pub(crate) fn read(&mut self, at: &ArrayRef, out: &mut [u8]) -> Result<(), Refusal> {
        self.queue.download(&at.buffer, at.byte_offset, out).map_err(|error| error.message)
    }

    /// Waits for all that is queued.
    pub(crate) fn sync(&mut self) -> Result<(), Refusal> {
        self.queue.sync().map_err(|error| error.message)
    }

    /// A new queue, since an error stays with the old one.
    pub(crate) fn recover(&mut self) -> Result<()> {
        self.queue = queue(&self.device, self.options)?;
        Ok(())
    }

    /// Lets go of all buffers.
    pub(crate) fn shrink(&mut self) {
        self.buffers.clear();
    }
}

fn queue(device: &Arc<Device>, options: QueueOptions) -> Result<Queue> {
    Queue::create(device, options).map_err(told)
}

pub(crate) fn told(error: clamp_host::error::Error) -> anyhow::Error {
    anyhow::anyhow!("{}", error.message)
}

/// Opens the CPU backend at every level that it has here, with these numbers of threads, and the other backends.
pub(crate) fn open(wanted: &Subjects) -> Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    let mut levels = Vec::new();
    for level in ["portable", "avx2", "avx512"] {
        let settings = BTreeMap::from([("dispatch".to_owned(), level.to_owned())]);
        let settings = PluginSettings::from([("cpu".to_owned(), settings)]);
        let device = match device(&wanted.plugins, "cpu", settings) {
            Ok(device) => device,
            Err(error) if level != "portable" => {
                crate::report::line(&format!("skipped: cpu {level}: {error:#}"));
                continue;
            }
            Err(error) => return Err(error),
        };
        if device.facts.dispatch != level {
            bail!("the CPU backend was told to use {level}, but says {}", device.facts.dispatch);
        }
        levels.push(level);
        for &threads in &wanted.threads {
            subjects.push(Subject::open(format!("cpu {level}, {threads} threads"), &device, threads)?);
        }
    }
    for id in wanted.others() {
        let device = match device(&wanted.plugins, id, PluginSettings::new()) {
            Err(error) if wanted.missing_ok => {
                crate::report::line(&format!("skipped: {id}: {error:#}"));
                continue;
            }
            device => device?,
        };
        let label = format!("{id} ({}, {})", device.facts.name, device.facts.driver);
        subjects.push(Subject::open(label, &device, 0)?);
    }
    Ok(subjects)
}

/// The first device of a backend; every call loads a catalogue of its own and so makes an instance of its own.
pub(crate) fn device(plugins: &Path, id: &str, settings: PluginSettings) -> Result<Arc<Device>> {
    let folder = SearchFolder { path: plugins.to_owned(), origin: "--plugins".into(), required: true };
    let options = LoadOptions { settings, ..LoadOptions::default() };
    let catalog = Catalog::open(vec![folder], &options).map_err(told)?;
    let candidate = catalog.find(id).with_context(|| format!("there is no backend {id} in {}", plugins.display()))?;
    let backend = candidate.backend().map_err(told)?;
    let devices = backend.devices().map_err(told)?;
    let facts = devices.first().with_context(|| format!("backend {id} has no device here"))?;
    Device::open(&backend, facts).map_err(told)
}
