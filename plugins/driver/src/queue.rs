//! The backend's queue: transfers and launches on an in-order command queue, points between them, and the first error,
//! which stays. Submitting never waits for the device.

use clamp_kernels::catalogue::{ArrayDesc, Dtype, Shape};
use clamp_kernels::device::{Arg, LaunchArrays, Place, Plan};
use clamp_plugin_api::abi::{ArrayLayout, Fault, LaunchRef, Status, Timing};

use crate::backend::DeviceBackend;
use crate::device::{Buffer, Device};
use crate::driver::{Driver, Event, Memory, Stream, Value};
use crate::fault::of_execution;
use crate::points::{Points, time_is_up};
use crate::status::{Statuses, Subject};

/// A queue of a device.
pub struct Queue<D: Driver> {
    device: Device<D>,
    stream: D::Stream,
    host_call: u64,
    points: Points<D::Stream>,
    launches: u64,
    /// Shared by all launches: the queue is in order, so one has done with it when the next begins.
    scratch: Vec<D::Mem>,
    statuses: Statuses<D>,
    /// Scratch memory that was too small, and the event behind the launches that use it.
    outgrown: Vec<Outgrown<D>>,
    /// Memory of fills that the device still reads.
    patterns: Vec<Pattern<D>>,
    error: Option<Fault>,
}

/// Memory of a fill, and the event behind it.
type Pattern<D> = (<<D as Driver>::Stream as Stream>::Event, Box<[u8]>);

/// Scratch memory, and the event behind its last use.
type Outgrown<D> = (<<D as Driver>::Stream as Stream>::Event, <D as Driver>::Mem);

/// A launch that is ready to be queued.
struct Ready {
    plan: Plan,
    inputs: Vec<Option<Place>>,
    outputs: Vec<Place>,
}

impl<D: Driver> Queue<D> {
    pub(crate) fn create(device: &Device<D>, host_call: u64) -> Result<Queue<D>, Fault> {
        device.status()?;
        Ok(Queue {
            device: device.clone(),
            stream: D::stream(&device.0.context)?,
            host_call,
            points: Points::new(),
            launches: 0,
            scratch: Vec::new(),
            statuses: Statuses::new(),
            outgrown: Vec::new(),
            patterns: Vec::new(),
            error: None,
        })
    }

    /// # Safety
    /// `src` is readable for `len` bytes until a later point has passed.
    pub(crate) unsafe fn upload(
        &mut self,
        dst: &Buffer<D>,
        offset: u64,
        src: *const u8,
        len: u64,
    ) -> Result<(), Fault> {
        self.device.status()?;
        dst.check_to_write(offset, len)?;
        if len > 0 {
            // SAFETY: the range was checked, the rest is the caller's promise.
            let queued = unsafe { self.stream.write(dst.mem(), offset, src, len) };
            self.noted(queued)?;
            self.points.queued();
        }
        Ok(())
    }

    /// # Safety
    /// `dst` is writable for `len` bytes until a later point has passed.
    pub(crate) unsafe fn download(
        &mut self,
        src: &Buffer<D>,
        offset: u64,
        dst: *mut u8,
        len: u64,
    ) -> Result<(), Fault> {
        self.device.status()?;
        src.check(offset, len)?;
        if len > 0 {
            // SAFETY: the range was checked, the rest is the caller's promise.
            let queued = unsafe { self.stream.read(src.mem(), offset, dst, len) };
            self.noted(queued)?;
            self.points.queued();
        }
        Ok(())
    }

    pub(crate) fn copy(&mut self, dst: &Buffer<D>, to: u64, src: &Buffer<D>, from: u64, len: u64) -> Result<(), Fault> {
        self.device.status()?;
        dst.check_to_write(to, len)?;
        src.check(from, len)?;
        if len > 0 {
            let queued = self.stream.copy(dst.mem(), to, src.mem(), from, len);
            self.noted(queued)?;
            self.points.queued();
        }
        Ok(())
    }

