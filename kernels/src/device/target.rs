//! What a plan must know of the device that runs it. It holds figures and names no vendor's types.

/// The language that a module's source is compiled as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenCL C 1.2.
    OpenCl,
    /// CUDA C++, as NVRTC takes it with `--fmad=false`.
    Cuda,
    /// HIP C++, as hipRTC takes it with `-ffp-contract=off`.
    Hip,
}

/// A device as plans see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The language of the sources.
    pub dialect: Dialect,
    /// The most items of a work-group; at least 64.
    pub max_group_size: u32,
    /// Memory that a work-group shares, bytes; at least 16 KiB.
    pub local_bytes: u64,
    /// How many work-groups run side by side: multiprocessors, compute units or cores.
    pub compute_units: u32,
    /// Items that step together (32 or 64), 0 where sources may not count on it.
    pub subgroup_size: u32,
    /// Whether binary64 is there; without it, kernels that compute in it are not.
    pub fp64: bool,
    /// Whether binary32 division and square root are rounded correctly; where not, they go through binary64.
    pub exact_div_sqrt: bool,
    /// Whether a work-group is a loop on one core, vectorised by a compiler, rather than lanes of a GPU.
    pub is_cpu: bool,
}

impl Target {
    /// Items of a work-group in kernels whose results do not depend on it.
    pub(crate) fn group_size(&self) -> u32 {
        let wish = if self.is_cpu { 1024 } else { 256 };
        wish.min(self.max_group_size)
    }

    /// Work-groups for `items` items of work in a walk that strides by the whole grid: enough to fill the device
    /// several times, never more than there is work for.
    pub(crate) fn groups(&self, items: u64, group_size: u32) -> u32 {
        let full = u64::from(self.compute_units.max(1)) * if self.is_cpu { 8 } else { 32 };
        items.div_ceil(u64::from(group_size)).clamp(1, full) as u32
    }
}
