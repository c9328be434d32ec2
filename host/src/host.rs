//! The host's one state: settings, registry, engine, backends. Built once at the door and passed down; engine and
//! backends are made when first asked for, since many commands need neither.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use clamp_plugin_api::manifest::Grant;
use clamp_plugin_api::manifest::ids::seed_from_text;
use serde_json::{Map, Value, json};

use crate::backend::isolate::{Isolation, IsolationOptions, Prober};
use crate::backend::load::LoadOptions;
use crate::backend::lock::Lock;
use crate::backend::{Candidate, Catalog, Certifier, Notices, SearchFolder, UseLimits};
use crate::config::{LimitSettings, LockPolicy, Places, Settings};
use crate::error::Result;
use crate::overlay::http::HttpDoor;
use crate::overlay::registry::Registry;
use crate::overlay::store::Store;
use crate::overlay::{CallLimits, Engine, EngineOptions, Hints, World};

/// What the door knows that is no setting.
#[derive(Clone, Debug, Default)]
pub struct DoorOptions {
    /// Plugin folders named by flags, in place of all others.
    pub plugin_folders: Vec<PathBuf>,
    /// This program, which becomes the commands of overlays in their sandbox; without it, none is run.
    pub program: Option<PathBuf>,
    /// How a plugin is tried in a process of its own; without it, a suspicion against one is believed.
    pub prober: Option<Prober>,
    /// Who hears of warnings.
    pub notices: Notices,
}

/// See the module.
pub struct Host {
    /// Where things are.
    pub places: Places,
    /// What was set, and where.
    pub settings: Settings,
    /// Installed overlays.
    pub registry: Registry,
    door: DoorOptions,
    /// Where backends stand with the bits of the specification.
    pub certifier: Certifier,
    engine: OnceLock<Result<Engine>>,
    catalog: OnceLock<Result<Catalog>>,
    lock: OnceLock<Result<Arc<Lock>>>,
    isolation: OnceLock<Arc<Isolation>>,
    store: Store,
    doors: Mutex<BTreeMap<String, Arc<HttpDoor>>>,
}

impl Host {
    /// Reads the registry; starts nothing else.
    pub fn open(settings: Settings, places: Places, door: DoorOptions) -> Result<Self> {
        let registry = Registry::open(&places.stores())?;
        let store = Store::new(settings.limits.store_bytes);
        let certifier = Certifier::new(places.certificates(), Duration::from_millis(settings.backend.certify_ms));
        Ok(Self {
            places,
            settings,
            registry,
            door,
            certifier,
            engine: OnceLock::new(),
            catalog: OnceLock::new(),
            lock: OnceLock::new(),
            isolation: OnceLock::new(),
            store,
            doors: Mutex::default(),
        })
    }

    /// What calls of an overlay may reach outside themselves, of what they were granted.
    pub fn world(&self, overlay: &str, grants: &BTreeSet<Grant>) -> World {
        let own = self.settings.overlays.get(overlay).cloned().unwrap_or_default();
        let granted = |grant| grants.contains(&grant);
        World {
            http: granted(Grant::Http).then(|| self.http_door(overlay)),
            store: granted(Grant::Store).then(|| Arc::new(self.store.shelf(overlay))),
            hints: Hints::default(),
            config: match granted(Grant::Config) {
                true => own.into_iter().filter(|(key, _)| key != HTTP_HOSTS && key != PROC_PATHS).collect(),
                false => BTreeMap::new(),
            },
        }
    }

    /// The hosts that an overlay may ask, and the connections to them.
    pub fn http_door(&self, overlay: &str) -> Arc<HttpDoor> {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || {
            let hosts = self.settings.overlays.get(overlay).and_then(|own| own.get(HTTP_HOSTS)).map(String::as_str);
            let hosts = hosts.unwrap_or_default().split(',').map(str::trim).filter(|host| !host.is_empty());
            Arc::new(HttpDoor::new(hosts.map(str::to_owned)))
        };
        Arc::clone(doors.entry(overlay.to_owned()).or_insert_with(open))
    }

    /// This program, where the door can start it.
    pub fn own_program(&self) -> Option<PathBuf> {
        self.door.program.clone()
    }

    /// The WebAssembly engine.
    pub fn engine(&self) -> Result<&Engine> {
        let start = || {
            let limits = &self.settings.limits;
            Engine::new(&EngineOptions {
                wasm_stack_bytes: usize::try_from(limits.wasm_stack_bytes).unwrap_or(usize::MAX),
                instances: u32::try_from(limits.instances).unwrap_or(u32::MAX),
                table_elements: limits.table_elements,
                concurrent_calls: 1,
                cache: Some(self.places.cache().join("components")),
            })
        };
        self.engine.get_or_init(start).as_ref().map_err(Clone::clone)
    }

    /// The backends.
    pub fn catalog(&self) -> Result<&Catalog> {
        let open = || Catalog::open(self.search_folders(), &self.load_options()?);
        self.catalog.get_or_init(open).as_ref().map_err(Clone::clone)
    }

    /// One plugin file, wherever it lies.
    pub fn plugin(&self, path: &Path) -> Result<Candidate> {
        Ok(Candidate::load(path, &self.load_options()?))
    }

    /// One plugin file, opened in a process that has nothing to lose: no lock is asked, nothing is marked. It has to have
    /// this digest.
    pub fn plugin_alone(&self, path: &Path, sha256: &str) -> Candidate {
        Candidate::load(path, &LoadOptions { only: Some(sha256.to_owned()), ..self.unguarded() })
    }

