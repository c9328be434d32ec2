//! The status codes that cross the ABI, and nothing about what the host makes of them.

/// What every function of the table but the void ones returns.
///
/// Numbers are fixed for ever; a number that this version does not know is treated as [`Status::Internal`].
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// An argument is wrong; nothing was started.
    Invalid = 1,
    /// No such kernel, device or extension.
    NotFound = 2,
    /// Known, but not by this backend.
    Unsupported = 3,
    /// The device's or the host's memory is exhausted.
    OutOfMemory = 4,
    /// An input's values are wrong (an index out of range); `launch` and `element` say where.
    Data = 5,
    /// The device failed.
    Device = 6,
    /// The device is gone and will not come back.
    DeviceLost = 7,
    /// The wait's time was up.
    Timeout = 8,
    /// The host asked to stop.
    Cancelled = 9,
    /// A fault of the plugin's own.
    Internal = 10,
    /// The plugin panicked; it is poisoned from here on.
    Panic = 11,
    /// Refused because of an earlier panic.
    Poisoned = 12,
}

impl Status {
    /// Reads a number from the ABI.
    pub fn from_code(code: i32) -> Self {
        match code {
            0 => Self::Ok,
            1 => Self::Invalid,
            2 => Self::NotFound,
            3 => Self::Unsupported,
            4 => Self::OutOfMemory,
            5 => Self::Data,
            6 => Self::Device,
            7 => Self::DeviceLost,
            8 => Self::Timeout,
            9 => Self::Cancelled,
            11 => Self::Panic,
            12 => Self::Poisoned,
            _ => Self::Internal,
        }
    }

    /// The number that crosses the ABI.
    pub fn code(self) -> i32 {
        self as i32
    }

    /// A few words for messages.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Invalid => "invalid argument",
            Self::NotFound => "not found",
            Self::Unsupported => "unsupported",
            Self::OutOfMemory => "out of memory",
            Self::Data => "data error",
            Self::Device => "device error",
            Self::DeviceLost => "device lost",
            Self::Timeout => "timed out",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal fault",
            Self::Panic => "panic in the plugin",
            Self::Poisoned => "plugin poisoned by an earlier panic",
        }
    }
}
