//! Arrays that cross between a backend and other libraries where they lie: the same address both ways, read-only kept,
//! owners released once and not before the last holder lets go. On any backend that speaks DLPack.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result, bail, ensure};
use clamp_host::backend::load::PluginSettings;
use clamp_host::backend::{ArrayRef, Device, DlPack, Kernel, LaunchSpec, Queue, QueueOptions};
use clamp_kernels::catalogue::{Dtype, FixedParams, LaunchParams, Shape, find};
use clamp_plugin_api::abi::{DLPACK_READ_ONLY, DlDevice, DlManagedTensorVersioned};
use clap::Args;

use crate::report;
use crate::subject::{device, told};
use crate::tensor::{Calls, Wanted, tensor};

#[derive(Args)]
pub(crate) struct ExchangeArgs {
    /// The folder of plugins
    #[arg(long, value_name = "DIR")]
    plugins: PathBuf,
    /// The backend whose first device takes part
    #[arg(long, value_name = "ID")]
    backend: String,
    /// A setting of the backend, as under plugins.ID of the configuration
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
}

/// Elements of an array: more than one work-group has, and no multiple of anything.
const ELEMENTS: u64 = 100_003;

/// A device with a queue and a kernel that negates.
struct Bed {
    device: Arc<Device>,
    queue: Queue,
    neg: Arc<Kernel>,
}

type Check = fn(&mut Bed) -> Result<()>;

const CHECKS: [(&str, Check); 5] = [
    ("an array keeps its address on the way out and back in, and a kernel works on it there", keeps_its_address),
    ("arrays that begin anywhere are computed right", begins_anywhere),
    ("what is read-only stays so", stays_read_only),
    ("an owner is released once, with the last holder", releases_once),
    ("a tensor of another device is refused, and released by who brought it", refuses_other_devices),
];

/// True where every check holds.
pub(crate) fn run(args: &ExchangeArgs) -> Result<bool> {
    let open = || Bed::open(args);
    let mut bed = open()?;
    let label = format!("{}:{} {}", bed.device.backend_id(), bed.device.facts.index, bed.device.facts.name);
    // A backend without DLPack is no backend that fails.
    let first = bed.alloc(0, 1)?;
    drop((bed.give(&first)?, first, bed));
    let mut failed = 0;
    let mut note = |name: &str, outcome: Result<()>| match outcome {
        Ok(()) => report::line(&format!("ok      {name}")),
        Err(error) => {
            failed += 1;
            report::line(&format!("FAILED  {name}: {error:#}"));
        }
    };
    for (name, check) in CHECKS {
        note(name, open().and_then(|mut bed| check(&mut bed)));
    }
    note("memory outlives the backend that gave it", open().and_then(|bed| outlives(bed, open)));
    report::line(&format!("{label}: {} checks, {failed} failed", CHECKS.len() + 1));
    Ok(failed == 0)
}

impl Bed {
    fn open(args: &ExchangeArgs) -> Result<Bed> {
        let mut own = BTreeMap::new();
        for set in &args.set {
            let (name, value) = set.split_once('=').with_context(|| format!("--set {set}: there is no `=`"))?;
            own.insert(name.to_owned(), value.to_owned());
        }
        let settings = PluginSettings::from([(args.backend.clone(), own)]);
        let device = device(&args.plugins, &args.backend, settings)?;
        let queue = queue(&device)?;
        let spec = find("neg.f32.v1").context("the catalogue has no neg.f32.v1")?;
        let neg = device.open_kernel(spec, &FixedParams::default()).map_err(told)?;
        Ok(Bed { device, queue, neg })
    }

    /// Memory for `elements` from byte `byte_offset` of a buffer of its own.
    fn alloc(&self, byte_offset: u64, elements: u64) -> Result<ArrayRef> {
        let shape = Shape::new(&[elements])?;
        let buffer = self.device.alloc(byte_offset + shape.bytes(Dtype::F32)).map_err(told)?;
        Ok(ArrayRef { buffer, byte_offset, dtype: Dtype::F32, shape })
    }

    fn write(&mut self, array: &ArrayRef, values: &[f32]) -> Result<()> {
        self.queue.upload(&array.buffer, array.byte_offset, bytemuck::cast_slice(values)).map_err(told)
    }