    /// plugins.lock, whatever the policy is.
    ///
    /// # Errors
    /// A lock that cannot be read, or has a line that is none.
    pub fn lock(&self) -> Result<&Arc<Lock>> {
        let read = || {
            let backend = &self.settings.backend;
            let keys = backend.trusted_keys.clone();
            Lock::read(self.places.plugins_lock(), backend.lock_policy, keys).map(Arc::new)
        };
        self.lock.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    /// What is known of plugins that ended a host.
    pub fn isolation(&self) -> &Arc<Isolation> {
        let open = || {
            Isolation::open(IsolationOptions {
                loading: self.places.loading(),
                quarantine: self.places.quarantine(),
                prober: self.door.prober.clone(),
                notices: self.door.notices.clone(),
            })
        };
        self.isolation.get_or_init(open)
    }

    fn load_options(&self) -> Result<LoadOptions> {
        let lock = match self.settings.backend.lock_policy {
            LockPolicy::Off => None,
            LockPolicy::Warn | LockPolicy::Require => Some(Arc::clone(self.lock()?)),
        };
        let (isolation, notices) = (Some(Arc::clone(self.isolation())), self.door.notices.clone());
        Ok(LoadOptions { lock, isolation, notices, ..self.unguarded() })
    }

    fn unguarded(&self) -> LoadOptions {
        LoadOptions {
            cache: Some(self.places.cache().join("plugins")),
            caches: Some(self.places.cache().join("backends")),
            settings: self.settings.plugins.clone(),
            fp_check: self.settings.determinism.fp_check,
            ..LoadOptions::default()
        }
    }

    /// Flags first, then the setting (`CLAMP_PLUGIN_PATH`), then the built-in places; the first kind that is given is
    /// the only one, and never the working folder by accident.
    fn search_folders(&self) -> Vec<SearchFolder> {
        let named = |paths: &[PathBuf], origin: String| -> Vec<SearchFolder> {
            let folder = |path: &PathBuf| SearchFolder { path: path.clone(), origin: origin.clone(), required: true };
            paths.iter().map(folder).collect()
        };
        if !self.door.plugin_folders.is_empty() {
            return named(&self.door.plugin_folders, "--plugins".into());
        }
        let set = &self.settings.backend.plugin_path;
        if !set.is_empty() {
            return named(set, self.settings.origin("backend.plugin_path").to_string());
        }
        let built_in = |path: PathBuf, origin: &str| SearchFolder { path, origin: origin.into(), required: false };
        vec![
            built_in(self.places.bundled_plugins(), "beside the executable"),
            built_in(self.places.home_plugins(), "CLAMP_HOME"),
        ]
    }

    /// Where run folders go.
    pub fn run_root(&self) -> PathBuf {
        run_root(&self.settings, &self.places)
    }

    /// The seed of a strict run that is given none.
    pub fn strict_seed(&self) -> (String, u64) {
        let text = self.settings.determinism.seed.clone();
        let seed = seed_from_text(&text);
        (text, seed)
    }

    /// The limits of a call whose capability asks for `timeout`.
    pub fn call_limits(&self, timeout: Duration) -> CallLimits {
        let limits = &self.settings.limits;
        let (wall, wall_name) = match limits.wall_ms {
            0 => (timeout, "timeout_s"),
            wall_ms => (Duration::from_millis(wall_ms), "limits.wall_ms"),
        };
        CallLimits {
            fuel: limits.fuel,
            wall,
            wall_name,
            table_elements: limits.table_elements,
            instances: limits.instances,
            log_records: limits.log_records,
            log_bytes: limits.log_bytes,
            response_bytes: limits.response_bytes,
            artifact_bytes: limits.artifact_bytes,
            artifacts: limits.artifacts,
            hostcall_bytes: limits.hostcall_bytes,
            answer_bytes: limits.answer_bytes,
            handles: limits.handles,
            queued_launches: limits.queued_launches,
        }
    }
}

/// The setting of an overlay that names the hosts that it may ask.
const HTTP_HOSTS: &str = "http_hosts";

/// The setting of an overlay that names what its command may read beside its own folder.
pub const PROC_PATHS: &str = "proc_paths";

/// What one call may use of a device.
pub fn use_limits(limits: &LimitSettings) -> UseLimits {
    let some = |most: u64| (most > 0).then_some(most);
    UseLimits { memory_bytes: some(limits.device_memory_bytes), transfer_bytes: some(limits.transfer_bytes) }
}

/// Where run folders go, for commands that need no whole host.
pub fn run_root(settings: &Settings, places: &Places) -> PathBuf {
    places.work.join(&settings.run.root)
}

/// The limits by their settings' names, for the record.
pub fn limits_json(limits: &LimitSettings) -> Map<String, Value> {
    let all = json!({
        "fuel": limits.fuel,
        "wall_ms": limits.wall_ms,
        "wasm_stack_bytes": limits.wasm_stack_bytes,
        "table_elements": limits.table_elements,
        "instances": limits.instances,
        "log_records": limits.log_records,
        "log_bytes": limits.log_bytes,
        "response_bytes": limits.response_bytes,
        "artifact_bytes": limits.artifact_bytes,
        "artifacts": limits.artifacts,
        "hostcall_bytes": limits.hostcall_bytes,
        "answer_bytes": limits.answer_bytes,
        "handles": limits.handles,
        "device_memory_bytes": limits.device_memory_bytes,
        "transfer_bytes": limits.transfer_bytes,
        "store_bytes": limits.store_bytes,
        "input_bytes": limits.input_bytes,
        "component_bytes": limits.component_bytes,
    });
    match all {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
