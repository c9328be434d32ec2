//! `backend certify | certificates`: which kernels of a backend have the bits of the specification.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clamp_kernels::catalogue::{self, KernelSpec};
use clap::Args;
use serde_json::{Value, json};

use super::Global;
use super::output::{Output, exit_of, table};
use super::progress::ProgressLine;
use super::setup;
use crate::backend::certify::{Certificate, Standing, Verdict, conformance};
use crate::backend::{Device, Standings, pick};
use crate::error::{Error, ErrorKind, Result};
use crate::host::Host;
use crate::overlay::{Progress as _, ProgressUpdate};

#[derive(Args)]
pub(super) struct CertifyArgs {
    /// A backend's id, perhaps with a device (cuda:1), or a plugin file (./mine.so)
    backend: String,
    /// The device's number, as `backend list` shows it
    #[arg(long, value_name = "N")]
    device: Option<u32>,
    /// Only this kernel, or those that a pattern with * and ? names; may be given several times
    #[arg(long = "kernel", value_name = "ID")]
    kernels: Vec<String>,
    /// Try kernels again that have a verdict
    #[arg(long)]
    again: bool,
}

pub(super) fn run(global: &Global, args: &CertifyArgs, output: &Output) -> Result<ExitCode> {
    let kernels = wanted(&args.kernels)?;
    let host = setup::host(global, &setup::Flags::default())?;
    let device = open(&host, args)?;
    let standings = {
        let line = output.watched().then(|| std::cell::RefCell::new(ProgressLine::new("certify")));
        host.certifier.certify(&device, &kernels, args.again, |done, total| {
            if let Some(line) = &line {
                let update = ProgressUpdate { done: done as u64, total: total as u64, data: Value::Null };
                line.borrow_mut().update(&update);
            }
        })?
    };
    let counts = counts(&standings);
    let bad = counts[&Standing::Differs] + counts[&Standing::Failed];
    if output.json {
        output.value(&report_json(&device, &standings, &counts));
    } else {
        report(&device, &standings, &counts, output);
    }
    Ok(if bad == 0 { ExitCode::SUCCESS } else { exit_of(ErrorKind::NotCertified) })
}

/// The kernels of these ids and patterns; all where there is none.
fn wanted(patterns: &[String]) -> Result<Vec<&'static KernelSpec>> {
    for pattern in patterns {
        if !catalogue::all().any(|spec| matches(pattern, spec.id)) {
            let near = catalogue::nearest(pattern).map_or(String::new(), |near| format!("near is {near}; "));
            return Err(Error::not_found(format!("--kernel {pattern}: no kernel has such an id"))
                .hint(format!("{near}`clamp-host kernel list` shows all")));
        }
    }
    let named = |spec: &&KernelSpec| patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, spec.id));
    Ok(catalogue::all().filter(named).collect())
}

/// Whether an id is named by a pattern, in which * stands for any characters and ? for one.
fn matches(pattern: &str, id: &str) -> bool {
    match (pattern.chars().next(), id.chars().next()) {
        (None, None) => true,
        (Some('*'), _) => {
            matches(&pattern[1..], id) || id.chars().next().is_some_and(|c| matches(pattern, &id[c.len_utf8()..]))
        }
        (Some(p), Some(c)) if p == '?' || p == c => matches(&pattern[p.len_utf8()..], &id[c.len_utf8()..]),
        _ => false,
    }
}

fn open(host: &Host, args: &CertifyArgs) -> Result<Arc<Device>> {
    let is_file = args.backend.contains('/') || args.backend.ends_with(".so");
    let (id, word) = match (args.backend.split_once(':'), args.device) {
        (Some(_), Some(_)) if !is_file => {
            return Err(Error::usage(format!("{} and --device name a device each", args.backend)).hint("give one"));
        }
        (Some((id, word)), None) if !is_file => (id, word.to_owned()),
        (_, device) => (args.backend.as_str(), device.unwrap_or(0).to_string()),
    };
    let backend = if is_file {
        if !Path::new(id).exists() {
            return Err(Error::not_found(format!("plugin file {id} does not exist")).hint("check the path"));
        }
        host.plugin(Path::new(id))?.backend()?
    } else {
        let catalog = host.catalog()?;
        catalog.find(id).ok_or_else(|| catalog.unknown(id))?.backend()?
    };
    let devices = backend.devices()?;
    Device::open(&backend, pick(backend.id(), &devices, &word)?)
}

fn counts(standings: &Standings) -> BTreeMap<Standing, usize> {
    let all = [Standing::BitExact, Standing::Differs, Standing::Failed, Standing::Absent];
    let count = |standing| standings.verdicts.values().filter(|verdict| verdict.standing == standing).count();
    all.into_iter().map(|standing| (standing, count(standing))).collect()
}

