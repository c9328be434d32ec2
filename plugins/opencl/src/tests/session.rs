//! The table as a host uses it: create, open a device, one queue, kernels by id, launches over arrays.

use std::collections::BTreeMap;
use std::ffi::c_void;

use clamp_kernels::catalogue::{FixedParams, Given, KernelSpec, LaunchParams, Shape};
use clamp_plugin_api::abi::*;

use super::arrays::{Array, spec};

unsafe extern "C" {
    safe fn clamp_backend_query(host_max_major: u32, host: *const ClampHostApi) -> *const ClampBackendV1;
}

/// What a call of the table gave instead of `Ok`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub status: Status,
    pub text: String,
    pub launch: u64,
    pub element: u64,
}

/// Calls a function of the table with room for its error.
pub fn call(f: impl FnOnce(*mut ClampError) -> i32) -> Result<(), Failure> {
    let mut text = vec![0u8; 4096];
    let mut error = ClampError { code: 0, launch: 0, element: 0, text: text.as_mut_ptr(), cap: text.len(), len: 0 };
    let status = Status::from_code(f(&raw mut error));
    if status == Status::Ok {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&text[..error.len]).into_owned();
    Err(Failure { status, text, launch: error.launch, element: error.element })
}

/// Settings as a host has them, and a table of it.
pub struct Host {
    api: Box<ClampHostApi>,
    settings: *mut BTreeMap<String, String>,
}

impl Host {
    pub fn with(settings: &[(&str, &str)]) -> Host {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let settings: *mut BTreeMap<String, String> = Box::into_raw(Box::new(settings));
        let api = ClampHostApi {
            struct_size: size_of::<ClampHostApi>() as u32,
            version: u32::from(CLAMP_ABI_MAJOR) << 16,
            ctx: settings.cast(),
            log: Some(log),
            config: Some(config),
            plugin_folder: None,
            cancelled: None,
        };
        Host { api: Box::new(api), settings }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // SAFETY: made by `with`, dropped once, after the instance.
        drop(unsafe { Box::from_raw(self.settings) });
    }
}

unsafe extern "C" fn log(_: *mut c_void, level: u32, text: ClampStr) {
    // SAFETY: the plugin passes a readable text.
    let text = unsafe { std::slice::from_raw_parts(text.ptr, text.len) };
    eprintln!("log {level}: {}", String::from_utf8_lossy(text));
}

unsafe extern "C" fn config(ctx: *mut c_void, key: ClampStr, buf: *mut u8, cap: usize, len: *mut usize) -> i32 {
    // SAFETY: the context is the map of `Host`, key and buffer are valid by the ABI.
    unsafe {
        let settings = &*ctx.cast::<BTreeMap<String, String>>();
        let key = std::str::from_utf8(std::slice::from_raw_parts(key.ptr, key.len)).expect("text");
        let Some(value) = settings.get(key) else { return Status::NotFound.code() };
        std::ptr::copy_nonoverlapping(value.as_ptr(), buf, value.len().min(cap));
        len.write(value.len());
        Status::Ok.code()
    }
}

/// An instance of the backend.
pub struct Instance {
    pub table: &'static ClampBackendV1,
    pub handle: ClampInstance,
    _host: Host,
}

impl Instance {
    pub fn create(settings: &[(&str, &str)]) -> Result<Instance, Failure> {
        let host = Host::with(settings);
        // SAFETY: the table is the backend's own and static.
        let table = unsafe { ClampBackendV1::check(clamp_backend_query(1, &raw const *host.api)) }.expect("table");
        let mut handle = std::ptr::null_mut();
        // SAFETY: as the table's documentation demands.
        call(|err| unsafe { table.instance_create.expect("entry")(&raw const *host.api, &raw mut handle, err) })?;
        Ok(Instance { table, handle, _host: host })
    }

    pub fn devices(&self) -> Result<u32, Failure> {
        let mut count = 0;
        // SAFETY: the instance is alive.
        call(|err| unsafe { self.table.device_count.expect("entry")(self.handle, &raw mut count, err) })?;
        Ok(count)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: created once; devices are closed before.
        unsafe { self.table.instance_destroy.expect("entry")(self.handle) };
    }
}

/// A device with one queue.
pub struct Session {
    pub device: ClampDevice,
    pub queue: ClampQueue,
    pub instance: Instance,
}

