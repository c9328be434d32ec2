//! The Rust door: an `abi_stable` root module whose only field is the table, so that the layout of the table and of
//! every struct behind it is compared before use. The only file of this crate that depends on abi_stable's machinery.

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::RStr;

use super::types::ClampHostApi;
use super::vtable::ClampBackendV1;

pub use abi_stable::library::{CheckTypeLayout, LibHeader, ROOT_MODULE_LOADER_NAME as ROOT_SYMBOL, RootModuleResult};

/// The function behind [`QUERY_SYMBOL`](super::QUERY_SYMBOL): null if it cannot serve a host of that major version.
pub type QueryFn = unsafe extern "C" fn(host_max_major: u32, host: *const ClampHostApi) -> *const ClampBackendV1;

/// The root module.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = ClampRootRef)))]
#[sabi(missing_field(panic))]
pub struct ClampRoot {
    /// The table.
    #[sabi(last_prefix_field)]
    pub vtable: &'static ClampBackendV1,
}

impl RootModule for ClampRootRef {
    abi_stable::declare_root_module_statics! {ClampRootRef}
    const BASE_NAME: &'static str = "clamp_backend";
    const NAME: &'static str = "clamp_backend";
    // The ABI's version, not this crate's: a later crate version still loads yesterday's plugins.
    const VERSION_STRINGS: VersionStrings = VersionStrings { version: RStr::from_str("1.0.0") };
}

/// A type that stands for one exported table; `export_backend!` and `export_table!` write it.
#[doc(hidden)]
pub trait Exported {
    /// The plugin's only table.
    fn table() -> &'static ClampBackendV1;
}

/// Makes the root module of a table; called by the export macros' constructor.
#[doc(hidden)]
pub fn finish_root<E: Exported>() -> RootModuleResult {
    abi_stable::library::__call_root_module_loader(root_of::<E>)
}

fn root_of<E: Exported>() -> ClampRootRef {
    ClampRoot { vtable: E::table() }.leak_into_prefix()
}

#[cfg(test)]
mod tests {
    /// The macro needs the name as a literal.
    #[test]
    fn the_export_macro_names_the_symbol_that_abi_stable_looks_for() {
        assert_eq!(super::ROOT_SYMBOL, crate::root_symbol!());
    }
}
