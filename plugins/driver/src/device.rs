//! An opened device: its context, its modules, its memory account, and the fault that ends its use if there is one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use clamp_plugin_api::abi::{DlMemory, DlShare, Fault, HostHandle, MemoryFigures};

use crate::driver::{Driver, Facts, Memory};
use crate::fault::poisons;
use crate::modules::Modules;
use crate::probe::{Probed, probed};
use crate::settings::Settings;

/// A device in use.
pub struct Device<D: Driver>(pub(crate) Arc<Opened<D>>);

impl<D: Driver> Clone for Device<D> {
    fn clone(&self) -> Device<D> {
        Device(Arc::clone(&self.0))
    }
}

/// What all queues, buffers and kernels of a device share.
pub(crate) struct Opened<D: Driver> {
    pub(crate) host: HostHandle,
    pub(crate) context: D::Context,
    pub(crate) facts: Facts,
    pub(crate) probed: Probed,
    pub(crate) modules: Modules<D>,
    allocated: Arc<AtomicU64>,
    broken: OnceLock<Fault>,
}

/// Items of the largest work-group that a plan may ask for.
const LEAST_GROUP: u32 = 256;

impl<D: Driver> Device<D> {
    pub(crate) fn open(host: HostHandle, settings: &Settings, found: &D::Found) -> Result<Device<D>, Fault> {
        let mut facts = D::facts(found);
        facts.target = settings.applied(facts.target);
        let most = facts.target.max_group_size;
        if most < LEAST_GROUP {
            let name = &facts.description.name;
            return Err(Fault::unsupported(format!("{name}: work-groups of {most} items, {LEAST_GROUP} are needed")));
        }
        let context = D::open(host, found)?;
        let modules = Modules::new(host, settings.cache_dir.clone(), &context, &facts.identity);
        let probed = probed(host, &context, &facts, &modules)?;
        let (allocated, broken) = (Arc::default(), OnceLock::new());
        Ok(Device(Arc::new(Opened { host, context, facts, probed, modules, allocated, broken })))
    }

    /// As the driver tells it, else what this process has allocated.
    pub(crate) fn memory(&self) -> MemoryFigures {
        let own = || MemoryFigures {
            used: self.0.allocated.load(Ordering::Relaxed),
            total: self.0.facts.description.memory_bytes,
        };
        D::memory(&self.0.context).unwrap_or_else(own)
    }

    pub(crate) fn status(&self) -> Result<(), Fault> {
        self.0.status()
    }
}

impl<D: Driver> Opened<D> {
    /// The fault that ended the device's use, if one did.
    pub(crate) fn status(&self) -> Result<(), Fault> {
        self.broken.get().map_or(Ok(()), |fault| Err(fault.clone()))
    }

    /// Remembers a fault that leaves the device of no use, and gives it back.
    pub(crate) fn note(&self, fault: Fault) -> Fault {
        if poisons(&fault) {
            let _ = self.broken.set(fault.clone());
        }
        fault
    }
}

/// A buffer: a handle on memory of a device that exports may hold as well.
pub struct Buffer<D: Driver> {
    held: Arc<Held<D>>,
    /// Memory of another library may be for reading only.
    is_writable: bool,
}

/// The memory itself, which goes back when the last holder lets go. It knows the driver's context, so that the device stays
/// open, and nothing of the host or the backend: other libraries may hold it for longer than those live.
struct Held<D: Driver> {
    mem: D::Mem,
    /// What it adds to the device's figure.
    counted: u64,
    allocated: Arc<AtomicU64>,
}

impl<D: Driver> Buffer<D> {
    pub(crate) fn alloc(device: &Device<D>, bytes: u64) -> Result<Buffer<D>, Fault> {
        device.status()?;
        let shared = device.0.facts.description.unified_memory;
        let mem = D::alloc(&device.0.context, bytes, shared).map_err(|fault| {
            let message = format!("cannot allocate {bytes} bytes: {}", fault.message);
            device.0.note(Fault { message, ..fault })
        })?;
        let allocated = Arc::clone(&device.0.allocated);
        allocated.fetch_add(bytes, Ordering::Relaxed);
        Ok(Buffer { held: Arc::new(Held { mem, counted: bytes, allocated }), is_writable: true })
    }

    /// A buffer over memory of another library. It is not this device's, so it does not count as allocated.
    pub(crate) fn lent(device: &Device<D>, memory: DlMemory) -> Result<Buffer<D>, Fault> {
        device.status()?;
        let is_writable = !memory.is_read_only();
        let mem = D::lent(&device.0.context, memory)?;
        let held = Held { mem, counted: 0, allocated: Arc::clone(&device.0.allocated) };
        Ok(Buffer { held: Arc::new(held), is_writable })
    }

    /// What a consumer gets who wants to use the memory where it lies.
    pub(crate) fn share(&self, device: &Device<D>) -> Result<DlShare, Fault> {
        device.status()?;
        let address = self.mem().share();
        let address = address.ok_or_else(|| Fault::unsupported(format!("memory of {} has no addresses", D::ID)))?;
        let address = std::ptr::with_exposed_provenance_mut(address as usize);
        // SAFETY: the memory goes back when its last holder lets go, on whatever thread, and needs only what it holds.
        let share = unsafe { DlShare::new(address, self.mem().bytes(), Arc::clone(&self.held)) };
        Ok(share.read_only(!self.is_writable))
    }

    /// The memory.
    pub(crate) fn mem(&self) -> &D::Mem {
        &self.held.mem
    }

    /// Refuses a range that leaves the buffer.
    pub(crate) fn check(&self, offset: u64, len: u64) -> Result<(), Fault> {
        if self.mem().holds(offset, len) {
            return Ok(());
        }
        let size = self.mem().bytes();
        Err(Fault::invalid(format!("{len} bytes from byte {offset} leave a buffer of {size} bytes")))
    }

    /// Refuses memory that is for reading only.
    pub(crate) fn check_writable(&self) -> Result<(), Fault> {
        if self.is_writable {
            return Ok(());
        }
        Err(Fault::invalid("the buffer is memory of another library that is read-only, and cannot be written"))
    }

    /// Refuses a range that leaves the buffer, and any range of memory that is for reading only.
    pub(crate) fn check_to_write(&self, offset: u64, len: u64) -> Result<(), Fault> {
        self.check_writable()?;
        self.check(offset, len)
    }
}

impl<D: Driver> Drop for Held<D> {
    fn drop(&mut self) {
        self.allocated.fetch_sub(self.counted, Ordering::Relaxed);
    }
}
