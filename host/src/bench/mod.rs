//! `bench`: each kernel beside what the machine itself can do, both measured in the same run and by turns, so that their
//! ratio means something on a machine that others use too. It knows a backend's queue and nothing of overlays or runs,
//! and it prints nothing.

mod arrays;
mod calls;
mod ceiling;
mod compare;
mod figure;
mod measure;
mod plan;
mod report;
mod values;

pub use ceiling::Bound;
pub use compare::{Change, Comparison, Verdict};
pub use figure::Figure;
pub use measure::{Options, Watch, run};
pub use report::{Call, CeilingRow, KernelRow, Report, Skipped};

/// Bytes that the arrays of one kernel have together where no size is given: well past the last-level cache, as far as
/// the system tells its size, and never more than a gibibyte.
pub fn default_size() -> u64 {
    ceiling::cache_bytes().map_or(512 << 20, |cache| (4 * cache).clamp(256 << 20, 1 << 30))
}