    pub(crate) fn fill(
        &mut self,
        dst: &Buffer<D>,
        offset: u64,
        bits: u64,
        width: u32,
        count: u64,
    ) -> Result<(), Fault> {
        self.device.status()?;
        if !matches!(width, 1 | 2 | 4 | 8) {
            return Err(Fault::invalid(format!("fill width {width}: allowed are 1, 2, 4 and 8 bytes")));
        }
        let len = count.checked_mul(u64::from(width)).ok_or_else(|| Fault::invalid("fill is too long"))?;
        dst.check_to_write(offset, len)?;
        if len == 0 {
            return Ok(());
        }
        let pattern = bits.to_le_bytes();
        let pattern = &pattern[..width as usize];
        if offset.saturating_add(dst.mem().skew()).is_multiple_of(u64::from(width)) {
            let queued = self.stream.fill(dst.mem(), offset, pattern, len);
            self.noted(queued)?;
            self.points.queued();
            return Ok(());
        }
        // The library fills at multiples of the pattern only; elements elsewhere are sent as they are.
        self.patterns.retain(|(event, _)| !event.has_ended().unwrap_or(false));
        let bytes = pattern.repeat(count as usize).into_boxed_slice();
        // SAFETY: the bytes are kept until the event has ended; `Drop` waits for it.
        let queued = unsafe { self.stream.write(dst.mem(), offset, bytes.as_ptr(), len) };
        match queued.and_then(|()| self.stream.mark()) {
            Ok(event) => self.patterns.push((event, bytes)),
            Err(fault) => {
                // Of a device that cannot be waited for nobody knows how long it reads them.
                if self.stream.finish().is_err() {
                    std::mem::forget(bytes);
                }
                return Err(self.device.0.note(fault));
            }
        }
        self.points.queued();
        Ok(())
    }

