//! The Rust side of the WIT world, generated from the contract's own text. It adds nothing to it; overlays use the
//! wrappers beside it. The documentation is in plugin-api/wit/overlay.wit.

#![expect(clippy::too_many_arguments, reason = "generated; the canonical ABI flattens a record into arguments")]

wit_bindgen::generate!({
    path: "../../plugin-api/wit",
    world: "overlay",
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "clamp_overlay_sdk::bindings",
    generate_unused_types: true,
});
