//! Points of a queue and the events that pass them. It waits, and knows nothing of what the commands do.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use clamp_plugin_api::abi::{Fault, Status, Timing};

use crate::driver::{Event, Span, Stream};

/// The longest pause between two looks at an event.
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// The points given out, and those that have not passed.
pub(crate) struct Points<S: Stream> {
    given: u64,
    passed: u64,
    ahead: VecDeque<Ahead<S>>,
    /// Whether anything was queued since the last point.
    queued: bool,
    /// When the launches ran that have passed since the last timing was told.
    times: Option<Timing>,
}

/// A point that has not passed.
struct Ahead<S: Stream> {
    point: u64,
    event: S::Event,
    span: Option<S::Span>,
}

impl<S: Stream> Points<S> {
    pub(crate) fn new() -> Points<S> {
        Points { given: 0, passed: 0, ahead: VecDeque::new(), queued: false, times: None }
    }

    /// Takes note that commands were queued.
    pub(crate) fn queued(&mut self) {
        self.queued = true;
    }

    /// A point after everything queued so far.
    pub(crate) fn give(&mut self, stream: &mut S) -> Result<u64, Fault> {
        if self.queued {
            let (event, span) = (stream.mark()?, stream.span()?);
            self.given += 1;
            self.ahead.push_back(Ahead { point: self.given, event, span });
            self.queued = false;
            return Ok(self.given);
        }
        // Nothing new: it passes with the point before.
        self.given += 1;
        match self.ahead.back_mut() {
            Some(ahead) => ahead.point = self.given,
            None => self.passed = self.given,
        }
        Ok(self.given)
    }

    /// A point where no event could be had for it: a wait for it ends with the points before.
    pub(crate) fn give_failed(&mut self) -> u64 {
        self.given += 1;
        self.given
    }

    /// Whether the point was given out.
    pub(crate) fn knows(&self, point: u64) -> bool {
        point <= self.given
    }

    /// The last point that has passed, without waiting.
    pub(crate) fn poll(&mut self) -> Result<u64, Fault> {
        while let Some(ahead) = self.ahead.front() {
            if !ahead.event.has_ended()? {
                break;
            }
            self.passed = ahead.point;
            if let Some((begin_ns, end_ns)) = ahead.span.as_ref().and_then(Span::times) {
                let begin_ns = self.times.map_or(begin_ns, |times| times.begin_ns);
                self.times = Some(Timing { begin_ns, end_ns });
            }
            self.ahead.pop_front();
        }
        Ok(self.passed)
    }

    /// Waits until `point` has passed; false when the time is up first.
    pub(crate) fn wait(&mut self, point: u64, timeout_ns: u64) -> Result<bool, Fault> {
        let deadline = Instant::now().checked_add(Duration::from_nanos(timeout_ns));
        let mut pause = Duration::from_micros(20);
        while self.poll()? < point {
            let Some(position) = self.ahead.iter().position(|ahead| ahead.point >= point) else { break };
            match deadline.filter(|_| timeout_ns != u64::MAX) {
                None => self.ahead[position].event.wait()?,
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Ok(false);
                    }
                    std::thread::sleep(pause.min(left));
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        Ok(true)
    }

    /// When the launches that have passed since the last call ran, on the device's clock.
    pub(crate) fn timing(&mut self) -> Timing {
        self.times.take().unwrap_or_default()
    }
}

/// The fault of a wait whose time was up.
pub(crate) fn time_is_up(point: u64, timeout_ns: u64) -> Fault {
    Fault::new(Status::Timeout, format!("point {point} has not passed after {timeout_ns} ns"))
}
