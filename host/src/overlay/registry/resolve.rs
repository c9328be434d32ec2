//! Which overlay and capability a target means: `overlay`, `overlay.capability`, or a capability that only one enabled
//! overlay has. It never guesses: what is not plain is an error that names the choices.

use clamp_plugin_api::manifest::Phase;

use super::{InstalledOverlay, Registry};
use crate::config::nearest;
use crate::error::{Error, ErrorKind, Result};

impl Registry {
    /// The overlay and the bare capability name of `target`.
    ///
    /// `a.b.c` is capability `b.c` of overlay `a`. An overlay alone means its only capability, or with `phase` the only
    /// one that runs in that phase. An overlay's name goes before a capability's.
    ///
    /// # Errors
    /// Nothing of that name (with the nearest), several, or a disabled overlay (with the command that enables it).
    pub fn resolve(&self, target: &str, phase: Option<Phase>) -> Result<(InstalledOverlay, String)> {
        let (name, capability) = match target.split_once('.') {
            Some((name, capability)) => (name, Some(capability)),
            None => (target, None),
        };
        let overlay = match self.get(name) {
            Ok(overlay) => overlay,
            Err(unknown) if unknown.kind == ErrorKind::NotFound => {
                return self.bare_capability(target).unwrap_or_else(|| Err(self.suggest(target, unknown)));
            }
            Err(broken) => return Err(broken),
        };
        let capability = match capability {
            Some(capability) if overlay.manifest.capabilities.contains_key(capability) => capability.to_owned(),
            Some(capability) => return Err(unknown_capability(overlay, capability)),
            None => only_capability(overlay, phase)?,
        };
        if overlay.enabled { Ok((overlay.clone(), capability)) } else { Err(disabled(overlay)) }
    }

    /// The overlays that have the capability; `None` when there is none at all.
    fn bare_capability(&self, capability: &str) -> Option<Result<(InstalledOverlay, String)>> {
        let having: Vec<_> = self.current().filter(|o| o.manifest.capabilities.contains_key(capability)).collect();
        let enabled: Vec<_> = having.iter().filter(|overlay| overlay.enabled).collect();
        Some(match (enabled.as_slice(), having.as_slice()) {
            (&[overlay], _) => Ok(((*overlay).clone(), capability.to_owned())),
            ([], []) => return None,
            ([], [one, ..]) => Err(disabled(one)),
            (several, _) => {
                let names = several.iter().map(|o| format!("{}.{capability}", o.manifest.name)).collect::<Vec<_>>();
                let message = format!("the capability `{capability}` is in several overlays: {}", names.join(", "));
                Err(Error::bad_input(message).hint("say which one"))
            }
        })
    }

    /// The error of an unknown overlay, with a capability's full name where that is the nearer.
    fn suggest(&self, target: &str, unknown: Error) -> Error {
        let named = unknown.hint.as_deref().is_some_and(|hint| hint.starts_with("did you mean"));
        if named && !target.contains('.') {
            return unknown;
        }
        let capabilities = self.current().flat_map(|overlay| {
            overlay.manifest.capabilities.keys().map(|bare| (bare, format!("{}.{bare}", overlay.manifest.name)))
        });
        let known: Vec<(&String, String)> = capabilities.collect();
        let words = known.iter().flat_map(|(bare, full)| [bare.as_str(), full.as_str()]);
        let near =
            nearest(target, words).and_then(|near| known.iter().find(|(bare, full)| *bare == near || full == near));
        match near {
            Some((_, full)) => unknown.hint(format!("did you mean `{full}`?")),
            None => unknown,
        }
    }
}

fn only_capability(overlay: &InstalledOverlay, phase: Option<Phase>) -> Result<String> {
    let name = &overlay.manifest.name;
    let all: Vec<&str> = overlay.manifest.capabilities.keys().map(String::as_str).collect();
    let fitting: Vec<&str> = match phase {
        Some(phase) => overlay.manifest.capabilities_in(phase).collect(),
        None => all.clone(),
    };
    let full = |names: &[&str]| names.iter().map(|c| format!("{name}.{c}")).collect::<Vec<_>>().join(", ");
    match (fitting.as_slice(), phase) {
        ([only], _) => Ok((*only).to_owned()),
        ([], Some(phase)) => {
            let phases = overlay.manifest.phases.iter().map(|p| p.name()).collect::<Vec<_>>().join(", ");
            Err(Error::refused(format!("no capability of overlay `{name}` runs in {phase}; it has {}", full(&all)))
                .hint(format!("its phases are {phases}")))
        }
        (several, Some(phase)) => {
            let message = format!("overlay `{name}` has several capabilities in {phase}: {}", full(several));
            Err(Error::bad_input(message).hint("say which one"))
        }
        (several, None) => {
            let message = format!("overlay `{name}` has several capabilities: {}", full(several));
            Err(Error::bad_input(message).hint("say which one, or name a phase that only one of them runs in"))
        }
    }
}

fn unknown_capability(overlay: &InstalledOverlay, capability: &str) -> Error {
    let name = &overlay.manifest.name;
    let known: Vec<&str> = overlay.manifest.capabilities.keys().map(String::as_str).collect();
    let hint = match nearest(capability, known.iter().copied()) {
        Some(near) => format!("did you mean `{name}.{near}`?"),
        None => format!("it has {}", known.join(", ")),
    };
    Error::not_found(format!("overlay `{name}` has no capability `{capability}`")).hint(hint)
}

fn disabled(overlay: &InstalledOverlay) -> Error {
    let name = &overlay.manifest.name;
    let asks = overlay.manifest.grants.iter().map(|grant| grant.name()).collect::<Vec<_>>().join(",");
    let grant = if asks.is_empty() { String::new() } else { format!(" --grant {asks}") };
    Error::refused(format!("overlay `{name}` is installed but not enabled"))
        .hint(format!("`clamp-host overlay enable {name}{grant}` enables it"))
}
