//! Which device a call runs on, and the one line that says why. GPU first, then CPU; an OpenCL device of CPU type is
//! never chosen by itself; a backend that lacks a needed kernel is passed over.

use std::sync::Arc;

use super::catalog::Catalog;
use super::instance::{DeviceFacts, DeviceKind};
use super::session::Device;
use crate::error::{Error, ErrorKind, Result};

/// What the caller wants of a device.
#[derive(Clone, Debug, Default)]
pub struct Wish<'a> {
    /// `auto`, a backend's id, or `id:index`.
    pub backend: &'a str,
    /// Nothing but a GPU will do.
    pub require_gpu: bool,
    /// Kernels that have to be there.
    pub kernels: &'a [String],
}

/// The chosen device and why.
pub struct Selection {
    /// Opened.
    pub device: Arc<Device>,
    /// One line for people and the log.
    pub reason: String,
}

/// Opens the device that fits the wish, or says why none does.
pub fn select(catalog: &Catalog, wish: &Wish<'_>) -> Result<Selection> {
    if wish.backend.is_empty() || wish.backend == "auto" { automatic(catalog, wish) } else { named(catalog, wish) }
}

fn named(catalog: &Catalog, wish: &Wish<'_>) -> Result<Selection> {
    let (id, index) = match wish.backend.split_once(':') {
        None => (wish.backend, 0),
        Some((id, index)) => {
            let parsed = index.parse().map_err(|_| {
                Error::usage(format!("--backend {}: `{index}` is no device number", wish.backend))
                    .hint("write for example --backend cpu or --backend cuda:1")
            })?;
            (id, parsed)
        }
    };
    let Some(candidate) = catalog.find(id) else { return Err(catalog.unknown(id)) };
    let backend = candidate.backend()?;
    let devices = backend.devices()?;
    let Some(facts) = devices.iter().find(|d| d.index == index) else {
        return Err(Error::not_found(format!("backend `{id}` has no device {index}; it has {}", devices.len()))
            .hint("`clamp-host backend list` shows the devices"));
    };
    if wish.require_gpu && facts.kind != DeviceKind::Gpu {
        return Err(no_gpu(&format!("--backend {} names a device of type {:?}", wish.backend, facts.kind)));
    }
    let device = Device::open(&backend, facts)?;
    if let Some(missing) = missing_kernel(&device, wish.kernels) {
        return Err(Error::not_found(format!("backend `{id}` has no kernel {missing}"))
            .hint("choose another backend with --backend, or update the plugin"));
    }
    Ok(Selection { reason: format!("backend {} because --backend names it", label(id, facts)), device })
}

fn automatic(catalog: &Catalog, wish: &Wish<'_>) -> Result<Selection> {
    let mut passed_over = Vec::new();
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
        if let Some(missing) = missing_kernel(&device, wish.kernels) {
            passed_over.push(format!("{label}: lacks kernel {missing}"));
            continue;
        }
        let why = if facts.kind == DeviceKind::Gpu { "it is the first GPU" } else { "no GPU can be used" };
        let rest =
            if passed_over.is_empty() { String::new() } else { format!(" (passed over: {})", passed_over.join("; ")) };
        return Ok(Selection { reason: format!("backend {label} because {why}{rest}"), device });
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

fn missing_kernel<'a>(device: &Arc<Device>, kernels: &'a [String]) -> Option<&'a str> {
    kernels.iter().map(String::as_str).find(|id| !device.has_kernel(id))
}