    fn read(&mut self, array: &ArrayRef) -> Result<Vec<f32>> {
        let mut values = vec![0.0; array.shape.elements() as usize];
        self.queue.download(&array.buffer, array.byte_offset, bytemuck::cast_slice_mut(&mut values)).map_err(told)?;
        Ok(values)
    }

    fn negate(&mut self, from: &ArrayRef, to: &ArrayRef) -> Result<()> {
        let (inputs, outputs) = (vec![Some(from.clone())], vec![to.clone()]);
        let params = LaunchParams::default();
        self.queue.launch(LaunchSpec { kernel: Arc::clone(&self.neg), inputs, outputs, params }).map_err(told)?;
        self.queue.sync().map_err(told)
    }

    /// With a new queue afterwards, since an error stays with the old one.
    fn refuses<T>(&mut self, words: &str, step: impl FnOnce(&mut Bed) -> Result<T>) -> Result<()> {
        refused(step(self), words)?;
        self.queue = queue(&self.device)?;
        Ok(())
    }

    fn give(&mut self, array: &ArrayRef) -> Result<DlPack> {
        self.queue.dlpack_export(array).map_err(told)
    }

    fn take(&self, tensor: DlPack) -> Result<ArrayRef> {
        // SAFETY: this program uses the memory only through the queue, one step after the other.
        unsafe { self.device.dlpack_import(tensor) }.map_err(told)
    }
}

fn queue(device: &Arc<Device>) -> Result<Queue> {
    Queue::create(device, QueueOptions { strict: true, max_threads: 1, batch: 8 }).map_err(told)
}

/// Where a tensor says that it lies.
fn place(tensor: DlPack) -> (DlDevice, DlPack) {
    let raw = tensor.into_raw();
    // SAFETY: valid until its deleter is called, which the tensor made of it again does.
    unsafe {
        let device = (*raw.cast::<DlManagedTensorVersioned>()).dl_tensor.device;
        (device, DlPack::from_raw(raw).unwrap_or_else(|| unreachable!("it was one")))
    }
}

fn values(elements: u64) -> Vec<f32> {
    (0..elements).map(|element| element as f32 - 1000.5).collect()
}

fn negated(values: &[f32]) -> Vec<f32> {
    values.iter().map(|value| -value).collect()
}

fn same(got: &[f32], expected: &[f32]) -> Result<()> {
    let differs = got.iter().zip(expected).position(|(got, expected)| got.to_bits() != expected.to_bits());
    match differs {
        None if got.len() == expected.len() => Ok(()),
        None => bail!("{} elements instead of {}", got.len(), expected.len()),
        Some(at) => bail!("element {at} is {}, it has to be {}", got[at], expected[at]),
    }
}

fn refused<T>(outcome: Result<T>, words: &str) -> Result<()> {
    match outcome {
        Ok(_) => bail!("it was not refused"),
        Err(error) if error.to_string().contains(words) => Ok(()),
        Err(error) => bail!("wanted {words:?}, got {error:#}"),
    }
}

fn keeps_its_address(bed: &mut Bed) -> Result<()> {
    let (x, y) = (bed.alloc(0, ELEMENTS)?, bed.alloc(0, ELEMENTS)?);
    let own = values(ELEMENTS);
    bed.write(&x, &own)?;
    let out = bed.give(&x)?;
    let address = out.address();
    ensure!(address != 0, "the tensor has no address");
    let back = bed.take(out)?;
    ensure!(bed.give(&back)?.address() == address, "it lies elsewhere after it came back");
    ensure!((back.dtype, back.shape) == (x.dtype, x.shape), "it has another type or shape");
    bed.negate(&back, &y)?;
    same(&bed.read(&y)?, &negated(&own))?;
    // One memory: what is written through one handle is read through the other.
    bed.negate(&y, &back)?;
    bed.negate(&back, &back)?;
    same(&bed.read(&x)?, &negated(&own))
}

fn begins_anywhere(bed: &mut Bed) -> Result<()> {
    for (from, to) in [(4, 0), (0, 4), (4, 4), (8, 16), (12, 12), (16, 32), (52, 60), (68, 260)] {
        let (x, y) = (bed.alloc(from, ELEMENTS)?, bed.alloc(to, ELEMENTS)?);
        let base = {
            let whole = ArrayRef { byte_offset: 0, shape: Shape::new(&[1])?, ..x.clone() };
            bed.give(&whole)?.address()
        };
        let (given, target) = (bed.give(&x)?, bed.give(&y)?);
        ensure!(given.address() == base + from, "byte {from} of {base:#x} is given as {:#x}", given.address());
        let own = values(ELEMENTS);
        bed.write(&x, &own)?;
        let (x, y) = (bed.take(given)?, bed.take(target)?);
        bed.negate(&x, &y)?;
        same(&bed.read(&y)?, &negated(&own)).with_context(|| format!("from byte {from} to byte {to}"))?;
    }
    // None at all is an array as well.
    let empty = bed.alloc(0, 0)?;
    let out = bed.give(&empty)?;
    ensure!(bed.take(out)?.shape.elements() == 0, "an empty array has elements");
    Ok(())
}

