//! How the host asks the call to get by with less memory; needs the grant `hints`.

pub use crate::bindings::clamp::overlay::hints::{HintSet, StressBand};

use crate::bindings::clamp::overlay::hints;

/// What is asked of this call; the same throughout it.
pub fn current() -> HintSet {
    hints::current()
}
