//! The table of settings: each key once, with its kind, default and meaning. Fields, documentation, `config show` and
//! the commented file of `config init` all come from it. It reads nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::determinism::Determinism;
use super::load::Origin;
use super::trust::{Keys, LockPolicy, PolicyWord, TrustedKey};
use super::value::{
    BackendName, Bytes, BytesOrNone, Count, CountOrNone, Folder, Folders, Kind, Mode, ModeWord, OptionalText, Raw,
    Threads,
};

/// One setting.
pub struct Key {
    /// `group.key`.
    pub name: &'static str,
    /// What may be written.
    pub kind: &'static str,
    /// As it would be written; empty when it is not set.
    pub default: &'static str,
    /// Whether a file may have a list.
    pub list: bool,
    pub(super) doc_lines: &'static [&'static str],
    pub(super) set: fn(&mut Settings, &Raw) -> Result<(), String>,
    pub(super) get: fn(&Settings) -> String,
}

impl Key {
    /// What it means, in one line.
    pub fn doc(&self) -> String {
        self.doc_lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }

    /// The variables that it comes from, the last of them that is set winning.
    pub fn variables(&self) -> Vec<String> {
        let own = format!("CLAMP_{}", self.name.replace('.', "_").to_ascii_uppercase());
        match self.name {
            "backend.plugin_path" => vec!["CLAMP_PLUGIN_PATH".to_owned(), own],
            _ => vec![own],
        }
    }
}

/// The key of that name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

