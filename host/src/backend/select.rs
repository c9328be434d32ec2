//! Which device a call runs on, and the one line that says why. GPU first, then CPU; an OpenCL device of CPU type is
//! never chosen by itself; a backend that lacks a needed kernel is passed over, and in strict one that has not its bits.

use std::sync::Arc;

use super::catalog::Catalog;
use super::certify::{Binding, Certifier, Standings};
use super::instance::{DeviceFacts, DeviceKind};
use super::pick::pick;
use super::session::{Device, Offer};
use crate::config::Mode;
use crate::error::{Error, ErrorKind, Result};

/// What the caller wants of a device.
#[derive(Clone, Debug, Default)]
pub struct Wish<'a> {
    /// `auto`, a backend's id, or `id:device` with the device's number or UUID.
    pub backend: &'a str,
    /// Nothing but a GPU will do.
    pub require_gpu: bool,
    /// Kernels that have to be there.
    pub kernels: &'a [String],
    /// What has to be known of their bits.
    pub bits: Bits<'a>,
}

/// What has to be known of the kernels' bits.
#[derive(Clone, Copy, Debug, Default)]
pub enum Bits<'a> {
    /// Nothing.
    #[default]
    Unasked,
    /// What was found before, for the record: fast.
    Known(&'a Certifier),
    /// That they are those of the specification, found out now if need be: strict.
    Exact(&'a Certifier),
}

impl<'a> Bits<'a> {
    /// What a mode wants to know.
    pub fn of(mode: Mode, certifier: &'a Certifier) -> Self {
        match mode {
            Mode::Strict => Self::Exact(certifier),
            Mode::Fast => Self::Known(certifier),
        }
    }
}

impl Wish<'_> {
    /// Where the device stands with the kernels; in strict only a device that has their bits is no error.
    fn certified(&self, device: &Arc<Device>) -> Result<Option<Standings>> {
        if self.kernels.is_empty() {
            return Ok(None);
        }
        match self.bits {
            Bits::Unasked => Ok(None),
            Bits::Known(certifier) => Ok(Some(certifier.look(&Binding::of(device), self.kernels))),
            Bits::Exact(certifier) => certifier.require(device, self.kernels).map(Some),
        }
    }
}

/// The chosen device and why.
pub struct Selection {
    /// Opened.
    pub device: Arc<Device>,
    /// One line for people and the log.
    pub reason: String,
    /// Where it stands with the kernels, if any were wished.
    pub standings: Option<Standings>,
}

/// Opens the device that fits the wish, or says why none does.
pub fn select(catalog: &Catalog, wish: &Wish<'_>) -> Result<Selection> {
    if wish.backend.is_empty() || wish.backend == "auto" { automatic(catalog, wish) } else { named(catalog, wish) }
}

fn named(catalog: &Catalog, wish: &Wish<'_>) -> Result<Selection> {
    let (id, device) = named_device(catalog, wish).map_err(|error| match error.kind {
        // Whatever keeps the named GPU from being there, what was asked for is a GPU.
        ErrorKind::NotFound | ErrorKind::Backend | ErrorKind::Untrusted if wish.require_gpu => no_gpu(&error.message),
        _ => error,
    })?;
    if let Some(missing) = missing_kernel(&device, wish.kernels)? {
        return Err(Error::not_found(format!("backend `{id}` has no kernel {missing}"))
            .hint("choose another backend with --backend, or update the plugin"));
    }
    let standings = wish.certified(&device)?;
    let reason = format!("backend {} because --backend names it", label(id, &device.facts));
    Ok(Selection { reason, device, standings })
}

/// The backend's id and the device that the wish names, opened.
fn named_device<'a>(catalog: &Catalog, wish: &Wish<'a>) -> Result<(&'a str, Arc<Device>)> {
    let (id, word) = wish.backend.split_once(':').unwrap_or((wish.backend, "0"));
    let Some(candidate) = catalog.find(id) else { return Err(catalog.unknown(id)) };
    let backend = candidate.backend()?;
    let devices = backend.devices()?;
    let facts = pick(id, &devices, word)?;
    if wish.require_gpu && facts.kind != DeviceKind::Gpu {
        return Err(no_gpu(&format!("--backend {} names a device of type {:?}", wish.backend, facts.kind)));
    }
    Ok((id, Device::open(&backend, facts)?))
}

