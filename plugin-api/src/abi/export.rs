//! The macros that give a plugin its two symbols.

/// The root module's symbol as a literal; a test holds it against abi_stable's own name.
#[doc(hidden)]
#[macro_export]
macro_rules! root_symbol {
    () => {
        "_1as_0lib_1header_0root_bmodule_bloader"
    };
}

/// Exports a [`Backend`](crate::abi::Backend) through both doors.
///
/// ```text
/// clamp_plugin_api::export_backend!(MyBackend);
/// ```
#[macro_export]
macro_rules! export_backend {
    ($backend:ty) => {
        const _: () = {
            static POISON: $crate::abi::Poison = $crate::abi::Poison::new();
            struct Bound;
            impl $crate::abi::Bound for Bound {
                type Backend = $backend;
                fn poison() -> &'static $crate::abi::Poison {
                    &POISON
                }
            }
            static TABLE: $crate::abi::ClampBackendV1 = $crate::abi::vtable_of::<Bound>();
            $crate::export_table!(&TABLE);
        };
    };
}

/// Exports a table made by hand through both doors. Prefer [`export_backend!`](crate::export_backend).
#[macro_export]
macro_rules! export_table {
    ($table:expr) => {
        const _: () = {
            struct Table;
            impl $crate::abi::Exported for Table {
                fn table() -> &'static $crate::abi::ClampBackendV1 {
                    $table
                }
            }

            extern "C" fn root() -> $crate::abi::RootModuleResult {
                $crate::abi::finish_root::<Table>()
            }

            // SAFETY: `root` gives the `ClampRootRef` that the header declares.
            #[unsafe(export_name = $crate::root_symbol!())]
            static HEADER: $crate::abi::LibHeader = unsafe {
                $crate::abi::LibHeader::from_constructor::<$crate::abi::ClampRootRef>(
                    root,
                    $crate::abi::CheckTypeLayout::Yes,
                )
            };

            // SAFETY: the name belongs to this contract, one table a plugin.
            #[unsafe(no_mangle)]
            extern "C" fn clamp_backend_query(
                host_max_major: u32,
                _host: *const $crate::abi::ClampHostApi,
            ) -> *const $crate::abi::ClampBackendV1 {
                $crate::abi::query::<Table>(host_max_major)
            }
        };
    };
}