    pub(crate) fn submit(&mut self, launches: &[LaunchRef<'_, DeviceBackend<D>>]) -> Result<u64, Fault> {
        self.device.status()?;
        let ready = launches.iter().map(|launch| self.prepare(launch)).collect::<Result<Vec<_>, _>>()?;
        self.reserve(&ready)?;
        for (position, (launch, ready)) in launches.iter().zip(ready).enumerate() {
            // After a failure the results are not read any more, so there is nothing to compute. It is told at the next
            // wait, since a submit that fails must have queued nothing.
            if self.error.is_none() {
                let outcome = match self.device.0.host.cancelled(self.host_call) {
                    true => Err(Fault::new(Status::Cancelled, "the host asked to stop")),
                    false => self.enqueue(launch, ready),
                };
                match outcome {
                    Err(fault) if position == 0 && fault.status != Status::Cancelled => {
                        return Err(self.device.0.note(fault));
                    }
                    outcome => {
                        let launch = self.launches;
                        self.error = outcome.err().map(|fault| self.device.0.note(Fault { launch, ..fault }));
                    }
                }
            }
            self.launches += 1;
        }
        // The launches are queued, so what fails from here on is told at the next wait.
        let behind = self.statuses.read_back(&mut self.stream);
        let given = behind.and_then(|()| self.points.give(&mut self.stream));
        Ok(match given.and_then(|point| self.stream.flush().map(|()| point)) {
            Ok(point) => point,
            Err(fault) => {
                self.error.get_or_insert(self.device.0.note(of_execution(fault)));
                self.points.give_failed()
            }
        })
    }

    pub(crate) fn signal(&mut self) -> Result<u64, Fault> {
        let given = self.points.give(&mut self.stream).and_then(|point| self.stream.flush().map(|()| point));
        self.noted(given)
    }

    pub(crate) fn poll(&mut self) -> Result<u64, Fault> {
        self.points.poll().map_err(|error| self.device.0.note(of_execution(error)))
    }

    pub(crate) fn wait(&mut self, point: u64, timeout_ns: u64) -> Result<Timing, Fault> {
        if !self.points.knows(point) {
            return Err(Fault::invalid(format!("point {point} was never given out")));
        }
        let broken = |error| self.device.0.note(of_execution(error));
        if !self.points.wait(point, timeout_ns).map_err(broken)? {
            return Err(time_is_up(point, timeout_ns));
        }
        let found = self.statuses.judge().map_err(broken)?;
        // A launch's data error came before whatever stopped a later one.
        match (found, &self.error) {
            (Some(found), Some(known)) if known.launch <= found.launch => {}
            (Some(found), _) => self.error = Some(found),
            (None, _) => {}
        }
        self.device.status()?;
        match &self.error {
            Some(fault) => Err(fault.clone()),
            None => Ok(self.points.timing()),
        }
    }

    /// An outcome of the driver; a fault that leaves the device of no use is remembered.
    fn noted<T>(&self, outcome: Result<T, Fault>) -> Result<T, Fault> {
        outcome.map_err(|fault| self.device.0.note(fault))
    }

    /// Looks over one launch and plans it; queues nothing.
    fn prepare(&self, launch: &LaunchRef<'_, DeviceBackend<D>>) -> Result<Ready, Fault> {
        let inputs = launch
            .inputs
            .iter()
            .map(|input| input.as_ref().map(|(buffer, array)| place(buffer, array)).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        let output = |(buffer, array): &(&Buffer<D>, ArrayLayout)| {
            buffer.check_writable()?;
            place(buffer, array)
        };
        let outputs = launch.outputs.iter().map(output).collect::<Result<Vec<_>, _>>()?;
        check(launch, &inputs, &outputs)?;
        let arrays =
            LaunchArrays { inputs: &inputs, outputs: &outputs, params: launch.params, present: launch.present };
        let plan = launch.kernel.kernel.plan(&arrays).map_err(|error| Fault::invalid(error.to_string()))?;
        Ok(Ready { plan, inputs, outputs })
    }

    /// Makes the scratch memory large enough for every launch of a batch.
    fn reserve(&mut self, ready: &[Ready]) -> Result<(), Fault> {
        // Where it cannot be told, they are still in use.
        self.outgrown.retain(|(event, _)| !event.has_ended().unwrap_or(false));
        for plan in ready.iter().map(|ready| &ready.plan) {
            for (position, &bytes) in plan.scratch.iter().enumerate() {
                if self.scratch.get(position).is_some_and(|mem| mem.bytes() >= bytes) {
                    continue;
                }
                let shared = self.device.0.facts.description.unified_memory;
                let mem = D::alloc(&self.device.0.context, bytes, shared).map_err(|fault| {
                    let message = format!("cannot allocate {bytes} bytes of scratch: {}", fault.message);
                    Fault { message, ..fault }
                })?;
                match self.scratch.get_mut(position) {
                    Some(smaller) => {
                        let event = self.stream.mark()?;
                        self.outgrown.push((event, std::mem::replace(smaller, mem)));
                    }
                    None => self.scratch.push(mem),
                }
            }
        }
        Ok(())
    }

    fn enqueue(&mut self, launch: &LaunchRef<'_, DeviceBackend<D>>, ready: Ready) -> Result<(), Fault> {
        let Ready { plan, inputs, outputs } = ready;
        let mut status_offset = 0;
        if plan.has_status {
            let subject = Subject {
                launch: self.launches,
                kernel: launch.kernel.kernel.clone(),
                inputs,
                outputs,
                params: launch.params.to_vec(),
                present: launch.present,
            };
            status_offset = self.statuses.slot(&self.device.0.context, &mut self.stream, subject)?;
        }
        let mut entries = launch.kernel.entries();
        for step in &plan.steps {
            let missing = || Fault::new(Status::Internal, format!("entry point {} is not in its module", step.entry));
            let entry = entries.get_mut(step.entry).ok_or_else(missing)?;
            let mut values = Vec::with_capacity(2 * step.args.len());
            let place = |mem, offset| [Value::Mem(mem), Value::Wide(offset)];
            for arg in &step.args {
                match *arg {
                    Arg::Input(position) => {
                        let (buffer, array) = launch.inputs[position].as_ref().ok_or_else(missing)?;
                        values.extend(place(buffer.mem(), array.byte_offset));
                    }
                    Arg::Output(position) => {
                        let (buffer, array) = &launch.outputs[position];
                        values.extend(place(buffer.mem(), array.byte_offset));
                    }
                    Arg::Scratch(position, offset) => values.extend(place(&self.scratch[position], offset)),
                    Arg::Status => values.extend(place(self.statuses.mem().ok_or_else(missing)?, status_offset)),
                    Arg::U32(word) | Arg::F32(word) => values.push(Value::Word(word)),
                    Arg::U64(wide) | Arg::F64(wide) => values.push(Value::Wide(wide)),
                }
            }
            self.stream.launch(entry, step.groups, step.group_size, &values)?;
            self.points.queued();
        }
        Ok(())
    }
}

impl<D: Driver> Drop for Queue<D> {
    fn drop(&mut self) {
        // The caller's memory and this queue's own are used until the device has done with them. Of a device that cannot be
        // waited for nobody knows when that is: it is not used again, and what it may still write is never given back.
        if let Err(fault) = self.stream.finish() {
            self.device.0.note(fault);
            self.statuses.abandon();
            self.stream.abandon();
            std::mem::forget(std::mem::take(&mut self.scratch));
            std::mem::forget(std::mem::take(&mut self.outgrown));
            std::mem::forget(std::mem::take(&mut self.patterns));
        }
    }
}

/// Holds a launch against the catalogue: plans are for launches that fit it, and the device would not notice others.
fn check<D: Driver>(
    launch: &LaunchRef<'_, DeviceBackend<D>>,
    inputs: &[Option<Place>],
    outputs: &[Place],
) -> Result<(), Fault> {
    let desc = |buffer: &Buffer<D>, place: &Place| ArrayDesc {
        dtype: place.dtype,
        shape: place.shape,
        storage: std::ptr::from_ref(buffer).addr() as u64,
        byte_offset: place.byte_offset,
    };
    let given = |(input, place): (&Option<(&Buffer<D>, ArrayLayout)>, &Option<Place>)| {
        input.as_ref().zip(place.as_ref()).map(|((buffer, _), place)| desc(buffer, place))
    };
    let inputs: Vec<Option<ArrayDesc>> = launch.inputs.iter().zip(inputs).map(given).collect();
    let outputs: Vec<ArrayDesc> =
        launch.outputs.iter().zip(outputs).map(|((buffer, _), place)| desc(buffer, place)).collect();
    let kernel = &launch.kernel.kernel;
    let params = kernel.params(launch.params, launch.present).map_err(|error| Fault::invalid(error.to_string()))?;
    kernel.spec().check(&inputs, &outputs, &params).map_err(|error| Fault::invalid(error.to_string()))
}

/// Where an array lies, held against its buffer.
fn place<D: Driver>(buffer: &Buffer<D>, array: &ArrayLayout) -> Result<Place, Fault> {
    let dtype = Dtype::from_code(array.dtype)
        .ok_or_else(|| Fault::invalid(format!("element type {} is unknown", array.dtype)))?;
    let shape = Shape::new(array.dims()).map_err(|error| Fault::invalid(error.to_string()))?;
    buffer.check(array.byte_offset, shape.bytes(dtype))?;
    // Plans count from where the memory would begin if it were the backend's own.
    let byte_offset = array.byte_offset.saturating_add(buffer.mem().skew());
    if !byte_offset.is_multiple_of(dtype.size()) {
        let offset = array.byte_offset;
        return Err(Fault::invalid(format!(
            "byte offset {offset} is no multiple of the {} bytes of {dtype}",
            dtype.size()
        )));
    }
    Ok(Place { dtype, shape, byte_offset })
}
