//! The ceilings of a device that the host cannot program itself: the backend's own copies, and the plainest kernels of
//! the catalogue. A read has no kernel, so a copy stands in for it: it moves the same bytes a second, half of them in.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use clamp_kernels::catalogue::{self, Dtype, Given, Shape};

use super::{Bound, Ceilings, Reached};
use crate::backend::{ArrayRef, Device, LaunchSpec, Queue, QueueOptions};
use crate::error::{Error, Result};

/// Fused multiply-adds for each element of the map that stands for arithmetic.
const DEPTH: usize = 24;

/// Launches between two waits, so that the waits weigh little.
const LAUNCHES: usize = 8;

/// A queue of its own and the kernels that this backend has.
pub(super) struct DeviceKernels {
    queue: Queue,
    bytes: u64,
    copy: Option<Stand>,
    triad: Option<Stand>,
    fma: Option<Stand>,
}

/// A kernel that stands for a bound.
struct Stand {
    launch: LaunchSpec,
    /// Bytes or operations of one launch.
    amount: f64,
    how: &'static str,
}

impl DeviceKernels {
    pub(super) fn new(device: &Arc<Device>, bytes: u64) -> Result<Self> {
        let mut queue = Queue::create(device, QueueOptions { strict: true, max_threads: 0, batch: LAUNCHES })?;
        let elements = (bytes / 12).max(1024);
        let shape = Shape::new(&[elements]).map_err(|e| Error::bad_input(format!("--size {bytes}: {e}")))?;
        let mut array = || -> Result<ArrayRef> {
            let buffer = device.alloc(shape.bytes(Dtype::F32))?;
            queue.fill(&buffer, 0, u64::from(1.25_f32.to_bits()), 4, elements)?;
            Ok(ArrayRef { buffer, byte_offset: 0, dtype: Dtype::F32, shape })
        };
        let arrays: [ArrayRef; 3] = [array()?, array()?, array()?];
        let bytes = shape.bytes(Dtype::F32) as f64;
        let stand = |id: &str, given: &[(&str, Given<'_>)], inputs: usize, amount: f64, how| {
            stand(device, &arrays, id, given, inputs, amount, how)
        };
        let copy = stand("copy.f32.v1", &[], 1, 2.0 * bytes, "copy.f32.v1");
        let triad = stand("fma.f32.v1", &[], 3, 4.0 * bytes, "fma.f32.v1");
        let mut chain = "x0".to_owned();
        for _ in 0..DEPTH {
            chain.insert_str(0, "fma(");
            let _ = write!(chain, ", c0, c1)");
        }
        let factor = |value: f32| Given::Bits(u64::from(value.to_bits()));
        let given = [("expr", Given::Text(&chain)), ("c0", factor(0.999)), ("c1", factor(0.001))];
        let operations = (2 * DEPTH) as f64 * elements as f64;
        let fma = stand("map.f32.v1", &given, 1, operations, "map.f32.v1 of nested fma");
        Ok(Self { queue, bytes: 3 * shape.bytes(Dtype::F32), copy, triad, fma })
    }

    fn of(&self, bound: Bound) -> Option<&Stand> {
        match bound {
            Bound::Read | Bound::Copy => self.copy.as_ref(),
            Bound::Triad => self.triad.as_ref(),
            Bound::Fma => self.fma.as_ref(),
        }
    }
}

/// `None` where the catalogue or the backend does not have the kernel.
fn stand(
    device: &Arc<Device>,
    arrays: &[ArrayRef; 3],
    id: &str,
    given: &[(&str, Given<'_>)],
    inputs: usize,
    amount: f64,
    how: &'static str,
) -> Option<Stand> {
    let spec = catalogue::find(id)?;
    let (fixed, params) = spec.split_params(given).ok()?;
    let kernel = device.open_kernel(spec, &fixed).ok()?;
    // The third array is the output too, which the elementwise kernels allow.
    let own = |position: usize| (position < inputs).then(|| arrays[position].clone());
    let inputs = (0..spec.inputs.len()).map(own).collect();
    Some(Stand { launch: LaunchSpec { kernel, inputs, outputs: vec![arrays[2].clone()], params }, amount, how })
}

impl Ceilings for DeviceKernels {
    fn measure(&mut self, bound: Bound) -> Result<Option<Reached>> {
        let Some(stand) = self.of(bound) else { return Ok(None) };
        let (amount, launch) = (stand.amount * LAUNCHES as f64, stand.launch.clone());
        self.queue.sync()?;
        let start = Instant::now();
        for _ in 0..LAUNCHES {
            self.queue.launch(launch.clone())?;
        }
        self.queue.sync()?;
        Ok(Some(Reached { amount, time: start.elapsed() }))
    }

    fn how(&self, bound: Bound) -> String {
        self.of(bound).map_or_else(|| "this backend has no kernel for it".to_owned(), |stand| stand.how.to_owned())
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn huge_page_bytes(&self) -> Option<u64> {
        None
    }
}
