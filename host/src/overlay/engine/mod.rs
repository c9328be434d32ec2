//! The engine: one deterministic configuration, components compiled once, and what a component may import.

mod cache;
mod imports;

use std::collections::BTreeSet;
use std::hash::Hash as _;
use std::path::PathBuf;

use clamp_plugin_api::manifest::Grant;
use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

use crate::error::{Error, Result};

/// Settings that are part of the engine and so of every compiled component.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Bytes of wasm stack a call may use.
    pub wasm_stack_bytes: usize,
    /// Core instances of one component; a JavaScript guest has thirteen.
    pub instances: u32,
    /// Elements of one table.
    pub table_elements: u64,
    /// Calls at the same time.
    pub concurrent_calls: u32,
    /// Where compiled code is kept; `None` keeps it in memory.
    pub cache: Option<PathBuf>,
}

/// Compiles and links. One for the life of the host.
pub struct Engine {
    pub(super) inner: wasmtime::Engine,
    cache: Option<PathBuf>,
    settings: String,
}

/// A component ready to be instantiated.
pub struct Prepared {
    pub(super) component: Component,
}

/// wasmtime's version, as it stands in records and cache names.
pub const ENGINE_VERSION: &str = "wasmtime 48.0.8";

impl Engine {
    /// The deterministic engine: NaNs canonical, no relaxed SIMD, no threads, fixed stack, fuel on.
    pub fn new(options: &EngineOptions) -> Result<Self> {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(options.concurrent_calls)
            .total_core_instances(options.concurrent_calls * options.instances)
            .total_memories(options.concurrent_calls * options.instances)
            .total_tables(options.concurrent_calls * options.instances)
            .total_stacks(options.concurrent_calls)
            .max_core_instances_per_component(options.instances)
            .max_memories_per_component(options.instances)
            .max_tables_per_component(options.instances)
            .table_elements(usize::try_from(options.table_elements).unwrap_or(usize::MAX));
        let mut config = Config::new();
        config
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
            .consume_fuel(true)
            .cranelift_nan_canonicalization(true)
            .wasm_relaxed_simd(false)
            .wasm_component_model(true)
            .wasm_backtrace_details(WasmBacktraceDetails::Disable)
            .max_wasm_stack(options.wasm_stack_bytes)
            .async_stack_size(options.wasm_stack_bytes + (1 << 20));
        let inner = wasmtime::Engine::new(&config).map_err(|e| {
            let why = one_line(&format!("{e:#}"));
            Error::bad_input(format!("the WebAssembly engine does not start with these limits: {why}")).hint(
                "lower limits.wasm_stack_bytes, limits.instances or limits.table_elements (clamp-host config show)",
            )
        })?;
        let settings = settings_digest(&inner);
        Ok(Self { inner, cache: options.cache.clone(), settings })
    }

    /// Names version and settings; compiled code of another one is never used.
    pub fn settings(&self) -> &str {
        &self.settings
    }

    /// Compiles a component, or takes it from the cache. `sha256` is of `wasm`.
    pub fn prepare(&self, wasm: &[u8], sha256: &str) -> Result<Prepared> {
        if let Some(component) = self.cache.as_deref().and_then(|dir| cache::find(self, dir, sha256)) {
            return Ok(Prepared { component });
        }
        let component = self.compile(wasm)?;
        if let Some(dir) = &self.cache {
            // A cache that cannot be written costs time at the next start, nothing else.
            if let Err(error) = cache::keep(self, dir, sha256, &component) {
                tracing::debug!(event = "component-cache", text = %error);
            }
        }
        Ok(Prepared { component })
    }

    fn compile(&self, wasm: &[u8]) -> Result<Component> {
        if wasm.get(..8) != Some(b"\0asm\x0d\0\x01\0") {
            let what = match wasm.get(..8) {
                Some(b"\0asm\x01\0\0\0") => "a core WebAssembly module",
                _ => "not WebAssembly",
            };
            return Err(Error::bad_input(format!("the entry point is {what}, a component is needed"))
                .hint("turn the module into a component, for example with `wasm-tools component new`"));
        }
        Component::from_binary(&self.inner, wasm).map_err(|e| {
            Error::bad_input(format!("the component does not compile: {}", one_line(&format!("{e:#}"))))
                .hint("build it again; this host takes the component model as of wasmtime 48")
        })
    }

    /// Refuses a component that imports what is not granted, or that lacks `invoke`.
    pub fn check_imports(&self, prepared: &Prepared, granted: &BTreeSet<Grant>) -> Result<()> {
        imports::check(self, &prepared.component, granted)
    }
}

fn settings_digest(engine: &wasmtime::Engine) -> String {
    struct Collect(Sha256);
    impl std::hash::Hasher for Collect {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
    }
    let mut hasher = Collect(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let digest = hasher.0.finalize();
    clamp_plugin_api::manifest::jcs::hex(&digest[..16])
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
