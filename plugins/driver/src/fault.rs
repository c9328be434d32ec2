//! What becomes of a fault, by the time at which it shows.

use clamp_plugin_api::abi::{Fault, Status};

/// A command that was queued and then failed: the device's state is unknown, so this is never a mere lack of memory.
pub(crate) fn of_execution(fault: Fault) -> Fault {
    match fault.status {
        Status::DeviceLost => fault,
        _ => Fault { status: Status::Device, ..fault },
    }
}

/// Whether the device is of no use after this.
pub(crate) fn poisons(fault: &Fault) -> bool {
    matches!(fault.status, Status::Device | Status::DeviceLost)
}