fn report(device: &Device, standings: &Standings, counts: &BTreeMap<Standing, usize>, output: &Output) {
    let mut rows = vec![["KERNEL", "STANDING", "CASES", "MS"].map(str::to_owned).to_vec()];
    for (kernel, verdict) in &standings.verdicts {
        let spent = standings.made.get(kernel).map(|d| format!("{:.1}", d.as_secs_f64() * 1e3));
        rows.push(vec![
            kernel.clone(),
            verdict.standing.name().into(),
            cases_of(kernel).to_string(),
            spent.unwrap_or_else(|| "kept".into()),
        ]);
    }
    output.text(&table(&rows));
    for (kernel, verdict) in complaints(standings) {
        output.text(&format!("{}: {kernel}: {}", verdict.standing.name(), verdict.complaint()));
    }
    let counts: Vec<String> = counts.iter().map(|(standing, count)| format!("{count} {}", standing.name())).collect();
    let (id, facts) = (device.backend_id(), &device.facts);
    output.text(&format!("{id}:{} {} ({}): {}", facts.index, facts.name, facts.dispatch, counts.join(", ")));
    output.say(&format!(
        "{} tried now in {:.3} s, certificate {}",
        standings.made.len(),
        standings.elapsed.as_secs_f64(),
        standings.file.display()
    ));
    standings.notes.iter().for_each(|note| output.say(&format!("note: {note}")));
}

fn complaints(standings: &Standings) -> impl Iterator<Item = (&String, &Verdict)> {
    standings.verdicts.iter().filter(|(_, verdict)| match verdict.standing {
        Standing::Differs | Standing::Failed => true,
        // A backend that knows the kernel says why it has none on this device.
        Standing::Absent => verdict.message.is_some(),
        Standing::BitExact => false,
    })
}

fn cases_of(kernel: &str) -> usize {
    clamp_kernels::conformance::golden_text(kernel).lines().count()
}

fn report_json(device: &Device, standings: &Standings, counts: &BTreeMap<Standing, usize>) -> Value {
    let kernels: BTreeMap<&String, Value> = standings
        .verdicts
        .iter()
        .map(|(kernel, verdict)| {
            let mut value = json!(verdict);
            value["count"] = cases_of(kernel).into();
            value["ms"] = standings.made.get(kernel).map(|d| (d.as_secs_f64() * 1e6).round() / 1e3).into();
            (kernel, value)
        })
        .collect();
    let counts: BTreeMap<&str, usize> = counts.iter().map(|(standing, count)| (standing.name(), *count)).collect();
    json!({
        "ok": counts["differs"] + counts["failed"] == 0,
        "backend": device.backend_id(),
        "version": device.backend_version(),
        "plugin_sha256": device.plugin_sha256(),
        "device": device.facts,
        "kernels": kernels,
        "counts": counts,
        "made": standings.made.len(),
        "elapsed_ms": (standings.elapsed.as_secs_f64() * 1e6).round() / 1e3,
        "certificate": standings.file,
        "notes": standings.notes,
    })
}

pub(super) fn list(global: &Global, output: &Output) -> Result<ExitCode> {
    let host = setup::host(global, &setup::Flags::default())?;
    let all = crate::backend::certify::list(host.certifier.folder())?;
    let now = conformance();
    let holds = |certificate: &Certificate| certificate.binding.conformance == now;
    if output.json {
        let all: Vec<Value> = all
            .iter()
            .map(|kept| match &kept.certificate {
                Ok(c) => json!({
                    "file": kept.path, "binding": c.binding, "kernels": c.kernels, "holds": holds(c), "reason": null,
                }),
                Err(reason) => json!({
                    "file": kept.path, "binding": null, "kernels": null, "holds": false, "reason": reason,
                }),
            })
            .collect();
        output.value(&json!({"folder": host.certifier.folder(), "certificates": all}));
        return Ok(ExitCode::SUCCESS);
    }
    output.say(&format!("looked in {}", host.certifier.folder().display()));
    let mut rows = vec![["CERTIFICATE", "BACKEND", "DEVICE", "DRIVER", "BITS", "STATE"].map(str::to_owned).to_vec()];
    for kept in &all {
        let stem = kept.path.file_stem().unwrap_or_default().to_string_lossy();
        let short: String = stem.chars().take(12).collect();
        rows.push(match &kept.certificate {
            Ok(c) => {
                let b = &c.binding;
                let state = if holds(c) { "holds" } else { "made with other cases" };
                let device = format!("{}: {} ({})", b.index, b.device, b.dispatch);
                vec![short, format!("{} {}", b.backend, b.version), device, b.driver.clone(), summary(c), state.into()]
            }
            Err(reason) => vec![short, "-".into(), "-".into(), "-".into(), "-".into(), reason.clone()],
        });
    }
    if rows.len() > 1 {
        output.text(&table(&rows));
    }
    Ok(ExitCode::SUCCESS)
}

/// `77/78`: bit-exact ones of the kernels that the backend has; those not tried yet count as not exact.
pub(super) fn summary(certificate: &Certificate) -> String {
    let all = catalogue::all().len().saturating_sub(certificate.count(Standing::Absent));
    format!("{}/{all}", certificate.count(Standing::BitExact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_kernels() {
        assert!(matches("exp.f32.v1", "exp.f32.v1") && !matches("exp.f32.v1", "expm1.f32.v1"));
        assert!(
            matches("*.f32.v1", "exp.f32.v1") && matches("su?.*", "sum.f64.v1") && !matches("su?.*", "sum_sq.f64.v1")
        );
        assert_eq!(wanted(&["sum.f??.v1".to_owned()]).expect("kernels").len(), 2);
        assert_eq!(wanted(&[]).expect("kernels").len(), catalogue::all().len());
        let error = wanted(&["sun.f32.v1".to_owned()]).expect_err("none");
        assert_eq!(error.kind, ErrorKind::NotFound);
    }
}
