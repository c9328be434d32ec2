//! Settings and places: the only room that reads environment variables. Every value knows where it came from, and the
//! later of default, file, environment and flag wins. It never prints, and opens nothing but settings files.

mod determinism;
mod environment;
mod hardware;
mod init;
mod keys;
mod load;
mod nearest;
mod places;
mod trust;
mod value;
mod yaml;

pub use determinism::Determinism;
pub use environment::Environment;
pub use hardware::Hardware;
pub use init::{init, template};
pub use keys::{BackendSettings, KEYS, Key, LimitSettings, RunSettings, Settings};
pub use load::{Flag, Origin, Problem, Shown, Sources, check};
pub(crate) use nearest::nearest;
pub use places::Places;
pub use trust::{LockPolicy, TrustedKey, from_hex};
pub use value::{Mode, Raw, bytes, is_device_name};
