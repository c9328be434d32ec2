//! Which devices there are, and their facts as HIP tells them.

use std::ffi::{CStr, c_char};
use std::fs::{self, File};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use clamp_driver::Facts;
use clamp_kernels::device::{Dialect, Target};
use clamp_plugin_api::abi::{CLAMP_DEVICE_GPU, CLAMP_LOG_INFO, DeviceDescription, HostHandle};

use crate::error::{HipError, check, check_compiler};
use crate::library::Libraries;
use crate::sys::*;

/// Items of the largest group that the portability header promises the compiler.
const LARGEST_GROUP: u32 = 256;

/// A device that was found.
pub(crate) struct Found {
    pub(crate) libraries: &'static Libraries,
    pub(crate) ordinal: i32,
    pub(crate) facts: Facts,
    /// The architecture with its features, as the compiler takes it: `gfx90a:sramecc+:xnack-`.
    pub(crate) arch: String,
    /// Whether memory is taken from the runtime's pool.
    pub(crate) pooled: bool,
}

/// What the operator set.
struct Settings {
    library: Option<String>,
    hiprtc_library: Option<String>,
    arch: Option<String>,
    pool: Option<String>,
}

/// The kernel's side of the driver.
const KERNEL_DRIVER: &str = "/dev/kfd";

/// The same under Windows' Linux subsystem.
const WINDOWS_DRIVER: &str = "/dev/dxg";

/// The first HIP whose memory pools are used: before, they were new and had faults.
const POOLS_SINCE: i32 = 6;

/// The devices that are here, or in one line what is missing for there to be any.
pub(crate) fn devices(host: HostHandle) -> Result<Vec<Found>, String> {
    let settings = Settings {
        library: host.config("library"),
        hiprtc_library: host.config("hiprtc_library"),
        arch: host.config("arch"),
        pool: host.config("pool"),
    };
    if let Some(other) = settings.pool.as_deref().filter(|pool| *pool != "off") {
        return Err(format!("setting pool: `{other}` is not off, the only choice"));
    }
    // The runtime is large and slow to load: it is left alone where it cannot find anything.
    if settings.library.is_none() && !Path::new(KERNEL_DRIVER).exists() && !Path::new(WINDOWS_DRIVER).exists() {
        return Err(format!("no AMD GPU here: {}", remedy()));
    }
    // The runtime starts at the first question; several may come at once.
    static FIRST_QUESTIONS: Mutex<()> = Mutex::new(());
    let _one_at_a_time = FIRST_QUESTIONS.lock().unwrap_or_else(PoisonError::into_inner);
    let libraries = Libraries::open(settings.library.as_deref(), settings.hiprtc_library.as_deref())?;
    let count = count(libraries).map_err(|error| refusal(libraries, &error))?;
    let mut found = Vec::new();
    let mut passed_over = Vec::new();
    for ordinal in 0..count {
        match device(libraries, ordinal, &settings) {
            Ok(device) => found.push(device),
            Err(reason) => passed_over.push(format!("device {ordinal}: {reason}")),
        }
    }
    for line in &passed_over {
        host.log(CLAMP_LOG_INFO, &format!("rocm: {line}"));
    }
    match found.is_empty() {
        false => Ok(found),
        true => Err(format!("no AMD GPU can be used: {}", passed_over.join("; "))),
    }
}

/// How many devices the runtime has; at least one.
fn count(libraries: &Libraries) -> Result<i32, HipError> {
    let mut count = 0;
    // SAFETY: plain numbers.
    unsafe {
        check("hipInit", (libraries.hip.hipInit)(0))?;
        check("hipGetDeviceCount", (libraries.hip.hipGetDeviceCount)(&raw mut count))?;
    }
    if count < 1 { check("hipGetDeviceCount", HIP_ERROR_NO_DEVICE).map(|()| 0) } else { Ok(count) }
}

/// Why the runtime shows no device.
fn refusal(libraries: &Libraries, error: &HipError) -> String {
    let Libraries { path, version: (major, minor, patch), .. } = libraries;
    let whose = format!("{path} (HIP {major}.{minor}.{patch})");
    match error.code {
        HIP_ERROR_NO_DEVICE | HIP_ERROR_INVALID_DEVICE => format!("{whose} finds no device: {}", remedy()),
        HIP_ERROR_INSUFFICIENT_DRIVER => {
            format!(
                "{whose} needs a newer amdgpu driver than the kernel's: update the driver, or install an older ROCm"
            )
        }
        _ => format!("{whose} cannot start: {error}; `rocminfo` says more"),
    }
}

