//! Runs one call of a component in a fresh store, with fuel, limits and a clock, and says how it ended. A fuel yield is
//! the only place where the guest is interrupted, so a stop can be replayed by its number.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use clamp_plugin_api::manifest::Grant;
use std::collections::BTreeSet;
use wasmtime::component::Linker;
use wasmtime::{Store, Trap};

use super::{CallEnd, CallFailure, CallRequest, FailureKind};
use crate::error::{Error, Result};
use crate::overlay::bindings::OverlayPre;
use crate::overlay::bindings::clamp::overlay::types::Request;
use crate::overlay::call::{CallSetup, CallState, LimitHit, Stop};
use crate::overlay::engine::{Engine, Prepared, one_line};
use crate::overlay::grant;

/// Fuel between two looks at the clock; about 0.1 ms.
const YIELD_INTERVAL: u64 = 1_000_000;

impl Engine {
    /// Links a component with what was granted and nothing else, once for all its calls.
    ///
    /// # Errors
    /// A component that wants something of another type than this host has.
    pub fn link(&self, prepared: &Prepared, granted: &BTreeSet<Grant>) -> Result<Linked> {
        let mut linker = Linker::new(&self.inner);
        grant::link(&mut linker, granted).map_err(|e| internal("cannot link the granted interfaces", &e))?;
        let pre = linker
            .instantiate_pre(&prepared.component)
            .and_then(OverlayPre::new)
            .map_err(|e| Error::refused(format!("the component cannot be linked: {}", one_line(&format!("{e:#}")))))?;
        Ok(Linked(pre))
    }
}

/// A component that is linked, ready for any number of calls.
#[derive(Clone)]
pub struct Linked(OverlayPre<CallState>);

fn internal(what: &str, e: &wasmtime::Error) -> Error {
    Error::internal(format!("{what}: {}", one_line(&format!("{e:#}"))))
}

/// Runs one call. An `Err` is a fault of the host before the guest began; everything the guest does ends in `CallEnd`.
pub fn call_wasm(engine: &Engine, linked: &Linked, setup: CallSetup, request: CallRequest) -> Result<CallEnd> {
    let Linked(pre) = linked;
    let fuel = setup.limits.fuel;
    // Replies count here too; both have limits of their own with better words, so this one only bounds the host.
    let most = setup.limits.hostcall_bytes.max(setup.limits.response_bytes).saturating_add(1 << 20);
    let hostcall_bytes = usize::try_from(most).unwrap_or(usize::MAX);
    let mut store = Store::new(&engine.inner, CallState::new(setup));
    store.limiter(|state| state);
    store.set_hostcall_fuel(hostcall_bytes);
    store
        .set_fuel(fuel)
        .and_then(|()| store.fuel_async_yield_interval(Some(YIELD_INTERVAL)))
        .map_err(|e| internal("cannot set the fuel", &e))?;

    let request = Request {
        capability: request.capability,
        phase: request.phase,
        content_type: request.content_type,
        payload: request.payload,
    };
    let (started, wall) = (store.data().started, store.data().limits.wall);
    let script = store.data().trace.stop();
    let outcome = {
        let mut call = pin!(async {
            let overlay = pre.instantiate_async(&mut store).await?;
            overlay.call_invoke(&mut store, &request).await
        });
        let mut context = Context::from_waker(Waker::noop());
        let mut yields = 0_u64;
        loop {
            match call.as_mut().poll(&mut context) {
                Poll::Ready(outcome) => break Ok(outcome),
                // Nothing here waits for anything but fuel, so every pending poll is a yield.
                Poll::Pending => {
                    yields += 1;
                    // A replay stops where the call was stopped, whatever the time is.
                    let is_late = match script {
                        None => started.elapsed() > wall,
                        Some(stop) => stop == Some(Stop::Yield(yields)),
                    };
                    if is_late {
                        break Err(yields);
                    }
                }
            }
        }
    };
    // Fuel reads 0 after the guest ran out of it.
    let used = fuel.saturating_sub(store.get_fuel().unwrap_or(0));
    let mut state = store.into_data();
    let mut stopped_by_clock = state.stopped_by_clock;
    let stop = outcome.as_ref().err().map(|yields| Stop::Yield(*yields)).or(state.stop);
    let reply = match outcome {
        Ok(outcome) => settle(&mut state, outcome),
        Err(_) => {
            let hit = state.wall_limit();
            state.note_limit(hit.clone());
            stopped_by_clock = true;
            Err(limit_failure(&hit))
        }
    };
    Ok(CallEnd {
        reply,
        usage: state.usage(used),
        artifacts: state.artifacts.finished(),
        kernel_time: state.queue.as_ref().map_or(std::time::Duration::ZERO, crate::backend::Queue::busy),
        stop,
        stopped_by_clock,
        trace: state.trace.end(),
    })
}

