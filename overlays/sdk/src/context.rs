//! What the overlay may know of its call; needs the grant `context`.

use crate::bindings::clamp::overlay::context;

/// The phase's name, as in the request.
pub fn phase() -> String {
    context::phase()
}

/// The run's seed.
pub fn seed() -> u64 {
    let bits = context::seed();
    u64::from(bits.hi) << 32 | u64::from(bits.lo)
}

/// Whether the run promises the same bits everywhere.
pub fn strict() -> bool {
    context::strict()
}