/// What an operator can do who has an AMD GPU.
fn remedy() -> String {
    if Path::new(WINDOWS_DRIVER).exists() {
        return "`rocminfo` says what the driver sees".to_owned();
    }
    if !Path::new(KERNEL_DRIVER).exists() {
        return format!(
            "{KERNEL_DRIVER} does not exist; load the kernel's amdgpu driver, or give the container {KERNEL_DRIVER} and /dev/dri"
        );
    }
    match File::options().read(true).write(true).open(KERNEL_DRIVER) {
        Err(error) => format!("{KERNEL_DRIVER} cannot be opened ({error}); add the user to the group render"),
        Ok(_) => "the driver is here; `rocminfo` says what it sees, and HIP_VISIBLE_DEVICES or ROCR_VISIBLE_DEVICES may hide it"
            .to_owned(),
    }
}

fn device(libraries: &'static Libraries, ordinal: i32, settings: &Settings) -> Result<Found, String> {
    let told = Told::by(libraries, ordinal).map_err(|error| error.to_string())?;
    let arch = match &settings.arch {
        Some(arch) => arch.clone(),
        None => architecture(&properties(libraries, ordinal)?).ok_or_else(|| {
            "HIP does not tell its architecture in a way that is known here: set plugins.rocm.arch, such as gfx90a"
                .to_owned()
        })?,
    };
    if !is_architecture(&arch) {
        return Err(format!("`{arch}` is no architecture such as gfx90a or gfx90a:sramecc+:xnack-"));
    }
    let pools = settings.pool.is_none() && libraries.version.0 >= POOLS_SINCE && told.has_pools;
    Ok(Found { libraries, ordinal, facts: told.facts(libraries, &arch), arch, pooled: pools })
}

/// What the runtime tells of a device.
struct Told {
    name: String,
    uuid: String,
    memory_bytes: u64,
    compute_units: u32,
    max_group_size: u32,
    local_bytes: u64,
    wavefront: u32,
    is_integrated: bool,
    has_pools: bool,
    driver_version: i32,
    compiler_version: (i32, i32),
}

