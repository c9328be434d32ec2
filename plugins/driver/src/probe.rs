//! Asks a device, once a process, how it computes, and takes from its target what it does not do right. A device whose
//! binary32 arithmetic is wrong runs no kernels.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use clamp_kernels::device::{Probe, Target, Verdict};
use clamp_plugin_api::abi::{CLAMP_LOG_WARN, Fault, HostHandle};

use crate::driver::{Driver, Facts, Stream, Value};
use crate::modules::Modules;

/// Items of a work-group.
const ITEMS: u32 = 64;

/// What a probe left of a target.
#[derive(Clone, Debug)]
pub(crate) struct Probed {
    pub(crate) target: Target,
    /// Why no kernel may run, if none may.
    pub(crate) refusal: Option<String>,
    /// Why kernels that compute in binary64 are refused, if a driver that has it does it wrong.
    pub(crate) no_fp64: Option<String>,
}

/// The target of the device, as it computes rather than as its driver says.
pub(crate) fn probed<D: Driver>(
    host: HostHandle,
    context: &D::Context,
    facts: &Facts,
    modules: &Modules<D>,
) -> Result<Probed, Fault> {
    static KNOWN: Mutex<Option<HashMap<String, Probed>>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    let identity = format!("{}\n{:?}", facts.identity, facts.target);
    if let Some(probed) = known.get(&identity) {
        return Ok(probed.clone());
    }
    let probed = probe(host, context, facts, modules)?;
    known.insert(identity, probed.clone());
    Ok(probed)
}

fn probe<D: Driver>(
    host: HostHandle,
    context: &D::Context,
    facts: &Facts,
    modules: &Modules<D>,
) -> Result<Probed, Fault> {
    let mut probed = Probed { target: facts.target, refusal: None, no_fp64: None };
    let warn = |text: &str| host.log(CLAMP_LOG_WARN, &format!("{}: {}: {text}", D::ID, facts.description.name));
    let mut verdict = ask(context, &probed.target, modules)?;
    // Where the driver has no binary64, nothing was asked of it.
    if let Err(reason) = &verdict.arithmetic64 {
        warn(&format!("no kernel that computes in binary64: {reason}"));
        probed.no_fp64 = Some(reason.clone());
        probed.target.fp64 = false;
    }
    if let Err(reason) = &verdict.div_sqrt32
        && probed.target.fp64
        && probed.target.exact_div_sqrt
    {
        warn(&format!("binary32 division and square root go through binary64: {reason}"));
        probed.target.exact_div_sqrt = false;
        verdict = ask(context, &probed.target, modules)?;
    }
    let wrong = verdict.arithmetic32.and(verdict.div_sqrt32);
    if let Err(reason) = wrong {
        warn(&format!("no kernel at all: {reason}"));
        probed.refusal = Some(reason);
    }
    Ok(probed)
}

fn ask<D: Driver>(context: &D::Context, target: &Target, modules: &Modules<D>) -> Result<Verdict, Fault> {
    let probe = Probe::of(target);
    let program = modules.program(&probe.module, &D::options(context, target))?;
    let mut stream = D::stream(context)?;
    let groups = (probe.triples() as u32).div_ceil(ITEMS);
    let mut run = |entry: &'static str, operands: &[u8], results: &mut [u8]| -> Result<(), Fault> {
        let from = D::alloc(context, operands.len() as u64, false)?;
        let to = D::alloc(context, results.len() as u64, false)?;
        let mut entry = D::entry(&program, entry)?;
        let triples = Value::Wide(probe.triples() as u64);
        let values = [Value::Mem(&from), Value::Wide(0), Value::Mem(&to), Value::Wide(0), triples];
        // SAFETY: operands and results live until the stream has finished, below, whatever failed before.
        let outcome = unsafe { stream.write(&from, 0, operands.as_ptr(), operands.len() as u64) }
            .and_then(|()| stream.launch(&mut entry, groups, ITEMS, &values))
            // SAFETY: as above.
            .and_then(|()| unsafe { stream.read(&to, 0, results.as_mut_ptr(), results.len() as u64) });
        let finished = stream.finish();
        if finished.is_err() {
            stream.abandon();
            std::mem::forget((from, to));
        }
        outcome.and(finished)
    };
    let bytes32: Vec<u8> = probe.operands32.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut results = vec![0u8; 4 * probe.results()];
    run("probe32", &bytes32, &mut results)?;
    let results32: Vec<u32> = words(&results, u32::from_le_bytes);
    let mut results64 = Vec::new();
    if target.fp64 {
        let bytes64: Vec<u8> = probe.operands64.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut results = vec![0u8; 8 * probe.results()];
        run("probe64", &bytes64, &mut results)?;
        results64 = words(&results, u64::from_le_bytes);
    }
    Ok(probe.judge(&results32, &results64))
}

fn words<T, const N: usize>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().copied().map(read).collect()
}