fn stays_read_only(bed: &mut Bed) -> Result<()> {
    let x = bed.alloc(0, ELEMENTS)?;
    let own = values(ELEMENTS);
    bed.write(&x, &own)?;
    let (device, out) = place(bed.give(&x)?);
    let wanted = Wanted { device, address: out.address(), elements: ELEMENTS as i64, flags: DLPACK_READ_ONLY };
    let (holds, calls) = (Arc::new(out), Calls::default());
    let taken = bed.take(tensor(&wanted, &holds, &calls))?;
    let y = bed.alloc(0, ELEMENTS)?;
    bed.negate(&taken, &y)?;
    same(&bed.read(&y)?, &negated(&own))?;
    ensure!(bed.give(&taken)?.is_read_only() && !bed.give(&y)?.is_read_only(), "an export says it otherwise");
    bed.refuses("read-only", |bed| bed.write(&taken, &own))?;
    bed.refuses("read-only", |bed| bed.queue.fill(&taken.buffer, 0, 0, 4, 1).map_err(told))?;
    bed.refuses("read-only", |bed| bed.negate(&y, &taken))?;
    same(&bed.read(&x)?, &own)
}

fn releases_once(bed: &mut Bed) -> Result<()> {
    let x = bed.alloc(0, ELEMENTS)?;
    let (device, out) = place(bed.give(&x)?);
    let wanted = Wanted { device, address: out.address(), elements: ELEMENTS as i64, flags: 0 };
    let (holds, calls) = (Arc::new(out), Calls::default());
    let called = || calls.load(Ordering::SeqCst);
    let taken = bed.take(tensor(&wanted, &holds, &calls))?;
    let again = bed.give(&taken)?;
    drop(taken);
    bed.queue.sync().map_err(told)?;
    ensure!(called() == 0, "released while an export holds the memory");
    std::thread::spawn(move || drop(again)).join().map_err(|_| anyhow::anyhow!("the deleter panicked"))?;
    ensure!(called() == 1, "the last holder is gone, and it was released {} times", called());
    let taken = bed.take(tensor(&wanted, &holds, &calls))?;
    drop(taken);
    bed.queue.sync().map_err(told)?;
    ensure!(called() == 2, "the buffer is gone, and it was released {} times", called() - 1);
    Ok(())
}

fn refuses_other_devices(bed: &mut Bed) -> Result<()> {
    let x = bed.alloc(0, ELEMENTS)?;
    let (here, out) = place(bed.give(&x)?);
    let (address, holds, calls) = (out.address(), Arc::new(out), Calls::default());
    for other in [DlDevice { id: here.id + 1, ..here }, DlDevice { kind: here.kind + 1, ..here }] {
        let before = calls.load(Ordering::SeqCst);
        let wanted = Wanted { device: other, address, elements: ELEMENTS as i64, flags: 0 };
        refused(bed.take(tensor(&wanted, &holds, &calls)), &format!("lies on the device {other}; this one is {here}"))?;
        ensure!(calls.load(Ordering::SeqCst) == before + 1, "it was not released once");
    }
    Ok(())
}

/// The memory of a backend that has ended is read by another instance, and given back on a thread that never used it.
fn outlives(mut bed: Bed, open: impl Fn() -> Result<Bed>) -> Result<()> {
    let x = bed.alloc(0, ELEMENTS)?;
    let own = values(ELEMENTS);
    bed.write(&x, &own)?;
    let out = bed.give(&x)?;
    drop(x);
    drop(bed);
    let mut next = open()?;
    let taken = next.take(out)?;
    let last = next.give(&taken)?;
    same(&next.read(&taken)?, &own)?;
    drop(taken);
    drop(next);
    std::thread::spawn(move || drop(last)).join().map_err(|_| anyhow::anyhow!("the deleter panicked"))
}
