//! The store's data: everything one call may reach, and its running figures.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use clamp_plugin_api::manifest::Phase;
use serde::Serialize;
use wasmtime::component::ResourceTable;

use super::account::Account;
use super::limits::{CallLimits, LimitHit};
use super::sinks::{ArtifactSink, Progress};
use super::trace::{Script, Stop, Trace};
use super::world::World;
use crate::backend::Queue;
use crate::error::Error;

/// What the pipeline gives a call.
pub struct CallSetup {
    /// The call's queue; `None` for an overlay without compute.
    pub queue: Option<Queue>,
    /// Kernel ids that the manifest lists.
    pub kernels: BTreeSet<String>,
    /// Verified asset files by name, with their sizes.
    pub assets: BTreeMap<String, (File, u64)>,
    /// Named outputs; `None` where the phase may not write.
    pub artifacts: Box<dyn ArtifactSink>,
    /// Who watches.
    pub progress: Box<dyn Progress>,
    /// The phase of this call.
    pub phase: Phase,
    /// Whether this phase may leave artifacts.
    pub may_write: bool,
    /// The run's seed.
    pub seed: u64,
    /// Strict or fast.
    pub strict: bool,
    /// The call's limits.
    pub limits: CallLimits,
    /// Its memory.
    pub account: Arc<Account>,
    /// How messages name the memory limit: `HARD of profile BALANCED`.
    pub hard_name: String,
    /// What it may reach outside itself.
    pub world: World,
    /// What stands in the place of the world in a replay.
    pub script: Option<Script>,
}

/// What a call used; the same on every backend and at every thread count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Fuel.
    pub fuel: u64,
    /// Most logical bytes at one time.
    pub memory_peak_bytes: u64,
    /// Calls of the guest to the host.
    pub host_calls: u64,
    /// Kernel launches.
    pub launches: u64,
    /// Times that the host waited for the device.
    pub device_waits: u64,
    /// Log lines.
    pub log_records: u64,
}

/// See the module.
pub(crate) struct CallState {
    pub(crate) table: ResourceTable,
    pub(crate) queue: Option<Queue>,
    pub(crate) kernels: BTreeSet<String>,
    pub(crate) assets: BTreeMap<String, (File, u64)>,
    pub(crate) artifacts: Box<dyn ArtifactSink>,
    pub(crate) progress: Box<dyn Progress>,
    pub(crate) phase: Phase,
    pub(crate) may_write: bool,
    pub(crate) seed: u64,
    pub(crate) strict: bool,
    pub(crate) limits: CallLimits,
    pub(crate) account: Arc<Account>,
    pub(crate) hard_name: String,
    pub(crate) world: World,
    pub(crate) trace: Trace,
    /// Where the clock ended the call.
    pub(crate) stop: Option<Stop>,
    pub(crate) table_elements: u64,
    pub(crate) host_calls: u64,
    pub(crate) log_records: u64,
    pub(crate) log_bytes: u64,
    pub(crate) artifact_bytes: u64,
    pub(crate) artifact_count: u64,
    /// The first limit that was reached, whatever the guest made of it.
    pub(crate) limit_hit: Option<LimitHit>,
    /// The first failure that the host has to answer for: backend, disk, data.
    pub(crate) host_fault: Option<Error>,
    /// The clock ended the call at a host call.
    pub(crate) stopped_by_clock: bool,
    /// When the call began.
    pub(crate) started: Instant,
    /// The last error line that the guest logged; its panic text, most often.
    pub(crate) last_error: Option<String>,
}

impl CallState {
    pub(crate) fn new(setup: CallSetup) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(usize::try_from(setup.limits.handles).unwrap_or(usize::MAX));
        Self {
            table,
            queue: setup.queue,
            kernels: setup.kernels,
            assets: setup.assets,
            artifacts: setup.artifacts,
            progress: setup.progress,
            phase: setup.phase,
            may_write: setup.may_write,
            seed: setup.seed,
            strict: setup.strict,
            limits: setup.limits,
            account: setup.account,
            hard_name: setup.hard_name,
            world: setup.world,
            trace: Trace::new(setup.script),
            stop: None,
            table_elements: 0,
            host_calls: 0,
            log_records: 0,
            log_bytes: 0,
            artifact_bytes: 0,
            artifact_count: 0,
            limit_hit: None,
            host_fault: None,
            stopped_by_clock: false,
            started: Instant::now(),
            last_error: None,
        }
    }

    /// Keeps the first limit that was reached.
    pub(crate) fn note_limit(&mut self, hit: LimitHit) {
        self.limit_hit.get_or_insert(hit);
    }

    /// Ends the call with a limit.
    pub(crate) fn stop_at(&mut self, hit: LimitHit) -> wasmtime::Error {
        self.note_limit(hit.clone());
        wasmtime::Error::new(hit)
    }

    /// Refuses to move more than `limits.hostcall_bytes` in one host call.
    pub(crate) fn check_transfer(&mut self, bytes: u64) -> wasmtime::Result<()> {
        let most = self.limits.hostcall_bytes;
        if bytes <= most {
            return Ok(());
        }
        let message = format!("one host call moves {bytes} bytes, {most} are allowed; use several");
        Err(self.stop_at(LimitHit::new("limits.hostcall_bytes", message)))
    }

    pub(crate) fn usage(&self, fuel: u64) -> Usage {
        Usage {
            fuel,
            memory_peak_bytes: self.account.peak(),
            host_calls: self.host_calls,
            launches: self.queue.as_ref().map_or(0, Queue::launches),
            device_waits: self.queue.as_ref().map_or(0, Queue::waits),
            log_records: self.log_records,
        }
    }
}
