//! Everything that is settled before anything runs: which overlay, in which phase, with which component, assets, device
//! and seed. A plan that cannot be made is a refusal that leaves nothing behind.

use std::collections::BTreeMap;
use std::fs::File;
use std::time::{Duration, Instant};

use clamp_kernels::catalogue;
use clamp_plugin_api::manifest::{Capability, Grant, Phase, Right, Runner, ids};

use super::input::{Input, too_large};
use super::work::Work;
use super::{Invocation, Pinned};
use crate::backend::{Bits, Selection, Wish, select};
use crate::config::Mode;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::overlay::registry::InstalledOverlay;

/// A run that may begin.
pub(super) struct Plan {
    pub(super) overlay: InstalledOverlay,
    pub(super) capability: String,
    pub(super) phase: Phase,
    pub(super) work: Work,
    pub(super) hard_bytes: u64,
    pub(super) hard_name: String,
    pub(super) assets: BTreeMap<String, (File, u64)>,
    pub(super) selection: Option<Selection>,
    pub(super) seed_text: String,
    pub(super) seed: u64,
    pub(super) salt: String,
    pub(super) payload: Vec<u8>,
    pub(super) durations: Vec<(&'static str, Duration)>,
}

impl Plan {
    /// Checks everything that can be checked without running anything.
    pub(super) fn check(host: &Host, invocation: &Invocation) -> Result<Self> {
        let at = Instant::now();
        let (overlay, name) = match &invocation.pinned {
            None => host.registry.resolve(&invocation.target, invocation.phase)?,
            Some(pinned) => pinned_overlay(host, &invocation.target, pinned)?,
        };
        let capability = &overlay.manifest.capabilities[&name];
        let phase = phase_of(&overlay, &name, capability, invocation.phase)?;
        check_policy(&overlay, phase, invocation.mode)?;
        let payload = invocation.input.bytes();
        let most = host.settings.limits.input_bytes;
        if payload.len() as u64 > most {
            return Err(too_large("the input", most));
        }
        for id in &overlay.manifest.kernels {
            if catalogue::find(id).is_none() {
                let near = catalogue::nearest(id).map_or(String::new(), |near| format!("; near is {near}"));
                return Err(Error::not_found(format!(
                    "overlay `{}` needs kernel {id}, which this host does not know{near}",
                    overlay.manifest.name
                ))
                .hint("`clamp-host kernel list` shows the kernels; a newer overlay may need a newer host"));
            }
        }
        let assets = open_assets(&overlay)?;
        let mut durations = vec![("check", at.elapsed())];

        let at = Instant::now();
        let profile = invocation.profile.unwrap_or(capability.default_profile).profile();
        let (hard_bytes, hard_name) = (profile.hard_bytes(), format!("HARD of profile {}", profile.name.name()));
        let work = Work::prepare(host, &overlay, capability, hard_bytes, &hard_name)?;
        if !matches!(work, Work::Wasm(_)) && matches!(invocation.input, Input::Raw(_)) {
            return Err(Error::bad_input(format!(
                "overlay `{}`: services and commands take JSON, not raw bytes",
                overlay.manifest.name
            )));
        }
        durations.push(("engine", at.elapsed()));

        let at = Instant::now();
        let selection = select_backend(host, invocation, &overlay)?;
        let certified = selection.as_ref().and_then(|s| s.standings.as_ref()).map_or(Duration::ZERO, |s| s.elapsed);
        durations.push(("backend", at.elapsed().saturating_sub(certified)));
        durations.push(("certify", certified));

        let (seed_text, seed, salt) = seed_of(host, invocation);
        Ok(Self {
            capability: name,
            phase,
            work,
            hard_bytes,
            hard_name,
            assets,
            selection,
            seed_text,
            seed,
            salt,
            payload,
            durations,
            overlay,
        })
    }
}

/// The recorded version and its capability, enabled or not, with the grants that it had.
fn pinned_overlay(host: &Host, target: &str, pinned: &Pinned) -> Result<(InstalledOverlay, String)> {
    let (name, capability) = target.split_once('.').unwrap_or((target, ""));
    let found = host.registry.list().iter().find(|overlay| overlay.digest == pinned.digest);
    let Some(overlay) = found else {
        return Err(Error::not_found(format!("the version of overlay `{name}` that ran is not installed"))
            .hint(format!("install the package whose digest is {}", pinned.digest)));
    };
    if !overlay.manifest.capabilities.contains_key(capability) {
        return Err(Error::bad_input(format!("overlay `{name}` {} has no capability `{capability}`", pinned.digest)));
    }
    // A record is no operator: what runs outside the sandbox of a component wants its grant of today.
    let is_command = overlay.manifest.capabilities[capability].runner == Runner::Proc;
    if is_command && !overlay.grants.contains(&Grant::Proc) {
        return Err(Error::refused(format!("overlay `{name}` is run as a command and has not the grant `proc` now"))
            .hint(format!("clamp-host overlay enable {name} --grant proc gives it, if you trust what it runs")));
    }
    let mut overlay = overlay.clone();
    overlay.grants = pinned.grants.intersection(&overlay.manifest.grants).copied().collect();
    Ok((overlay, capability.to_owned()))
}

fn phase_of(overlay: &InstalledOverlay, name: &str, capability: &Capability, asked: Option<Phase>) -> Result<Phase> {
    let allowed = || capability.phases.iter().map(|p| p.name()).collect::<Vec<_>>().join(", ");
    match asked {
        None => capability
            .phases
            .first()
            .copied()
            .ok_or_else(|| Error::bad_input(format!("capability `{}.{name}` has no phase", overlay.manifest.name))),
        Some(phase) if capability.phases.contains(&phase) => Ok(phase),
        Some(phase) => Err(Error::refused(format!(
            "capability `{}.{name}` does not run in phase {}",
            overlay.manifest.name,
            phase.name()
        ))
        .hint(format!("its manifest allows: {}", allowed()))),
    }
}

fn check_policy(overlay: &InstalledOverlay, phase: Phase, mode: Mode) -> Result<()> {
    let name = &overlay.manifest.name;
    if phase == Phase::Ascend && !overlay.manifest.has_right(Right::Exec) {
        return Err(Error::refused(format!("overlay `{name}` may not run in ASCEND without the right `exec`"))
            .hint("choose an analysis phase with --phase"));
    }
    if mode == Mode::Fast && overlay.manifest.policy.deterministic {
        return Err(Error::refused(format!("overlay `{name}` demands strict mode (policy.deterministic)"))
            .hint("run it without --mode fast"));
    }
    Ok(())
}

fn open_assets(overlay: &InstalledOverlay) -> Result<BTreeMap<String, (File, u64)>> {
    if !overlay.grants.contains(&Grant::Assets) {
        return Ok(BTreeMap::new());
    }
    overlay
        .manifest
        .assets
        .iter()
        .map(|asset| Ok((asset.name.clone(), (overlay.asset(&asset.name)?, asset.bytes))))
        .collect()
}

/// Only an overlay that was granted tensors needs a device. In strict its kernels are certified here, before anything
/// of the run is timed.
fn select_backend(host: &Host, invocation: &Invocation, overlay: &InstalledOverlay) -> Result<Option<Selection>> {
    let computes = overlay.grants.contains(&Grant::Tensor) || overlay.grants.contains(&Grant::Compute);
    let named = !(invocation.backend.is_empty() || invocation.backend == "auto");
    if !computes && !named && !invocation.require_gpu {
        return Ok(None);
    }
    let wish = Wish {
        backend: &invocation.backend,
        require_gpu: invocation.require_gpu,
        kernels: &overlay.manifest.kernels,
        bits: Bits::of(invocation.mode, &host.certifier),
    };
    let selection = select(host.catalog()?, &wish)?;
    // A wish is checked even where nothing will run there; what runs nowhere is recorded as such.
    Ok(computes.then_some(selection))
}

/// The seed's text, its number, and the salt of the run id.
fn seed_of(host: &Host, invocation: &Invocation) -> (String, u64, String) {
    match (&invocation.seed, invocation.mode) {
        (Some(text), _) => (text.clone(), ids::seed_from_text(text), text.clone()),
        (None, Mode::Strict) => {
            let (text, seed) = host.strict_seed();
            (text, seed, utc_nanos())
        }
        (None, Mode::Fast) => {
            let text = utc_nanos();
            let seed = ids::seed_from_text(&text);
            (seed.to_string(), seed, text)
        }
    }
}

fn utc_nanos() -> String {
    jiff::Timestamp::now().to_string()
}