type Outcome = wasmtime::Result<std::result::Result<Vec<u8>, crate::overlay::bindings::clamp::overlay::types::Failure>>;

fn settle(state: &mut CallState, outcome: Outcome) -> Result<Vec<u8>, CallFailure> {
    match outcome {
        Ok(Ok(reply)) => {
            finish_queue(state)?;
            // What the guest made of a failed disk or device is its own affair; the record must not say that all is well.
            if let Some(error) = &state.host_fault {
                return Err(host_failure(error));
            }
            let most = state.limits.response_bytes;
            if reply.len() as u64 > most {
                let message = format!("the reply has {} bytes, {most} are allowed", reply.len());
                return Err(limit_failure(&LimitHit::new("limits.response_bytes", message)));
            }
            Ok(reply)
        }
        Ok(Err(failure)) => Err(blame(state).unwrap_or(CallFailure {
            kind: FailureKind::Overlay,
            code: failure.code,
            message: one_line(&failure.message),
            hint: None,
            data: failure.data,
        })),
        Err(error) => Err(trap_failure(state, &error)),
    }
}

/// The host waits for the queue before it replies, so that a data error is never lost.
fn finish_queue(state: &mut CallState) -> Result<(), CallFailure> {
    match state.queue.as_mut().map_or(Ok(()), crate::backend::Queue::sync) {
        Ok(()) => Ok(()),
        Err(error) => Err(host_failure(&error)),
    }
}

/// A limit or a host failure that the guest met and passed on as its own.
fn blame(state: &CallState) -> Option<CallFailure> {
    if let Some(error) = &state.host_fault {
        return Some(host_failure(error));
    }
    state.limit_hit.as_ref().map(limit_failure)
}

fn host_failure(error: &Error) -> CallFailure {
    CallFailure {
        kind: FailureKind::Host(error.kind),
        code: error.kind.name().into(),
        message: error.message.clone(),
        hint: error.hint.clone(),
        data: Vec::new(),
    }
}

fn limit_failure(hit: &LimitHit) -> CallFailure {
    CallFailure {
        kind: FailureKind::Limit,
        code: "limit".into(),
        message: format!("limit `{}`: {}", hit.name, hit.message),
        hint: Some(if hit.name.starts_with("limits.") {
            format!("raise `{}` in the settings (clamp-host config show) if the overlay really needs it", hit.name)
        } else if hit.name.starts_with("HARD") {
            "choose a larger --profile if the overlay really needs it".into()
        } else {
            "raise the capability's timeout_s or set limits.wall_ms if the overlay really needs it".into()
        }),
        data: Vec::new(),
    }
}

fn trap_failure(state: &mut CallState, error: &wasmtime::Error) -> CallFailure {
    if let Some(hit) = error.downcast_ref::<LimitHit>() {
        return limit_failure(hit);
    }
    let trap = error.downcast_ref::<Trap>().copied();
    match trap {
        Some(Trap::OutOfFuel) => {
            let message = format!("used all {} units of fuel", state.limits.fuel);
            return limit_failure(&LimitHit::new("limits.fuel", message));
        }
        Some(Trap::StackOverflow) => {
            return limit_failure(&LimitHit::new("limits.wasm_stack_bytes", "the call stack is exhausted"));
        }
        _ => {}
    }
    // A guest that cannot grow its memory traps by itself a moment later.
    if let Some(failure) = blame(state) {
        return failure;
    }
    let text = format!("{error:#}");
    if text.contains("fuel allocated for hostcalls") {
        let message = format!("one host call moves more than {} bytes", state.limits.hostcall_bytes);
        return limit_failure(&LimitHit::new("limits.hostcall_bytes", message));
    }
    let what = match trap {
        Some(trap) => trap.to_string(),
        None => one_line(&error.root_cause().to_string()),
    };
    CallFailure {
        kind: FailureKind::Trap,
        code: "trap".into(),
        message: match state.last_error.take() {
            Some(said) => format!("the overlay trapped ({what}); its last error line: {}", one_line(&said)),
            None => format!("the overlay trapped: {what}"),
        },
        hint: (trap == Some(Trap::MemoryOutOfBounds))
            .then(|| "guests built from Rust or C end so too when their own stack overflows".to_owned()),
        data: Vec::new(),
    }
}