fn automatic(catalog: &Catalog, wish: &Wish<'_>) -> Result<Selection> {
    let (mut passed_over, locked) = catalog.passed_over();
    let mut inexact = false;
    let mut devices = Vec::new();
    for candidate in &catalog.candidates {
        let Some(id) = candidate.id() else { continue };
        match candidate.backend().and_then(|b| Ok((b.devices()?, b))) {
            Ok((found, backend)) => devices.extend(found.into_iter().map(|facts| (id, Arc::clone(&backend), facts))),
            Err(error) => passed_over.push(format!("{id}: {}", error.message)),
        }
    }
    // A stable sort: GPUs first, search order within.
    devices.sort_by_key(|(_, _, facts)| facts.kind != DeviceKind::Gpu);
    for (id, backend, facts) in &devices {
        let label = label(id, facts);
        if wish.require_gpu && facts.kind != DeviceKind::Gpu {
            passed_over.push(format!("{label}: not a GPU"));
            continue;
        }
        if *id == "opencl" && facts.kind == DeviceKind::Cpu {
            passed_over.push(format!("{label}: an OpenCL device of CPU type has to be named"));
            continue;
        }
        let device = match Device::open(backend, facts) {
            Ok(device) => device,
            Err(error) => {
                passed_over.push(format!("{label}: {}", error.message));
                continue;
            }
        };
        match missing_kernel(&device, wish.kernels) {
            Ok(None) => {}
            Ok(Some(missing)) => {
                passed_over.push(format!("{label}: lacks kernel {missing}"));
                continue;
            }
            Err(error) => {
                passed_over.push(format!("{label}: {}", error.message));
                continue;
            }
        }
        let standings = match wish.certified(&device) {
            Ok(standings) => standings,
            Err(error) => {
                inexact |= error.kind == ErrorKind::NotCertified;
                passed_over.push(format!("{label}: {}", error.message));
                continue;
            }
        };
        let why = if facts.kind == DeviceKind::Gpu { "it is the first GPU" } else { "no GPU can be used" };
        let rest =
            if passed_over.is_empty() { String::new() } else { format!(" (passed over: {})", passed_over.join("; ")) };
        return Ok(Selection { reason: format!("backend {label} because {why}{rest}"), device, standings });
    }
    if wish.require_gpu {
        return Err(no_gpu(&if passed_over.is_empty() {
            "no backend with a GPU is installed".to_owned()
        } else {
            passed_over.join("; ")
        }));
    }
    let hint = "put a backend .so into the plugins folder; `clamp-host backend list` shows what was found and why not";
    Err(if passed_over.is_empty() {
        Error::not_found("no backend is installed").hint(hint)
    } else if inexact {
        Error::new(ErrorKind::NotCertified, format!("no backend can be used: {}", passed_over.join("; ")))
            .hint("strict runs only what is certified: install a backend that is, or run with --mode fast")
    } else if locked {
        Error::new(ErrorKind::Untrusted, format!("no backend can be used: {}", passed_over.join("; ")))
            .hint("pin the plugins that you trust with `clamp-host backend trust FILE...`")
    } else {
        Error::backend(format!("no backend can be used: {}", passed_over.join("; "))).hint(hint)
    })
}

fn no_gpu(why: &str) -> Error {
    Error::new(ErrorKind::NoGpu, format!("--require-gpu: no GPU would do the work: {why}"))
        .hint("install a GPU backend and its driver (`clamp-host backend list`), or run without --require-gpu")
}

fn label(id: &str, facts: &DeviceFacts) -> String {
    format!("{id}:{} ({})", facts.index, facts.name)
}

/// The first kernel that the device has not, with the plugin's words where it gives a reason.
fn missing_kernel(device: &Arc<Device>, kernels: &[String]) -> Result<Option<String>> {
    for id in kernels {
        match device.offer(id)? {
            Offer::Here => {}
            Offer::Absent => return Ok(Some(id.clone())),
            Offer::Unsupported(reason) if reason.is_empty() => return Ok(Some(id.clone())),
            Offer::Unsupported(reason) => return Ok(Some(format!("{id} on this device: {reason}"))),
        }
    }
    Ok(None)
}