impl Told {
    fn by(libraries: &Libraries, ordinal: i32) -> Result<Told, HipError> {
        let hip = &libraries.hip;
        let number = |attribute: i32| -> Result<u32, HipError> {
            let mut value = 0;
            // SAFETY: the function writes one number.
            let code = unsafe { (hip.hipDeviceGetAttribute)(&raw mut value, attribute, ordinal) };
            check("hipDeviceGetAttribute", code).map_err(|error| error.with(format!("attribute {attribute}")))?;
            Ok(u32::try_from(value).unwrap_or(0))
        };
        let (mut memory_bytes, mut driver_version, mut compiler_version) = (0, 0, (0, 0));
        // SAFETY: each writes the numbers that it is given places for.
        unsafe {
            check("hipDeviceTotalMem", (hip.hipDeviceTotalMem)(&raw mut memory_bytes, ordinal))?;
            check("hipDriverGetVersion", (hip.hipDriverGetVersion)(&raw mut driver_version))?;
            let (major, minor) = (&raw mut compiler_version.0, &raw mut compiler_version.1);
            check_compiler("hiprtcVersion", (libraries.compiler.hiprtcVersion)(major, minor))?;
        }
        // SAFETY: each writes a C string of at most the given length.
        let (name, bus) = unsafe {
            (
                text("hipDeviceGetName", |to, len| (hip.hipDeviceGetName)(to, len, ordinal))?,
                text("hipDeviceGetPCIBusId", |to, len| (hip.hipDeviceGetPCIBusId)(to, len, ordinal))?,
            )
        };
        Ok(Told {
            name,
            uuid: uuid(libraries, ordinal).unwrap_or(bus),
            memory_bytes: memory_bytes as u64,
            compute_units: number(HIP_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
            max_group_size: number(HIP_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK)?,
            local_bytes: u64::from(number(HIP_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK)?),
            wavefront: number(HIP_DEVICE_ATTRIBUTE_WARP_SIZE)?,
            is_integrated: number(HIP_DEVICE_ATTRIBUTE_INTEGRATED)? != 0,
            // A runtime that does not know the question has none.
            has_pools: number(HIP_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED).is_ok_and(|has| has != 0),
            driver_version,
            compiler_version,
        })
    }

    fn facts(&self, libraries: &Libraries, arch: &str) -> Facts {
        let (major, minor, patch) = libraries.version;
        let kernel = fs::read_to_string("/sys/module/amdgpu/version").unwrap_or_default();
        let kernel = kernel.trim();
        let driver = match kernel.is_empty() {
            true => format!("HIP {major}.{minor}.{patch}"),
            false => format!("HIP {major}.{minor}.{patch}, amdgpu {kernel}"),
        };
        let short = arch.split(':').next().unwrap_or(arch);
        // Some boards have no name.
        let name = if self.name.is_empty() { short } else { &self.name };
        let (compiler_major, compiler_minor) = self.compiler_version;
        let identity = format!(
            "{name}\n{arch}\n{driver}\ndriver {}\nhipRTC {compiler_major}.{compiler_minor}",
            self.driver_version
        );
        let target = Target {
            dialect: Dialect::Hip,
            max_group_size: self.max_group_size.min(LARGEST_GROUP),
            local_bytes: self.local_bytes,
            compute_units: self.compute_units,
            subgroup_size: self.wavefront,
            // Every AMD GPU that HIP runs on has it; the probe looks whether it is right.
            fp64: true,
            exact_div_sqrt: true,
            is_cpu: false,
        };
        let description = DeviceDescription {
            kind: CLAMP_DEVICE_GPU,
            // Of `hipMalloc`.
            alignment: 256,
            memory_bytes: self.memory_bytes,
            max_alloc_bytes: self.memory_bytes,
            compute_units: self.compute_units,
            unified_memory: self.is_integrated,
            name: name.to_owned(),
            uuid: self.uuid.clone(),
            driver,
            dispatch: format!("hip {major}.{minor} {short}"),
        };
        Facts { description, identity, target }
    }
}

/// `GPU-` and sixteen hexadecimal digits, as `rocminfo` shows it and ROCR_VISIBLE_DEVICES takes it; none where the runtime
/// has no such function or the device no such number.
fn uuid(libraries: &Libraries, ordinal: i32) -> Option<String> {
    let ask = libraries.hip.hipDeviceGetUuid?;
    let mut bytes = [0u8; 16];
    // SAFETY: the function writes sixteen bytes.
    check("hipDeviceGetUuid", unsafe { ask(bytes.as_mut_ptr().cast(), ordinal) }).ok()?;
    bytes.iter().all(u8::is_ascii_hexdigit).then(|| format!("GPU-{}", String::from_utf8_lossy(&bytes)))
}

/// The properties of a device, as they lie in memory.
fn properties(libraries: &Libraries, ordinal: i32) -> Result<Vec<u8>, String> {
    let hip = &libraries.hip;
    let (call, ask) = match (hip.hipGetDevicePropertiesR0600, hip.hipGetDeviceProperties) {
        (Some(ask), _) => ("hipGetDevicePropertiesR0600", ask),
        (None, Some(ask)) => ("hipGetDeviceProperties", ask),
        (None, None) => return Ok(Vec::new()),
    };
    // Eight-byte words, for the members' alignment.
    let mut room = vec![0u64; PROPERTIES_ROOM / 8];
    // SAFETY: the room is larger than any layout, several times.
    check(call, unsafe { ask(room.as_mut_ptr().cast(), ordinal) }).map_err(|error| error.to_string())?;
    Ok(room.iter().flat_map(|word| word.to_ne_bytes()).collect())
}

/// The member `gcnArchName`, the only text behind the name that begins with `gfx`: at byte 396 before HIP 6.0, at 1160
/// since. Looking for it does without either number, and without the next.
pub(crate) fn architecture(properties: &[u8]) -> Option<String> {
    let rest = properties.get(PROPERTIES_NAME..)?;
    let at = rest.windows(4).position(|bytes| bytes[0] == 0 && &bytes[1..] == b"gfx").map(|at| at + 1)?;
    let text = CStr::from_bytes_until_nul(&rest[at..]).ok()?;
    text.to_str().ok().filter(|text| is_architecture(text)).map(str::to_owned)
}

/// `gfx` and hexadecimal digits, then features such as `:xnack-`.
pub(crate) fn is_architecture(text: &str) -> bool {
    let mut parts = text.split(':');
    let number = parts.next().and_then(|first| first.strip_prefix("gfx"));
    let is_feature = |part: &str| {
        let name = part.strip_suffix(['+', '-']);
        name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    };
    number.is_some_and(|number| number.len() >= 3 && number.bytes().all(|byte| byte.is_ascii_hexdigit()))
        && parts.all(is_feature)
}

/// A text of the runtime's.
fn text(call: &'static str, ask: impl FnOnce(*mut c_char, i32) -> i32) -> Result<String, HipError> {
    let mut bytes = [0u8; 256];
    check(call, ask(bytes.as_mut_ptr().cast(), bytes.len() as i32 - 1))?;
    let text = CStr::from_bytes_until_nul(&bytes).unwrap_or_default();
    Ok(text.to_string_lossy().trim().to_owned())
}
