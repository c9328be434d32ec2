//! An in-order queue that runs every launch when it is submitted, so that a point is simply the count of launches. It
//! remembers the first failure. A device that works in the background has points that pass later.

use clamp_plugin_api::abi::{Fault, HostHandle, LaunchRef, Status, Timing};

use crate::Plain;
use crate::kernels;

pub(crate) struct Queue {
    host: HostHandle,
    host_call: u64,
    launches: u64,
    failed: Option<Fault>,
}

impl Queue {
    pub(crate) fn new(host: HostHandle, host_call: u64) -> Self {
        Self { host, host_call, launches: 0, failed: None }
    }

    pub(crate) fn point(&self) -> u64 {
        self.launches
    }

    /// What can be refused is refused before anything runs. What goes wrong later is told at the next wait: an error
    /// from here would say that nothing was queued.
    pub(crate) fn submit(&mut self, launches: &[LaunchRef<'_, Plain>]) -> Result<u64, Fault> {
        launches.iter().flat_map(|launch| launch.outputs).try_for_each(|(buffer, _)| buffer.check_writable())?;
        for launch in launches {
            if self.failed.is_none() {
                let outcome = match self.host.cancelled(self.host_call) {
                    true => Err(Fault::new(Status::Cancelled, "the host asked to stop")),
                    false => kernels::run(launch),
                };
                self.failed = outcome.err().map(|fault| Fault { launch: self.launches, ..fault });
            }
            self.launches += 1;
        }
        Ok(self.launches)
    }

    /// Everything has run; a failure is told at every wait from then on. It has no clock, so there are no times.
    pub(crate) fn wait(&self, point: u64) -> Result<Timing, Fault> {
        if point > self.launches {
            return Err(Fault::invalid(format!("point {point} was never given out")));
        }
        self.failed.clone().map_or(Ok(Timing::default()), Err)
    }
}
