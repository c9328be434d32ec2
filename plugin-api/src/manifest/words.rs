//! The fixed vocabularies of the manifest: phases, rights, grants, runners, profile names. Each word is spelled one
//! way, everywhere: in manifests, on the command line, in records.

use std::fmt;
use std::str::FromStr;

/// A word that is none of its vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no {what}; there are {known}")]
pub struct UnknownWord {
    what: &'static str,
    word: String,
    known: String,
}

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident, $what:literal: $($(#[$word_doc:meta])* $variant:ident = $word:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$word_doc])* $variant),+ }

        impl $name {
            /// Every word, in the order of the specification.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As it is spelled.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|known| known.name() == word).ok_or_else(|| UnknownWord {
                    what: $what,
                    word: word.chars().take(64).collect(),
                    known: Self::ALL.iter().map(|known| known.name()).collect::<Vec<_>>().join(", "),
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

vocabulary! {
    /// The five phases of a session. Work of right `analysis` runs in all but ASCEND.
    Phase, "phase":
    /// Begin.
    Open = "OPEN",
    /// Prepare.
    Align = "ALIGN",
    /// Execute: the only phase that may change anything, and it needs [`Right::Exec`].
    Ascend = "ASCEND",
    /// Look, read only; a write is refused by the host import itself.
    Clear = "CLEAR",
    /// End.
    Seal = "SEAL",
}

vocabulary! {
    /// What an overlay may do at all.
    Right, "right":
    /// Compute and answer; nothing is changed.
    Analysis = "analysis",
    /// Run in ASCEND: artifacts, store writes, kernels that write an asset.
    Exec = "exec",
}

vocabulary! {
    /// A host interface that an overlay asks for and the operator gives. `log` is always linked and is no grant.
    Grant, "grant":
    /// Arrays on the device.
    Tensor = "tensor",
    /// Kernels of the catalogue.
    Compute = "compute",
    /// The read-only files of the manifest.
    Assets = "assets",
    /// Named outputs of the run.
    Artifacts = "artifacts",
    /// Philox words from the run's seed.
    Random = "random",
    /// Phase, seed and mode of the call.
    Context = "context",
    /// The run's logical clock.
    Clock = "clock",
    /// The governed key-value cache.
    Store = "store",
    /// What degradation asks of the overlay.
    Hints = "hints",
    /// The operator's values for this overlay.
    Config = "config",
    /// Hosts on the operator's list.
    Http = "http",
    /// To be run as a command.
    Proc = "proc",
}

vocabulary! {
    /// What carries a capability out.
    Runner, "runner":
    /// A WebAssembly component in this process.
    Wasm = "wasm",
    /// An HTTP service.
    Http = "http",
    /// A command.
    Proc = "proc",
}

vocabulary! {
    /// The name of a built-in memory profile; its figures are in [`super::profile`].
    ProfileName, "profile":
    /// Small and patient.
    Minimal = "MINIMAL",
    /// The default.
    Balanced = "BALANCED",
    /// Large, degraded last.
    Performance = "PERFORMANCE",
}

impl Phase {
    /// Whether work may change anything here, and so needs [`Right::Exec`].
    pub const fn may_write(self) -> bool {
        matches!(self, Self::Ascend)
    }
}
