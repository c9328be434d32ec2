//! What a component asks for, held against what it was granted. An import that carries a function or a resource needs
//! its grant; one that only carries types needs none. Everything outside `clamp:overlay` is refused, `wasi:*` above
//! all: an empty instance of it would link without a word.

use std::collections::BTreeSet;

use clamp_plugin_api::manifest::Grant;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use super::Engine;
use crate::error::{Error, Result};

const PACKAGE: &str = "clamp:overlay/";
const VERSION: &str = "1.0.0";

pub(super) fn check(engine: &Engine, component: &Component, granted: &BTreeSet<Grant>) -> Result<()> {
    for (name, item) in component.component_type().imports(&engine.inner) {
        let interface = interface_of(name)?;
        if interface == "types" || interface == "log" || !does_something(engine, &item.ty) {
            continue;
        }
        let known = Grant::ALL.iter().find(|g| g.name() == interface);
        match known {
            Some(grant) if granted.contains(grant) => {}
            Some(grant) => {
                return Err(Error::refused(format!("the component imports `{name}`, which it was not granted")).hint(
                    format!(
                        "add \"{0}\" to the manifest's grants and give it: clamp-host overlay enable NAME --grant {0}",
                        grant.name()
                    ),
                ));
            }
            None => {
                return Err(Error::refused(format!("the component imports `{name}`, which this host does not have"))
                    .hint("build it against the WIT package of this host's version"));
            }
        }
    }
    let exports_invoke = component
        .component_type()
        .exports(&engine.inner)
        .any(|(name, item)| name == "invoke" && matches!(item.ty, ComponentItem::ComponentFunc(_)));
    if exports_invoke {
        Ok(())
    } else {
        Err(Error::bad_input("the component does not export `invoke`: func(request) -> result<list<u8>, failure>")
            .hint("build it for the world `overlay` of clamp:overlay@1.0.0"))
    }
}

fn interface_of(name: &str) -> Result<&str> {
    let refused = |what: &str| {
        Err(Error::refused(format!("the component imports `{name}`, {what}")).hint(
            "overlays get only interfaces of clamp:overlay@1.0.0; build for wasm32-unknown-unknown, without WASI",
        ))
    };
    let Some(rest) = name.strip_prefix(PACKAGE) else { return refused("which no overlay is given") };
    match rest.split_once('@') {
        Some((interface, VERSION)) => Ok(interface),
        _ => refused("of another version than this host has"),
    }
}

fn does_something(engine: &Engine, item: &ComponentItem) -> bool {
    match item {
        ComponentItem::ComponentInstance(instance) => instance
            .exports(&engine.inner)
            .any(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_) | ComponentItem::Resource(_))),
        ComponentItem::Type(_) => false,
        _ => true,
    }
}
