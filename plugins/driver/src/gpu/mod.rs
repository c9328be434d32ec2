//! A driver over the runtime of a GPU whose memory is addresses: streams, events, pinned staging and modules, the same
//! for CUDA and HIP. The vendor's calls are behind [`Runtime`].

mod raw;

pub use raw::{Handle, Runtime};
