//! What wasmtime generates from the WIT package of plugin-api; nothing written by hand.

wasmtime::component::bindgen!({
    path: "../plugin-api/wit",
    world: "overlay",
    imports: { default: trappable },
    exports: { default: async },
    with: {
        "clamp:overlay/tensor.tensor": crate::overlay::grant::TensorHandle,
        "clamp:overlay/compute.kernel": crate::overlay::grant::KernelHandle,
        "clamp:overlay/artifacts.artifact": crate::overlay::grant::ArtifactHandle,
    },
});
