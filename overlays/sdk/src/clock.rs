//! The run's logical clock; needs the grant `clock`. In strict it counts the calls of the host, so that a run takes the same
//! "time" whenever it is repeated; in fast it is the time since the call began.

use crate::bindings::clamp::overlay::clock;

/// Milliseconds since the call began.
pub fn now_ms() -> u64 {
    let bits = clock::now_ms();
    u64::from(bits.hi) << 32 | u64::from(bits.lo)
}