/// One launch to be: the kernel, arrays with their byte offsets, and parameters.
pub struct Call<'a> {
    pub kernel: ClampKernel,
    pub inputs: Vec<Option<(ClampBuffer, u64, &'a Array)>>,
    pub outputs: Vec<(ClampBuffer, u64, &'a Array)>,
    pub params: LaunchParams,
}

impl Session {
    /// Device 0 under these settings; an error where there is none.
    pub fn open_with(settings: &[(&str, &str)]) -> Result<Session, String> {
        let instance = Instance::create(settings).expect("create");
        instance.devices().map_err(|missing| missing.text)?;
        let table = instance.table;
        let mut device = std::ptr::null_mut();
        // SAFETY: as the table's documentation demands.
        call(|err| unsafe { table.device_open.expect("entry")(instance.handle, 0, &raw mut device, err) })
            .map_err(|failure| failure.text)?;
        let queue = new_queue(table, device);
        Ok(Session { device, queue, instance })
    }

    pub fn table(&self) -> &'static ClampBackendV1 {
        self.instance.table
    }

    pub fn alloc(&self, bytes: u64) -> Result<ClampBuffer, Failure> {
        let mut buffer = std::ptr::null_mut();
        // SAFETY: the device is alive.
        call(|err| unsafe { self.table().buffer_alloc.expect("entry")(self.device, bytes, &raw mut buffer, err) })?;
        Ok(buffer)
    }

    pub fn free(&self, buffer: ClampBuffer) {
        // SAFETY: allocated by `alloc`, not used any more.
        unsafe { self.table().buffer_free.expect("entry")(buffer) };
    }

    /// Queues the bytes' way to the device; they must live until the next wait.
    pub fn upload(&self, buffer: ClampBuffer, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        let upload = self.table().queue_upload.expect("entry");
        // SAFETY: the tests wait before the bytes go.
        call(|err| unsafe { upload(self.queue, buffer, offset, bytes.as_ptr(), bytes.len() as u64, err) })
    }

    /// Fetches bytes and waits for them.
    pub fn download(&self, buffer: ClampBuffer, offset: u64, bytes: &mut [u8]) -> Result<(), Failure> {
        let download = self.table().queue_download.expect("entry");
        // SAFETY: the wait below ends before the bytes go.
        call(|err| unsafe { download(self.queue, buffer, offset, bytes.as_mut_ptr(), bytes.len() as u64, err) })?;
        self.sync().map(|_| ())
    }

    pub fn signal(&self) -> u64 {
        let mut point = 0;
        // SAFETY: the queue is alive.
        call(|err| unsafe { self.table().queue_signal.expect("entry")(self.queue, &raw mut point, err) })
            .expect("signal");
        point
    }

    pub fn wait(&self, point: u64, timeout_ns: u64) -> Result<ClampTiming, Failure> {
        let mut timing = ClampTiming::default();
        let wait = self.table().queue_wait.expect("entry");
        // SAFETY: the queue is alive.
        call(|err| unsafe { wait(self.queue, point, timeout_ns, &raw mut timing, err) })?;
        Ok(timing)
    }

    pub fn sync(&self) -> Result<ClampTiming, Failure> {
        let point = self.signal();
        self.wait(point, u64::MAX)
    }

    pub fn open_kernel(&self, id: &str, fixed: &FixedParams) -> Result<ClampKernel, Failure> {
        let text = fixed.text.as_deref().unwrap_or("");
        let (id, text) = (of(id), of(text));
        let mut kernel = std::ptr::null_mut();
        let open = self.table().kernel_open.expect("entry");
        let (values, n) = (fixed.values.as_ptr(), fixed.values.len() as u32);
        // SAFETY: device and texts live through the call.
        call(|err| unsafe { open(self.device, id, values, fixed.present, n, text, &raw mut kernel, err) })?;
        Ok(kernel)
    }

    pub fn close_kernel(&self, kernel: ClampKernel) {
        // SAFETY: opened by `open_kernel`, no launch uses it any more.
        unsafe { self.table().kernel_close.expect("entry")(kernel) };
    }

    pub fn submit(&self, calls: &[Call<'_>]) -> Result<u64, Failure> {
        let arrays: Vec<(Vec<ClampArray>, Vec<ClampArray>)> = calls
            .iter()
            .map(|call| {
                let inputs = call.inputs.iter().map(|input| input.map_or(absent(), array)).collect();
                (inputs, call.outputs.iter().copied().map(array).collect())
            })
            .collect();
        let launches: Vec<ClampLaunch> = calls
            .iter()
            .zip(&arrays)
            .map(|(call, (inputs, outputs))| ClampLaunch {
                kernel: call.kernel,
                inputs: inputs.as_ptr(),
                outputs: outputs.as_ptr(),
                params: call.params.values.as_ptr(),
                present: call.params.present,
                n_in: inputs.len() as u32,
                n_out: outputs.len() as u32,
                n_params: call.params.values.len() as u32,
                reserved: 0,
            })
            .collect();
        let mut point = 0;
        let submit = self.table().queue_submit.expect("entry");
        // SAFETY: all handles and descriptors live through the call.
        call(|err| unsafe { submit(self.queue, launches.as_ptr(), launches.len() as u64, &raw mut point, err) })?;
        Ok(point)
    }

    /// Runs one kernel over arrays that begin `shift` elements into their buffers; gives the outputs. An input at a
    /// position of `in_place` is the output's own memory.
    pub fn run(
        &self,
        spec: &'static KernelSpec,
        inputs: &[Option<&Array>],
        given: &[(&str, Given<'_>)],
        shift: u64,
        in_place: &[usize],
    ) -> Result<Vec<Array>, Failure> {
        let (fixed, params) = spec.split_params(given).expect("parameters");
        let kernel = self.open_kernel(spec.id, &fixed)?;
        let values = spec.param_values(&fixed, &params).expect("parameters");
        let shapes: Vec<Option<Shape>> = inputs.iter().map(|input| input.map(|input| input.shape)).collect();
        let shapes = spec.output_shapes(&shapes, &values).expect("shapes");
        let mut outputs: Vec<Array> =
            spec.outputs.iter().zip(shapes).map(|(output, shape)| Array::new(output.dtype, shape.dims())).collect();
        let room = |array: &Array| (array.bytes().len() as u64) + (shift + 1) * array.dtype.size();
        let offset = |array: &Array| shift * array.dtype.size();
        let targets: Vec<ClampBuffer> =
            outputs.iter().map(|output| self.alloc(room(output))).collect::<Result<_, _>>()?;
        let mut sources = Vec::new();
        for (position, input) in inputs.iter().enumerate() {
            let Some(input) = input else {
                sources.push(None);
                continue;
            };
            let buffer = if in_place.contains(&position) { targets[0] } else { self.alloc(room(input))? };
            self.upload(buffer, offset(input), input.bytes())?;
            sources.push(Some((buffer, offset(input), *input)));
        }
        let call = Call {
            kernel,
            inputs: sources.clone(),
            outputs: targets.iter().zip(&outputs).map(|(&buffer, output)| (buffer, offset(output), output)).collect(),
            params,
        };
        self.submit(&[call])?;
        let mut outcome = self.sync().map(|_| ());
        for (output, &buffer) in outputs.iter_mut().zip(&targets) {
            if outcome.is_ok() {
                let at = offset(output);
                outcome = self.download(buffer, at, output.bytes_mut());
            }
        }
        for (position, source) in sources.iter().enumerate() {
            if let Some((buffer, ..)) = source.filter(|_| !in_place.contains(&position)) {
                self.free(buffer);
            }
        }
        targets.iter().for_each(|&buffer| self.free(buffer));
        self.close_kernel(kernel);
        outcome.map(|()| outputs)
    }

    /// A fresh queue in place of the one whose error stays.
    pub fn renew(&mut self) {
        // SAFETY: created once; nothing uses it any more.
        unsafe { self.table().queue_destroy.expect("entry")(self.queue) };
        self.queue = new_queue(self.table(), self.device);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: the queue goes before the device, both once.
        unsafe {
            self.table().queue_destroy.expect("entry")(self.queue);
            self.table().device_close.expect("entry")(self.device);
        }
    }
}

fn new_queue(table: &'static ClampBackendV1, device: ClampDevice) -> ClampQueue {
    let desc = ClampQueueDesc { mode: CLAMP_MODE_STRICT, max_threads: 0, host_call: 0 };
    let mut queue = std::ptr::null_mut();
    // SAFETY: the device is alive.
    call(|err| unsafe { table.queue_create.expect("entry")(device, &raw const desc, &raw mut queue, err) })
        .expect("queue");
    queue
}

fn of(text: &str) -> ClampStr {
    ClampStr { ptr: text.as_ptr(), len: text.len() }
}

fn absent() -> ClampArray {
    ClampArray { buffer: std::ptr::null_mut(), byte_offset: 0, dtype: 0, ndim: 0, dims: [0; CLAMP_MAX_DIMS] }
}

fn array((buffer, byte_offset, array): (ClampBuffer, u64, &Array)) -> ClampArray {
    let mut dims = [0; CLAMP_MAX_DIMS];
    dims[..array.shape.ndim()].copy_from_slice(array.shape.dims());
    ClampArray { buffer, byte_offset, dtype: array.dtype.code(), ndim: array.shape.ndim() as u32, dims }
}

/// The catalogue's entry.
pub fn entry(id: &str) -> &'static KernelSpec {
    spec(id)
}
