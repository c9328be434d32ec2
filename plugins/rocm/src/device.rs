//! An opened device: its memory, from the runtime's pool where that is good, and the images of its modules.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Mutex, PoisonError};

use crate::error::{HipError, check};
use crate::find::Found;
use crate::library::Libraries;
use crate::sys::*;

/// The part of a device's memory that its pool keeps when it is freed: one of so many.
const KEPT: u64 = 8;

/// A device in use.
pub(crate) struct Device {
    pub(crate) libraries: &'static Libraries,
    ordinal: i32,
    /// The compiler's name of the architecture.
    pub(crate) arch: String,
    pool: Option<Pool>,
    /// Images of loaded modules: HIP does not say that it copies them.
    images: Mutex<HashMap<usize, Box<[u8]>>>,
}

/// The runtime's memory pool. What is taken and given back goes through a stream in which nothing else happens.
struct Pool {
    take: unsafe extern "C" fn(*mut *mut c_void, usize, Raw) -> i32,
    give: unsafe extern "C" fn(*mut c_void, Raw) -> i32,
    stream: Raw,
}

// SAFETY: the runtime's functions and handles may be used from any thread.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl Device {
    /// Opens a device for the calling thread and all others.
    pub(crate) fn open(found: &Found) -> Result<Device, HipError> {
        let mut device = Device {
            libraries: found.libraries,
            ordinal: found.ordinal,
            arch: found.arch.clone(),
            pool: None,
            images: Mutex::default(),
        };
        device.enter()?;
        if found.pooled {
            device.pool = device.pool(found.facts.description.memory_bytes / KEPT)?;
        }
        Ok(device)
    }

    pub(crate) fn hip(&self) -> &Functions {
        &self.libraries.hip
    }

    /// Its number in this process, which other libraries know it by too.
    pub(crate) fn ordinal(&self) -> i32 {
        self.ordinal
    }

    /// Makes it the calling thread's device.
    pub(crate) fn enter(&self) -> Result<(), HipError> {
        // SAFETY: a plain number.
        check("hipSetDevice", unsafe { (self.hip().hipSetDevice)(self.ordinal) })
    }

    /// Does something with the device entered, and leaves the thread's device as it was.
    pub(crate) fn visit(&self, work: impl FnOnce()) -> Result<(), HipError> {
        let mut before = 0;
        // SAFETY: one number is written.
        check("hipGetDevice", unsafe { (self.hip().hipGetDevice)(&raw mut before) })?;
        self.enter()?;
        work();
        // SAFETY: a plain number.
        check("hipSetDevice", unsafe { (self.hip().hipSetDevice)(before) })
    }

    /// The pool, which keeps so many bytes; none where the runtime has not all of its functions or the device none.
    fn pool(&self, kept: u64) -> Result<Option<Pool>, HipError> {
        let hip = self.hip();
        let (Some(default), Some(set)) = (hip.hipDeviceGetDefaultMemPool, hip.hipMemPoolSetAttribute) else {
            return Ok(None);
        };
        let (Some(take), Some(give)) = (hip.hipMallocAsync, hip.hipFreeAsync) else { return Ok(None) };
        let (mut raw, mut kept) = (std::ptr::null_mut(), kept);
        // SAFETY: each writes or reads one value of its type.
        unsafe {
            match default(&raw mut raw, self.ordinal) {
                HIP_ERROR_NOT_SUPPORTED => return Ok(None),
                code => check("hipDeviceGetDefaultMemPool", code)?,
            }
            let code = set(raw, HIP_MEM_POOL_ATTR_RELEASE_THRESHOLD, (&raw mut kept).cast());
            check("hipMemPoolSetAttribute", code)?;
        }
        Ok(Some(Pool { take, give, stream: self.stream()? }))
    }

    /// Memory of the device.
    pub(crate) fn alloc(&self, bytes: usize) -> Result<*mut c_void, HipError> {
        let mut memory = std::ptr::null_mut();
        // SAFETY: each writes one address; the pool's stream is alive.
        unsafe {
            match &self.pool {
                None => check("hipMalloc", (self.hip().hipMalloc)(&raw mut memory, bytes))?,
                Some(pool) => {
                    check("hipMallocAsync", (pool.take)(&raw mut memory, bytes, pool.stream))?;
                    // Other streams use it, so it must be there before they do.
                    let there = check("hipStreamSynchronize", (self.hip().hipStreamSynchronize)(pool.stream));
                    if let Err(error) = there {
                        (pool.give)(memory, pool.stream);
                        return Err(error);
                    }
                }
            }
        }
        Ok(memory)
    }

    /// # Safety
    /// `memory` came from [`Device::alloc`], once, and no command uses it any more.
    pub(crate) unsafe fn free(&self, memory: *mut c_void) {
        // SAFETY: by this function's contract.
        unsafe {
            match &self.pool {
                None => (self.hip().hipFree)(memory),
                Some(pool) => (pool.give)(memory, pool.stream),
            };
        }
    }

    /// A stream that waits for no other.
    pub(crate) fn stream(&self) -> Result<Raw, HipError> {
        let mut stream = std::ptr::null_mut();
        // SAFETY: writes one handle.
        let code = unsafe { (self.hip().hipStreamCreateWithFlags)(&raw mut stream, HIP_STREAM_NON_BLOCKING) };
        check("hipStreamCreateWithFlags", code).map(|()| stream)
    }

    /// Loads a code object, which stays in memory as long as its module.
    pub(crate) fn load(&self, image: &[u8]) -> Result<Raw, HipError> {
        let image: Box<[u8]> = image.into();
        let mut module = std::ptr::null_mut();
        // SAFETY: a code object says how long it is.
        let code = unsafe { (self.hip().hipModuleLoadData)(&raw mut module, image.as_ptr().cast()) };
        check("hipModuleLoadData", code)?;
        self.images.lock().unwrap_or_else(PoisonError::into_inner).insert(module.addr(), image);
        Ok(module)
    }

    /// # Safety
    /// `module` came from [`Device::load`], once, and none of its functions runs.
    pub(crate) unsafe fn unload(&self, module: Raw) {
        // SAFETY: by this function's contract.
        unsafe { (self.hip().hipModuleUnload)(module) };
        self.images.lock().unwrap_or_else(PoisonError::into_inner).remove(&module.addr());
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            // The last to let go may be a thread of another library.
            let _ = self.visit(|| {
                // SAFETY: created once; all memory was given back before the device goes.
                unsafe {
                    (self.hip().hipStreamSynchronize)(pool.stream);
                    (self.hip().hipStreamDestroy)(pool.stream);
                }
            });
        }
    }
}