macro_rules! settings {
    ($(
        $(#[doc = $group_doc:literal])+
        $group:ident: $Group:ident {
            $( $(#[doc = $doc:literal])+ $key:ident: $value:ty as $kind:ty = $default:literal, )+
        }
    )+) => {
        $(
            $(#[doc = $group_doc])+
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $Group {
                $( $(#[doc = $doc])+ pub $key: $value, )+
            }
        )+

        /// Every setting of the program, and where each value came from.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Settings {
            $( $(#[doc = $group_doc])+ pub $group: $Group, )+
            /// Settings of plugins: by the plugin's id, then by the key that it asks for.
            pub plugins: BTreeMap<String, BTreeMap<String, String>>,
            /// Settings of overlays: by the overlay's name, then by key. `http_hosts` are the hosts that it may ask, the others
            /// are what it gets by the grant `config`.
            pub overlays: BTreeMap<String, BTreeMap<String, String>>,
            /// determinism.yaml.
            pub determinism: Determinism,
            pub(super) origins: BTreeMap<&'static str, Origin>,
            pub(super) named_origins: BTreeMap<String, Origin>,
        }

        impl Default for Settings {
            fn default() -> Self {
                Self {
                    $( $group: $Group { $( $key: <$kind as Kind>::initial($default), )+ }, )+
                    plugins: BTreeMap::new(),
                    overlays: BTreeMap::new(),
                    determinism: Determinism::default(),
                    origins: BTreeMap::new(),
                    named_origins: BTreeMap::new(),
                }
            }
        }

        /// Every key, in the order of the documentation.
        pub const KEYS: &[Key] = &[$($(
            Key {
                name: concat!(stringify!($group), ".", stringify!($key)),
                kind: <$kind as Kind>::WORDS,
                default: $default,
                list: <$kind as Kind>::LIST,
                doc_lines: &[$($doc),+],
                set: |settings, raw| {
                    settings.$group.$key = <$kind as Kind>::read(raw)?;
                    Ok(())
                },
                get: |settings| <$kind as Kind>::show(&settings.$group.$key),
            },
        )+)+];

        /// Each group with its meaning.
        pub(super) const GROUPS: &[(&str, &[&str])] = &[$( (stringify!($group), &[$($group_doc),+]) ),+];
    };
}

settings! {
    /// How runs are made and where they go.
    run: RunSettings {
        /// Folder that run folders are made in; a relative one is in the working folder.
        root: PathBuf as Folder = "runs",
        /// strict: the bits of the specification on every backend. fast: any order, labelled so in the record.
        /// determinism.yaml may set it too; this key wins.
        mode: Mode as ModeWord = "strict",
        /// Seed of every run that is given none: a whole number, or any text. Not set: that of determinism.yaml.
        seed: Option<String> as OptionalText = "",
        /// Threads of the CPU backend; 0 is all cores. Never changes a result.
        threads: u32 as Threads = "0",
    }
    /// Which backend does the work and where plugins are looked for.
    backend: BackendSettings {
        /// Backend of runs that name none; auto takes a GPU where there is one, else the CPU.
        default: String as BackendName = "auto",
        /// Folders with backend plugins, before those beside the executable and in CLAMP_HOME. Also CLAMP_PLUGIN_PATH.
        plugin_path: Vec<PathBuf> as Folders = "",
        /// Milliseconds that a backend has for the conformance cases of one kernel; strict refuses one that takes longer.
        certify_ms: u64 as Count = "30000",
        /// What becomes of a plugin file that plugins.lock does not vouch for. off: it is opened. warn: it is opened, with
        /// a warning and a line in the record. require: it is not opened.
        lock_policy: LockPolicy as PolicyWord = "off",
        /// Whose signatures on plugin files count; the Ed25519 public key of each, with a name for it.
        trusted_keys: Vec<TrustedKey> as Keys = "",
        /// Milliseconds that a plugin has to load and start where it is tried in a process of its own.
        probe_ms: u64 as Count = "60000",
    }
    /// What one call may use. A call that reaches a limit ends with exit code 11 and the limit's name.
    limits: LimitSettings {
        /// Wasm instructions, about.
        fuel: u64 as Count = "100000000000",
        /// Wall time in milliseconds; 0 takes the timeout_s of the capability.
        wall_ms: u64 as CountOrNone = "0",
        /// Stack of the overlay's wasm code.
        wasm_stack_bytes: u64 as Bytes = "1MiB",
        /// Elements of all wasm tables together.
        table_elements: u64 as Count = "1000000",
        /// Core wasm instances; overlays in JavaScript have about 13.
        instances: u64 as Count = "32",
        /// Lines that the overlay may log.
        log_records: u64 as Count = "100000",
        /// Bytes that the overlay may log.
        log_bytes: u64 as Bytes = "16MiB",
        /// Bytes of the reply.
        response_bytes: u64 as Bytes = "64MiB",
        /// Bytes of all artifacts together.
        artifact_bytes: u64 as Bytes = "4GiB",
        /// Artifacts.
        artifacts: u64 as Count = "1024",
        /// Bytes that one host call may take from the overlay or give to it.
        hostcall_bytes: u64 as Bytes = "64MiB",
        /// Bytes of answers of clock, store and services that a call's record keeps for a replay.
        answer_bytes: u64 as Bytes = "256MiB",
        /// Tensors, kernels and artifacts that may be open at one time.
        handles: u64 as Count = "100000",
        /// Bytes of a device's memory at one time; 0 is no limit but the device's own.
        device_memory_bytes: u64 as BytesOrNone = "0",
        /// Bytes between host and device, both ways together; 0 is no limit. It finds data that moves without need.
        transfer_bytes: u64 as BytesOrNone = "0",
        /// Kernel launches that are gathered before they go to the backend together.
        queued_launches: u64 as Count = "128",
        /// Bytes of all values that overlays keep in the store, keys included.
        store_bytes: u64 as Bytes = "256MiB",
        /// Bytes of a call's input.
        input_bytes: u64 as Bytes = "64MiB",
        /// Bytes of an overlay's manifest.json, when it is installed.
        manifest_bytes: u64 as Bytes = "1MiB",
        /// Bytes of an overlay's component, when it is installed.
        component_bytes: u64 as Bytes = "64MiB",
        /// Bytes of all assets of an overlay together, when it is installed.
        asset_bytes: u64 as Bytes = "64GiB",
        /// Files of an overlay's package, when it is installed.
        package_files: u64 as Count = "10000",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_reads_and_shows_as_it_is_written() {
        let settings = Settings::default();
        for key in KEYS {
            assert_eq!((key.get)(&settings), key.default, "{}", key.name);
            assert!(key.doc().ends_with('.'), "{}", key.name);
            assert!(GROUPS.iter().any(|(group, _)| key.name.starts_with(&format!("{group}."))), "{}", key.name);
        }
    }

    #[test]
    fn every_key_has_its_variable() {
        let variables = |name: &str| find(name).expect("a key").variables();
        assert_eq!(variables("limits.fuel"), ["CLAMP_LIMITS_FUEL"]);
        assert_eq!(variables("backend.plugin_path"), ["CLAMP_PLUGIN_PATH", "CLAMP_BACKEND_PLUGIN_PATH"]);
    }
}
